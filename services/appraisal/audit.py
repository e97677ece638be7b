"""What must always hold in appraisal, looked up in the log."""

from collections.abc import AsyncIterator

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Breach, Check, Count

_ROUNDS = sa.text(
    """
    SELECT p.position, p.data->>'year' AS year, p.data->>'proposed_by' AS proposed_by,
        o.data->>'approved_by' AS approved_by, count(*) OVER (PARTITION BY p.data->>'year') AS of_the_year
    FROM events p LEFT JOIN events o ON o.stream = p.stream AND o.type = 'cxq.appraisal.round-opened.v1'
    WHERE p.type = 'cxq.appraisal.round-proposed.v1' ORDER BY p.position
    """
)


async def rounds_are_one_a_year_and_approved(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Look for a second round of a year, and for one opened by whoever proposed it."""
    for row in (await connection.execute(_ROUNDS)).all():
        count.checked += 1
        if row.of_the_year > 1:
            yield Breach(where=f"position {row.position}", found=f"{row.year} has {row.of_the_year} rounds")
        if row.approved_by == row.proposed_by:
            yield Breach(where=f"position {row.position}", found=f"the round of {row.year} was opened by its proposer")


CHECKS = (
    Check(
        id="A1",
        promise="there is one round a year, opened by somebody other than its proposer",
        look=rounds_are_one_a_year_and_approved,
    ),
)
