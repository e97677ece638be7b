"""What was paid is asked back: by two officers, no more than was paid, in parts, and put right (art. 17)."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.redemption.domain.recovery import (
    Command,
    Event,
    FallOverdue,
    OrderRecovery,
    ProposeRecovery,
    RecordRepayment,
    ReverseRepayment,
    WithdrawRecovery,
    recoveries,
)
from services.redemption.domain.stages import File
from shared.events.redemption import (
    FundsRecovered,
    RecoveryOrdered,
    RecoveryOverdue,
    RecoveryProposed,
    RecoveryWithdrawn,
    RepaymentReversed,
    VoucherPayment,
    VoucherRecovery,
)
from shared.kernel.money import yuan
from shared.kernel.refusal import Refused
from tests.specification import Specification
from tests.unit.redemption.facts import ACTUAL, CLM, CTR, MARCH_2, PRV, RDM, REDEEM_BY, VOUCHERS

spec = Specification(recoveries)
APRIL_17, MAY_4, MAY_5, JUNE_30 = date(2026, 4, 17), date(2026, 5, 4), date(2026, 5, 5), date(2026, 6, 30)
FILE = File(
    redemption_id=RDM, contract_id=CTR, claimant_id=CLM, provider_id=PRV, vouchers=VOUCHERS, amount=yuan(120_000),
    invoiced_amount=yuan(90_000), actual_amount=ACTUAL, ended_on=MARCH_2, redeem_by=REDEEM_BY, provisional=False,
)  # fmt: skip
PAID = (
    VoucherPayment(voucher_id="vch_1", amount=yuan(50_000), paid=yuan(50_000)),
    VoucherPayment(voucher_id="vch_2", amount=yuan(30_000), paid=yuan(10_000)),
)
PROPOSE = ProposeRecovery(
    recovery_id="rcv_1", file=FILE, payments=PAID, amount=yuan(55_000), sanction_id=None, sanction_known=False,
    decision="京科监〔2026〕12号", article="16", reasons_digest="r", due_on=JUNE_30, proposed_by="off_1", on=MAY_4,
    pack="beijing-2023", pack_digest="d",
)  # fmt: skip
PROPOSED = RecoveryProposed(
    recovery_id="rcv_1", redemption_id=RDM, contract_id=CTR, claimant_id=CLM, provider_id=PRV, amount=yuan(55_000),
    ground="decision", sanction_id=None, decision="京科监〔2026〕12号", article="16", reasons_digest="r",
    due_on=JUNE_30, proposed_by="off_1", on=MAY_4, pack="beijing-2023", pack_digest="d",
)  # fmt: skip
ORDER = OrderRecovery(recovery_id="rcv_1", approved_by="off_2", on=MAY_5)
ORDERED = RecoveryOrdered(
    recovery_id="rcv_1", redemption_id=RDM, contract_id=CTR, claimant_id=CLM, provider_id=PRV, amount=yuan(55_000),
    due_on=JUNE_30, proposed_by="off_1", approved_by="off_2", on=MAY_5,
)  # fmt: skip
WITHDRAW = WithdrawRecovery(recovery_id="rcv_1", reasons_digest="w", withdrawn_by="off_3", on=MAY_5)
WITHDRAWN = RecoveryWithdrawn(
    recovery_id="rcv_1", redemption_id=RDM, provider_id=PRV, reasons_digest="w", withdrawn_by="off_3", on=MAY_5
)
RECEIVE = RecordRepayment(
    recovery_id="rcv_1", repayment_id="rpm_1", payments=PAID, paid_on=APRIL_17, amount=yuan(52_000), received_on=MAY_5,
    recorded_by="off_4", on=MAY_5,
)  # fmt: skip
RECEIVED = FundsRecovered(
    recovery_id="rcv_1", repayment_id="rpm_1", redemption_id=RDM, contract_id=CTR, claimant_id=CLM, provider_id=PRV,
    recoveries=(
        VoucherRecovery(voucher_id="vch_1", amount=yuan(50_000)),
        VoucherRecovery(voucher_id="vch_2", amount=yuan(2_000)),
    ),
    amount=yuan(52_000), received_on=MAY_5, recorded_by="off_4", on=MAY_5,
)  # fmt: skip
REVERSE = ReverseRepayment(recovery_id="rcv_1", repayment_id="rpm_1", reasons_digest="m", reversed_by="off_2", on=MAY_5)
REVERSED = RepaymentReversed(
    recovery_id="rcv_1", repayment_id="rpm_1", redemption_id=RDM, contract_id=CTR, claimant_id=CLM, provider_id=PRV,
    recoveries=RECEIVED.recoveries, amount=yuan(52_000), reasons_digest="m", reversed_by="off_2", on=MAY_5,
)  # fmt: skip


def test_an_officer_proposes_on_a_decision_or_on_a_measure_in_force() -> None:
    spec.given().when(PROPOSE).then(PROPOSED)
    on_a_measure = replace(PROPOSE, sanction_id="snc_1", sanction_known=True, decision=None)
    spec.given().when(on_a_measure).then(replace(PROPOSED, ground="sanction", sanction_id="snc_1", decision=None))


def test_a_claw_back_rests_on_one_ground_and_a_measure_must_be_in_force() -> None:
    spec.given().when(replace(PROPOSE, decision=None)).then_refused("recovery-needs-one-ground")
    both = replace(PROPOSE, sanction_id="snc_1", sanction_known=True)
    spec.given().when(both).then_refused("recovery-needs-one-ground")
    lifted = replace(PROPOSE, decision=None, sanction_id="snc_1")
    spec.given().when(lifted).then_refused("recovery-sanction-unknown")


def test_all_that_was_paid_can_be_asked_back_and_not_a_fen_more() -> None:
    whole = replace(PROPOSE, amount=yuan(60_000))
    spec.given().when(whole).then(replace(PROPOSED, amount=yuan(60_000)))
    spec.given().when(replace(whole, amount=yuan(60_000) + 1)).then_refused("recovery-over-paid")
    second = replace(PROPOSE, recovery_id="rcv_2", amount=yuan(5_000))
    spec.given(PROPOSED).when(second).then(replace(PROPOSED, recovery_id="rcv_2", amount=yuan(5_000)))
    spec.given(PROPOSED).when(replace(second, amount=yuan(5_000) + 1)).then_refused("recovery-over-paid")


def test_what_a_withdrawn_order_did_not_get_can_be_asked_back_anew() -> None:
    rest = replace(PROPOSE, recovery_id="rcv_2", amount=yuan(8_000))
    past = (PROPOSED, ORDERED, RECEIVED, WITHDRAWN)
    spec.given(*past).when(rest).then(replace(PROPOSED, recovery_id="rcv_2", amount=yuan(8_000)))
    spec.given(*past).when(replace(rest, amount=yuan(8_000) + 1)).then_refused("recovery-over-paid")


def test_the_last_day_comes_after_the_day_of_the_proposal_and_of_the_order() -> None:
    spec.given().when(replace(PROPOSE, due_on=MAY_5)).then(replace(PROPOSED, due_on=MAY_5))
    spec.given().when(replace(PROPOSE, due_on=MAY_4)).then_refused("recovery-due-too-early")
    spec.given(replace(PROPOSED, due_on=MAY_5)).when(ORDER).then_refused("recovery-due-too-early")


def test_somebody_else_orders_it_once() -> None:
    spec.given(PROPOSED).when(ORDER).then(ORDERED)
    spec.given(PROPOSED).when(replace(ORDER, approved_by="off_1")).then_refused("four-eyes")
    spec.given(PROPOSED, ORDERED).when(ORDER).then_refused("recovery-not-in-this-stage")
    spec.given().when(ORDER).then_refused("recovery-not-in-this-stage")


@pytest.mark.parametrize("officer", ["off_1", "off_2"])
def test_what_two_have_ordered_a_third_takes_back(officer: str) -> None:
    spec.given(PROPOSED, ORDERED).when(WITHDRAW).then(WITHDRAWN)
    spec.given(PROPOSED, ORDERED).when(replace(WITHDRAW, withdrawn_by=officer)).then_refused("four-eyes")


def test_a_proposal_is_turned_down_by_somebody_else_and_asks_for_nothing_then() -> None:
    spec.given(PROPOSED).when(replace(WITHDRAW, withdrawn_by="off_2")).then(replace(WITHDRAWN, withdrawn_by="off_2"))
    spec.given(PROPOSED).when(replace(WITHDRAW, withdrawn_by="off_1")).then_refused("four-eyes")
    spec.given(PROPOSED, WITHDRAWN).when(ORDER).then_refused("recovery-not-in-this-stage")
    spec.given(PROPOSED, WITHDRAWN).when(RECEIVE).then_refused("recovery-not-in-this-stage")


def test_what_comes_in_is_spread_over_the_vouchers_in_their_order() -> None:
    spec.given(PROPOSED, ORDERED).when(RECEIVE).then(RECEIVED)
    rest = replace(RECEIVE, repayment_id="rpm_2", amount=yuan(3_000))
    second = (VoucherRecovery(voucher_id="vch_2", amount=yuan(3_000)),)
    spec.given(PROPOSED, ORDERED, RECEIVED).when(rest).then(
        replace(RECEIVED, repayment_id="rpm_2", amount=yuan(3_000), recoveries=second)
    )


def test_no_more_comes_in_than_is_asked_for_and_nothing_before_the_order() -> None:
    spec.given(PROPOSED).when(RECEIVE).then_refused("recovery-not-in-this-stage")
    rest = replace(RECEIVE, repayment_id="rpm_2", amount=yuan(3_000) + 1)
    spec.given(PROPOSED, ORDERED, RECEIVED).when(rest).then_refused("repayment-over-outstanding")
    settled = replace(RECEIVED, amount=yuan(55_000))
    spec.given(PROPOSED, ORDERED, settled).when(RECEIVE).then_refused("recovery-not-in-this-stage")


def test_money_comes_in_between_the_day_of_the_payment_and_today() -> None:
    spec.given(PROPOSED, ORDERED).when(replace(RECEIVE, received_on=APRIL_17)).then(
        replace(RECEIVED, received_on=APRIL_17)
    )
    for impossible in (date(2026, 4, 16), date(2026, 5, 6)):
        command = replace(RECEIVE, received_on=impossible)
        spec.given(PROPOSED, ORDERED).when(command).then_refused("repayment-day-impossible")


def test_a_mistaken_repayment_is_reversed_as_it_was_recorded_and_by_somebody_else() -> None:
    past = (PROPOSED, ORDERED, RECEIVED)
    spec.given(*past).when(REVERSE).then(REVERSED)
    spec.given(*past).when(replace(REVERSE, reversed_by="off_4")).then_refused("four-eyes")
    spec.given(*past, REVERSED).when(REVERSE).then_refused("repayment-not-counted")
    spec.given(*past, REVERSED).when(replace(RECEIVE, repayment_id="rpm_2")).then(
        replace(RECEIVED, repayment_id="rpm_2")
    )


def test_a_settled_claw_back_is_open_again_when_its_repayment_is_reversed() -> None:
    all_of_it = replace(RECEIVED, amount=yuan(55_000))
    state = recoveries.fold((PROPOSED, ORDERED, all_of_it))
    assert [each.stage for each in state.recoveries] == ["recovered"]
    state = recoveries.fold((PROPOSED, ORDERED, all_of_it, replace(REVERSED, amount=yuan(55_000))))
    assert [(each.stage, each.outstanding) for each in state.recoveries] == [("ordered", yuan(55_000))]


def test_what_has_not_come_back_by_the_last_day_is_overdue_the_day_after_and_once() -> None:
    overdue = RecoveryOverdue(
        recovery_id="rcv_1", redemption_id=RDM, provider_id=PRV, outstanding=yuan(3_000), due_on=JUNE_30,
        on=date(2026, 7, 1),
    )  # fmt: skip
    past = (PROPOSED, ORDERED, RECEIVED)
    spec.given(*past).when(FallOverdue(recovery_id="rcv_1", on=JUNE_30)).then_nothing()
    spec.given(*past).when(FallOverdue(recovery_id="rcv_1", on=date(2026, 7, 1))).then(overdue)
    spec.given(*past, overdue).when(FallOverdue(recovery_id="rcv_1", on=date(2026, 7, 2))).then_nothing()
    spec.given(*past, WITHDRAWN).when(FallOverdue(recovery_id="rcv_1", on=date(2026, 7, 1))).then_nothing()


OFFICERS = st.sampled_from(["off_1", "off_2", "off_3"])
IDS = st.sampled_from(["rcv_1", "rcv_2"])
FEN = st.integers(1, yuan(65_000))
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(lambda name, fen: replace(PROPOSE, recovery_id=name, amount=fen), IDS, FEN),
    st.builds(lambda name, who: replace(ORDER, recovery_id=name, approved_by=who), IDS, OFFICERS),
    st.builds(lambda name, who: replace(WITHDRAW, recovery_id=name, withdrawn_by=who), IDS, OFFICERS),
    st.builds(
        lambda name, repayment, fen: replace(RECEIVE, recovery_id=name, repayment_id=f"{name}/{repayment}", amount=fen),
        IDS, st.integers(1, 3), FEN,
    ),
    st.builds(lambda name, n: replace(REVERSE, recovery_id=name, repayment_id=f"{name}/{n}"), IDS, st.integers(1, 3)),
)  # fmt: skip


@for_all(st.lists(COMMANDS, max_size=14))
def test_whatever_is_asked_no_voucher_gives_back_more_than_it_was_paid(commands: list[Command]) -> None:
    history: list[Event] = []
    for command in commands:
        state = recoveries.fold(history)
        if isinstance(command, ProposeRecovery) and state.find(command.recovery_id) is not None:
            continue  # ids are fresh, always
        if isinstance(command, RecordRepayment) and any(
            isinstance(fact, FundsRecovered) and fact.repayment_id == command.repayment_id for fact in history
        ):
            continue
        try:
            history += recoveries.decide(command, state)
        except Refused:
            continue
    state = recoveries.fold(history)
    back = dict.fromkeys(("vch_1", "vch_2"), 0)
    for fact in history:
        sign = {FundsRecovered: 1, RepaymentReversed: -1}.get(type(fact), 0)
        for part in fact.recoveries if isinstance(fact, FundsRecovered | RepaymentReversed) else ():
            back[part.voucher_id] += sign * part.amount
    assert all(0 <= back[payment.voucher_id] <= payment.paid for payment in PAID)
    assert sum(back.values()) == state.recovered <= state.asked <= yuan(60_000)
