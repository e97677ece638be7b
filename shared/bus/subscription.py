"""What a consumer is asked to do: which topics, for whom, and what becomes of an event it cannot apply."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import asyncpg
import msgspec
import sqlalchemy as sa
from opentelemetry.trace import NoOpTracer, Tracer
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.bus.image import ForkError
from shared.bus.own_log import not_in_log
from shared.bus.reactions import Reactions
from shared.bus.readable import READABLE
from shared.clock import Clock
from shared.events.definition import TYPE_OF, Recorded
from shared.settings import Settings
from shared.store.execution import OutcomeUnknownError, StoreBusyError, classified, sqlstate
from shared.store.rules import Rules
from shared.store.transaction import Transaction, VersionConflictError
from shared.supervision import HaltedError

type Apply = Callable[[Transaction, Sequence[Recorded[Any]]], Awaitable[None]]
"""Applies events, in order, in the transaction that also stores the consumer's position; it must not commit.

An exception means that the events could not be applied; nothing of them remains then.
"""

type ApplyTogether = Callable[[Transaction, Mapping[str, Sequence[Recorded[Any]]]], Awaitable[None]]
"""Does the same for several consumers at once; the events of each are given by its name."""

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
    are applied in one transaction. What is `derived` can be had from the topics again: one transaction at a time writes
    it, whatever the partition, and none waits for the disk, as its position would be lost together with its effect.
    Those that have the same `together` are applied by it, all at once, where they are level.
    """

    consumer: str
    contexts: tuple[str, ...]
    apply: Apply
    poison: Literal["halt", "park"]
    types: frozenset[type[Any]] | None = None
    batch_max: int = 500
    derived: bool = False
    together: ApplyTogether | None = None

    def wanted(self) -> frozenset[str] | None:
        """Name the event types of interest, without their versions; None is every type."""
        return None if self.types is None else frozenset(TYPE_OF[cls].name for cls in self.types)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a consumer works with: its context's database, and the process it runs in.

    `member` names this process among the replicas (`Membership.name`), so that a killed process gets its partitions
    back at once; None gives it a new membership each time. `on_commit` hears of appended events, `on_readable` of
    everything that was applied. `tracer` makes a span of each batch, linked to the requests behind its events.
    """

    settings: Settings
    context: str
    engine: AsyncEngine
    clock: Clock
    measures: Rules | None = None
    on_commit: Callable[[], None] = lambda: None
    on_readable: Callable[[], None] = lambda: None
    member: Callable[[], Awaitable[str]] | None = None
    tracer: Tracer = field(default_factory=NoOpTracer)

    @property
    def own_topic(self) -> str:
        """The topic that is the image of this database's log."""
        return self.settings.topic(self.context)


REACTIONS_NAME: Final = "reactions"
"""The consumer under whose name a context answers facts of others."""


def reactions_of(reactions: Reactions) -> Subscription:
    """Have facts of other contexts answered, each in a transaction of its own."""

    async def apply(tx: Transaction, events: Sequence[Recorded[Any]]) -> None:
        for event in events:
            await reactions[type(event.data)](tx, event)

    return Subscription(
        consumer=REACTIONS_NAME,
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


class LostStoryError(HaltedError):
    """What a consumer heard last is no longer told: what it made of that is of events which are lost."""


class FencedError(Exception):
    """Another process has taken the partition over and moved its position."""


class Place(msgspec.Struct, frozen=True, gc=False):
    """How far a consumer is in a partition: the offset to read next, and the last event's position and hash."""

    next_offset: int = 0
    position: int = 0
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """From where to where consumers go in a partition."""

    topic: str
    partition: int
    old: Place
    new: Place


def is_passing(error: Exception) -> bool:
    """Tell trouble that passes (a database that is away or busy, a lost race) from an event that cannot be applied."""
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "").startswith(_PASSING_STATES)
    if isinstance(error, asyncpg.InterfaceError):
        return not isinstance(error, ValueError)  # the driver's word for a value it cannot send
    if isinstance(error, DBAPIError):
        return sqlstate(error).startswith(_PASSING_STATES) or isinstance(classified(error), StoreBusyError)
    return isinstance(error, _PASSING)


