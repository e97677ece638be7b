"""Contracts against a real PostgreSQL."""
