"""Procedures against a real database."""