_MOVED: Final = (
    "WITH held AS ("
    '  SELECT p.consumer, p.topic, p."partition", m.new_offset, m.new_position, m.hash FROM consumer_positions p'
    "  JOIN unnest(CAST(:topics AS text[]), CAST(:partitions AS integer[]), CAST(:old_offsets AS bigint[]),"
    "    CAST(:old_positions AS bigint[]), CAST(:offsets AS bigint[]), CAST(:positions AS bigint[]),"
    "    CAST(:hashes AS text[]))"
    '    AS m (topic, "partition", old_offset, old_position, new_offset, new_position, hash)'
    '  ON p.topic = m.topic AND p."partition" = m."partition" AND p.next_offset = m.old_offset'
    '    AND p."position" = m.old_position'
    "  WHERE p.consumer = ANY(CAST(:consumers AS text[])) AND (p.topic <> :own_topic"
    "   OR (SELECT encode(e.hash, 'hex') FROM events e WHERE e.position = m.new_position) = m.hash)"
    '  ORDER BY p.topic, p."partition", p.consumer FOR UPDATE OF p),'
    " moved AS ("
    '  UPDATE consumer_positions p SET next_offset = h.new_offset, "position" = h.new_position, hash = h.hash'
    '  FROM held h WHERE p.consumer = h.consumer AND p.topic = h.topic AND p."partition" = h."partition"'
    "  RETURNING p.consumer)"
    f" SELECT m.rows_moved, pg_notify('{READABLE}', ''){{more}}"
    " FROM (SELECT consumer, count(*) AS rows_moved FROM moved GROUP BY consumer ORDER BY consumer) AS m"
)
"""Rows are locked in the order in which a rebuild locks them: the two wait for each other, but never both at once.

Of the own topic only what is in the own log is heard: a topic may know events that a restored store has lost."""
_TURN: Final = "pg_advisory_xact_lock(hashtextextended(consumer, 0)), set_config('synchronous_commit', 'off', true)"
"""One transaction at a time writes what is derived, and none waits for the disk; a rebuild's swap takes this turn too.

A lock is taken before the next statement looks at the rows it guards, so that it sees what the turn before has left."""
_MOVE: Final = sa.text(_MOVED.format(more=""))
_MOVE_DERIVED: Final = sa.text(_MOVED.format(more=f", {_TURN}"))
_TAKE_TURN: Final = sa.text(f"SELECT {_TURN} FROM (SELECT CAST(:consumer AS text) AS consumer) AS m")


async def move(
    connection: AsyncConnection, who: Sequence[Subscription], steps: Sequence[Step], *, own_topic: str
) -> None:
    """Store how far consumers at the same places are, unless somebody else did: FencedError.

    Locks their rows until the commit; where what they write is derived, it is their turn from here on. Raises ForkError
    where a step in `own_topic`, that of this database's log, leads to an event that the log does not have.
    """
    consumers = [subscription.consumer for subscription in who]
    derived = all(subscription.derived for subscription in who)
    moved = await connection.execute(
        _MOVE_DERIVED if derived else _MOVE,
        {
            "consumers": consumers,
            "topics": [step.topic for step in steps],
            "partitions": [step.partition for step in steps],
            "old_offsets": [step.old.next_offset for step in steps],
            "old_positions": [step.old.position for step in steps],
            "offsets": [step.new.next_offset for step in steps],
            "positions": [step.new.position for step in steps],
            "hashes": [step.new.hash for step in steps],
            "own_topic": own_topic,
        },
    )
    if sum(row.rows_moved for row in moved) != len(consumers) * len(steps):
        await _assert_in_log(connection, [step for step in steps if step.topic == own_topic])
        places = ", ".join(f"{step.old.position} in {step.topic}, partition {step.partition}" for step in steps)
        raise FencedError(f"{', '.join(consumers)}: no longer at {places}")


async def _assert_in_log(connection: AsyncConnection, steps: Sequence[Step]) -> None:
    instead = await not_in_log(connection, [(step.new.position, step.new.hash) for step in steps])
    for step in steps:
        if (position := step.new.position) in instead:
            raise ForkError(
                f"{step.topic}, partition {step.partition}: position {position}, {step.new.hash[:12]} in the topic,"
                f" {instead[position]}: the store was set back. Restore it to its last state, or make the topic anew"
                " with `cxq republish --fresh`"
            )


async def take_turn(connection: AsyncConnection, consumer: str) -> None:
    """Wait until no other transaction writes what a consumer derives, and keep them waiting until the commit."""
    await connection.execute(_TAKE_TURN, {"consumer": consumer})
