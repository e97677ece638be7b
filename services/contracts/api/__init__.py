"""The REST edge of contracts."""
