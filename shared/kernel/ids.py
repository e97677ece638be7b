"""Opaque, prefixed, sortable identifiers: `vch_01j9…`, a UUIDv7 in the TypeID notation."""

import os
import re
from datetime import UTC, datetime
from functools import lru_cache

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_A_DAY = 86_400_000
_PATTERN = re.compile(r"[a-z]{3}_[0-7][0-9a-hjkmnp-tv-z]{25}\Z")
_TAIL = 16
"""Ten of the 26 characters are the 48 bits of the millisecond, the others the 80 bits after it."""
_ANY = bytes(ord(_ALPHABET[byte & 31]) for byte in range(256))
_WITH_VERSION = bytes(ord(_ALPHABET[0b01110 | byte & 0b00001]) for byte in range(256))
"""The first character after the millisecond: the version, 7, and a random bit."""
_WITH_VARIANT = bytes(ord(_ALPHABET[0b01000 | byte & 0b10011]) for byte in range(256))
"""The fourth one: a random bit, the variant, 10, and two random bits more."""
_BATCH = 256

_tails: list[str] = []
"""Random parts that no id has yet: the system's randomness for one id costs ten times what it costs among many."""
os.register_at_fork(after_in_child=_tails.clear)


def new_id(prefix: str, at: datetime) -> str:
    """Make a fresh id of a kind: prefix of three letters, then 26 characters that sort by `at` (aware)."""
    since = at - _EPOCH
    milliseconds = since.days * _A_DAY + since.seconds * 1000 + since.microseconds // 1000
    while True:
        try:
            return f"{prefix}_{_written(milliseconds)}{_tails.pop()}"
        except IndexError:
            _tails.extend(_random_tails(_BATCH))


@lru_cache(maxsize=16)
def _written(milliseconds: int) -> str:
    """Write 48 bits; many ids are of the same millisecond."""
    return "".join([_ALPHABET[milliseconds >> shift & 31] for shift in range(45, -1, -5)])


def _random_tails(count: int) -> list[str]:
    """Make what stands after the millisecond: version, variant, and 74 bits that nobody can foretell."""
    random = os.urandom(count * _TAIL)
    text = bytearray(random.translate(_ANY))
    text[0::_TAIL] = random[0::_TAIL].translate(_WITH_VERSION)
    text[3::_TAIL] = random[3::_TAIL].translate(_WITH_VARIANT)
    written = text.decode()
    return [written[start : start + _TAIL] for start in range(0, len(written), _TAIL)]


def is_id(text: str, prefix: str) -> bool:
    """Tell whether a text has the form of an id of this kind."""
    return text.startswith(f"{prefix}_") and _PATTERN.match(text) is not None
