"""Days, months and deadlines, counted as the Civil Code counts them (art. 200-204), in Beijing time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

# China has kept one time without daylight saving since 1991, so a fixed offset is Asia/Shanghai exactly, needs no
# zone file and keeps this module pure. A test holds it against the zone database.
BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")

_ONE_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The State Council's yearly notices as far as they are published: who works when.

    `published_years` are the years whose notice is known; `days_off` are the holidays, `make_up_days` the weekend days
    that are worked instead. In a year that is not published only weekends are free.
    """

    published_years: frozenset[int] = frozenset()
    days_off: frozenset[date] = frozenset()
    make_up_days: frozenset[date] = frozenset()

    def is_working_day(self, day: date) -> bool:
        """Tell whether a day is worked: a make-up day, or a weekday that is no holiday."""
        return day in self.make_up_days or (day.weekday() < _SATURDAY and day not in self.days_off)

    def is_published(self, day: date) -> bool:
        """Tell whether the notice for the day's year is known, so that the answer is final."""
        return day.year in self.published_years


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day on which an act is in time; it ends at 24:00 Beijing time (Civil Code art. 203).

    `provisional` says that the day rests on a year whose working days are not published yet.
    """

    last_day: date
    provisional: bool

    @property
    def due_at(self) -> datetime:
        """The first instant that is too late: the midnight after the last day, in UTC."""
        return start_of(self.last_day + _ONE_DAY)


def business_date(instant: datetime) -> date:
    """Name the day it is in Beijing at an instant; the instant must be aware (ValueError otherwise).

    >>> business_date(datetime(2026, 12, 31, 16, 0, tzinfo=UTC))
    datetime.date(2027, 1, 1)
    """
    if instant.utcoffset() is None:
        message = f"{instant!r} has no time zone: a business date needs an aware instant"
        raise ValueError(message)
    return instant.astimezone(BEIJING).date()


def start_of(day: date) -> datetime:
    """Give the instant at which a day begins in Beijing, in UTC.

    >>> start_of(date(2027, 1, 1))
    datetime.datetime(2026, 12, 31, 16, 0, tzinfo=datetime.timezone.utc)
    """
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING).astimezone(UTC)


def days_after(day: date, days: int) -> date:
    """Name the last day of a period of calendar days; the first day is not counted (Civil Code art. 201).

    >>> days_after(date(2026, 11, 7), 15)
    datetime.date(2026, 11, 22)
    """
    return day + timedelta(days=_not_negative(days))


def months_after(day: date, months: int) -> date:
    """Name the last day of a period of months: the same day of the month, or the month's last (Civil Code art. 202).

    >>> months_after(date(2024, 11, 30), 3)
    datetime.date(2025, 2, 28)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + _not_negative(months), 12)
    first_of_next = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (first_of_next - _ONE_DAY).day))


def years_after(day: date, years: int) -> date:
    """Name the last day of a period of years: the same date, or the last of February (Civil Code art. 202)."""
    return months_after(day, years * 12)


def roll_to_working_day(day: date, working_days: WorkingDays) -> Deadline:
    """Move a last day that is free to the next working day (Civil Code art. 203).

    The answer is provisional when any day looked at lies in a year that is not published.
    """
    provisional = not working_days.is_published(day)
    while not working_days.is_working_day(day):
        day += _ONE_DAY
        provisional = provisional or not working_days.is_published(day)
    return Deadline(last_day=day, provisional=provisional)


def deadline_on(last_day: date, working_days: WorkingDays, *, roll: bool) -> Deadline:
    """Make the deadline of a period that ends on a day; `roll` is the measure `roll_to_working_day` (reading 9).

    Without rolling the day stands whatever the State Council publishes, so it is never provisional.
    """
    return roll_to_working_day(last_day, working_days) if roll else Deadline(last_day=last_day, provisional=False)


def working_days_after(day: date, working_days_count: int, working_days: WorkingDays) -> Deadline:
    """Name the last of a number of working days, at least one; the first day is not counted (Measures art. 14(5)).

    The answer is provisional when any day counted or passed over lies in a year that is not published.
    """
    if working_days_count < 1:
        message = f"{working_days_count} working days: a notice lasts at least one"
        raise ValueError(message)
    provisional = False
    left = working_days_count
    while left:
        day += _ONE_DAY
        left -= working_days.is_working_day(day)
        provisional = provisional or not working_days.is_published(day)
    return Deadline(last_day=day, provisional=provisional)


def _not_negative(length: int) -> int:
    """Refuse to count backwards: a period has no negative length."""
    if length < 0:
        message = f"{length}: a period cannot be shorter than nothing"
        raise ValueError(message)
    return length
