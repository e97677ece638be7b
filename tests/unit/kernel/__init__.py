"""Tests of the pure building blocks of the domain."""
