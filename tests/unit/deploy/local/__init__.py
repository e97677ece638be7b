"""The servers' starter, as far as it needs no server."""
