"""Responses to challenges that were let in: none lets anybody in twice."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.tables import spent_challenges

_FORGOTTEN_AT_ONCE = 8
"""More than one comes with each: so what has expired goes faster than new ones come."""


async def spend(connection: AsyncConnection, name: str, expires_at: datetime, now: datetime) -> bool:
    """Let a response count that is good once only; False where it has counted before.

    It is kept until it expires by itself, and some that have expired are forgotten on the way.
    """
    c = spent_challenges.c
    expired = sa.select(c.name).where(c.expires_at <= now).limit(_FORGOTTEN_AT_ONCE).with_for_update(skip_locked=True)
    await connection.execute(sa.delete(spent_challenges).where(c.name.in_(expired.scalar_subquery())))
    statement = insert(spent_challenges).values(name=name, expires_at=expires_at).on_conflict_do_nothing()
    return (await connection.execute(statement)).rowcount == 1
