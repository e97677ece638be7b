"""Until when what is claimed in a period must be registered, and then used (art. 15(2)).

`terms` are the rules of the day that is counted from, which decides (reading 10): a plan that was agreed before they
became stricter gives nobody more than they allow.
"""

from datetime import date

from services.issuance.domain.period_phases import Period
from shared.kernel.calendar import Deadline, WorkingDays, days_after, deadline_on, months_after
from shared.measures.terms import VoucherTerms


def registration_deadline(period: Period, claimed_on: date, terms: VoucherTerms, working_days: WorkingDays) -> Deadline:
    """Count the days to register what was claimed on a day, to the period's last days at most (art. 15(2))."""
    last_day = days_after(claimed_on, min(period.registration_days, terms.registration_days))
    counted = deadline_on(last_day, working_days, roll=terms.roll_to_working_day)
    return _at_most(counted, period.registration_last_day, period.validity_last_day)


def validity_deadline(period: Period, submitted_on: date, terms: VoucherTerms, working_days: WorkingDays) -> Deadline:
    """Count the months that a voucher is valid once registered, to the period's last day at most (art. 15(2))."""
    last_day = months_after(submitted_on, min(period.validity_months, terms.validity_months))
    counted = deadline_on(last_day, working_days, roll=terms.roll_to_working_day)
    return _at_most(counted, period.validity_last_day)


def _at_most(counted: Deadline, *last_days: date | None) -> Deadline:
    last_day = min(day for day in (counted.last_day, *last_days) if day is not None)
    return counted if last_day == counted.last_day else Deadline(last_day=last_day, provisional=False)
