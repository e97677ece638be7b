"""Taking a place in the waiting room of a period (art. 12, 15(1))."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.issuance.claimants import find_claimant
from services.issuance.domain.period import Period, period
from services.issuance.domain.ticket import TakePlace, Ticket, reasons_against, take_place
from services.issuance.domain.waiting_room import Line
from services.issuance.waiting_room.room import hold_company, hold_line, last_ticket, write_down
from shared.kernel.refusal import refuse_unless
from shared.store.transaction import Transaction, UnknownSubjectError, VersionConflictError

type Challenged = Callable[[Transaction], Awaitable[None]]
"""Raises where whoever asks has not shown what the plan's challenge wants to see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A ticket, and how far the line reaches with it."""

    ticket: Ticket
    line: Line


async def take_ticket(
    tx: Transaction, *, period_id: str, claimant_id: str, ticket_id: str, challenged: Challenged
) -> Taken:
    """Give a company the next place of a period's line; the lock on the line is taken last and held shortest.

    UnknownSubjectError: there is no such period. `challenged` is asked last, where the plan wants a challenge.
    """
    await hold_company(tx.connection, period_id, claimant_id)
    state = (await tx.load(period, f"period-{period_id}")).state
    if not isinstance(state, Period):
        raise UnknownSubjectError(period_id)
    last = await last_ticket(tx.connection, period_id, claimant_id)
    asked = TakePlace(
        ticket_id=ticket_id,
        claimant_id=claimant_id,
        claimant=await find_claimant(tx.connection, claimant_id),
        principal=tx.cause.actor,
        period=state,
        held=None if last is None or last.used else last.ticket,
        at=tx.now,
        on=tx.today,
    )
    refuse_unless(*reasons_against(asked))
    if state.waiting_room is not None and state.waiting_room.challenge:
        await challenged(tx)
    line = await hold_line(tx.connection, state)
    if line is None:
        raise VersionConflictError(f"the plan of {period_id} has changed")
    ticket = take_place(asked, line)
    return Taken(ticket=ticket, line=await write_down(tx.connection, ticket, line))
