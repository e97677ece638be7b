"""Tests of appraisal that need no servers."""
