"""How a facility is booked: opening hours, notice before cancelling, and the slots that are free (art. 6(5))."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from shared.events.registry.bookings import BookingTermsSet, OpeningHours
from shared.kernel.calendar import BEIJING, start_of
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse_unless

DAY_MINUTES = 24 * 60
NOTICE_HOURS_MAX = 24 * 30
_ARTICLE = "6(5)"
_ONE_DAY = timedelta(days=1)
type Span = tuple[datetime, datetime]
"""From an instant, inclusive, to another, exclusive."""


@message
class SetTerms:
    """No opening hours means around the clock; the standing is the facility's on the day."""

    facility_id: str
    provider_id: str
    facility_open: bool
    opening: tuple[OpeningHours, ...]
    notice_hours: int
    on: date


@message
class BookingTerms:
    """The terms that hold; those nobody set are open hours and no notice."""

    opening: tuple[OpeningHours, ...] = ()
    notice_hours: int = 0


def decide(command: SetTerms, state: BookingTerms) -> list[BookingTermsSet]:
    """Set the terms from now on; bookings already made stay."""
    refuse_unless(
        None if command.facility_open else Reason(code="facility-not-open", article="5", kind="state"),
        _unordered(command.opening),
    )
    if (command.opening, command.notice_hours) == (state.opening, state.notice_hours):
        return []
    return [
        BookingTermsSet(
            facility_id=command.facility_id,
            provider_id=command.provider_id,
            opening=command.opening,
            notice_hours=command.notice_hours,
            on=command.on,
        )
    ]


def evolve(_state: BookingTerms, event: BookingTermsSet) -> BookingTerms:
    """Fold one fact into the terms."""
    return BookingTerms(opening=event.opening, notice_hours=event.notice_hours)


booking_terms: Decider[SetTerms, BookingTermsSet, BookingTerms] = Decider(decide, evolve, initial=BookingTerms())


def open_spans(terms: BookingTerms, first_day: date, last_day: date) -> list[Span]:
    """Say when a facility is open from one day to another, both inclusive; spans that touch are one."""
    if not terms.opening:
        return [(start_of(first_day), start_of(last_day + _ONE_DAY))]
    days = (first_day + _ONE_DAY * number for number in range((last_day - first_day).days + 1))
    return _joined(
        (start_of(day) + timedelta(minutes=hours.opens), start_of(day) + timedelta(minutes=hours.closes))
        for day in days
        for hours in terms.opening
        if hours.weekday == day.isoweekday()
    )


def is_open(terms: BookingTerms, starts_at: datetime, ends_at: datetime) -> bool:
    """Tell whether a facility is open from one instant to another, without a break."""
    first = starts_at.astimezone(BEIJING).date()
    last = ends_at.astimezone(BEIJING).date()
    return any(begins <= starts_at and ends_at <= ends for begins, ends in open_spans(terms, first, last))


def free_spans(opened: Sequence[Span], busy: Iterable[Span], not_before: datetime) -> list[Span]:
    """Give what is open, not taken and not past, in order."""
    taken = [*_joined(busy)]
    free: list[Span] = []
    for begins, ends in opened:
        at = max(begins, not_before)
        for start, end in taken:
            if end <= at or start >= ends:
                continue
            if at < start:
                free.append((at, start))
            at = end
        if at < ends:
            free.append((at, ends))
    return free


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for begins, ends in sorted((begins.astimezone(UTC), ends.astimezone(UTC)) for begins, ends in spans):
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ends))
        else:
            joined.append((begins, ends))
    return joined


def _unordered(opening: tuple[OpeningHours, ...]) -> Reason | None:
    """Refuse hours that end before they begin, and two of a day that overlap."""
    ordered = sorted((hours.weekday, hours.opens, hours.closes) for hours in opening)
    within = all(opens < closes for _, opens, closes in ordered)
    apart = all(before[0] != after[0] or before[2] <= after[1] for before, after in pairwise(ordered))
    return None if within and apart else Reason(code="opening-hours-wrong", article=_ARTICLE)
