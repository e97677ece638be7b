"""One use case, one transaction: load, decide, append; everything is written at the end, and together."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.clock import Clock
from shared.events.codec import decode, encode, key_of, stored_type
from shared.events.definition import Recorded
from shared.kernel.calendar import business_date
from shared.kernel.decider import Decider
from shared.measures.reader import Measures
from shared.store.rules import Rules, rules_for
from shared.store.tables import events as events_table

_APPEND = sa.text(
    "SELECT append_events(CAST(:streams AS text[]), CAST(:versions AS integer[]), CAST(:types AS text[]),"
    " CAST(:payloads AS text[]), CAST(:metadatas AS text[]), CAST(:keys AS text[]), :at)"
)
_STREAM = sa.text("SELECT type, data::text, version FROM events WHERE stream = :stream ORDER BY version")
_STREAMS = sa.text(
    "SELECT stream, type, data::text, version FROM events WHERE stream = ANY(CAST(:streams AS text[])) ORDER BY version"
)


class VersionConflictError(Exception):
    """Somebody else appended to the stream first; load again and decide again."""


class StaleVersionError(Exception):
    """The caller decided on a version that is no longer the newest (`If-Match`)."""

    def __init__(self, stream: str, expected: int, found: int) -> None:
        super().__init__(f"{stream} is at version {found}, not {expected}")
        self.stream, self.expected, self.found = stream, expected, found


class UnknownSubjectError(LookupError):
    """There is nothing under this id, or it is not the caller's."""


class Cause(NamedTuple):
    """Why a transaction happens: who acts, in which conversation, answering which event.

    `channel` names the channel that the actor is where it acts for a claimant (art. 15(1)).
    """

    actor: str
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None
    channel: str | None = None

    def metadata(self, today: date) -> bytes:
        """Write the metadata of the events this cause brings about."""
        said: dict[str, object] = {"actor": self.actor, "correlation_id": self.correlation_id}
        if self.causation_id:
            said["causation_id"] = self.causation_id
        if self.traceparent:
            said["traceparent"] = self.traceparent
        if self.channel:
            said["channel"] = self.channel
        said["business_date"] = today
        return msgspec.json.encode(said)


@dataclass(frozen=True, slots=True)
class Loaded[S]:
    """A state and the version of the stream it was folded from; version 0 is a stream that does not exist yet."""

    state: S
    version: int


@dataclass(slots=True)
class Transaction:
    """What a use case works with: the connection, the instant, the day in Beijing, and the events so far.

    Nothing reaches the log before `flush`, which the surrounding `transaction` calls last.
    """

    connection: AsyncConnection
    context: str
    now: datetime
    cause: Cause
    _streams: list[tuple[str, int, Any]]
    _measures: Measures | None = None
    _position: int = 0
    _written: int = 0

    @property
    def measures(self) -> Measures:
        """The rules with what was announced of them; LookupError where the transaction was begun without any."""
        if self._measures is None:
            raise LookupError("this transaction was begun without rules: give `measures` to whatever begins it")
        return self._measures

    @property
    def today(self) -> date:
        """The business date in Asia/Shanghai."""
        return business_date(self.now)

    @property
    def position(self) -> int:
        """The log's position of the last event this transaction appended; 0 before the flush or without events."""
        return self._position

    async def load[C, E, S](self, decider: Decider[C, E, S], stream: str) -> Loaded[S]:
        """Fold a stream as it stands, together with what this transaction has appended to it."""
        rows = (await self.connection.execute(_STREAM, {"stream": stream})).all()
        history = [decode(kind, payload) for kind, payload, _ in rows]
        own = [(version, data) for name, version, data in self._streams[self._written :] if name == stream]
        version = own[-1][0] if own else (rows[-1][2] if rows else 0)
        return Loaded(decider.fold([*history, *(data for _, data in own)]), version)

    async def load_many[C, E, S](self, decider: Decider[C, E, S], streams: Sequence[str]) -> dict[str, Loaded[S]]:
        """Fold many streams, read at once; what this transaction itself has appended to one of them is a TypeError."""
        if touched := {name for name, _, _ in self._streams} & set(streams):
            raise TypeError(f"load before appending: {sorted(touched)}")
        histories: dict[str, list[Any]] = {stream: [] for stream in streams}
        versions = dict.fromkeys(streams, 0)
        for stream, kind, payload, version in await self.connection.execute(_STREAMS, {"streams": list(histories)}):
            histories[stream].append(decode(kind, payload))
            versions[stream] = version
        return {stream: Loaded(decider.fold(history), versions[stream]) for stream, history in histories.items()}

    def append(self, stream: str, expected_version: int, new: Sequence[object]) -> int:
        """Add events to a stream that stands at `expected_version`, and say the version they bring it to."""
        for number, data in enumerate(new, start=expected_version + 1):
            self._streams.append((stream, number, data))
        return expected_version + len(new)

    async def handle[C, E, S](
        self, decider: Decider[C, E, S], stream: str, command: C, *, if_match: int | None = None
    ) -> "Handled[E, S]":
        """Load, decide, append. Raises `Refused`, or `StaleVersionError` when `if_match` is not the version."""
        before = await self.load(decider, stream)
        if if_match is not None and if_match != before.version:
            raise StaleVersionError(stream, if_match, before.version)
        new = decider.decide(command, before.state)
        version = self.append(stream, before.version, new)
        state = before.state
        for data in new:
            state = decider.evolve(state, data)
        return Handled(state=state, version=version, events=tuple(new))

    def appended(self) -> list[object]:
        """List the events of this transaction, in order, written or not."""
        return [data for _, _, data in self._streams]

    async def flush(self) -> None:
        """Write the events that are not written yet, in one statement, at the head of the log.

        From here to the commit every other writer waits: only the idempotency record may still come. Raises
        `VersionConflictError` when somebody else was faster on a stream.
        """
        pending = self._streams[self._written :]
        if not pending:
            return
        metadata = self.cause.metadata(self.today).decode()
        batch = {
            "streams": [stream for stream, _, _ in pending],
            "versions": [version for _, version, _ in pending],
            "types": [stored_type(data) for _, _, data in pending],
            "payloads": [encode(data).decode() for _, _, data in pending],
            "metadatas": [metadata] * len(pending),
            "keys": [key_of(data) for _, _, data in pending],
            "at": self.now,
        }
        try:
            self._position = (await self.connection.execute(_APPEND, batch)).scalar_one()
        except IntegrityError as error:
            if "events_stream_version_key" in str(error.orig):
                raise VersionConflictError(str(error.orig)) from error
            raise
        self._written = len(self._streams)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled[E, S]:
    """What came of a command: the new state, the stream's version (the ETag) and the events."""

    state: S
    version: int
    events: tuple[E, ...]


