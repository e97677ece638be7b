"""Redemption on a real PostgreSQL."""
