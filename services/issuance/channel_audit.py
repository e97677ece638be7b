"""Whether channels kept to what they asked for themselves (art. 15(1)); what they may at all, the register knows."""

from collections.abc import AsyncIterator

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Breach, Check, Count

_UNDONE = sa.text(
    """
    SELECT e.position, e.stream, e.metadata->>'channel' AS channel, (
        EXISTS (
            SELECT FROM events b WHERE b.stream = e.stream AND b.version = 1
                AND b.metadata->>'channel' = e.metadata->>'channel'
        ) OR EXISTS (
            SELECT FROM events served JOIN events made ON made.stream = served.stream AND made.version = 1
            WHERE served.type = 'cxq.issuance.entry-served.v1' AND 'voucher-' || (served.data->>'voucher_id') = e.stream
                AND made.metadata->>'channel' = e.metadata->>'channel'
        )
    ) AS is_own
    FROM events e
    WHERE e.metadata ? 'channel' AND e.version > 1 AND (e.stream LIKE 'voucher-%' OR e.stream LIKE 'entry-%')
    ORDER BY e.position
    """
)


async def channels_keep_to_their_own(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """See that whatever a channel took back it had asked for itself: a voucher, an entry, or what its entry brought."""
    for row in (await connection.execute(_UNDONE)).all():
        count.checked += 1
        if not row.is_own:
            yield Breach(
                where=f"position {row.position}, {row.stream}",
                found=f"{row.channel} took back what it had not asked for",
            )


CHANNEL_CHECKS = (
    Check(id="K7", promise="a channel takes back only what it asked for itself", look=channels_keep_to_their_own),
)
"""Spliced into the checks of issuance."""