@asynccontextmanager
async def transaction(
    engine: AsyncEngine, context: str, clock: Clock, cause: Cause, rules: Rules | None = None
) -> AsyncIterator[Transaction]:
    """Begin a transaction; at the end of the block append its events and commit, on an error leave no trace."""
    async with engine.begin() as connection:
        measures = await rules_for(connection, rules)
        tx = Transaction(connection, context, clock.now(), cause, [], measures)
        yield tx
        await tx.flush()


def on(
    connection: AsyncConnection, context: str, clock: Clock, cause: Cause, measures: Measures | None = None
) -> Transaction:
    """Join a transaction that somebody else began and will flush and commit."""
    return Transaction(connection, context, clock.now(), cause, [], measures)


def caused_by(event: Recorded[Any], actor: str) -> Cause:
    """Carry the conversation on: this context answers an event."""
    return Cause(
        actor=actor,
        correlation_id=str(event.metadata.get("correlation_id", event.id)),
        causation_id=event.id,
        traceparent=event.metadata.get("traceparent"),
    )


async def read_log(connection: AsyncConnection, context: str, *, after: int, limit: int) -> list[Recorded[Any]]:
    """Read the log in order, from the position after `after`, raw data decoded to current event versions."""
    here = events_table.c.position > after
    rows = await connection.execute(_RECORDED.where(here).order_by(events_table.c.position).limit(limit))
    return [_recorded(context, row) for row in rows]


async def read_stream(connection: AsyncConnection, context: str, stream: str, *, limit: int) -> list[Recorded[Any]]:
    """Read the first events of a stream with all that the log knows of them; none when there is no such stream."""
    here = events_table.c.stream == stream
    rows = await connection.execute(_RECORDED.where(here).order_by(events_table.c.version).limit(limit))
    return [_recorded(context, row) for row in rows]


async def read_streams(
    connection: AsyncConnection, context: str, streams: Sequence[str], *, until: int
) -> list[Recorded[Any]]:
    """Read several streams whole, each in its order, but nothing behind the position `until`."""
    here = sa.and_(events_table.c.stream.in_(streams), events_table.c.position <= until)
    rows = await connection.execute(_RECORDED.where(here).order_by(events_table.c.stream, events_table.c.version))
    return [_recorded(context, row) for row in rows]


async def read_streams_on(
    connection: AsyncConnection, context: str, *, after: tuple[str, int], until: int, limit: int
) -> list[Recorded[Any]]:
    """Read the log stream by stream, in no order but the database's own, from behind a stream's version on.

    Nothing behind the position `until` is read.
    """
    place = sa.tuple_(events_table.c.stream, events_table.c.version)
    behind = place > sa.tuple_(sa.literal(after[0], sa.Text), sa.literal(after[1], sa.Integer))
    rows = await connection.execute(
        _RECORDED.where(behind, events_table.c.position <= until)
        .order_by(events_table.c.stream, events_table.c.version)
        .limit(limit)
    )
    return [_recorded(context, row) for row in rows]


_RECORDED = sa.select(
    events_table.c.position,
    events_table.c.stream,
    events_table.c.version,
    events_table.c.type,
    sa.cast(events_table.c.data, sa.Text).label("payload"),
    events_table.c.metadata,
    events_table.c.key,
    events_table.c.recorded_at,
    events_table.c.hash,
)


def _recorded(context: str, row: sa.Row[Any]) -> Recorded[Any]:
    return Recorded(
        context=context,
        position=row.position,
        stream=row.stream,
        version=row.version,
        type=row.type,
        data=decode(row.type, row.payload),
        key=row.key,
        metadata=row.metadata,
        recorded_at=row.recorded_at,
        hash=bytes(row.hash).hex(),
    )
