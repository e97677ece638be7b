"""Tests of the dated rules and the working days."""
