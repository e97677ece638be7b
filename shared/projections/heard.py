"""What a read model has heard last of each partition, and whether that is still what log and topics tell."""

from collections.abc import Iterator, Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bus.own_log import not_in_log
from shared.bus.subscription import Place as Heard
from shared.projections.log_reading import LogReader, Place
from shared.projections.projection import Projection
from shared.store.tables import consumer_positions

__all__ = ["Heard", "heard", "move_to", "not_told_by_log", "not_told_by_topics", "positions"]

_ROW = consumer_positions.c


async def heard(connection: AsyncConnection, projection: Projection, *, lock: bool = False) -> dict[Place, Heard]:
    """Say what the live read model has heard last, by topic and partition. `lock` makes its runner wait."""
    statement = sa.select(_ROW.topic, _ROW.partition, _ROW.next_offset, _ROW.position, _ROW.hash).where(
        _ROW.consumer == projection.consumer
    )
    if lock:
        statement = statement.order_by(_ROW.topic, _ROW.partition).with_for_update()
    found = (await connection.execute(statement)).all()
    return {(topic, partition): Heard(*last) for topic, partition, *last in found}


def positions(known: Mapping[Place, Heard]) -> dict[Place, int]:
    """Give the positions alone."""
    return {place: last.position for place, last in known.items()}


async def not_told_by_log(connection: AsyncConnection, own_topic: str, known: Mapping[Place, Heard]) -> list[str]:
    """Say of each partition of the own topic where the log does not have what was heard last."""
    own = {place: last for place, last in known.items() if place[0] == own_topic}
    lost = await not_in_log(connection, [(last.position, last.hash) for last in own.values()])
    return [_sentence(place, last, lost[last.position]) for place, last in own.items() if last.position in lost]


def not_told_by_topics(log: LogReader, known: Mapping[Place, Heard]) -> Iterator[str]:
    """Say of each partition, read up to what was heard last, where the topic has something else there."""
    for place, last in known.items():
        told = log.told(place)
        if told.position == last.position and last.hash not in {"", told.hash}:
            yield _sentence(place, last, f"is {told.hash[:12]} in the topic")


async def move_to(connection: AsyncConnection, projection: Projection, told: Mapping[Place, Heard]) -> None:
    """Store that the read model has heard this and nothing else; its rows are locked, or there are none."""
    await connection.execute(sa.delete(consumer_positions).where(_ROW.consumer == projection.consumer))
    rows = [
        {
            "consumer": projection.consumer,
            "topic": topic,
            "partition": partition,
            "next_offset": last.next_offset,
            "position": last.position,
            "hash": last.hash,
        }
        for (topic, partition), last in told.items()
    ]
    await connection.execute(sa.insert(consumer_positions), rows)


def _sentence(place: Place, last: Heard, instead: str) -> str:
    return f"{place[0]}, partition {place[1]}: position {last.position} was heard as {last.hash[:12]}, but {instead}"
