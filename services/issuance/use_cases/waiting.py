"""Taking places in the waiting room of a period, for all who ask at once (art. 12, 15(1))."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.issuance.claimants import driver_of, find_claimants
from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Period
from services.issuance.domain.ticket import PASSING, TakePlace, Ticket, reasons_against, take_place
from services.issuance.domain.waiting_room import Line, after_one_more
from services.issuance.intake.asking import Waiting
from services.issuance.waiting_room.answers import keep, resolve
from services.issuance.waiting_room.challenges import spend
from services.issuance.waiting_room.room import hold_line, last_tickets, write_down
from shared.kernel.refusal import Refused
from shared.store.execution import Answer
from shared.store.transaction import Transaction, UnknownSubjectError, VersionConflictError


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenged:
    """How somebody has met the challenge; `fault` is what to say where it was not met.

    A response that counts once has a `name` until `expires_at`; `spent` is what to say where it has counted before.
    """

    fault: Exception | None = None
    name: str = ""
    expires_at: datetime | None = None
    spent: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A ticket, and how far the line reaches with it."""

    ticket: Ticket
    line: Line


@dataclass(slots=True, kw_only=True, eq=False)
class Asked(Waiting):
    """A company that asks for a place, and how it is told what becomes of it."""

    period_id: str
    claimant_id: str
    ticket_id: str
    by_channel: bool = False
    challenged: Challenged = field(default_factory=Challenged)
    given: Callable[[Taken], Answer]
    told: Callable[[Refused], Answer]


type Outcome = Taken | Exception
"""What becomes of somebody who asks: a place, or why there is none."""


async def take_tickets(
    tx: Transaction, period_id: str, asked: Sequence[Asked]
) -> list[tuple[Asked, Answer | Exception]]:
    """Give all who ask, each of another company, the next places of a period's line in their order, or say why not.

    The line is held first: whoever else gives places, or changes the plan, waits until this is done. Answers are kept
    under their keys, but for refusals that pass; who was answered before is given that at once and is not in the list.
    UnknownSubjectError: there is no such period.
    """
    line = await hold_line(tx.connection, period_id)
    state = (await tx.load(period, f"period-{period_id}")).state
    if not isinstance(state, Period):
        raise UnknownSubjectError(period_id)
    await resolve(await driver_of(tx.connection), asked)
    waiting = [one for one in asked if not one.answer.done()]
    outcomes = await _decided(tx, state, line, waiting)
    answers: list[tuple[Asked, Answer | Exception]] = []
    kept: list[tuple[Asked, Answer]] = []
    for one, outcome in zip(waiting, outcomes, strict=True):
        match outcome:
            case Taken():
                kept.append((one, one.given(outcome)))
                answers.append(kept[-1])
            case Refused() if any(reason.code in PASSING for reason in outcome.reasons):
                answers.append((one, one.told(outcome)))
            case Refused():
                kept.append((one, one.told(outcome)))
                answers.append(kept[-1])
            case _:
                answers.append((one, outcome))
    await keep(tx.connection, [(one.key, answer) for one, answer in kept], tx.now)
    return answers


async def _decided(tx: Transaction, state: Period, line: Line | None, waiting: Sequence[Asked]) -> list[Outcome]:
    """Decide one after the other, each on the line that those before leave, and write the places down."""
    names = {one.claimant_id for one in waiting}
    claimants = await find_claimants(tx.connection, names)
    held = await last_tickets(tx.connection, state.period_id, names)
    wishes = []
    for one in waiting:
        last = held.get(one.claimant_id)
        wishes.append(
            TakePlace(
                ticket_id=one.ticket_id,
                claimant_id=one.claimant_id,
                claimant=claimants.get(one.claimant_id),
                principal=one.key.principal,
                by_channel=one.by_channel,
                period=state,
                held=None if last is None or last.used else last.ticket,
                at=tx.now,
                on=tx.today,
            )
        )
    against: list[Exception | None] = [
        Refused(*reasons) if (reasons := reasons_against(wish)) else None for wish in wishes
    ]
    if state.waiting_room is not None and state.waiting_room.challenge:
        against = await _challenged(tx, waiting, against)
    if line is None:
        return _without_line(state, against)
    outcomes: list[Outcome] = []
    tickets: list[Ticket] = []
    for wish, fault in zip(wishes, against, strict=True):
        given = fault or _place(wish, line)
        if isinstance(given, Ticket):
            tickets.append(given)
            line = after_one_more(line, tx.now)
            outcomes.append(Taken(ticket=given, line=line))
        else:
            outcomes.append(given)
    if tickets:
        await write_down(tx.connection, tickets, line)
    return outcomes


def _without_line(state: Period, against: Sequence[Exception | None]) -> list[Outcome]:
    """Give what stands against everybody where there is no line; nothing does when the plan was approved just now."""
    refused = [fault for fault in against if fault is not None]
    if len(refused) < len(against):
        raise VersionConflictError(f"the plan of {state.period_id} was approved just now")
    return list(refused)


def _place(wish: TakePlace, line: Line) -> Ticket | Refused:
    try:
        return take_place(wish, line)
    except Refused as refused:
        return refused


async def _challenged(
    tx: Transaction, waiting: Sequence[Asked], against: Sequence[Exception | None]
) -> list[Exception | None]:
    """Add what stands against those who have not met the challenge; what counts once is spent with this transaction."""
    met = [
        one.challenged
        for one, fault in zip(waiting, against, strict=True)
        if fault is None and one.challenged.fault is None
    ]
    fresh = await spend(tx.connection, {once.name: once.expires_at for once in met if once.expires_at}, tx.now)
    found: list[Exception | None] = []
    for one, fault in zip(waiting, against, strict=True):
        challenged = one.challenged
        if fault is not None or challenged.fault is not None:
            found.append(fault or challenged.fault)
        elif challenged.name and challenged.name not in fresh:
            found.append(challenged.spent)
        else:
            fresh.discard(challenged.name)
            found.append(None)
    return found
