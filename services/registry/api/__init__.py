"""The HTTP edge of the registry."""
