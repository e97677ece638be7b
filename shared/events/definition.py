"""How an event is declared, and the register of all that exist."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, dataclass_transform

type Payload = dict[str, Any]
type Upcaster = Callable[[Payload], Payload]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """What is known of an event's type: `name` is `cxq.<context>.<noun-past-participle>`, stored as `name.vN`."""

    name: str
    version: int
    context: str
    key: str
    """The field that names the owner; events of one owner keep their order."""
    cls: type[Any]
    partner: tuple[str, ...] = ()
    """The fields a partner region may see; empty: the event stays inside."""

    @property
    def stored(self) -> str:
        """The type string in the log and on the wire."""
        return f"{self.name}.v{self.version}"


EVENT_TYPES: dict[str, EventType] = {}
"""By stored type, current versions only."""
TYPE_OF: dict[type[Any], EventType] = {}
UPCASTERS: dict[str, tuple[str, Upcaster]] = {}
"""From an old stored type to the next one and the pure function that lifts its payload."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def event[T](name: str, *, key: str, version: int = 1, partner: tuple[str, ...] = ()) -> Callable[[type[T]], type[T]]:
    """Declare an event: `name` is `<context>.<noun-past-participle>`, `key` the field that names its owner."""

    def declare(cls: type[T]) -> type[T]:
        defined = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        context = name.partition(".")[0]
        kind = EventType(name=f"cxq.{name}", version=version, context=context, key=key, cls=defined, partner=partner)
        if any(kind.name == known.name for known in EVENT_TYPES.values()):
            raise TypeError(f"{kind.name} is declared twice; older versions are upcasters, not classes")
        if missing := {key, *partner} - set(defined.__dataclass_fields__):  # type: ignore[attr-defined]
            raise TypeError(f"{kind.stored} names fields it does not have: {sorted(missing)}")
        EVENT_TYPES[kind.stored] = TYPE_OF[defined] = kind
        return defined

    return declare


def upcaster(stored: str, *, to: str) -> Callable[[Upcaster], Upcaster]:
    """Register the pure function that lifts a payload of an old stored type to the next version's."""

    def register(lift: Upcaster) -> Upcaster:
        if stored in UPCASTERS:
            raise TypeError(f"{stored} is lifted twice")
        UPCASTERS[stored] = (to, lift)
        return lift

    return register


class Recorded[E](NamedTuple):
    """An event as it stands in the log, whether it was read from the store or from Kafka.

    `position` counts the context's log from 1 without gaps, `version` the stream's; `metadata` says who, why and when:
    actor, correlation_id, causation_id, traceparent, business_date. `hash` chains the log (hexadecimal SHA-256).
    """

    context: str
    position: int
    stream: str
    version: int
    type: str
    data: E
    key: str
    metadata: Mapping[str, Any]
    recorded_at: datetime
    hash: str

    @property
    def id(self) -> str:
        """The event's id, unique across contexts."""
        return f"{self.context}-{self.position}"
