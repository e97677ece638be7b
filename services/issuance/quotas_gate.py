"""The gate of a period: whether its quota may be taken from, kept in the row that every claim takes from.

Whatever changes a period so that a claim would be decided differently changes this row in the same transaction: whoever
decides claims on a copy sees that the copy is stale. The row is never deleted, so that no copy of a former plan fits a
later one.
"""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.domain.classes import Parts, set_aside
from services.issuance.domain.period_phases import Period
from services.issuance.tables import quotas

_UNDIVIDED: dict[str, Any] = {"classes": None, "class_rests": None, "class_released": None}


async def open_gate(connection: AsyncConnection, approved: Period) -> None:
    """Give an approved period the money it may hand out, for the first time or after its plan was changed."""
    plan = {"quota": approved.quota, "remaining": approved.quota, "closed": False} | _divided(approved)
    statement = insert(quotas).values(period_id=approved.period_id, **plan)
    await connection.execute(statement.on_conflict_do_update(index_elements=[quotas.c.period_id], set_=plan))


def _divided(approved: Period) -> dict[str, Any]:
    """Give every class its part, where there are classes."""
    if not approved.classes:
        return _UNDIVIDED
    parts = set_aside(approved.classes)
    return {
        "classes": msgspec.to_builtins(approved.classes),
        "class_rests": parts.rests,
        "class_released": parts.released,
    }


async def void_gate(connection: AsyncConnection, period_id: str) -> None:
    """Let nobody take by a plan that was changed or withdrawn: its classes have no parts. There may be no row."""
    void = {"closed": True} | _UNDIVIDED
    await connection.execute(sa.update(quotas).where(quotas.c.period_id == period_id).values(void))


async def shut_gate(connection: AsyncConnection, period_id: str) -> None:
    """Let nobody take any more: the period is over."""
    await connection.execute(sa.update(quotas).where(quotas.c.period_id == period_id).values(closed=True))


async def pause_gate(connection: AsyncConnection, period_id: str, *, paused: bool) -> None:
    """Let nobody take for the time being, or let claimants take again."""
    await connection.execute(sa.update(quotas).where(quotas.c.period_id == period_id).values(paused=paused))


async def part_gate(connection: AsyncConnection, period_id: str, parts: Parts, *, owed: int) -> None:
    """Enter how the parts of the classes stand: what is released falls to everybody, but for what is `owed`."""
    stand = {"class_rests": parts.rests, "class_released": parts.released, "owed": owed}
    await connection.execute(sa.update(quotas).where(quotas.c.period_id == period_id).values(stand))
