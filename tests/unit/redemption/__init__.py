"""Redemption's rules."""
