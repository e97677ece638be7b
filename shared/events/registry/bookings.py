"""When facilities are booked, by whom, and what came of it (art. 5, 9(2)): instants and ids, no purpose, no reason."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from shared.events.definition import event

type BookingParty = Literal["claimant", "provider"]
type BookingOutcome = Literal["used", "no_show"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningHours:
    """From when to when a facility is open on a weekday (Monday is 1), in minutes of the day in Beijing."""

    weekday: int
    opens: int
    closes: int


@event("registry.booking-terms-set", key="provider_id")
class BookingTermsSet:
    """How a facility is booked: when it is open, around the clock if nothing is said, and how long before to cancel."""

    facility_id: str
    provider_id: str
    opening: tuple[OpeningHours, ...]
    notice_hours: int
    on: date


@event("registry.booking-requested", key="provider_id")
class BookingRequested:
    """A claimant asks for a facility from one instant to another; the slot is taken until it is given back."""

    booking_id: str
    facility_id: str
    provider_id: str
    claimant_id: str
    starts_at: datetime
    ends_at: datetime
    machine_minutes: int
    purpose_digest: str
    on: date


@event("registry.booking-confirmed", key="provider_id")
class BookingConfirmed:
    """The provider has confirmed a booking."""

    booking_id: str
    provider_id: str
    claimant_id: str
    on: date


@event("registry.booking-declined", key="provider_id")
class BookingDeclined:
    """The provider has declined a booking; the reason is for the two parties."""

    booking_id: str
    provider_id: str
    claimant_id: str
    reason_digest: str
    on: date


@event("registry.booking-lapsed", key="provider_id")
class BookingLapsed:
    """Nobody answered before the slot began."""

    booking_id: str
    provider_id: str
    claimant_id: str
    on: date


@event("registry.booking-cancelled", key="provider_id")
class BookingCancelled:
    """One side has cancelled a booking before it began; `late`: later than the facility's terms ask."""

    booking_id: str
    provider_id: str
    claimant_id: str
    cancelled_by: BookingParty
    late: bool
    reason_digest: str
    on: date


@event("registry.booking-concluded", key="provider_id")
class BookingConcluded:
    """The provider has said what came of a booking, and how long the machine ran."""

    booking_id: str
    provider_id: str
    claimant_id: str
    outcome: BookingOutcome
    machine_minutes: int
    on: date
