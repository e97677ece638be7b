"""Signed receipts of granted claims, made from the log on demand and verifiable without this service."""
