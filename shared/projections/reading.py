"""Reading a read model: how far it is, which every answer carries as `as_of`, and what is whose."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.projections.projection import Projection
from shared.store.tables import log_head

_WHOLE_LOG = -1
"""The row of `relay_positions` that tells how far the whole log has been published."""


async def as_of(connection: AsyncConnection, projection: Projection, context: str, topic: str) -> int:
    """Give the position of the own context's log up to which a read model is complete.

    `context` is the one whose database this is, `topic` its topic's name. A read model that takes nothing from the own
    context is complete up to the head of the log, as no event of it can be missing; so nobody waits for it in vain.
    """
    if context not in projection.contexts:
        return int((await connection.execute(sa.select(log_head.c.position))).scalar_one())
    return await _complete(connection, projection, topic)


async def reached_by(connection: AsyncConnection, projection: Projection) -> int:
    """Give the position up to which a read model is complete that the own context alone feeds, whatever its topic."""
    if len(projection.contexts) != 1:
        raise ValueError(f"{projection.name} is fed by {projection.contexts}")
    return await _complete(connection, projection, None)


_REACHED = (
    "SELECT r.partition, r.position, coalesce(max(c.position), 0) FROM relay_positions r"
    " LEFT JOIN consumer_positions c ON c.partition = r.partition AND c.consumer = {consumer}"
    " AND (c.topic = {topic} OR CAST({topic} AS text) IS NULL) GROUP BY 1, 2"
)
"""Per partition of the own log: the last position published, and the last one applied."""
_REACHED_BY_NAME = sa.text(_REACHED.format(consumer=":consumer", topic=":topic"))


async def _complete(connection: AsyncConnection, projection: Projection, topic: str | None) -> int:
    rows = await connection.execute(_REACHED_BY_NAME, {"consumer": projection.consumer, "topic": topic})
    return complete_up_to({partition: (published, done) for partition, published, done in rows})


def reached_within(consumer: str, topic: str) -> str:
    """Write the subquery that gives what `complete_up_to` is asked for, as one array of a row for each partition.

    Consumer and topic are placeholders of a statement of the driver's own (`$1`), that reads rows in the same breath.
    """
    rows = _REACHED.format(consumer=consumer, topic=topic)
    return f"(SELECT array_agg(ARRAY[p.partition, p.published, p.done]) FROM ({rows}) p (partition, published, done))"


def complete_up_to(partitions: dict[int, tuple[int, int]]) -> int:
    """Say up to which position of a log its consumer is complete.

    `partitions` gives for each partition the last position published and the last applied; partition -1 is the whole
    log's checkpoint. A partition whose last event is applied holds nothing back before that checkpoint.
    """
    checkpoint = partitions.get(_WHOLE_LOG, (0, 0))[0]
    behind = (done for partition, (published, done) in partitions.items() if partition >= 0 and done < published)
    return min(behind, default=checkpoint)


def owned(key: sa.Column[Any], owner: sa.Column[Any], whose: Any) -> sa.ColumnElement[bool]:
    """Say that a row, named by `key`, is one of an owner's, in a way that has them found by the owner first.

    An index of the owner alone is small, and an owner has few rows. But of a list that is sorted by `key`, PostgreSQL
    may think that it meets enough of them by and by, walking through everybody's; of named keys it cannot.
    """
    own = key.table.alias("own")
    keys = sa.select(own.c[key.name]).where(own.c[owner.name] == whose).scalar_subquery()
    return key == sa.any_(sa.func.array(keys, type_=sa.ARRAY(key.type)))
