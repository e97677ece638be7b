"""The gauges of a process, read when somebody asks: who is behind, what stands still, what is overdue."""

import math
from collections import defaultdict
from collections.abc import Mapping

import asyncpg
import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared.runtime import Runtime
from shared.store.tables import deadlines, log_head, parked_events, relay_positions
from shared.supervision import State
from shared.telemetry import CONSUMER_LAG, DEADLINES_OVERDUE, PARKED_EVENTS, PART_AT_WORK, PART_HALTED, RELAY_LAG

_PUBLISHED = sa.select(relay_positions.c.position).where(relay_positions.c.partition == -1).scalar_subquery()
_UNPUBLISHED = sa.select(log_head.c.position - sa.func.coalesce(_PUBLISHED, 0))
_PARKED = sa.select(parked_events.c.consumer, sa.func.count()).group_by(parked_events.c.consumer)
_OVERDUE = (
    sa.select(deadlines.c.kind, sa.func.count())
    .where(deadlines.c.due_at < sa.bindparam("now", type_=sa.DateTime(timezone=True)))
    .group_by(deadlines.c.kind)
)
_log = structlog.get_logger(__name__)


async def read_gauges(runtime: Runtime) -> None:
    """Set every gauge to what is so now; what cannot be known, with a server away or a consumer down, is NaN."""
    context = runtime.context.name
    for part in runtime.parts():
        PART_AT_WORK.labels(context, part.name).set(part.state in {State.RUNNING, State.STANDBY})
        PART_HALTED.labels(context, part.name).set(part.state is State.HALTED)
    unpublished, parked, overdue = await _from_database(runtime)
    RELAY_LAG.labels(context).set(unpublished)
    for consumer in runtime.consumers:
        lag = consumer.lag()
        CONSUMER_LAG.labels(context, consumer.name).set(math.nan if lag is None else lag)
        PARKED_EVENTS.labels(context, consumer.name).set(parked[consumer.name])
    for kind in runtime.context.deadlines:
        DEADLINES_OVERDUE.labels(context, kind).set(overdue[kind])


async def _from_database(runtime: Runtime) -> tuple[float, Mapping[str, float], Mapping[str, float]]:
    """Count what is not published, what is parked by consumer, and what is overdue by kind."""
    try:
        async with runtime.engine.connect() as connection:
            unpublished = (await connection.execute(_UNPUBLISHED)).scalar_one()
            parked = {name: float(count) for name, count in await connection.execute(_PARKED)}
            overdue = {
                kind: float(count) for kind, count in await connection.execute(_OVERDUE, {"now": runtime.clock.now()})
            }
            return unpublished, defaultdict(float, parked), defaultdict(float, overdue)
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        _log.info("gauges.database_away", reason=type(error).__name__)
        unknown: Mapping[str, float] = defaultdict(lambda: math.nan)
        return math.nan, unknown, unknown
