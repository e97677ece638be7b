"""Days, months and deadlines as the Civil Code counts them, against a count done by hand."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.kernel.calendar import (
    BEIJING,
    Deadline,
    WorkingDays,
    business_date,
    days_after,
    deadline_on,
    months_after,
    roll_to_working_day,
    start_of,
    working_days_after,
    years_after,
)

DAYS = st.dates(date(2000, 1, 1), date(2090, 12, 31))
INSTANTS = st.datetimes(datetime(1992, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NATIONAL_DAY_2026 = WorkingDays(
    published_years=frozenset({2026}),
    days_off=frozenset(date(2026, 10, day) for day in range(1, 8)),
    make_up_days=frozenset({date(2026, 9, 20), date(2026, 10, 10)}),
)


@st.composite
def calendars(draw: st.DrawFn) -> WorkingDays:
    """Any plausible set of notices: some years published, some weekdays off, some weekend days worked."""
    near = st.dates(date(2026, 12, 1), date(2027, 1, 31))
    chosen = draw(st.frozensets(near, max_size=25))
    return WorkingDays(
        published_years=draw(st.frozensets(st.sampled_from([2026, 2027]))),
        days_off=frozenset(day for day in chosen if day.weekday() < 5),
        make_up_days=frozenset(day for day in chosen if day.weekday() >= 5),
    )


NEW_YEAR = st.dates(date(2026, 12, 1), date(2027, 1, 31))


# Calendar days and months (art. 201 and 202)


def test_the_first_day_is_not_counted() -> None:
    assert days_after(date(2026, 11, 7), 15) == date(2026, 11, 22)


@given(day=DAYS, days=st.integers(0, 400))
def test_a_naive_day_count_agrees(day: date, days: int) -> None:
    counted, last = 0, day
    while counted < days:
        last = date.fromordinal(last.toordinal() + 1)
        counted += 1
    assert days_after(day, days) == last


@pytest.mark.parametrize(
    ("day", "months", "last_day"),
    [
        (date(2026, 8, 31), 3, date(2026, 11, 30)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2023, 11, 30), 3, date(2024, 2, 29)),
        (date(2024, 2, 29), 3, date(2024, 5, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2026, 12, 31), 1, date(2027, 1, 31)),
        (date(2026, 11, 15), 1, date(2026, 12, 15)),
        (date(2026, 11, 15), 2, date(2027, 1, 15)),
        (date(2026, 11, 15), 0, date(2026, 11, 15)),
    ],
)
def test_a_month_ends_on_the_same_day_or_the_months_last(day: date, months: int, last_day: date) -> None:
    assert months_after(day, months) == last_day


@given(day=DAYS, months=st.integers(0, 120))
def test_a_naive_month_count_agrees(day: date, months: int) -> None:
    year, month = day.year, day.month
    for _ in range(months):
        month += 1
        if month == 13:
            year, month = year + 1, 1
    assert months_after(day, months) == date(year, month, min(day.day, monthrange(year, month)[1]))


@given(day=DAYS, later=DAYS, months=st.integers(0, 120))
def test_a_later_start_never_ends_earlier(day: date, later: date, months: int) -> None:
    assume(day <= later)
    assert months_after(day, months) <= months_after(later, months)


@given(day=DAYS, months=st.integers(0, 120))
def test_a_longer_period_ends_later(day: date, months: int) -> None:
    assert months_after(day, months) < months_after(day, months + 1)


def test_five_years_from_a_leap_day_end_with_february() -> None:
    assert years_after(date(2024, 2, 29), 5) == date(2029, 2, 28)
    assert years_after(date(2024, 2, 29), 4) == date(2028, 2, 29)


def test_no_period_is_counted_backwards() -> None:
    with pytest.raises(ValueError, match="-1"):
        days_after(date(2026, 11, 22), -1)
    with pytest.raises(ValueError, match="-3"):
        months_after(date(2026, 11, 22), -3)


# The last day (art. 203)


def test_a_last_day_in_a_holiday_moves_behind_it() -> None:
    assert roll_to_working_day(date(2026, 10, 1), NATIONAL_DAY_2026) == Deadline(date(2026, 10, 8), provisional=False)


def test_a_last_day_before_a_holiday_stays() -> None:
    assert roll_to_working_day(date(2026, 9, 30), NATIONAL_DAY_2026) == Deadline(date(2026, 9, 30), provisional=False)


def test_a_make_up_sunday_is_a_last_day_like_any_other() -> None:
    assert roll_to_working_day(date(2026, 9, 20), NATIONAL_DAY_2026).last_day == date(2026, 9, 20)
    assert roll_to_working_day(date(2026, 9, 19), NATIONAL_DAY_2026).last_day == date(2026, 9, 20)


def test_an_unpublished_year_knows_weekends_only_and_says_so() -> None:
    assert roll_to_working_day(date(2027, 1, 1), NATIONAL_DAY_2026) == Deadline(date(2027, 1, 1), provisional=True)
    assert roll_to_working_day(date(2027, 1, 2), NATIONAL_DAY_2026) == Deadline(date(2027, 1, 4), provisional=True)


def test_a_day_that_rolls_into_an_unpublished_year_is_provisional() -> None:
    closed = WorkingDays(frozenset({2026}), frozenset({date(2026, 12, 31)}))
    assert roll_to_working_day(date(2026, 12, 31), closed) == Deadline(date(2027, 1, 1), provisional=True)
    assert roll_to_working_day(date(2026, 12, 30), closed) == Deadline(date(2026, 12, 30), provisional=False)


def test_without_rolling_the_day_stands_and_is_certain() -> None:
    assert deadline_on(date(2027, 1, 2), NATIONAL_DAY_2026, roll=False) == Deadline(date(2027, 1, 2), provisional=False)
    assert deadline_on(date(2027, 1, 2), NATIONAL_DAY_2026, roll=True) == Deadline(date(2027, 1, 4), provisional=True)


@given(day=NEW_YEAR, working_days=calendars())
def test_rolling_finds_the_first_working_day_from_the_last_day_on(day: date, working_days: WorkingDays) -> None:
    deadline = roll_to_working_day(day, working_days)
    passed = [day + timedelta(offset) for offset in range((deadline.last_day - day).days + 1)]
    assert [each for each in passed if working_days.is_working_day(each)] == [deadline.last_day]
    assert deadline.provisional == any(each.year not in working_days.published_years for each in passed)


@given(day=NEW_YEAR, later=NEW_YEAR, working_days=calendars())
def test_rolling_keeps_the_order_of_days(day: date, later: date, working_days: WorkingDays) -> None:
    assume(day <= later)
    assert roll_to_working_day(day, working_days).last_day <= roll_to_working_day(later, working_days).last_day


@given(day=NEW_YEAR, working_days=calendars())
def test_a_rolled_day_does_not_roll_again(day: date, working_days: WorkingDays) -> None:
    last_day = roll_to_working_day(day, working_days).last_day
    assert roll_to_working_day(last_day, working_days).last_day == last_day


# Working days of a public notice (Measures art. 14(5))


def test_five_working_days_skip_the_weekend() -> None:
    published = WorkingDays(frozenset({2026}))
    assert working_days_after(date(2026, 11, 20), 5, published) == Deadline(date(2026, 11, 27), provisional=False)


def test_five_working_days_skip_the_holiday_and_count_the_make_up_saturday() -> None:
    assert working_days_after(date(2026, 9, 30), 3, NATIONAL_DAY_2026).last_day == date(2026, 10, 10)


def test_a_notice_over_new_year_is_provisional() -> None:
    published = WorkingDays(frozenset({2026}))
    assert working_days_after(date(2026, 12, 24), 5, published) == Deadline(date(2026, 12, 31), provisional=False)
    assert working_days_after(date(2026, 12, 25), 5, published) == Deadline(date(2027, 1, 1), provisional=True)


def test_a_notice_of_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        working_days_after(date(2026, 11, 20), 0, NATIONAL_DAY_2026)


@given(day=NEW_YEAR, count=st.integers(1, 20), working_days=calendars())
def test_a_naive_count_of_working_days_agrees(day: date, count: int, working_days: WorkingDays) -> None:
    following = [day + timedelta(offset) for offset in range(1, 120)]
    worked = [
        each
        for each in following
        if each in working_days.make_up_days or (each.weekday() < 5 and each not in working_days.days_off)
    ]
    last_day = worked[count - 1]
    looked_at = [each for each in following if each <= last_day]
    assert working_days_after(day, count, working_days) == Deadline(
        last_day, provisional=any(each.year not in working_days.published_years for each in looked_at)
    )


# Beijing time


def test_a_deadline_ends_at_midnight_in_beijing() -> None:
    deadline = Deadline(date(2026, 12, 31), provisional=False)
    assert deadline.due_at == datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
    assert deadline.due_at.utcoffset() == timedelta(0)


def test_new_years_midnight_in_beijing_parts_the_years() -> None:
    midnight = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
    assert business_date(midnight - timedelta(microseconds=1)) == date(2026, 12, 31)
    assert business_date(midnight) == date(2027, 1, 1)


def test_the_zone_an_instant_is_written_in_does_not_matter() -> None:
    written_in_new_york = datetime(2026, 12, 31, 11, 0, tzinfo=timezone(timedelta(hours=-5)))
    assert business_date(written_in_new_york) == date(2027, 1, 1)


def test_a_naive_instant_has_no_business_date() -> None:
    with pytest.raises(ValueError, match="aware"):
        business_date(datetime(2026, 11, 22, 12, 0))  # noqa: DTZ001


@given(instant=INSTANTS)
def test_the_zone_database_agrees_on_the_day(instant: datetime) -> None:
    assert business_date(instant) == instant.astimezone(ZoneInfo("Asia/Shanghai")).date()
    assert instant.astimezone(BEIJING).utcoffset() == instant.astimezone(ZoneInfo("Asia/Shanghai")).utcoffset()


@given(day=DAYS)
def test_a_day_is_in_time_to_its_last_microsecond(day: date) -> None:
    due_at = Deadline(day, provisional=False).due_at
    assert business_date(start_of(day)) == day
    assert business_date(due_at - timedelta(microseconds=1)) == day
    assert business_date(due_at) == day + timedelta(days=1)
