"""What the store of every context promises, checked: the log, the answers, the deadlines."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Breach, Check, Count

OVERDUE_GRACE = timedelta(minutes=5)
"""How long after its due time a deadline may still be waiting for its turn."""

_VERSIONS = sa.text(
    """
    SELECT position, stream, version, before FROM (
        SELECT position, stream, version,
            coalesce(lag(version) OVER (PARTITION BY stream ORDER BY position), 0) AS before
        FROM events
    ) AS e WHERE version <> before + 1 ORDER BY position
    """
)
_POSITIONS = sa.text(
    """
    SELECT position, before FROM (
        SELECT position, coalesce(lag(position) OVER (ORDER BY position), 0) AS before FROM events
    ) AS e WHERE position <> before + 1 ORDER BY position
    """
)
# Written out here, not `event_hash`: who changes the log could have changed the function.
_LINKS = sa.text(
    """
    SELECT position, stream FROM (
        SELECT position, stream, hash,
            sha256(coalesce(lag(hash) OVER (ORDER BY position), '\\x') || convert_to(concat_ws(
            E'\\x1f', position, stream, version, type, CAST(data AS text), CAST(metadata AS text), key,
            CAST(extract(epoch FROM recorded_at) * 1000000 AS bigint)
        ), 'UTF8')) AS expected
        FROM events
    ) AS e WHERE hash <> expected ORDER BY position
    """
)
_HEAD = sa.text("SELECT position, hash FROM log_head")
_LAST = sa.text("SELECT position, hash FROM events ORDER BY position DESC LIMIT 1")
_COUNT = sa.text("SELECT count(*) FROM events")
_GUARD = sa.text(
    "SELECT tgenabled, tgtype FROM pg_trigger"
    " WHERE tgrelid = CAST('events' AS regclass) AND tgname = 'events_append_only'"
)
_BEFORE_STATEMENT_ANY_CHANGE = 2 + 8 + 16 + 32  # pg_trigger.tgtype: before, delete, update, truncate, each statement
_BEYOND_ADDING = ("UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
_BEYOND_MOVING_ON = ("INSERT", "DELETE", "TRUNCATE", "TRIGGER")
# A service's role has the name of its database. A right to one column alone is no right to the table.
_HELD = sa.text(
    """
    SELECT denied FROM unnest(CAST(:denied AS text[])) WITH ORDINALITY AS asked (denied, place)
    WHERE CASE WHEN denied IN ('INSERT', 'UPDATE') THEN has_any_column_privilege(current_database(), :table, denied)
        ELSE has_table_privilege(current_database(), :table, denied) END
    ORDER BY place
    """
)
_ANSWERS = sa.text("SELECT count(*) FROM idempotency")
_LOOSE_ANSWERS = sa.text(
    "SELECT i.principal, i.operation, i.key, i.headers ->> 'Event-Position' AS position FROM idempotency i"
    " LEFT JOIN events e ON e.position = CAST(i.headers ->> 'Event-Position' AS bigint)"
    " WHERE i.headers ? 'Event-Position' AND e.position IS NULL ORDER BY 1, 2, 3"
)
_SHARED_EFFECTS = sa.text(
    "SELECT headers ->> 'Event-Position' AS position, count(*) AS keys FROM idempotency"
    " WHERE headers ? 'Event-Position' GROUP BY 1 HAVING count(*) > 1 ORDER BY 1"
)
_FAILURES = sa.text("SELECT principal, operation, key, status FROM idempotency WHERE status >= 500 ORDER BY 1, 2, 3")
_OVERDUE = sa.text(
    "SELECT kind, subject, due_at, attempts, failure FROM deadlines WHERE due_at < :latest ORDER BY due_at, subject"
)
_WAITING = sa.text("SELECT count(*) FROM deadlines")


async def rights_beyond_adding(connection: AsyncConnection, *tables: str) -> AsyncIterator[Breach]:
    """Find every right by which the service's own role could change what it has put into tables only added to."""
    for table in tables:
        async for breach in _rights(connection, table, _BEYOND_ADDING):
            yield breach


