"""Redemption's own schema history."""
