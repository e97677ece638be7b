"""Between event classes and JSON: strict going out, tolerant of what later versions add coming in."""

from typing import Any

import msgspec

from shared.events import appraisal, contracts, issuance, redemption, registry
from shared.events.definition import EVENT_TYPES, TYPE_OF, UPCASTERS


CATALOGUE = (registry, issuance, contracts, redemption, appraisal)
"""The modules whose import fills the register of event types."""


class UnknownEventError(Exception):
    """The log holds a type or version this code does not know; deploy the code that does before going on."""


def encode(data: object) -> bytes:
    """Write an event's payload as JSON: dates as `YYYY-MM-DD`, instants as RFC 3339, money as integer fen."""
    return msgspec.json.encode(data)


def decode(stored: str, payload: bytes | str) -> Any:
    """Read a payload of a stored type, lifting older versions to the current one."""
    kind = EVENT_TYPES.get(stored)
    if kind is not None:
        return msgspec.json.decode(payload, type=kind.cls)
    raw: dict[str, Any] = msgspec.json.decode(payload)
    current = stored
    while current in UPCASTERS:
        current, lift = UPCASTERS[current]
        raw = lift(raw)
    if current not in EVENT_TYPES:
        raise UnknownEventError(f"unknown event type {stored}")
    return msgspec.convert(raw, type=EVENT_TYPES[current].cls)


def stored_type(data: object) -> str:
    """Name the stored type of an event."""
    return TYPE_OF[type(data)].stored


def key_of(data: object) -> str:
    """Name the owner of an event."""
    return str(getattr(data, TYPE_OF[type(data)].key))
