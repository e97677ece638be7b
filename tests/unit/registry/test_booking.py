"""A facility is booked, answered, cancelled, used or missed; slots are within opening hours and free (art. 5, 9(2))."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.booking import (
    BOOKING_DAYS_MAX,
    DAYS_AHEAD_MAX,
    Booked,
    CancelBooking,
    ConcludeBooking,
    ConfirmBooking,
    DeclineBooking,
    Event,
    LapseBooking,
    RequestBooking,
    booking,
)
from services.registry.domain.booking_terms import (
    BookingTerms,
    SetTerms,
    Span,
    booking_terms,
    free_spans,
    is_open,
    open_spans,
)
from shared.events.registry.bookings import (
    BookingCancelled,
    BookingConcluded,
    BookingConfirmed,
    BookingDeclined,
    BookingLapsed,
    BookingRequested,
    BookingTermsSet,
    OpeningHours,
)
from tests.specification import Specification
from tests.unit.registry.facts import PRV, TODAY

spec, terms_spec = Specification(booking), Specification(booking_terms)
HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # Monday, ten o'clock in Beijing
STARTS, ENDS = datetime(2026, 11, 24, 1, 0, tzinfo=UTC), datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
TOO_LONG = STARTS + timedelta(days=BOOKING_DAYS_MAX, minutes=1)
WEEKDAYS = tuple(OpeningHours(weekday=day, opens=9 * 60, closes=18 * 60) for day in range(1, 6))
TERMS = BookingTerms(opening=WEEKDAYS, notice_hours=24)
REQUEST = RequestBooking(
    booking_id="bkg_1", facility_id="fac_1", status="in_service", provider_id=PRV, provider_listed=True,
    provider_leaving=False, claimant_id="clm_1", barred=False, terms=TERMS, starts_at=STARTS, ends_at=ENDS,
    taken=False, purpose_digest="66", at=NOW, on=TODAY,
)  # fmt: skip
REQUESTED = BookingRequested(
    booking_id="bkg_1", facility_id="fac_1", provider_id=PRV, claimant_id="clm_1", starts_at=STARTS, ends_at=ENDS,
    machine_minutes=240, purpose_digest="66", on=TODAY,
)  # fmt: skip
CONFIRMED = BookingConfirmed(booking_id="bkg_1", provider_id=PRV, claimant_id="clm_1", on=TODAY)
DECLINED = BookingDeclined(booking_id="bkg_1", provider_id=PRV, claimant_id="clm_1", reason_digest="77", on=TODAY)
LAPSED = BookingLapsed(booking_id="bkg_1", provider_id=PRV, claimant_id="clm_1", on=TODAY)
CANCEL = CancelBooking(cancelled_by="claimant", notice_hours=24, reason_digest="77", at=NOW, on=TODAY)
CANCELLED = BookingCancelled(
    booking_id="bkg_1", provider_id=PRV, claimant_id="clm_1", cancelled_by="claimant", late=False, reason_digest="77",
    on=TODAY,
)  # fmt: skip
CONCLUDE = ConcludeBooking(outcome="used", machine_minutes=240, at=ENDS, on=TODAY)
USED = BookingConcluded(
    booking_id="bkg_1", provider_id=PRV, claimant_id="clm_1", outcome="used", machine_minutes=240, on=TODAY
)
CONFIRM, LAPSE = ConfirmBooking(at=NOW, on=TODAY), LapseBooking(at=STARTS, on=TODAY)
DECLINE = DeclineBooking(reason_digest="77", on=TODAY)


def test_a_slot_is_asked_for_and_confirmed_declined_or_left_to_lapse() -> None:
    spec.given().when(REQUEST).then(REQUESTED)
    spec.given(REQUESTED).when(CONFIRM).then(CONFIRMED)
    spec.given(REQUESTED).when(DECLINE).then(DECLINED)
    spec.given(REQUESTED).when(LAPSE).then(LAPSED)
    spec.given(REQUESTED).when(replace(LAPSE, at=STARTS - timedelta(minutes=1))).then_nothing()
    for answered in (CONFIRMED, DECLINED, CANCELLED, LAPSED):
        spec.given(REQUESTED, answered).when(LAPSE).then_nothing()


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"provider_listed": False, "barred": True}, ["provider-not-listed", "party-barred"]),
        ({"provider_leaving": True}, ["provider-is-leaving"]),
        ({"status": "under_maintenance"}, ["facility-not-in-service"]),
        ({"status": "out_of_service"}, ["facility-not-in-service"]),
        ({"status": None, "taken": True}, ["facility-not-in-service", "slot-taken"]),
        ({"ends_at": STARTS}, ["booking-times-wrong"]),
        ({"starts_at": STARTS + timedelta(seconds=1)}, ["booking-times-wrong"]),
        ({"terms": BookingTerms(), "ends_at": TOO_LONG}, ["booking-times-wrong"]),
        ({"at": STARTS + timedelta(microseconds=1)}, ["booking-day-wrong"]),
        ({"at": STARTS - timedelta(days=DAYS_AHEAD_MAX, microseconds=1)}, ["booking-day-wrong"]),
        ({"starts_at": STARTS - timedelta(minutes=1)}, ["booking-outside-hours"]),
        ({"ends_at": ENDS + 5 * HOUR + timedelta(minutes=1)}, ["booking-outside-hours"]),
        ({"taken": True}, ["slot-taken"]),
    ],
)  # fmt: skip
def test_what_cannot_be_booked_is_refused(changes: dict[str, Any], codes: list[str]) -> None:
    spec.given().when(replace(REQUEST, **changes)).then_refused(*codes)


def test_the_last_slots_inside_each_bound_are_taken() -> None:
    whole = timedelta(days=BOOKING_DAYS_MAX)
    bounds: tuple[dict[str, Any], ...] = (
        {"ends_at": ENDS + 5 * HOUR},
        {"at": STARTS},
        {"at": STARTS - timedelta(days=DAYS_AHEAD_MAX)},
        {"terms": BookingTerms(), "ends_at": STARTS + whole},
    )
    for changes in bounds:
        command = replace(REQUEST, **changes)
        minutes = (command.ends_at - command.starts_at) // timedelta(minutes=1)
        spec.given().when(command).then(replace(REQUESTED, ends_at=command.ends_at, machine_minutes=minutes))


def test_either_side_cancels_before_it_begins_and_late_is_who_breaks_the_notice() -> None:
    by_when = STARTS - 24 * HOUR
    spec.given(REQUESTED, CONFIRMED).when(replace(CANCEL, at=by_when)).then(CANCELLED)
    late = replace(CANCEL, at=by_when + timedelta(microseconds=1), cancelled_by="provider")
    spec.given(REQUESTED, CONFIRMED).when(late).then(replace(CANCELLED, late=True, cancelled_by="provider"))
    spec.given(REQUESTED).when(late).then(replace(CANCELLED, cancelled_by="provider"))
    for command in (replace(CANCEL, at=STARTS), replace(CONFIRM, at=STARTS)):
        spec.given(REQUESTED).when(command).then_refused("booking-has-begun")


def test_a_booking_is_concluded_when_it_is_over_and_a_no_show_when_it_has_begun() -> None:
    spec.given(REQUESTED, CONFIRMED).when(CONCLUDE).then(USED)
    spec.given(REQUESTED, CONFIRMED).when(replace(CONCLUDE, machine_minutes=0)).then(replace(USED, machine_minutes=0))
    early = replace(CONCLUDE, at=ENDS - timedelta(microseconds=1), machine_minutes=241)
    spec.given(REQUESTED, CONFIRMED).when(early).then_refused("booking-not-over", "machine-time-over-booking")
    missed = replace(CONCLUDE, outcome="no_show", machine_minutes=0, at=STARTS)
    spec.given(REQUESTED, CONFIRMED).when(missed).then(replace(USED, outcome="no_show", machine_minutes=0))
    wrong = replace(missed, machine_minutes=1, at=STARTS - timedelta(microseconds=1))
    spec.given(REQUESTED, CONFIRMED).when(wrong).then_refused("booking-not-over", "machine-time-over-booking")


@pytest.mark.parametrize(
    "history",
    [(), (REQUESTED, DECLINED), (REQUESTED, LAPSED), (REQUESTED, CANCELLED), (REQUESTED, CONFIRMED, USED)],
)
def test_what_is_over_is_neither_answered_nor_cancelled_nor_concluded(history: tuple[Event, ...]) -> None:
    for command in (CONFIRM, DECLINE, CANCEL, CONCLUDE):
        spec.given(*history).when(command).then_refused("booking-not-in-this-stage")
    for unfit in (REQUEST, CONCLUDE):
        spec.given(REQUESTED).when(unfit).then_refused("booking-not-in-this-stage")


def test_terms_are_set_in_order_without_overlaps_on_an_open_facility() -> None:
    set_ = SetTerms(
        facility_id="fac_1", provider_id=PRV, facility_open=True, opening=WEEKDAYS, notice_hours=24, on=TODAY
    )
    fact = BookingTermsSet(facility_id="fac_1", provider_id=PRV, opening=WEEKDAYS, notice_hours=24, on=TODAY)
    terms_spec.given().when(set_).then(fact)
    terms_spec.given(fact).when(set_).then_nothing()
    touching = (OpeningHours(weekday=1, opens=0, closes=60), OpeningHours(weekday=1, opens=60, closes=90))
    terms_spec.given().when(replace(set_, opening=touching)).then(replace(fact, opening=touching))
    crossing = (OpeningHours(weekday=1, opens=0, closes=61), OpeningHours(weekday=1, opens=60, closes=90))
    for wrong in (crossing, (OpeningHours(weekday=1, opens=60, closes=60),)):
        terms_spec.given().when(replace(set_, opening=wrong)).then_refused("opening-hours-wrong")
    terms_spec.given().when(replace(set_, facility_open=False)).then_refused("facility-not-open")


def test_a_night_is_open_when_both_days_say_so() -> None:
    night = BookingTerms(
        opening=(OpeningHours(weekday=1, opens=1_200, closes=1_440), OpeningHours(weekday=2, opens=0, closes=300))
    )
    midnight = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    assert is_open(night, midnight - 4 * HOUR, midnight + 5 * HOUR)
    assert not is_open(night, midnight - 4 * HOUR, midnight + 5 * HOUR + timedelta(minutes=1))
    assert is_open(BookingTerms(), midnight - 100 * HOUR, midnight + 100 * HOUR)


def _slots(pairs: list[tuple[int, int]]) -> list[Span]:
    at = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    return [(at + begin * HOUR, at + (begin + length) * HOUR) for begin, length in pairs]


@given(st.lists(st.tuples(st.integers(-5, 170), st.integers(1, 30)), max_size=12), st.integers(-5, 80))
def test_every_open_hour_to_come_is_free_or_taken_and_never_both(pairs: list[tuple[int, int]], hours: int) -> None:
    busy, opened = _slots(pairs), open_spans(TERMS, date(2026, 11, 24), date(2026, 11, 30))
    start = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    free = free_spans(opened, busy, start + hours * HOUR)
    assert free == sorted(free)
    for number in range(7 * 24):
        hour = (start + number * HOUR, start + (number + 1) * HOUR)
        within = [any(begins <= hour[0] and hour[1] <= ends for begins, ends in spans) for spans in (opened, free)]
        taken = any(begins < hour[1] and hour[0] < ends for begins, ends in busy)
        assert within[1] == (within[0] and not taken and number >= hours)


def test_the_machine_time_is_the_slot_s_until_it_is_said() -> None:
    state = booking.fold([REQUESTED, CONFIRMED, replace(USED, machine_minutes=200)])
    assert isinstance(state, Booked)
    assert (state.stage, state.machine_minutes) == ("used", 200)
