"""The HTTP edge in front of a real store."""
