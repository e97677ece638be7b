"""Schema revisions of the registry."""
