"""Contracts, decided in memory."""
