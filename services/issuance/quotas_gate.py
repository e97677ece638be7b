"""The gate of a period: whether its quota may be taken from, kept in the row that every claim takes from.

Whatever changes a period so that a claim would be decided differently changes this row in the same transaction: whoever
decides claims on a copy sees that the copy is stale. The row is never deleted, so that no copy of a former plan fits a
later one.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.domain.period import Period
from services.issuance.tables import quotas


async def open_gate(connection: AsyncConnection, approved: Period) -> None:
    """Give an approved period the money it may hand out, for the first time or after its plan was changed."""
    plan = {"quota": approved.quota, "remaining": approved.quota, "closed": False}
    statement = insert(quotas).values(period_id=approved.period_id, **plan)
    await connection.execute(statement.on_conflict_do_update(index_elements=[quotas.c.period_id], set_=plan))


async def shut_gate(connection: AsyncConnection, period_id: str) -> None:
    """Let nobody take any more: the period is over, withdrawn, or its approval void. There may be no row yet."""
    await connection.execute(sa.update(quotas).where(quotas.c.period_id == period_id).values(closed=True))


async def pause_gate(connection: AsyncConnection, period_id: str, *, paused: bool) -> None:
    """Let nobody take for the time being, or let claimants take again."""
    await connection.execute(sa.update(quotas).where(quotas.c.period_id == period_id).values(paused=paused))
