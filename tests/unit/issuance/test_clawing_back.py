"""What was paid on a voucher comes back: once a repayment, never more than was paid (art. 17)."""

from dataclasses import replace

from services.issuance.domain.clawing_back import ClawBackVoucher, ReverseClawBack
from services.issuance.domain.voucher import voucher
from shared.events.issuance.vouchers import VoucherClawBackReversed, VoucherClawedBack, VoucherRedeemed, VoucherRevoked
from tests.specification import Specification
from tests.unit.issuance.facts import CLAIMED, COMMITTED, CONTRACT, FACE, MARCH_17, REDEMPTION, USED, of_the_voucher

spec = Specification(voucher)
PAID = FACE - 500_000
REDEEMED = of_the_voucher(
    VoucherRedeemed, contract_id=CONTRACT, redemption_id=REDEMPTION, paid=PAID, released=500_000, revoked=False,
    on=MARCH_17,
)  # fmt: skip
LIFE = (CLAIMED, COMMITTED, USED, REDEEMED)
CLAW_BACK = ClawBackVoucher(
    contract_id=CONTRACT, redemption_id=REDEMPTION, recovery_id="rcv_1", repayment_id="rpm_1", recovered=1_000_000,
    on=MARCH_17,
)  # fmt: skip
_WITH = {"contract_id": CONTRACT, "redemption_id": REDEMPTION, "recovery_id": "rcv_1", "repayment_id": "rpm_1"}
BACK = of_the_voucher(VoucherClawedBack, **_WITH, recovered=1_000_000, on=MARCH_17)
NOT_BACK = of_the_voucher(VoucherClawBackReversed, **_WITH, recovered=1_000_000, on=MARCH_17)
REVERSE = ReverseClawBack(repayment_id="rpm_1", on=MARCH_17)


def test_what_came_back_is_posted_once_however_often_it_is_told() -> None:
    spec.given(*LIFE).when(CLAW_BACK).then(BACK)
    spec.given(*LIFE, BACK).when(CLAW_BACK).then_nothing()
    spec.given(*LIFE, BACK, NOT_BACK).when(CLAW_BACK).then_nothing()


def test_all_that_was_paid_may_come_back_and_not_a_fen_more() -> None:
    rest = replace(CLAW_BACK, repayment_id="rpm_2", recovered=PAID - 1_000_000)
    spec.given(*LIFE, BACK).when(rest).then(replace(BACK, repayment_id="rpm_2", recovered=PAID - 1_000_000))
    one_more = replace(rest, recovered=rest.recovered + 1)
    spec.given(*LIFE, BACK).when(one_more).then_refused("clawed-back-above-paid")
    spec.given(*LIFE).when(replace(CLAW_BACK, recovered=0)).then_refused("clawed-back-above-paid")


def test_nothing_comes_back_of_what_was_not_paid_or_not_for_this_contract() -> None:
    spec.given(CLAIMED, COMMITTED, USED).when(CLAW_BACK).then_refused("clawed-back-above-paid")
    spec.given(*LIFE).when(replace(CLAW_BACK, contract_id="ctr_2")).then_refused("clawed-back-above-paid")
    spec.given().when(CLAW_BACK).then_refused("voucher-not-in-this-state")


def test_money_that_was_paid_before_its_sanction_was_heard_of_comes_back_likewise() -> None:
    revoked = of_the_voucher(VoucherRevoked, stage="used", contract_id=CONTRACT, sanction_id="snc_1", on=MARCH_17)
    late = replace(REDEEMED, revoked=True, released=0)
    spec.given(CLAIMED, COMMITTED, USED, revoked, late).when(CLAW_BACK).then(BACK)


def test_a_mistake_is_reversed_once_and_an_unknown_one_is_looked_at() -> None:
    spec.given(*LIFE, BACK).when(REVERSE).then(NOT_BACK)
    spec.given(*LIFE, BACK, NOT_BACK).when(REVERSE).then_nothing()
    spec.given(*LIFE).when(REVERSE).then_refused("claw-back-unknown")
    again = replace(CLAW_BACK, repayment_id="rpm_2", recovered=PAID)
    spec.given(*LIFE, BACK, NOT_BACK).when(again).then(replace(BACK, repayment_id="rpm_2", recovered=PAID))
