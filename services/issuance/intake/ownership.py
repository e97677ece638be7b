"""Which instance writes a period: the one whose connection holds its lock; the others know where that is."""

from typing import Any

import asyncpg

_LOCK = "hashtextextended('intake-' || $1, 0)"
_HOLD = f"""
WITH taken AS MATERIALIZED (SELECT pg_try_advisory_lock({_LOCK}) AS held),
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

    Where `address` itself has it, that is a connection of before that broke without the server's notice: nobody else
    would ever end it, for this instance answers all who ask whether it is there. So it is ended here.
    """
    (row,) = await connection.fetch(_HOLD, period_id, address)
    if not row[0] and address and row[1] == address:
        await evict(connection, period_id)
        (row,) = await connection.fetch(_HOLD, period_id, address)
    if not row[0]:
        raise HeldElsewhereError(period_id, row[1] or "")


async def evict(connection: "asyncpg.Connection[Any]", period_id: str) -> None:
    """Cut the connection of whoever has a period and does not answer any more.

    What it was writing is either durable or undone; when it wakes up, it finds its connection gone and its copies old.
    """
    await connection.fetch(_EVICT, period_id)
