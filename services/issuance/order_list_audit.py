"""Whether every closed period can be published as it was: each has its secret, and every place its claim."""

from collections.abc import AsyncIterator

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Breach, Check, Count

_CLOSED = sa.text(
    """
    WITH granted AS (
        SELECT data->>'period_id' AS period_id, count(*) AS claims FROM events
        WHERE type = 'cxq.issuance.voucher-claimed.v1' GROUP BY 1
    )
    SELECT closed.stream, (closed.data->>'vouchers')::integer AS vouchers, length(k.key) AS key_bytes,
        coalesce(granted.claims, 0) AS claims
    FROM events closed
    LEFT JOIN pseudonym_keys k ON k.period_id = closed.data->>'period_id'
    LEFT JOIN granted ON granted.period_id = closed.data->>'period_id'
    WHERE closed.type = 'cxq.issuance.period-closed.v1' ORDER BY closed.position
    """
)


async def closed_periods_can_be_published(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold what each period said at its close against its claims, and see that its names can be made."""
    for row in (await connection.execute(_CLOSED)).all():
        count.checked += 1
        if row.key_bytes is None:
            yield Breach(where=row.stream, found="closed, but there is no secret for the names of its order list")
        if row.vouchers != row.claims:
            yield Breach(where=row.stream, found=f"closed with {row.vouchers} vouchers, the log has {row.claims}")


ORDER_LIST_CHECKS = (
    Check(
        id="K6",
        promise="every closed period has its whole order list, and the secret its names are made from",
        look=closed_periods_can_be_published,
    ),
)
"""Spliced into the checks of issuance."""
