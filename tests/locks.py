"""Waiting for the moment at which somebody waits for a lock, to make a race happen every time."""

import asyncio

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_WAIT_FOR_ME = sa.text("SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))")
_WITHIN_S = 20.0


async def until_waited_for(connection: AsyncConnection) -> None:
    """Return when another transaction waits for what this one holds; TimeoutError after a while.

    The one that is waited for looks itself: a service's transaction that does nothing for a second is ended.
    """
    async with asyncio.timeout(_WITHIN_S):
        while (await connection.execute(_WAIT_FOR_ME)).first() is None:  # noqa: ASYNC110 (another process waits)
            await asyncio.sleep(0.005)
