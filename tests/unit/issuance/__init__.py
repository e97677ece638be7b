"""Tests of the rules of issuance."""
