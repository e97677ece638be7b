"""The HTTP edge: one factory for all services, the same answers everywhere."""
