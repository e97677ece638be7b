"""Whether a read model is what the log says: folded again from Kafka and compared row by row."""

from collections.abc import AsyncIterator, Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Breach, Check, Count
from shared.projections.folding import Folding
from shared.projections.heard import Heard, heard, not_told_by_topics, positions
from shared.projections.log_reading import LogReader, LogUnreadableError, Place
from shared.projections.projection import PoisonEventError, Projection, RowKey
from shared.projections.rows import key_names, key_of_row
from shared.settings import Settings
from shared.store.tables import parked_events

_REPLACED = sa.text(
    "SELECT CAST(to_regclass(quote_ident(:name)) AS oid) <> (SELECT oid FROM pg_class"
    " WHERE relname = :name AND relnamespace = CAST(current_schema() AS regnamespace))"
)
"""Name lookups see what is newest, a query of pg_class the snapshot: they differ when a rebuild came in between."""


def projection_check(settings: Settings, projection: Projection) -> Check:
    """Make the audit's check that a read model equals the fold of the log."""

    async def look(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
        async for breach in differences(settings, projection, connection, count):
            yield breach

    return Check(id="P1", promise=f"the projection {projection.name} equals the fold of the log", look=look)


async def differences(
    settings: Settings, projection: Projection, connection: AsyncConnection, count: Count
) -> AsyncIterator[Breach]:
    """Fold the topics up to the read model's own positions, and yield every row that is not what came out.

    `connection` is in a repeatable-read transaction on the context's database. The rows folded are held in memory.
    """
    name = projection.table.name
    await connection.execute(sa.text(f'LOCK TABLE "{name}" IN ACCESS SHARE MODE'))
    if (await connection.execute(_REPLACED, {"name": name})).scalar_one():
        yield Breach(where=name, found="the table was rebuilt while the audit ran; audit again")
        return
    known = await heard(connection, projection)
    aside = await _parked(connection, projection)
    if aside:
        yield Breach(where=name, found=f"{len(aside)} events are parked; see `cxq parked`")
    expected = Folding(projection)
    try:
        async with LogReader(settings.kafka_bootstrap, projection, aside) as log:
            lost = await _read(log, known, expected)
    except (LogUnreadableError, PoisonEventError) as error:
        yield Breach(where=name, found=str(error))
        return
    for what in lost:
        yield Breach(where=name, found=what)
    keys = key_names(projection.table)
    async for row in (await connection.stream(sa.select(projection.table))).mappings():
        found = dict(row)
        key = key_of_row(keys, found)
        count.checked += 1
        wanted = expected.pop(key, None)
        if wanted is None:
            yield Breach(where=f"{name} {_shown(key)}", found="a row that the log does not account for")
        elif wanted != found:
            columns = ", ".join(column for column in wanted if wanted[column] != found[column])
            yield Breach(where=f"{name} {_shown(key)}", found=f"differs from the fold of the log in {columns}")
    for key, missing in expected.items():
        if missing is not None:
            count.checked += 1
            yield Breach(where=f"{name} {_shown(key)}", found="the row is missing")


async def _read(log: LogReader, known: Mapping[Place, Heard], expected: Folding) -> list[str]:
    """Fold up to where the read model is, and say where it has heard something else than what was read."""
    async for portion in log.read(positions(known)):
        expected.apply(portion.events)
    return [*not_told_by_topics(log, known)]


async def _parked(connection: AsyncConnection, projection: Projection) -> set[tuple[str, int]]:
    rows = await connection.execute(
        sa.select(parked_events.c.topic, parked_events.c.position).where(
            parked_events.c.consumer == projection.consumer
        )
    )
    return {(row.topic, row.position) for row in rows}


def _shown(key: RowKey) -> str:
    return "/".join(str(part) for part in key)
