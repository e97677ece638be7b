"""Whether waiting rooms were fair: one line without gaps, one place a company, and every claim by its own place."""

from collections.abc import AsyncIterator
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.period_audit import APPROVED_PLANS
from shared.audit import Breach, Check, Count

_MOMENT = timedelta(seconds=5)
"""Between the instant at which somebody comes and the one at which it is written down there is no more than this."""

_SLOTS = sa.text(
    """
    SELECT t.ticket_id, t.place, row_number() OVER line AS expected, t.admits_from,
        greatest(t.entered_at, coalesce(lag(t.admits_from) OVER line + r.spacing, r.opens_at)) AS slot
    FROM entry_tickets t LEFT JOIN waiting_rooms r ON r.period_id = t.period_id
    WINDOW line AS (PARTITION BY t.period_id ORDER BY t.place)
    ORDER BY t.period_id, t.place
    """
)
_LINES = sa.text(
    """
    SELECT r.period_id, r.places, count(t.place) AS given, r.next_slot,
        coalesce(max(t.admits_from) + r.spacing, r.opens_at) AS slot
    FROM waiting_rooms r LEFT JOIN entry_tickets t ON t.period_id = r.period_id GROUP BY r.period_id ORDER BY 1
    """
)


async def lines_have_no_gap(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Let everybody of each line step in again, in the order of the places, and see where that leaves it."""
    for row in (await connection.execute(_SLOTS)).all():
        count.checked += 1
        if (row.place, row.admits_from) != (row.expected, row.slot):
            found = f"place {row.place} lets in at {row.admits_from}; it is place {row.expected}, for {row.slot}"
            yield Breach(where=row.ticket_id, found=found)
    for row in (await connection.execute(_LINES)).all():
        count.checked += 1
        if (row.places, row.next_slot) != (row.given, row.slot):
            found = f"says {row.places} places, the next for {row.next_slot}; they are {row.given}, for {row.slot}"
            yield Breach(where=f"waiting room of {row.period_id}", found=found)


_TWO_AT_ONCE = sa.text(
    """
    SELECT ticket_id, next_id, entered_at FROM (
        SELECT t.ticket_id, t.expires_at, coalesce(k.recorded_at, e.recorded_at) AS used_at,
            lead(t.ticket_id) OVER company AS next_id, lead(t.entered_at) OVER company AS entered_at
        FROM entry_tickets t
        LEFT JOIN kept_claims k ON k.name = claim_name(t.principal, t.ticket_id)
        LEFT JOIN events e ON e.position = k.position
        WINDOW company AS (PARTITION BY t.period_id, t.claimant_id ORDER BY t.place)
    ) one WHERE next_id IS NOT NULL AND least(used_at, expires_at) > entered_at + :moment ORDER BY 1
    """
)
_TICKETS = sa.text("SELECT count(*) FROM entry_tickets")


async def companies_hold_one_place(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """See that nobody was given a place while the one before was neither used nor void."""
    count.checked += await connection.scalar(_TICKETS) or 0
    for row in (await connection.execute(_TWO_AT_ONCE, {"moment": _MOMENT})).all():
        yield Breach(where=row.next_id, found=f"given at {row.entered_at}, while {row.ticket_id} could still be used")


_CLAIMS = sa.text(
    f"""
    WITH {APPROVED_PLANS}
    SELECT e.position, e.stream, k.name, t.ticket_id, t.admits_from, t.expires_at, e.recorded_at,
        t.period_id = e.data->>'period_id' AND t.claimant_id = e.data->>'claimant_id' AS is_own
    FROM kept_claims k
    JOIN events e ON e.position = k.position
    JOIN plans p ON p.stream = 'period-' || (e.data->>'period_id')
    LEFT JOIN entry_tickets t ON claim_name(t.principal, t.ticket_id) = k.name
    WHERE jsonb_typeof(p.data->'waiting_room') = 'object'
    ORDER BY e.position
    """
)


async def claims_came_in_their_turn(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold every voucher that was claimed in a period with a waiting room against the place it was claimed by."""
    for row in (await connection.execute(_CLAIMS)).all():
        count.checked += 1
        where = f"position {row.position}, {row.stream}"
        if not row.is_own:
            yield Breach(where=where, found=f"claimed under {row.ticket_id or row.name}, no place of its claimant")
        elif not row.admits_from <= row.recorded_at < row.expires_at + _MOMENT:
            found = f"claimed at {row.recorded_at}; {row.ticket_id} let in from {row.admits_from} to {row.expires_at}"
            yield Breach(where=where, found=found)


WAITING_ROOM_CHECKS = (
    Check(id="W1", promise="places are 1 to n without gaps, each in its distance", look=lines_have_no_gap),
    Check(id="W2", promise="a company has one place at a time", look=companies_hold_one_place),
    Check(
        id="W3", promise="a period with a waiting room is claimed by one's own place", look=claims_came_in_their_turn
    ),
)
"""Spliced into the checks of issuance."""
