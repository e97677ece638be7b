"""Seconds that only go forward, for pauses and rates; business time comes from the Clock."""

import time


def monotonic_seconds() -> float:
    """Give the seconds of the machine's monotonic clock, which a moved development clock does not touch."""
    return time.monotonic()
