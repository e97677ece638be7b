"""A facility booked by a claimant: asked for, answered, cancelled, used or missed (art. 5, 9(2), 10)."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Literal, assert_never

from services.registry.domain.booking_terms import BookingTerms, is_open
from shared.events.registry.bookings import (
    BookingCancelled,
    BookingConcluded,
    BookingConfirmed,
    BookingDeclined,
    BookingLapsed,
    BookingOutcome,
    BookingParty,
    BookingRequested,
)
from shared.events.registry.facilities import FacilityStatus
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless

BOOKING_DAYS_MAX, DAYS_AHEAD_MAX = 31, 366
"""How long one booking lasts and how far ahead it begins at most: bounds of ours, so that a calendar has an end."""
_ARTICLE = "9(2)"
_MINUTE = timedelta(minutes=1)


@message
class RequestBooking:
    """The standing is that of the day; `status` is None for a facility that is withdrawn, `taken` if the slot is."""

    booking_id: str
    facility_id: str
    status: FacilityStatus | None
    provider_id: str
    provider_listed: bool
    provider_leaving: bool
    claimant_id: str
    barred: bool
    terms: BookingTerms
    starts_at: datetime
    ends_at: datetime
    taken: bool
    purpose_digest: str
    at: datetime
    on: date


@message
class ConfirmBooking:
    at: datetime
    on: date


@message
class DeclineBooking:
    reason_digest: str
    on: date


@message
class LapseBooking:
    """The slot may have begun without an answer."""

    at: datetime
    on: date


@message
class CancelBooking:
    """`notice_hours` are what the facility's terms ask today."""

    cancelled_by: BookingParty
    notice_hours: int
    reason_digest: str
    at: datetime
    on: date


@message
class ConcludeBooking:
    """Say what came of it; nobody who did not come has used the machine."""

    outcome: BookingOutcome
    machine_minutes: int
    at: datetime
    on: date


type Stage = Literal["requested", "confirmed", "declined", "lapsed", "cancelled", "used", "no_show"]


@message
class Unrequested: ...


@message
class Booked:
    booking_id: str
    facility_id: str
    provider_id: str
    claimant_id: str
    starts_at: datetime
    ends_at: datetime
    machine_minutes: int
    stage: Stage
    late: bool = False


type Command = RequestBooking | ConfirmBooking | DeclineBooking | LapseBooking | CancelBooking | ConcludeBooking
type Event = (
    BookingRequested | BookingConfirmed | BookingDeclined | BookingLapsed | BookingCancelled | BookingConcluded
)  # fmt: skip
type State = Unrequested | Booked


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case RequestBooking(), Unrequested():
            refuse_unless(*_standing(command), *_times(command))
            return [_requested(command)]
        case ConfirmBooking(at=at, on=on), Booked(stage="requested"):
            refuse_unless(_begun(state, at))
            return [
                BookingConfirmed(
                    booking_id=state.booking_id, provider_id=state.provider_id, claimant_id=state.claimant_id, on=on
                )
            ]
        case DeclineBooking(reason_digest=digest, on=on), Booked(stage="requested"):
            return [
                BookingDeclined(
                    booking_id=state.booking_id,
                    provider_id=state.provider_id,
                    claimant_id=state.claimant_id,
                    reason_digest=digest,
                    on=on,
                )
            ]
        case LapseBooking(at=at, on=on), Booked(stage="requested") if at >= state.starts_at:
            return [
                BookingLapsed(
                    booking_id=state.booking_id, provider_id=state.provider_id, claimant_id=state.claimant_id, on=on
                )
            ]
        case LapseBooking(), _:
            return []  # Answered or cancelled in time, or the sweep came early.
        case CancelBooking(), Booked(stage="requested" | "confirmed"):
            refuse_unless(_begun(state, command.at))
            return [_cancelled(command, state)]
        case ConcludeBooking(), Booked(stage="confirmed"):
            return [_concluded(command, state)]
        case (
            (RequestBooking() | ConfirmBooking() | DeclineBooking() | CancelBooking() | ConcludeBooking()),
            _,
        ):
            raise refuse("booking-not-in-this-stage", article=_ARTICLE, value=stage_of(state), kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case BookingRequested():
            return Booked(
                booking_id=event.booking_id,
                facility_id=event.facility_id,
                provider_id=event.provider_id,
                claimant_id=event.claimant_id,
                starts_at=event.starts_at,
                ends_at=event.ends_at,
                machine_minutes=event.machine_minutes,
                stage="requested",
            )
        case BookingConfirmed():
            assert isinstance(state, Booked), state
            return replace(state, stage="confirmed")
        case BookingDeclined():
            assert isinstance(state, Booked), state
            return replace(state, stage="declined")
        case BookingLapsed():
            assert isinstance(state, Booked), state
            return replace(state, stage="lapsed")
        case BookingCancelled(late=late):
            assert isinstance(state, Booked), state
            return replace(state, stage="cancelled", late=late)
        case BookingConcluded(outcome=outcome, machine_minutes=machine_minutes):
            assert isinstance(state, Booked), state
            return replace(state, stage=outcome, machine_minutes=machine_minutes)
    assert_never(event)


booking: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unrequested())


