"""Events laid aside: one that could not be applied, and all later ones of its key, until somebody has them replayed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bus.envelope import from_wire
from shared.bus.subscription import Subscription, Surroundings, take_turn
from shared.store.rules import rules_for
from shared.store.tables import consumer_positions, parked_events
from shared.store.transaction import caused_by, on

_REASON_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """An event that waits: for whom, where it is, whose it is, and why."""

    consumer: str
    topic: str
    partition: int
    position: int
    key: str
    reason: str
    parked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ToPark:
    """A record that is to be laid aside: its value as it came, and why."""

    position: int
    key: str
    value: bytes
    reason: str


async def parked(connection: AsyncConnection) -> list[Parked]:
    """List what is laid aside in a context's database, by consumer, key and position."""
    found = await connection.execute(
        sa.select(
            *(parked_events.c[name] for name in Parked.__dataclass_fields__),
        ).order_by(parked_events.c.consumer, parked_events.c.key, parked_events.c.topic, parked_events.c.position)
    )
    return [Parked(**row._mapping) for row in found]  # noqa: SLF001 (SQLAlchemy's public name for it)


async def keys_parked(connection: AsyncConnection, consumer: str, topic: str, partition: int) -> set[str]:
    """Name the keys of a partition that wait."""
    found = await connection.execute(
        sa.select(parked_events.c.key)
        .where(
            parked_events.c.consumer == consumer,
            parked_events.c.topic == topic,
            parked_events.c.partition == partition,
        )
        .distinct()
    )
    return set(found.scalars())


async def park(
    connection: AsyncConnection, consumer: str, topic: str, partition: int, records: Iterable[ToPark], at: datetime
) -> None:
    """Lay records aside."""
    rows = [
        {
            "consumer": consumer,
            "topic": topic,
            "partition": partition,
            "position": record.position,
            "key": record.key,
            "record": record.value,
            "reason": record.reason[:_REASON_MAX],
            "parked_at": at,
        }
        for record in records
    ]
    if rows:
        await connection.execute(sa.insert(parked_events), rows)


async def unpark(around: Surroundings, subscription: Subscription, key: str) -> int:
    """Replay a key's parked events in order, one transaction each, and say how many were applied.

    Raises what applying raises; the event that failed and those behind it stay parked, those before it are done.
    """
    done = 0
    for topic in (around.settings.topic(context) for context in subscription.contexts):
        while await _replay_first(around, subscription, topic, key):
            done += 1
            around.on_commit()
    return done


async def _replay_first(around: Surroundings, subscription: Subscription, topic: str, key: str) -> bool:
    """Apply the oldest of a key's events in a topic; the consumer waits meanwhile, or parks behind it."""
    async with around.engine.begin() as connection:
        first = await _first(connection, subscription.consumer, topic, key)
        if first is None:
            return False
        partition, position, _ = first
        row = consumer_positions.c
        await connection.execute(
            sa.select(row.position)
            .where(row.consumer == subscription.consumer, row.topic == topic, row.partition == partition)
            .with_for_update()
        )
        # Looked up again under the lock: another replay may have been quicker.
        again = await _first(connection, subscription.consumer, topic, key)
        if again is None or again[1] != position:
            return again is not None
        if subscription.derived:
            await take_turn(connection, subscription.consumer)
        event = from_wire(again[2]).opened()
        cause = caused_by(event, f"{around.context}:{subscription.consumer}")
        measures = await rules_for(connection, around.measures)
        tx = on(connection, around.context, around.clock, cause, measures)
        await subscription.apply(tx, [event])
        await connection.execute(
            sa.delete(parked_events).where(
                parked_events.c.consumer == subscription.consumer,
                parked_events.c.topic == topic,
                parked_events.c.partition == partition,
                parked_events.c.position == position,
            )
        )
        await tx.flush()
    return True


async def _first(connection: AsyncConnection, consumer: str, topic: str, key: str) -> Sequence[Any] | None:
    found = await connection.execute(
        sa.select(parked_events.c.partition, parked_events.c.position, parked_events.c.record)
        .where(parked_events.c.consumer == consumer, parked_events.c.topic == topic, parked_events.c.key == key)
        .order_by(parked_events.c.position)
        .limit(1)
    )
    return found.one_or_none()
