"""Tests of appraisal on a real PostgreSQL."""
