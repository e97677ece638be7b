"""What the topic of every context promises, checked: it is the log's complete image; who is behind it, and how far."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Breach, Check, Count
from shared.bus.envelope import Envelope
from shared.bus.image import TopicReader
from shared.bus.own_log import not_in_log
from shared.bus.topics import Topics, partition_of
from shared.settings import Settings

_PAGE = 1_000
_RELAYED = sa.text("SELECT position FROM relay_positions WHERE partition = -1")
_HEAD = sa.text("SELECT position FROM log_head")
_ROWS = sa.text(
    "SELECT position, stream, version, type, key, CAST(data AS text) AS data, recorded_at, hash FROM events"
    " WHERE position > :after AND position <= :until ORDER BY position LIMIT :page"
)
_CONSUMERS = sa.text(
    'SELECT consumer, topic, "partition", next_offset, position, hash FROM consumer_positions'
    ' ORDER BY consumer, topic, "partition"'
)
_PARKED = sa.text("SELECT consumer, count(*) FROM parked_events GROUP BY consumer ORDER BY consumer")


@dataclass(slots=True)
class _Track:
    """How far a partition has been followed."""

    partition: int
    last: int = 0

    def place(self, envelope: Envelope) -> str:
        return f"partition {self.partition}, position {envelope.position}"


def bus_checks(settings: Settings, context: str) -> tuple[Check, ...]:
    """List what is checked between every context's log and its topic."""
    topic = settings.topic(context)

    async def topic_is_complete(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
        until = (await connection.execute(_RELAYED)).scalar_one_or_none() or 0
        async with Topics(settings) as topics:
            partitions = await topics.partitions(topic)
        if not partitions:
            if until:
                yield Breach(where=topic, found=f"is gone; the relay had published up to position {until}")
            return
        reader = TopicReader(settings.kafka_bootstrap, topic)
        await reader.start()
        try:
            for partition in range(partitions):
                rows = _rows_of(connection, until, partition, partitions)
                async for breach in _compare(reader, _Track(partition), rows, until, count):
                    yield breach
        finally:
            await reader.stop()

    async def nobody_is_behind(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
        head = (await connection.execute(_HEAD)).scalar_one()
        relayed = (await connection.execute(_RELAYED)).scalar_one_or_none() or 0
        count.notes.append(f"relay: {head - relayed} of {head} events still to publish")
        if relayed > head:
            yield Breach(where="relay", found=f"has published up to position {relayed}, the log ends at {head}")
        async for breach in _consumers_are_inside(settings, topic, connection, count):
            yield breach
        for consumer, parked in await connection.execute(_PARKED):
            count.notes.append(f"{consumer}: {parked} events parked")

    return (
        Check(
            id="P3",
            promise="The topic is a complete image of the log, as far as it is published",
            look=topic_is_complete,
        ),
        Check(id="P7", promise="Nobody is ahead of what he follows; how far behind is listed", look=nobody_is_behind),
    )


async def _rows_of(
    connection: AsyncConnection, until: int, partition: int, partitions: int
) -> AsyncIterator[sa.Row[Any]]:
    """Read the published part of the log that belongs to a partition, in order, a page at a time."""
    after = 0
    while after < until:
        rows = (await connection.execute(_ROWS, {"after": after, "until": until, "page": _PAGE})).all()
        if not rows:
            return
        after = rows[-1].position
        for row in rows:
            if partition_of(row.key, partitions) == partition:
                yield row


async def _compare(
    reader: TopicReader, track: _Track, rows: AsyncIterator[sa.Row[Any]], until: int, count: Count
) -> AsyncIterator[Breach]:
    """Walk through log and topic side by side; the topic may repeat itself, and go on beyond `until`."""
    found = await reader.found(track.partition, 0)
    expected = await anext(rows, None)
    async for envelope in reader.read(track.partition, found.begin, found.end):
        count.checked += 1
        if envelope.position <= track.last:
            continue
        if envelope.prevposition != track.last:
            yield Breach(
                where=track.place(envelope), found=f"names {envelope.prevposition} before it, not {track.last}"
            )
        track.last = envelope.position
        if envelope.position > until:
            continue
        while expected is not None and expected.position < envelope.position:
            yield _missing(track.partition, expected)
            expected = await anext(rows, None)
        if expected is None or expected.position != envelope.position:
            yield Breach(where=track.place(envelope), found="is not in the log, or belongs to another partition")
            continue
        for name in _differences(envelope, expected):
            yield Breach(where=track.place(envelope), found=f"has another {name} than the log")
        expected = await anext(rows, None)
    while expected is not None:
        yield _missing(track.partition, expected)
        expected = await anext(rows, None)


def _missing(partition: int, row: sa.Row[Any]) -> Breach:
    return Breach(
        where=f"partition {partition}, position {row.position}", found=f"{row.type} of {row.stream} is missing"
    )


def _differences(envelope: Envelope, row: sa.Row[Any]) -> list[str]:
    same = {
        "stream": envelope.subject == row.stream,
        "version": envelope.version == row.version,
        "type": envelope.type == row.type,
        "key": envelope.key == row.key,
        "time": envelope.time == row.recorded_at,
        "payload": msgspec.json.decode(envelope.data) == msgspec.json.decode(row.data),
        "hash": envelope.hash == bytes(row.hash).hex(),
    }
    return [name for name, agrees in same.items() if not agrees]


async def _consumers_are_inside(
    settings: Settings, own_topic: str, connection: AsyncConnection, count: Count
) -> AsyncIterator[Breach]:
    rows = (await connection.execute(_CONSUMERS)).all()
    async for breach in _heard_but_lost(connection, [row for row in rows if row.topic == own_topic]):
        yield breach
    for topic in sorted({row.topic for row in rows}):
        mine = [row for row in rows if row.topic == topic]
        reader = TopicReader(settings.kafka_bootstrap, topic)
        await reader.start()
        try:
            ends = await reader.ends(max(row.partition for row in mine) + 1)
        finally:
            await reader.stop()
        behind: dict[str, int] = {}
        for row in mine:
            count.checked += 1
            behind[row.consumer] = behind.get(row.consumer, 0) + max(0, ends[row.partition] - row.next_offset)
            if row.next_offset > ends[row.partition]:
                yield Breach(
                    where=f"{row.consumer}, {topic}, partition {row.partition}",
                    found=f"has read up to offset {row.next_offset}, the partition ends at {ends[row.partition]}",
                )
        count.notes += [f"{consumer}: {lag} records behind {topic}" for consumer, lag in behind.items()]


async def _heard_but_lost(connection: AsyncConnection, rows: Sequence[sa.Row[Any]]) -> AsyncIterator[Breach]:
    """Name whoever has heard something of the own topic that the log does not have, as the store was set back."""
    for row in rows:
        for instead in (await not_in_log(connection, [(row.position, row.hash)])).values():
            yield Breach(
                where=f"{row.consumer}, {row.topic}, partition {row.partition}",
                found=f"has heard position {row.position} as {row.hash[:12]}, which {instead}",
            )