def store_checks(now: datetime) -> tuple[Check, ...]:
    """List what is checked in every context's database; `now` is the clock's."""

    async def deadlines_are_kept(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
        count.checked = (await connection.execute(_WAITING)).scalar_one()
        for kind, subject, due_at, attempts, failure in await connection.execute(
            _OVERDUE, {"latest": now - OVERDUE_GRACE}
        ):
            failed = f"; tried {attempts} times: {failure}" if failure else ""
            yield Breach(where=f"{kind} {subject}", found=f"due since {due_at:%Y-%m-%d %H:%M:%S %Z}{failed}")

    return (
        Check(id="L1", promise="Versions are gapless in every stream", look=_versions_are_gapless),
        Check(id="L2", promise="Positions are gapless from 1 to the head", look=_positions_are_gapless),
        Check(id="L3", promise="The log is append-only and hash-chained", look=_log_is_sealed),
        Check(id="K2", promise="One key, one effect, one answer", look=_answers_have_their_effect),
        Check(id="P6", promise="Nothing waits beyond its deadline", look=deadlines_are_kept),
    )


async def _versions_are_gapless(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    count.checked = (await connection.execute(_COUNT)).scalar_one()
    for position, stream, version, before in await connection.execute(_VERSIONS):
        yield Breach(where=f"position {position}", found=f"version {version} of {stream} follows version {before}")


async def _positions_are_gapless(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    count.checked = (await connection.execute(_COUNT)).scalar_one()
    for position, before in await connection.execute(_POSITIONS):
        yield Breach(where=f"position {position}", found=f"follows position {before}")
    head = (await connection.execute(_HEAD)).one().position
    last = (await connection.execute(_LAST)).one_or_none()
    if head != (last.position if last else 0):
        yield Breach(where="log_head", found=f"is at position {head}, the last event at {last.position if last else 0}")


async def _log_is_sealed(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    async for breach in _log_is_chained(connection, count):
        yield breach
    async for breach in _log_is_guarded(connection):
        yield breach
    async for breach in rights_beyond_adding(connection, "events", "idempotency"):
        yield breach
    async for breach in _rights(connection, "log_head", _BEYOND_MOVING_ON):
        yield breach


async def _log_is_chained(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Recompute every link.

    Who rewrites the whole rest of the chain is not seen here; the topic's image holds the old hashes (P3).
    """
    count.checked = (await connection.execute(_COUNT)).scalar_one()
    for position, stream in await connection.execute(_LINKS):
        yield Breach(where=f"position {position}", found=f"an event of {stream} is not what was recorded")
    last = (await connection.execute(_LAST)).one_or_none()
    if (await connection.execute(_HEAD)).one().hash != (last.hash if last else b""):
        yield Breach(where="log_head", found="does not hold the hash of the last event")


async def _log_is_guarded(connection: AsyncConnection) -> AsyncIterator[Breach]:
    guard = (await connection.execute(_GUARD)).one_or_none()
    if guard is None:
        yield Breach(where="trigger events_append_only", found="is gone")
    elif guard.tgenabled != b"A" or guard.tgtype != _BEFORE_STATEMENT_ANY_CHANGE:
        yield Breach(where="trigger events_append_only", found="does not refuse every change any more")


async def _rights(connection: AsyncConnection, table: str, denied: Sequence[str]) -> AsyncIterator[Breach]:
    for held in (await connection.execute(_HELD, {"table": table, "denied": list(denied)})).scalars():
        yield Breach(where=table, found=f"the service has a right it must not have: {held}")


async def _answers_have_their_effect(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    count.checked = (await connection.execute(_ANSWERS)).scalar_one()
    for principal, operation, key, position in await connection.execute(_LOOSE_ANSWERS):
        yield Breach(
            where=f"key {key} of {principal} ({operation})",
            found=f"answers with position {position}, which is not there",
        )
    for position, keys in await connection.execute(_SHARED_EFFECTS):
        yield Breach(where=f"position {position}", found=f"is the effect of {keys} keys")
    for principal, operation, key, status in await connection.execute(_FAILURES):
        yield Breach(where=f"key {key} of {principal} ({operation})", found=f"has a failure for an answer: {status}")
