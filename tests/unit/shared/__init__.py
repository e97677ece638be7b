"""Tests of what all services share, without servers."""
