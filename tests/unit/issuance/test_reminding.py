"""Reminders: 5, 3 and 1 days before a last day, each once, and never of what nobody waits for any more (art. 15(2))."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.issuance.domain.reminding import reminder, reminder_days
from services.issuance.domain.voucher_stages import Stage, Unclaimed, Voucher
from shared.events.issuance.vouchers import DeadlineKind, VoucherReminded
from shared.measures.reader import Measures

TERMS = Measures.load().on(date(2026, 3, 2)).voucher
STEPS = reminder_days(TERMS)
LAST = date(2026, 3, 17)
CLAIMED = Voucher(
    voucher_id="vch_1",
    period_id="prd_1",
    claimant_id="clm_1",
    year=2026,
    amount=3_000_000,
    place=1,
    claimed_on=date(2026, 3, 2),
    register_by=LAST,
    register_by_provisional=True,
    stage=Stage.CLAIMED,
    pack="beijing-2023",
)
COMMITTED = replace(CLAIMED, stage=Stage.COMMITTED, contract_id="ctr_1", valid_until=date(2026, 6, 17))


def _on(held: Voucher, kind: DeadlineKind, last_day: date, step: int, *, late: int = 0) -> VoucherReminded | None:
    on = last_day - timedelta(days=step) + timedelta(days=late)
    return reminder(held, kind, last_day=last_day, days_before=step, on=on, steps=STEPS)


def test_the_office_reminds_five_three_and_one_days_before() -> None:
    assert STEPS == (5, 3, 1)
    assert reminder_days(replace(TERMS, reminder_days_second=1)) == (5, 1)


@pytest.mark.parametrize("step", STEPS)
def test_a_reminder_says_what_ends_when_and_how_many_days_are_left(step: int) -> None:
    assert _on(CLAIMED, "registration", LAST, step) == VoucherReminded(
        voucher_id="vch_1",
        period_id="prd_1",
        claimant_id="clm_1",
        deadline="registration",
        last_day=LAST,
        provisional=True,
        days_left=step,
        on=LAST - timedelta(days=step),
    )
    validity = _on(COMMITTED, "validity", date(2026, 6, 17), step)
    assert validity is not None
    assert (validity.deadline, validity.provisional, validity.days_left) == ("validity", False, step)


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.CLAIMED])
def test_whoever_does_not_wait_for_its_registration_is_not_reminded_of_it(stage: Stage) -> None:
    held = replace(COMMITTED, stage=stage)
    assert all(_on(held, "registration", LAST, step) is None for step in STEPS)


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.COMMITTED])
def test_whoever_does_not_wait_for_its_completion_is_not_reminded_of_it(stage: Stage) -> None:
    held = replace(COMMITTED, stage=stage)
    assert all(_on(held, "validity", date(2026, 6, 17), step) is None for step in STEPS)


def test_a_last_day_that_was_replaced_by_another_is_nobodys() -> None:
    assert _on(COMMITTED, "validity", date(2026, 6, 16), 5) is None
    assert reminder(Unclaimed(), "registration", last_day=LAST, days_before=5, on=LAST, steps=STEPS) is None


def test_a_late_reminder_is_sent_unless_the_next_one_is_due_too_or_the_day_has_passed() -> None:
    assert [_said(_on(CLAIMED, "registration", LAST, 5, late=late)) for late in range(7)] == [5, 4, *[None] * 5]
    assert [_said(_on(CLAIMED, "registration", LAST, 1, late=late)) for late in range(3)] == [1, 0, None]


def _said(reminded: VoucherReminded | None) -> int | None:
    return None if reminded is None else reminded.days_left


@for_all(
    at_work=st.sets(st.integers(-3, 8), min_size=1),
    steps=st.sets(st.integers(1, 6), min_size=1, max_size=3),
)
def test_however_long_the_service_rests_nobody_is_reminded_twice_on_a_day_or_after_the_last(
    at_work: set[int], steps: set[int]
) -> None:
    """`at_work` are the days, counted back from the last one, on which the service runs; it makes up for the others."""
    sent: list[int] = []
    swept = 9
    for today in sorted(at_work, reverse=True):
        for day in range(swept - 1, today - 1, -1):  # in days left, the day the reminders of which are made up for
            if day in steps:
                on = LAST - timedelta(days=today)
                said = reminder(CLAIMED, "registration", last_day=LAST, days_before=day, on=on, steps=steps)
                sent.extend([said.days_left] if said else [])
        swept = min(swept, today)
    assert len(sent) == len(set(sent))
    assert all(left >= 0 for left in sent)
    assert sent == sorted(sent, reverse=True)
    missed = {step for step in steps if not any(0 <= day <= step for day in at_work)}
    assert bool(sent) == bool(steps - missed)
    if set(range(9)) <= at_work:
        assert set(sent) == steps
