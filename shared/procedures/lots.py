"""Drawing lots so that anybody can do it again: the order that a seed gives to names."""

import hashlib
from collections.abc import Iterable


def drawn_order(seed: str, names: Iterable[str]) -> list[str]:
    """Put names in the order of SHA-256("seed:name"), the smallest first."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())


def commitment_to(seed: str) -> str:
    """Give the SHA-256 of a seed in hexadecimal: told before the draw, it shows afterwards that the seed lay fast."""
    return hashlib.sha256(seed.encode()).hexdigest()
