"""What of the bus needs no server."""
