"""Opaque, prefixed, sortable identifiers: `vch_01j9…`, a UUIDv7 in the TypeID notation."""

import re
from datetime import UTC, datetime, timedelta

import uuid_utils

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_THREES = tuple(pair + last for pair in _PAIRS for last in _ALPHABET)
"""Three characters by their fifteen bits: a third as many steps."""
_SHIFTS = range(105, -1, -15)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PATTERN = re.compile(r"[a-z]{3}_[0-7][0-9a-hjkmnp-tv-z]{25}\Z")


def new_id(prefix: str, at: datetime) -> str:
    """Make a fresh id of a kind: prefix of three letters, then 26 characters that sort by `at` (aware)."""
    number = uuid_utils.uuid7(nanoseconds=(at - _EPOCH) // _MICROSECOND * 1000).int
    return f"{prefix}_{_PAIRS[number >> 120]}" + "".join([_THREES[number >> shift & 32767] for shift in _SHIFTS])


def is_id(text: str, prefix: str) -> bool:
    """Tell whether a text has the form of an id of this kind."""
    return text.startswith(f"{prefix}_") and _PATTERN.match(text) is not None
