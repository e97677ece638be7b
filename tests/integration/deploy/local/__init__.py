"""The servers that are started on a machine without any."""
