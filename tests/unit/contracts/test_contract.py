"""A contract from its submission to its end (art. 12 and 15(2)-(3); readings 6, 7 and 9)."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.contracts.domain.contract import (
    Command,
    Commitment,
    Event,
    LapseContract,
    RegisterContract,
    RejectContract,
    contract,
)
from shared.events.contracts import (
    ContractCompleted,
    ContractLapsed,
    ContractRegistered,
    ContractRejected,
)
from shared.events.issuance.vouchers import WhyNot
from shared.kernel.money import yuan
from shared.kernel.refusal import Refused
from tests.specification import Specification
from tests.unit.contracts.facts import (
    APRIL_30,
    COMPLETE,
    FIRST,
    FIRST_COMMITTED,
    JUNE_10,
    JUNE_11,
    MARCH_10,
    REGISTERED,
    SECOND,
    SECOND_COMMITTED,
    SUBMIT,
    SUBMITTED,
    TERMS,
)

ONE_DAY = timedelta(days=1)
UNANSWERED = WhyNot(code="commitment-not-answered", article="15(2)")
REJECTED = ContractRejected(
    contract_id="ctr_1",
    claimant_id="clm_1",
    provider_id="prv_1",
    vouchers=(FIRST, SECOND),
    reasons=(UNANSWERED,),
    on=MARCH_10,
)
COMPLETED = ContractCompleted(
    contract_id="ctr_1",
    claimant_id="clm_1",
    provider_id="prv_1",
    vouchers=(FIRST, SECOND),
    amount=yuan(120_000),
    invoiced_amount=yuan(90_000),
    paid_amount=yuan(80_000),
    actual_amount=yuan(80_000),
    ended_on=APRIL_30,
    redeem_by=date(2026, 6, 1),  # 30 May is a Saturday
    provisional=False,
    on=APRIL_30,
)
LAPSED = ContractLapsed(
    contract_id="ctr_1", claimant_id="clm_1", provider_id="prv_1", vouchers=(FIRST, SECOND), on=JUNE_11
)

spec = Specification(contract)


def register(*commitments: Commitment) -> RegisterContract:
    return RegisterContract(commitments=commitments, terms=TERMS.contract, on=MARCH_10)


def test_a_contract_is_registered_when_the_last_voucher_is_committed() -> None:
    spec.given(SUBMITTED).when(register(FIRST_COMMITTED)).then_nothing()
    spec.given(SUBMITTED).when(register(FIRST_COMMITTED, SECOND_COMMITTED)).then(REGISTERED)


def test_the_voucher_that_ends_first_sets_the_validity_in_whatever_order_the_answers_come() -> None:
    spec.given(SUBMITTED).when(register(SECOND_COMMITTED, FIRST_COMMITTED)).then(REGISTERED)


def test_a_contract_may_end_on_the_last_day_of_the_validity_but_not_after() -> None:
    last_day = replace(SECOND_COMMITTED, valid_until=APRIL_30)
    spec.given(SUBMITTED).when(register(FIRST_COMMITTED, last_day)).then(replace(REGISTERED, valid_until=APRIL_30))
    too_short = replace(SECOND_COMMITTED, valid_until=APRIL_30 - ONE_DAY)
    why = WhyNot(code="ends-after-validity", article="15(2)", value="2026-04-29")
    spec.given(SUBMITTED).when(register(FIRST_COMMITTED, too_short)).then(replace(REJECTED, reasons=(why,)))


def test_a_contract_may_outlast_its_vouchers_where_the_rules_let_it() -> None:
    lenient = replace(TERMS.contract, contract_ends_within_validity=False)
    short = replace(SECOND_COMMITTED, valid_until=MARCH_10)
    command = RegisterContract(commitments=(FIRST_COMMITTED, short), terms=lenient, on=MARCH_10)
    spec.given(SUBMITTED).when(command).then(replace(REGISTERED, valid_until=MARCH_10))


def test_a_voucher_of_another_value_than_the_contract_says_rejects_the_contract() -> None:
    smaller = replace(SECOND_COMMITTED, amount=yuan(10_000) - 1)
    why = WhyNot(code="voucher-amount-differs", article="12", value="vch_2")
    spec.given(SUBMITTED).when(register(FIRST_COMMITTED, smaller)).then(replace(REJECTED, reasons=(why,)))


def test_a_contract_signed_before_its_last_voucher_was_claimed_is_rejected() -> None:
    later = replace(SECOND_COMMITTED, claimed_on=SUBMITTED.signed_on + ONE_DAY)
    why = WhyNot(code="signed-before-claim", article="faq 6", value="2026-03-06")
    spec.given(SUBMITTED).when(register(FIRST_COMMITTED, later)).then(replace(REJECTED, reasons=(why,)))


def test_a_contract_nobody_answers_is_rejected() -> None:
    spec.given(SUBMITTED).when(RejectContract(reasons=(UNANSWERED,), on=MARCH_10)).then(REJECTED)


def test_answers_that_come_after_the_decision_change_nothing() -> None:
    both = register(FIRST_COMMITTED, SECOND_COMMITTED)
    reject = RejectContract(reasons=(UNANSWERED,), on=MARCH_10)
    for history in ((SUBMITTED, REJECTED), (SUBMITTED, REGISTERED), (SUBMITTED, REGISTERED, COMPLETED)):
        spec.given(*history).when(both).then_nothing()
        spec.given(*history).when(reject).then_nothing()


def test_the_actual_amount_is_the_lower_of_what_was_invoiced_and_what_was_paid() -> None:
    spec.given(SUBMITTED, REGISTERED).when(COMPLETE).then(COMPLETED)
    invoiced_less = replace(COMPLETE, invoiced_amount=yuan(70_000))
    expected = replace(COMPLETED, invoiced_amount=yuan(70_000), actual_amount=yuan(70_000))
    spec.given(SUBMITTED, REGISTERED).when(invoiced_less).then(expected)


def test_the_actual_amount_may_reach_the_contract_but_not_exceed_it() -> None:
    full = replace(COMPLETE, invoiced_amount=yuan(130_000), paid_amount=yuan(120_000))
    expected = replace(COMPLETED, invoiced_amount=yuan(130_000), paid_amount=yuan(120_000), actual_amount=yuan(120_000))
    spec.given(SUBMITTED, REGISTERED).when(full).then(expected)
    more = replace(full, paid_amount=yuan(120_000) + 1)
    spec.given(SUBMITTED, REGISTERED).when(more).then_refused("actual-above-contract")


def test_a_contract_under_which_nothing_was_paid_is_not_complete() -> None:
    spec.given(SUBMITTED, REGISTERED).when(replace(COMPLETE, paid_amount=0)).then_refused("nothing-incurred")


def test_redemption_may_be_applied_for_until_a_month_after_the_end_or_the_next_working_day() -> None:
    ends = {
        date(2026, 3, 31): date(2026, 4, 30),  # the shorter month's last day, a Thursday
        date(2026, 4, 1): date(2026, 5, 6),  # Labour Day holidays, 1 to 5 May
        date(2026, 4, 9): date(2026, 5, 9),  # a Saturday that is worked instead of a holiday
    }
    for ended_on, redeem_by in ends.items():
        (completed,) = contract.decide(replace(COMPLETE, ended_on=ended_on), contract.fold([SUBMITTED, REGISTERED]))
        assert isinstance(completed, ContractCompleted)
        assert completed.redeem_by == redeem_by


def test_a_redemption_deadline_in_an_unpublished_year_is_provisional() -> None:
    late = replace(SUBMITTED, ends_on=date(2030, 12, 31))
    registered = replace(REGISTERED, valid_until=date(2030, 12, 31))
    command = replace(COMPLETE, ended_on=date(2030, 3, 1), on=date(2030, 3, 2))
    (completed,) = contract.decide(command, contract.fold([late, registered]))
    assert isinstance(completed, ContractCompleted)
    assert completed.provisional


def test_the_service_ends_between_its_first_day_and_the_day_the_contract_names() -> None:
    given = spec.given(SUBMITTED, REGISTERED)
    given.when(replace(COMPLETE, ended_on=MARCH_10 - ONE_DAY)).then_refused("ended-before-start")
    late = replace(COMPLETE, ended_on=APRIL_30 + ONE_DAY, on=APRIL_30 + ONE_DAY)
    given.when(late).then_refused("ended-after-contract")
    (first,) = contract.decide(replace(COMPLETE, ended_on=MARCH_10), contract.fold([SUBMITTED, REGISTERED]))
    assert isinstance(first, ContractCompleted)


def test_a_service_that_has_not_ended_yet_is_not_complete() -> None:
    today = APRIL_30 - ONE_DAY
    spec.given(SUBMITTED, REGISTERED).when(replace(COMPLETE, on=today)).then_refused("ended-in-future")


def test_the_last_day_of_the_validity_is_in_time_and_the_next_day_is_not() -> None:
    given = spec.given(SUBMITTED, REGISTERED)
    given.when(replace(COMPLETE, on=JUNE_10)).then(replace(COMPLETED, on=JUNE_10))
    given.when(replace(COMPLETE, on=JUNE_11)).then_refused("validity-over")


def test_a_service_that_outlasted_the_vouchers_is_not_paid_by_them() -> None:
    short = replace(REGISTERED, valid_until=APRIL_30 - ONE_DAY)
    spec.given(SUBMITTED, short).when(COMPLETE).then_refused("validity-over", "ended-after-validity")


def test_only_a_registered_contract_is_completed_and_only_once() -> None:
    for history in ((), (SUBMITTED,), (SUBMITTED, REJECTED), (SUBMITTED, REGISTERED, COMPLETED)):
        spec.given(*history).when(COMPLETE).then_refused("contract-not-registered")
    spec.given(SUBMITTED, REGISTERED, LAPSED).when(COMPLETE).then_refused("contract-not-registered")


def test_a_contract_lapses_the_day_after_the_validity_and_not_before() -> None:
    given = spec.given(SUBMITTED, REGISTERED)
    given.when(LapseContract(on=JUNE_10)).then_nothing()
    given.when(LapseContract(on=JUNE_11)).then(LAPSED)


def test_a_sweep_that_comes_twice_or_after_the_completion_changes_nothing() -> None:
    for history in ((SUBMITTED, REGISTERED, LAPSED), (SUBMITTED, REGISTERED, COMPLETED), (SUBMITTED, REJECTED)):
        spec.given(*history).when(LapseContract(on=JUNE_11)).then_nothing()


DAYS = st.integers(0, 120).map(lambda days: MARCH_10 + timedelta(days=days))
COMMANDS = st.one_of(
    st.just(SUBMIT),
    st.sampled_from([register(FIRST_COMMITTED), register(FIRST_COMMITTED, SECOND_COMMITTED)]),
    st.builds(RejectContract, reasons=st.just((UNANSWERED,)), on=DAYS),
    st.builds(lambda ended_on, on: replace(COMPLETE, ended_on=ended_on, on=on), DAYS, DAYS),
    st.builds(LapseContract, on=DAYS),
)


@for_all(st.lists(COMMANDS, max_size=12))
def test_a_contract_is_decided_once_and_ends_once(commands: list[Command]) -> None:
    history: list[Event] = []
    for command in [SUBMIT, *commands]:
        try:
            history += contract.decide(command, contract.fold(history))
        except Refused:
            continue
    decided = [event for event in history if isinstance(event, ContractRegistered | ContractRejected)]
    ended = [event for event in history if isinstance(event, ContractCompleted | ContractLapsed)]
    assert len(decided) <= 1
    assert len(ended) <= 1
    assert not ended or isinstance(decided[0], ContractRegistered)
    for event in ended:
        if isinstance(event, ContractCompleted):
            assert event.on <= JUNE_10
            assert event.ended_on <= event.on
