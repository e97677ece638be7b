"""Whether claimants were reminded as they should be, and whether the daily work that does it is waited for."""

from collections.abc import AsyncIterator

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.deadlines import FIND_UNREGISTERED, REMIND_OF_REGISTRATION, REMIND_OF_VALIDITY
from shared.audit import Breach, Check, Count

_REMINDERS = sa.text(
    """
    SELECT r.position, r.data->>'voucher_id' AS voucher_id, r.data->>'deadline' AS deadline,
        (r.data->>'last_day')::date AS last_day, (r.data->>'on')::date AS day,
        (r.data->>'days_left')::integer AS days_left,
        CASE
            WHEN r.data->>'deadline' = 'validity' AND latest.type = 'cxq.issuance.voucher-committed.v1'
                THEN (latest.data->>'valid_until')::date
            WHEN r.data->>'deadline' = 'registration' AND latest.type IN
                ('cxq.issuance.voucher-claimed.v1', 'cxq.issuance.voucher-commitment-released.v1')
                THEN (claimed.data->>'register_by')::date
        END AS waited_until,
        count(*) OVER (
            PARTITION BY r.data->>'voucher_id', r.data->>'deadline', r.data->>'last_day', r.data->>'days_left'
        ) AS times
    FROM events r
    LEFT JOIN events claimed ON claimed.stream = 'voucher-' || (r.data->>'voucher_id') AND claimed.version = 1
    LEFT JOIN LATERAL (
        SELECT type, data FROM events v WHERE v.stream = claimed.stream AND v.position < r.position
        ORDER BY v.version DESC LIMIT 1
    ) latest ON true
    WHERE r.type = 'cxq.issuance.voucher-reminded.v1' ORDER BY r.position
    """.replace("::", "\\:\\:")
)
_DAILY = sa.text(
    "SELECT kind, count(d.subject) AS rows FROM unnest(CAST(:kinds AS text[])) AS k (kind)"
    " LEFT JOIN deadlines d USING (kind) GROUP BY kind"
)


async def reminders_are_due(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold each reminder against what its voucher waited for when it was sent, and count it and its days."""
    for row in (await connection.execute(_REMINDERS)).all():
        count.checked += 1
        where = f"position {row.position}, voucher {row.voucher_id}"
        if row.waited_until != row.last_day:
            found = f"reminded of {row.deadline} until {row.last_day}, but it waited until {row.waited_until}"
            yield Breach(where=where, found=found)
        if row.days_left < 0 or (row.last_day - row.day).days != row.days_left:
            yield Breach(where=where, found=f"from {row.day} to {row.last_day}: {row.days_left} days left")
        if row.times != 1:
            yield Breach(where=where, found=f"reminded {row.times} times of the same day")


async def daily_work_is_waited_for(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """See that each daily work has its one place on the due list: each piece sets the next one."""
    kinds = [FIND_UNREGISTERED, REMIND_OF_REGISTRATION, REMIND_OF_VALIDITY]
    for row in (await connection.execute(_DAILY, {"kinds": kinds})).all():
        count.checked += 1
        if row.rows != 1:
            yield Breach(where=f"deadlines of kind {row.kind}", found=f"{row.rows} of them on the due list, not 1")


DEADLINE_CHECKS = (
    Check(id="D1", promise="each reminder is sent once, of a last day that is waited for", look=reminders_are_due),
    Check(id="D2", promise="each daily work is on the due list once", look=daily_work_is_waited_for),
)
"""Spliced into the checks of issuance."""
