"""A period is planned by one, approved by another, and opens by the clock (art. 12)."""

from dataclasses import replace
from datetime import timedelta

from services.issuance.domain.period import (
    ApprovePeriod,
    ClosePeriod,
    ExhaustPeriod,
    OpenPeriod,
    Period,
    Phase,
    ProposePeriod,
    ReturnQuota,
    period,
)
from shared.events.issuance import PeriodClosed, PeriodExhausted, PeriodOpened, QuotaReturned
from tests.specification import Specification
from tests.unit.issuance.facts import APPROVED, BEFORE, CLOSES, MARCH_17, OPENS, PERIOD, PROPOSED, TERMS, VOUCHER

spec = Specification(period)
PROPOSE = ProposePeriod(
    period_id=PERIOD,
    name=PROPOSED.name,
    quota=PROPOSED.quota,
    opens_at=OPENS,
    closes_at=CLOSES,
    proposed_by="officer-li",
    at=BEFORE,
    on=PROPOSED.on,
    terms=TERMS,
)
APPROVE = ApprovePeriod(approved_by="officer-wang", at=BEFORE, on=PROPOSED.on)
OPENED = PeriodOpened(period_id=PERIOD, at=OPENS)
EXHAUSTED = PeriodExhausted(period_id=PERIOD, at=OPENS)
CLOSED = PeriodClosed(period_id=PERIOD, issued=20_000_000, vouchers=4, at=CLOSES)
RETURNED = QuotaReturned(period_id=PERIOD, voucher_id=VOUCHER, amount=3_000_000, on=MARCH_17)
MOMENT = timedelta(microseconds=1)


def test_a_plan_takes_over_the_terms_of_its_day() -> None:
    spec.given().when(PROPOSE).then(PROPOSED)


def test_a_plan_names_all_its_faults_at_once() -> None:
    hopeless = replace(PROPOSE, quota=0, closes_at=OPENS, at=CLOSES)
    spec.given().when(hopeless).then_refused("quota-not-positive", "period-ends-before-it-opens", "period-already-over")


def test_another_officer_approves_the_plan() -> None:
    spec.given(PROPOSED).when(APPROVE).then(APPROVED)


def test_nobody_approves_the_own_plan() -> None:
    spec.given(PROPOSED).when(replace(APPROVE, approved_by="officer-li")).then_refused("four-eyes")


def test_a_period_that_would_be_over_is_not_approved() -> None:
    spec.given(PROPOSED).when(replace(APPROVE, at=CLOSES)).then_refused("period-already-over")
    spec.given(PROPOSED).when(replace(APPROVE, at=CLOSES - MOMENT)).then(APPROVED)


def test_a_plan_is_approved_once() -> None:
    spec.given(PROPOSED, APPROVED).when(APPROVE).then_refused("period-not-in-this-state")
    spec.given().when(APPROVE).then_refused("period-not-in-this-state")


def test_an_approved_period_opens_at_its_first_instant_and_only_once() -> None:
    spec.given(PROPOSED, APPROVED).when(OpenPeriod(at=OPENS - MOMENT)).then_nothing()
    spec.given(PROPOSED, APPROVED).when(OpenPeriod(at=OPENS)).then(OPENED)
    spec.given(PROPOSED, APPROVED, OPENED).when(OpenPeriod(at=OPENS)).then_nothing()
    spec.given(PROPOSED).when(OpenPeriod(at=OPENS)).then_nothing()


def test_a_period_closes_at_its_last_instant_whether_exhausted_or_not() -> None:
    close = ClosePeriod(issued=20_000_000, vouchers=4, at=CLOSES)
    spec.given(PROPOSED, APPROVED, OPENED).when(replace(close, at=CLOSES - MOMENT)).then_nothing()
    spec.given(PROPOSED, APPROVED, OPENED).when(close).then(CLOSED)
    spec.given(PROPOSED, APPROVED, OPENED, EXHAUSTED).when(close).then(CLOSED)
    spec.given(PROPOSED, APPROVED, OPENED, CLOSED).when(close).then_nothing()


def test_the_last_fen_exhausts_the_period_even_before_its_opening_is_written_down() -> None:
    spec.given(PROPOSED, APPROVED).when(ExhaustPeriod(at=OPENS)).then(EXHAUSTED)
    spec.given(PROPOSED, APPROVED, EXHAUSTED).when(OpenPeriod(at=OPENS)).then_nothing()


def test_returned_quota_opens_an_exhausted_period_again_but_not_a_closed_one() -> None:
    back = ReturnQuota(voucher_id=VOUCHER, amount=3_000_000, on=MARCH_17)
    spec.given(PROPOSED, APPROVED, EXHAUSTED).when(back).then(RETURNED)
    reopened = period.fold([PROPOSED, APPROVED, EXHAUSTED, RETURNED])
    still_closed = period.fold([PROPOSED, APPROVED, OPENED, CLOSED, RETURNED])
    assert isinstance(reopened, Period)
    assert isinstance(still_closed, Period)
    assert (reopened.phase, still_closed.phase) == (Phase.OPEN, Phase.CLOSED)
