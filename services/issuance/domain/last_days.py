"""Until when what is claimed in a period must be registered, and then used (art. 15(2))."""

from datetime import date

from services.issuance.domain.period_phases import Period
from shared.kernel.calendar import Deadline, WorkingDays, days_after, deadline_on, months_after


def registration_deadline(period: Period, claimed_on: date, working_days: WorkingDays, *, roll: bool) -> Deadline:
    """Count the days to register what was claimed on a day, to the period's last days at most (art. 15(2))."""
    counted = deadline_on(days_after(claimed_on, period.registration_days), working_days, roll=roll)
    return _at_most(counted, period.registration_last_day, period.validity_last_day)


def validity_deadline(period: Period, submitted_on: date, working_days: WorkingDays, *, roll: bool) -> Deadline:
    """Count the months that a voucher is valid once registered, to the period's last day at most (art. 15(2))."""
    counted = deadline_on(months_after(submitted_on, period.validity_months), working_days, roll=roll)
    return _at_most(counted, period.validity_last_day)


def _at_most(counted: Deadline, *last_days: date | None) -> Deadline:
    last_day = min(day for day in (counted.last_day, *last_days) if day is not None)
    return counted if last_day == counted.last_day else Deadline(last_day=last_day, provisional=False)
