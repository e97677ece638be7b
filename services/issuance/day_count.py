"""Last days counted another way than the domain counts them, so that the audit can hold one against the other."""

from calendar import monthrange
from datetime import date
from functools import cache

from shared.kernel.calendar import WorkingDays
from shared.measures.working_days import load_working_days

_SATURDAY = 6
"""As the ISO calendar numbers it."""


def last_day_of_days(first: date, days: int, *, roll: bool, weekends_only: bool = False) -> date:
    """Count days one by one, not counting the first (Civil Code art. 201)."""
    day = date.fromordinal(first.toordinal() + days)
    return _moved(day, weekends_only=weekends_only) if roll else day


def last_day_of_months(first: date, months: int, *, roll: bool, weekends_only: bool = False) -> date:
    """Turn the calendar's pages one by one; a month too short ends on its last day (Civil Code art. 202)."""
    year, month = first.year, first.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004 (December)
    day = date(year, month, min(first.day, monthrange(year, month)[1]))
    return _moved(day, weekends_only=weekends_only) if roll else day


def _moved(day: date, *, weekends_only: bool) -> date:
    """Go on to the first day that is worked."""
    notices = WorkingDays() if weekends_only else _notices()
    while day in notices.days_off or (day.isoweekday() >= _SATURDAY and day not in notices.make_up_days):
        day = date.fromordinal(day.toordinal() + 1)
    return day


@cache
def _notices() -> WorkingDays:
    return load_working_days()
