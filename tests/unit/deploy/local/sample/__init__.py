"""Tests of the sample register."""
