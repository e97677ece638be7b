"""Issuance on a real PostgreSQL."""
