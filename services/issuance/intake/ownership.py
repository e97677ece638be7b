"""Which instance writes a period: the one whose connection holds its lock; the others know where that is."""

from typing import Any

import asyncpg

from shared.store.transaction import UnknownSubjectError

_LOCK = "hashtextextended('intake-' || $1, 0)"
_HOLD = f"""
WITH taken AS MATERIALIZED (
    SELECT pg_try_advisory_lock({_LOCK}) AS held FROM events WHERE stream = 'period-' || $1 AND version = 1
),
noted AS (
    INSERT INTO period_writers AS w (period_id, address, since)
    SELECT $1, $2, now() FROM taken WHERE held
    ON CONFLICT (period_id) DO UPDATE SET address = excluded.address, since = excluded.since
)
SELECT held, (SELECT address FROM period_writers WHERE period_id = $1) FROM taken
"""
_EVICT = f"""
SELECT pg_terminate_backend(l.pid) FROM pg_locks l
WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.classid = ({_LOCK} >> 32 & 4294967295)::oid AND l.objid = ({_LOCK} & 4294967295)::oid AND l.objsubid = 1
"""


class HeldElsewhereError(Exception):
    """Another instance writes the period, at `address`, which is empty when nobody knows."""

    def __init__(self, period_id: str, address: str) -> None:
        super().__init__(f"{period_id} is written by {address or 'another instance'}")
        self.period_id, self.address = period_id, address


async def hold(connection: "asyncpg.Connection[Any]", period_id: str, address: str) -> None:
    """Take a period for as long as the connection lasts; HeldElsewhereError when somebody else has it.

    UnknownSubjectError where there is no such period: nothing is taken, and nothing noted of what somebody made up.
    Where `address` itself has it, that is a connection of before that broke without the server's notice: nobody else
    would ever end it, for this instance answers all who ask whether it is there. So it is ended here.
    """
    row = await _taken(connection, period_id, address)
    if not row[0] and address and row[1] == address:
        await evict(connection, period_id)
        row = await _taken(connection, period_id, address)
    if not row[0]:
        raise HeldElsewhereError(period_id, row[1])


async def _taken(connection: "asyncpg.Connection[Any]", period_id: str, address: str) -> tuple[bool, str]:
    """Try to take a period: whether it is ours now, and where it is written."""
    for is_ours, where in await connection.fetch(_HOLD, period_id, address):
        return is_ours, where or ""
    raise UnknownSubjectError(period_id)


async def evict(connection: "asyncpg.Connection[Any]", period_id: str) -> None:
    """Cut the connection of whoever has a period and does not answer any more.

    What it was writing is either durable or undone; when it wakes up, it finds its connection gone and its copies old.
    """
    await connection.fetch(_EVICT, period_id)