def stage_of(state: State) -> str:
    """Name a state for people and programs."""
    return "unrequested" if isinstance(state, Unrequested) else state.stage


def is_slot(starts_at: datetime, ends_at: datetime) -> bool:
    """Tell whether two instants make a slot: whole minutes, in order, at most 31 days."""
    even = not any(instant.second or instant.microsecond for instant in (starts_at, ends_at))
    return even and timedelta() < ends_at - starts_at <= timedelta(days=BOOKING_DAYS_MAX)


def minutes_of(starts_at: datetime, ends_at: datetime) -> int:
    """Count the whole minutes from one instant to another."""
    return (ends_at - starts_at) // _MINUTE


def _requested(command: RequestBooking) -> BookingRequested:
    return BookingRequested(
        booking_id=command.booking_id,
        facility_id=command.facility_id,
        provider_id=command.provider_id,
        claimant_id=command.claimant_id,
        starts_at=command.starts_at,
        ends_at=command.ends_at,
        machine_minutes=minutes_of(command.starts_at, command.ends_at),
        purpose_digest=command.purpose_digest,
        on=command.on,
    )


def _cancelled(command: CancelBooking, state: Booked) -> BookingCancelled:
    """Cancel it; late is who cancels what was confirmed after the notice that the terms ask has begun."""
    by_when = state.starts_at - timedelta(hours=command.notice_hours)
    return BookingCancelled(
        booking_id=state.booking_id,
        provider_id=state.provider_id,
        claimant_id=state.claimant_id,
        cancelled_by=command.cancelled_by,
        late=state.stage == "confirmed" and command.at > by_when,
        reason_digest=command.reason_digest,
        on=command.on,
    )


def _concluded(command: ConcludeBooking, state: Booked) -> BookingConcluded:
    """Conclude what is over; a no-show is one as soon as the slot has begun."""
    used = command.outcome == "used"
    from_when = state.ends_at if used else state.starts_at
    booked, ran = minutes_of(state.starts_at, state.ends_at), command.machine_minutes
    refuse_unless(
        Reason(code="booking-not-over", article=_ARTICLE, value=command.at, limit=from_when, kind="state")
        if command.at < from_when
        else None,
        Reason(code="machine-time-over-booking", article="11", value=ran, limit=booked if used else 0)
        if ran > (booked if used else 0)
        else None,
    )
    return BookingConcluded(
        booking_id=state.booking_id,
        provider_id=state.provider_id,
        claimant_id=state.claimant_id,
        outcome=command.outcome,
        machine_minutes=ran,
        on=command.on,
    )


def _begun(state: Booked, at: datetime) -> Reason | None:
    if at < state.starts_at:
        return None
    return Reason(code="booking-has-begun", article=_ARTICLE, value=at, limit=state.starts_at, kind="state")


def _standing(command: RequestBooking) -> tuple[Reason | None, ...]:
    """Look at both sides and the facility: nothing new for who is not on the list, leaves it or is barred."""
    status = command.status or "withdrawn"
    return (
        None if command.provider_listed else Reason(code="provider-not-listed", article="10(2)", kind="state"),
        Reason(code="provider-is-leaving", article="6", kind="state") if command.provider_leaving else None,
        Reason(code="party-barred", article="17", kind="state") if command.barred else None,
        None
        if status == "in_service"
        else Reason(code="facility-not-in-service", article="5", value=status, kind="state"),
    )


def _times(command: RequestBooking) -> tuple[Reason | None, ...]:
    """Look at the slot: whole minutes in order, to come, not too long, within opening hours, and free."""
    starts_at, ends_at, latest = command.starts_at, command.ends_at, command.at + timedelta(days=DAYS_AHEAD_MAX)
    if not is_slot(starts_at, ends_at):
        return (Reason(code="booking-times-wrong", article=_ARTICLE, value=ends_at, limit=starts_at),)
    if not command.at <= starts_at <= latest:
        return (Reason(code="booking-day-wrong", article=_ARTICLE, value=starts_at, limit=latest),)
    return (
        None
        if is_open(command.terms, starts_at, ends_at)
        else Reason(code="booking-outside-hours", article="6(5)", value=starts_at),
        Reason(code="slot-taken", article=_ARTICLE, value=starts_at, kind="state") if command.taken else None,
    )
