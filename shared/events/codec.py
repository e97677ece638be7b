"""Between event classes and JSON: strict going out, tolerant of what later versions add coming in."""

from datetime import datetime
from functools import cache
from typing import Any, get_type_hints

import msgspec

from shared.events import appraisal, contracts, issuance, redemption, registry
from shared.events.definition import EVENT_TYPES, TYPE_OF, UPCASTERS

CATALOGUE = (registry, issuance, contracts, redemption, appraisal)
"""The modules whose import fills the register of event types."""


class UnknownEventError(Exception):
    """The log holds a type or version this code does not know; deploy the code that does before going on."""


def encode(data: Any) -> bytes:
    """Write an event's payload as JSON: dates as `YYYY-MM-DD`, instants as RFC 3339, money as integer fen.

    Raises TypeError for what could not be read back as it was: a field of another type, an instant without its zone.
    """
    payload = msgspec.json.encode(data)
    try:
        same = msgspec.json.decode(payload, type=type(data)) == data
    except msgspec.ValidationError as error:
        raise TypeError(f"{type(data).__name__} would not be readable: {error}") from error
    zoneless = [name for name in _instants(stored_type(data)) if getattr(data, name).tzinfo is None]
    if not same or zoneless:
        raise TypeError(f"{type(data).__name__} would be read back differently ({', '.join(zoneless) or 'its values'})")
    return payload


@cache
def _instants(stored: str) -> tuple[str, ...]:
    return tuple(name for name, kind in get_type_hints(EVENT_TYPES[stored].cls).items() if kind is datetime)


@cache
def _decoder(stored: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(EVENT_TYPES[stored].cls)


def decode(stored: str, payload: bytes | msgspec.Raw | str) -> Any:
    """Read a payload of a stored type, lifting older versions to the current one."""
    if stored in EVENT_TYPES:
        return _decoder(stored).decode(payload)
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
