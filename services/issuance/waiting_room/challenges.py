"""Responses to challenges that were let in: none lets anybody in twice."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

# Twice as many are forgotten as come, so that what has expired goes faster than new ones come.
_FORGET = sa.text(
    """
    DELETE FROM spent_challenges WHERE name IN (
        SELECT name FROM spent_challenges WHERE expires_at <= :now LIMIT 2 * :number FOR UPDATE SKIP LOCKED
    )
    """
)
_SPEND = sa.text(
    """
    INSERT INTO spent_challenges (name, expires_at)
    SELECT name, expires_at FROM unnest(CAST(:names AS text[]), CAST(:ends AS timestamptz[])) AS s (name, expires_at)
    ORDER BY name ON CONFLICT DO NOTHING RETURNING name
    """
)


async def spend(connection: AsyncConnection, responses: Mapping[str, datetime], now: datetime) -> set[str]:
    """Let responses count that are good once only, by their names, and say which of them had not counted before.

    Each is kept until it expires by itself.
    """
    if not responses:
        return set()
    await connection.execute(_FORGET, {"now": now, "number": len(responses)})
    values = {"names": list(responses), "ends": list(responses.values())}
    return set((await connection.execute(_SPEND, values)).scalars())
