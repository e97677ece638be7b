"""Tests of the procedures that several contexts share."""
