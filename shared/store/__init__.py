"""The event store: an append-only, hash-chained log with gapless positions in commit order."""
