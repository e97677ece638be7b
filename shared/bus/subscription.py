"""What a consumer is asked to do: which topics, for whom, and what becomes of an event it cannot apply."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import asyncpg
import sqlalchemy as sa
from opentelemetry.trace import NoOpTracer, Tracer
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.bus.reactions import Reactions
from shared.clock import Clock
from shared.events.definition import TYPE_OF, Recorded
from shared.settings import Settings
from shared.store.execution import OutcomeUnknownError, StoreBusyError, classified, sqlstate
from shared.store.rules import Rules
from shared.store.tables import consumer_positions
from shared.store.transaction import Transaction, VersionConflictError
from shared.supervision import HaltedError

type Apply = Callable[[Transaction, Sequence[Recorded[Any]]], Awaitable[None]]
"""Applies events, in order, in the transaction that also stores the consumer's position; it must not commit.

An exception means that the events could not be applied; nothing of them remains then.
"""

_PASSING_STATES: Final = ("08", "25006", "40", "53", "55", "57", "58")
"""PostgreSQL's errors that say nothing about the event: connection, read-only, races, resources, locks, operators."""
_PASSING: Final = (
    VersionConflictError,
    StoreBusyError,
    OutcomeUnknownError,
    PoolTimeoutError,
    TimeoutError,
    OSError,
    asyncpg.InternalClientError,
)
"""The same trouble where the server said nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What one consumer does with the topics of some contexts.

    `consumer` is the name under which positions are kept. `poison` says what becomes of an event that cannot be
    applied: "halt" stops the consumer, "park" lays the event and all later ones of its key aside. `types` are the
    events of interest, current classes; the others are passed over unread, None means all. At most `batch_max` events
    are applied in one transaction.
    """

    consumer: str
    contexts: tuple[str, ...]
    apply: Apply
    poison: Literal["halt", "park"]
    types: frozenset[type[Any]] | None = None
    batch_max: int = 500

    def wanted(self) -> frozenset[str] | None:
        """Name the event types of interest, without their versions; None is every type."""
        return None if self.types is None else frozenset(TYPE_OF[cls].name for cls in self.types)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a consumer works with: its context's database, and the process it runs in.

    `member` names this process among the replicas (`Membership.name`), so that a killed process gets its partitions
    back at once; None gives it a new membership each time. `on_commit` hears of appended events. `tracer` makes a span
    of each batch, linked to the requests behind its events.
    """

    settings: Settings
    context: str
    engine: AsyncEngine
    clock: Clock
    measures: Rules | None = None
    on_commit: Callable[[], None] = lambda: None
    member: Callable[[], Awaitable[str]] | None = None
    tracer: Tracer = field(default_factory=NoOpTracer)


def reactions_of(reactions: Reactions) -> Subscription:
    """Have facts of other contexts answered, each in a transaction of its own, under the consumer name `reactions`."""

    async def apply(tx: Transaction, events: Sequence[Recorded[Any]]) -> None:
        for event in events:
            await reactions[type(event.data)](tx, event)

    return Subscription(
        consumer="reactions",
        contexts=tuple(sorted({TYPE_OF[cls].context for cls in reactions})),
        apply=apply,
        poison="park",
        types=frozenset(reactions),
        batch_max=1,
    )


class GapError(HaltedError):
    """Events are missing between the last position and the next record, also when the topic is read from its start."""


class PoisonError(HaltedError):
    """An event cannot be applied, and everything after it waits."""


class FencedError(Exception):
    """Another process has taken the partition over and moved its position."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a consumer is in a partition: the offset to read next, and the last event's position and hash."""

    next_offset: int = 0
    position: int = 0
    hash: str = ""


def is_passing(error: Exception) -> bool:
    """Tell trouble that passes (a database that is away or busy, a lost race) from an event that cannot be applied."""
    if isinstance(error, DBAPIError):
        return sqlstate(error).startswith(_PASSING_STATES) or isinstance(classified(error), StoreBusyError)
    return isinstance(error, _PASSING)


async def move(connection: AsyncConnection, consumer: str, topic: str, partition: int, old: Place, new: Place) -> None:
    """Store how far the consumer is, unless somebody else did: FencedError. Locks the row until the commit."""
    row = consumer_positions.c
    moved = await connection.execute(
        sa.update(consumer_positions)
        .where(
            row.consumer == consumer,
            row.topic == topic,
            row.partition == partition,
            row.next_offset == old.next_offset,
            row.position == old.position,
        )
        .values(next_offset=new.next_offset, position=new.position, hash=new.hash)
    )
    if moved.rowcount != 1:
        raise FencedError(f"{consumer} is no longer at {old.position} in {topic}, partition {partition}")
