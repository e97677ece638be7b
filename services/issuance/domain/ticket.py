"""A place in a period's waiting room: for a company that may claim, one at a time (art. 7, 12, 15(1), 17)."""

from datetime import date, datetime

from services.issuance.domain.claimant import Claimant
from services.issuance.domain.claiming import (
    channel_is_authorised,
    claimant_is_eligible,
    claimant_is_not_banned,
    claimant_is_registered,
    user_may_act,
)
from services.issuance.domain.period_phases import Period, Phase, phase_at
from services.issuance.domain.waiting_room import Line, admits_from, expiry_of
from shared.kernel.decider import message
from shared.kernel.refusal import Reason, refuse_unless

TICKET = "tkt"
"""What the ids of tickets begin with."""
_ARTICLE = "15(1)"


@message
class Ticket:
    """A place of a company in a period's waiting room.

    The claim made with it has `ticket_id` as its key, and comes from `principal`: so it is good for one claim.
    """

    ticket_id: str
    period_id: str
    claimant_id: str
    principal: str
    place: int
    entered_at: datetime
    admits_from: datetime
    expires_at: datetime


@message
class TakePlace:
    """A company asks for a place; `held` is the one it took last in this period and has not used yet."""

    ticket_id: str
    claimant_id: str
    claimant: Claimant | None
    principal: str
    by_channel: bool = False
    period: Period
    held: Ticket | None
    at: datetime
    on: date


def reasons_against(asked: TakePlace) -> tuple[Reason, ...]:
    """List everything that stands against a place in the waiting room, whatever the line is.

    A channel that is not authorised is told that and nothing of the company.
    """
    stranger = channel_is_authorised(asked)
    if stranger is not None:
        return (stranger,)
    found = (
        claimant_is_registered(asked),
        user_may_act(asked),
        claimant_is_eligible(asked),
        claimant_is_not_banned(asked),
        _period_takes_nobody(asked),
        _room_is_not_open(asked),
        _ticket_is_unused(asked),
    )
    return tuple(reason for reason in found if reason is not None)


def take_place(asked: TakePlace, line: Line) -> Ticket:
    """Give the next place of the line, or raise Refused with everything that stands against it."""
    opens = admits_from(line, asked.at)
    refuse_unless(*reasons_against(asked), _line_ends_too_late(asked, opens))
    return Ticket(
        ticket_id=asked.ticket_id,
        period_id=asked.period.period_id,
        claimant_id=asked.claimant_id,
        principal=asked.principal,
        place=line.places + 1,
        entered_at=asked.at,
        admits_from=opens,
        expires_at=expiry_of(opens, asked.period.closes_at),
    )


def _period_takes_nobody(asked: TakePlace) -> Reason | None:
    period = asked.period
    match phase_at(period.phase, period.opens_at, period.closes_at, asked.at):
        case Phase.PROPOSED:
            return Reason(code="period-not-approved", article="12", kind="state")
        case Phase.WITHDRAWN:
            return Reason(code="period-withdrawn", article="12", value=period.withdrawn_because, kind="state")
        case Phase.CLOSED:
            return Reason(code="period-closed", article="12", value=asked.at, limit=period.closes_at, kind="state")
        case Phase.APPROVED | Phase.OPEN | Phase.EXHAUSTED:
            return None


def _room_is_not_open(asked: TakePlace) -> Reason | None:
    room = asked.period.waiting_room
    if room is None:
        return Reason(code="no-waiting-room", article=_ARTICLE, kind="state")
    if asked.at >= room.opens_at:
        return None
    return Reason(code="waiting-room-not-open", article=_ARTICLE, value=asked.at, limit=room.opens_at, kind="state")


def _ticket_is_unused(asked: TakePlace) -> Reason | None:
    """One place of a company at a time: many requests gain nothing over one."""
    held = asked.held
    if held is None or asked.at >= held.expires_at:
        return None
    return Reason(code="ticket-unused", article=_ARTICLE, value=held.ticket_id, limit=held.expires_at, kind="state")


def _line_ends_too_late(asked: TakePlace, opens: datetime) -> Reason | None:
    """A place that would let in after the close is none: so no line grows without end."""
    closes_at = asked.period.closes_at
    if opens < closes_at:
        return None
    return Reason(code="waiting-room-full", article=_ARTICLE, value=opens, limit=closes_at, kind="state")


PASSING = frozenset({"period-not-approved", "waiting-room-not-open", "ticket-unused"})
"""Reasons that pass with time: whoever was refused for one may ask the same again."""
