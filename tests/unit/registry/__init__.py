"""Tests of the registry that need no servers."""
