"""Whether a claimant is reminded of a deadline of its voucher: days before the last one, once each (art. 15(2))."""

from collections.abc import Collection
from datetime import date
from typing import assert_never

from services.issuance.domain.voucher_stages import Stage, State, Voucher
from shared.events.issuance.vouchers import DeadlineKind, VoucherReminded
from shared.measures.terms import VoucherTerms


def reminder_days(terms: VoucherTerms) -> tuple[int, ...]:
    """List how many days before a last day the office reminds, the earliest reminder first; equal ones are one."""
    days = {terms.reminder_days_first, terms.reminder_days_second, terms.reminder_days_last}
    return tuple(sorted(days, reverse=True))


def reminder(
    held: State, kind: DeadlineKind, *, last_day: date, days_before: int, on: date, steps: Collection[int]
) -> VoucherReminded | None:
    """Remind of a last day, or not: nothing waits for it any more, it has passed, or a later reminder says the same.

    `days_before` is the reminder meant, one of `steps`; `on` the day on which it is sent, which may be a later one.
    """
    days_left = (last_day - on).days
    if not isinstance(held, Voucher) or _waits_until(held, kind) != last_day or days_left < 0:
        return None
    if any(days_left <= step < days_before for step in steps):
        return None
    return VoucherReminded(
        voucher_id=held.voucher_id,
        period_id=held.period_id,
        claimant_id=held.claimant_id,
        deadline=kind,
        last_day=last_day,
        provisional=held.register_by_provisional if kind == "registration" else held.valid_until_provisional,
        days_left=days_left,
        on=on,
    )


def _waits_until(held: Voucher, kind: DeadlineKind) -> date | None:
    match kind:
        case "registration":
            return held.register_by if held.stage is Stage.CLAIMED else None
        case "validity":
            return held.valid_until if held.stage is Stage.COMMITTED else None
    assert_never(kind)
