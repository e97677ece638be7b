"""Which vouchers may come due on a day, read from the log itself: two narrow indexes, and no row for each voucher.

What is found was once to come due then; whether it still waits, only its own stream tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.events.definition import TYPE_OF
from shared.events.issuance.vouchers import DeadlineKind, VoucherClaimed, VoucherCommitmentReleased, VoucherCommitted

_CLAIMED, _COMMITTED, _RELEASED = (
    TYPE_OF[cls].stored for cls in (VoucherClaimed, VoucherCommitted, VoucherCommitmentReleased)
)
_LAST_DAY: dict[DeadlineKind, tuple[str, str]] = {
    "registration": (_CLAIMED, "data->>'register_by'"),
    "validity": (_COMMITTED, "data->>'valid_until'"),
}
"""The fact that sets a last day, and where it says so; each pair has its index (migration 0005)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueVoucher:
    """A voucher and a last day it was given; `place` is where a further look goes on."""

    voucher_id: str
    last_day: date
    place: str


async def due_on(
    connection: AsyncConnection, kind: DeadlineKind, last_days: Sequence[date], after: str, *, limit: int
) -> list[DueVoucher]:
    """Find vouchers that were given one of these last days, by day and then in the order of the log, behind a place."""
    day, _, position = after.partition(":")
    asked = {
        "days": [each.isoformat() for each in last_days],
        "day": day,
        "position": int(position or 0),
        "limit": limit,
    }
    rows = await connection.execute(_due(kind), asked)
    return [
        DueVoucher(
            voucher_id=row.stream.removeprefix("voucher-"),
            last_day=date.fromisoformat(row.last_day),
            place=f"{row.last_day}:{row.position}",
        )
        for row in rows
    ]


async def put_on_due_list(
    connection: AsyncConnection, *, last_day: date, due_kind: str, due_at: datetime, after: int, limit: int
) -> tuple[int, int]:
    """Have the next vouchers with this last day to register handled that still wait for it.

    Gives how many were looked at, and the position of the last one.
    """
    asked = {"day": last_day.isoformat(), "after": after, "limit": limit, "kind": due_kind, "due_at": due_at}
    row = (await connection.execute(_PUT, asked)).one()
    return row.seen, row.last


def _due(kind: DeadlineKind) -> sa.TextClause:
    stored, last_day = _LAST_DAY[kind]
    return sa.text(
        f"SELECT position, stream, {last_day} AS last_day FROM events WHERE type = '{stored}'"
        f" AND {last_day} = ANY(CAST(:days AS text[])) AND ({last_day}, position) > (:day, CAST(:position AS bigint))"
        f" ORDER BY {last_day}, position LIMIT :limit"
    )


_PUT: Any = sa.text(
    f"""
    WITH due AS (
        SELECT position, stream FROM events
        WHERE type = '{_CLAIMED}' AND data->>'register_by' = :day AND position > :after
        ORDER BY position LIMIT :limit
    ), put AS (
        INSERT INTO deadlines (kind, subject, due_at)
        SELECT :kind, substr(stream, 9), :due_at FROM due WHERE (
            SELECT type FROM events latest WHERE latest.stream = due.stream ORDER BY version DESC LIMIT 1
        ) IN ('{_CLAIMED}', '{_RELEASED}')
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) AS seen, coalesce(max(position), 0) AS last FROM due
    """
)
