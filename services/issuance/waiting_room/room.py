"""The line of a period's waiting room, kept in one row a period, and its places, one row each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.domain.period import Period
from services.issuance.domain.ticket import Ticket
from services.issuance.domain.waiting_room import Line, after_one_more, line_of, spacing_of
from services.issuance.tables import entry_tickets, waiting_rooms
from shared.kernel.refusal import refuse

type TicketState = Literal["waiting", "admitted", "used", "expired"]
_CLAIM = "claimVoucher"
"""The operation under whose key a ticket is used."""
_COLUMNS = tuple(Ticket.__dataclass_fields__)

_LOCK_COMPANY = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:company, 0))")
# The key of a claim is decided once: with an answer, or with a fence.
_LAST_TICKET = sa.text(
    f"""
    SELECT {", ".join(f"t.{column}" for column in _COLUMNS)}, EXISTS (
        SELECT 1 FROM idempotency i WHERE i.principal = t.principal AND i.operation = '{_CLAIM}' AND i.key = t.ticket_id
    ) AS used
    FROM entry_tickets t WHERE t.period_id = :period_id AND t.claimant_id = :claimant_id
    ORDER BY t.place DESC LIMIT 1
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
    line = line_of(room, approved.opens_at)
    values = {"opens_at": approved.opens_at, "spacing": line.spacing, "next_slot": line.next_slot, "shut": False}
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


async def hold_company(connection: AsyncConnection, period_id: str, claimant_id: str) -> None:
    """Let this transaction be the only one in which a company takes a place in a period."""
    await connection.execute(_LOCK_COMPANY, {"company": f"{period_id} {claimant_id}"})


async def last_ticket(connection: AsyncConnection, period_id: str, claimant_id: str) -> Held | None:
    """Read the ticket that a company took last in a period."""
    found = await connection.execute(_LAST_TICKET, {"period_id": period_id, "claimant_id": claimant_id})
    row = found.mappings().first()
    return None if row is None else Held(ticket=_ticket(row), used=row["used"])


async def hold_line(connection: AsyncConnection, period: Period) -> Line | None:
    """Read the line for the one who is next, whom all others wait for; None where the plan is no longer this one."""
    assert period.waiting_room is not None  # noqa: S101 (or there would be no line to ask for)
    c = waiting_rooms.c
    as_planned = (c.opens_at == period.opens_at) & (c.spacing == spacing_of(period.waiting_room)) & ~c.shut
    statement = sa.select(waiting_rooms).where(c.period_id == period.period_id, as_planned).with_for_update()
    row = (await connection.execute(statement)).first()
    return None if row is None else _line(row)


async def write_down(connection: AsyncConnection, ticket: Ticket, line: Line) -> Line:
    """Write a ticket down, and how far the line reaches with it; `line` is as it was held."""
    after = after_one_more(line, ticket.entered_at)
    moved = (
        sa.update(waiting_rooms)
        .where(waiting_rooms.c.period_id == ticket.period_id)
        .values(places=after.places, next_slot=after.next_slot)
        .returning(waiting_rooms.c.period_id)
        .cte("moved")
    )
    values = {column: getattr(ticket, column) for column in _COLUMNS}
    await connection.execute(sa.insert(entry_tickets).values(values).add_cte(moved))
    return after


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
