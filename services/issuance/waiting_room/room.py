"""The line of a period's waiting room, kept in one row a period, and its places, one row each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.domain.entry_terms import race_begins
from services.issuance.domain.period_phases import Period
from services.issuance.domain.ticket import Ticket
from services.issuance.domain.waiting_room import Line, line_of
from services.issuance.tables import waiting_rooms
from shared.kernel.refusal import refuse

type TicketState = Literal["waiting", "admitted", "used", "expired"]
_COLUMNS = tuple(field.name for field in fields(Ticket))
_KINDS = dict.fromkeys(_COLUMNS, "text") | {
    "place": "integer",
    **dict.fromkeys(("entered_at", "admits_from", "expires_at"), "timestamptz"),
}

# The key of a claim stands for something once: an answer, or that it was closed.
_LAST_TICKETS = sa.text(
    f"""
    SELECT DISTINCT ON (t.claimant_id) {", ".join(f"t.{column}" for column in _COLUMNS)}, EXISTS (
        SELECT 1 FROM kept_claims k WHERE k.name = claim_name(t.principal, t.ticket_id)
    ) AS used
    FROM entry_tickets t WHERE t.period_id = :period_id AND t.claimant_id = ANY (CAST(:claimants AS text[]))
    ORDER BY t.claimant_id, t.place DESC
    """
)
_GIVE = sa.text(
    f"""
    INSERT INTO entry_tickets ({", ".join(_COLUMNS)})
    SELECT * FROM unnest({", ".join(f"CAST(:{column} AS {kind}[])" for column, kind in _KINDS.items())}) AS t
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The ticket that a company took last in a period; `used`: the claim made with it has its answer."""

    ticket: Ticket
    used: bool


async def open_room(connection: AsyncConnection, approved: Period) -> None:
    """Give an approved period its line, if its plan has a waiting room; nobody has ever stood in it."""
    room = approved.waiting_room
    if room is None:
        return
    begins = race_begins(approved.entries, approved.opens_at)
    line = line_of(room, begins)
    values = {"opens_at": begins, "spacing": line.spacing, "next_slot": line.next_slot, "shut": False}
    statement = insert(waiting_rooms).values(period_id=approved.period_id, places=line.places, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=[waiting_rooms.c.period_id], set_=values))


async def check_nobody_waits(connection: AsyncConnection, period_id: str) -> None:
    """Refuse to change a plan by which companies have taken their places; let nobody take one until this is done."""
    places = await connection.scalar(
        sa.select(waiting_rooms.c.places).where(waiting_rooms.c.period_id == period_id).with_for_update()
    )
    if places:
        raise refuse("waiting-room-entered", article="15(1)", value=places, kind="state")


async def shut_room(connection: AsyncConnection, period_id: str) -> None:
    """Let nobody take a place any more: the plan is void, withdrawn, or the period over. There may be no room."""
    await connection.execute(sa.update(waiting_rooms).where(waiting_rooms.c.period_id == period_id).values(shut=True))


async def line_in(connection: AsyncConnection, period_id: str) -> Line | None:
    """Read how far the line of a period reaches; None where there is no room."""
    row = (await connection.execute(sa.select(waiting_rooms).where(waiting_rooms.c.period_id == period_id))).first()
    return None if row is None else _line(row)


async def last_tickets(connection: AsyncConnection, period_id: str, claimant_ids: Collection[str]) -> dict[str, Held]:
    """Read the ticket that each of these companies took last in a period; who took none is left out."""
    values = {"period_id": period_id, "claimants": list(claimant_ids)}
    rows = (await connection.execute(_LAST_TICKETS, values)).mappings()
    return {row["claimant_id"]: Held(ticket=_ticket(row), used=row["used"]) for row in rows}


async def last_ticket(connection: AsyncConnection, period_id: str, claimant_id: str) -> Held | None:
    """Read the ticket that a company took last in a period."""
    return (await last_tickets(connection, period_id, [claimant_id])).get(claimant_id)


async def hold_line(connection: AsyncConnection, period_id: str) -> Line | None:
    """Read the line of a period and hold it: nobody else gives places or changes the plan until this is done.

    None where no plan with a room is approved: it was never, it was changed since, or the period is over.
    """
    c = waiting_rooms.c
    row = (await connection.execute(sa.select(waiting_rooms).where(c.period_id == period_id).with_for_update())).first()
    return None if row is None or row.shut else _line(row)


async def write_down(connection: AsyncConnection, tickets: Sequence[Ticket], line: Line) -> None:
    """Write tickets of one period down, and how far the line reaches with them."""
    await connection.execute(
        sa.update(waiting_rooms)
        .where(waiting_rooms.c.period_id == tickets[0].period_id)
        .values(places=line.places, next_slot=line.next_slot)
    )
    await connection.execute(_GIVE, {name: [getattr(ticket, name) for ticket in tickets] for name in _COLUMNS})


def _line(row: Any) -> Line:
    return Line(places=row.places, next_slot=row.next_slot, spacing=row.spacing)


def _ticket(row: sa.RowMapping) -> Ticket:
    return Ticket(**{column: row[column] for column in _COLUMNS})


def state_of(held: Held, at: datetime) -> TicketState:
    """Say how it is with a ticket at an instant: waiting, admitted, used or expired."""
    if held.used:
        return "used"
    if at >= held.ticket.expires_at:
        return "expired"
    return "waiting" if at < held.ticket.admits_from else "admitted"
