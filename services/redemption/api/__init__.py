"""Redemption's REST edge."""
