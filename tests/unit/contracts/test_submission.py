"""When a contract may be submitted for registration (art. 5, 9(2), 10(2), 12, 15(2) and 16; faq 6)."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.contracts.domain.contract import contract
from services.contracts.domain.project import Declined, Proposed, Unproposed
from shared.events.contracts import VoucherUse
from shared.kernel.money import yuan
from shared.kernel.refusal import Refused
from tests.specification import Specification
from tests.unit.contracts.facts import (
    FIRST,
    GOOD,
    MARCH_2,
    MARCH_5,
    MARCH_10,
    PROPOSED,
    REGISTERED,
    SUBMIT,
    SUBMITTED,
    TERMS,
)

ONE_DAY = timedelta(days=1)

spec = Specification(contract)


def test_a_contract_whose_vouchers_are_exactly_half_its_amount_is_submitted() -> None:
    spec.given().when(SUBMIT).then(SUBMITTED)


def test_one_fen_less_in_the_contract_is_one_too_many_in_the_vouchers() -> None:
    spec.given().when(replace(SUBMIT, amount=yuan(120_000) - 1)).then_refused("voucher-share-exceeded")


def test_the_refused_share_says_what_the_contract_would_bear() -> None:
    try:
        contract.decide(replace(SUBMIT, amount=yuan(120_000) - 1), contract.initial)
    except Refused as refusal:
        (reason,) = refusal.reasons
        assert (reason.value, reason.limit, reason.article) == (yuan(60_000), 5_999_999, "12")
    else:
        raise AssertionError("half a fen over is over")


def test_only_a_confirmed_project_leads_to_a_contract() -> None:
    declined = Declined(project=PROPOSED, reason="other", on=MARCH_5)
    for project in (Unproposed(), Proposed(project=PROPOSED), declined):
        spec.given().when(replace(SUBMIT, project=project)).then_refused("project-not-confirmed")


def test_a_contract_may_be_signed_on_the_day_of_the_confirmation_but_not_before() -> None:
    spec.given().when(replace(SUBMIT, signed_on=MARCH_5)).then(SUBMITTED)
    spec.given().when(replace(SUBMIT, signed_on=MARCH_5 - ONE_DAY)).then_refused("signed-before-confirmation")


def test_a_contract_may_be_signed_on_the_day_of_the_last_claim_but_not_before() -> None:
    spec.given().when(replace(SUBMIT, latest_claim=MARCH_5)).then(SUBMITTED)
    spec.given().when(replace(SUBMIT, latest_claim=None)).then(SUBMITTED)
    spec.given().when(replace(SUBMIT, latest_claim=MARCH_5 + ONE_DAY)).then_refused("signed-before-claim")


def test_a_contract_may_be_registered_on_the_day_of_its_signature_but_not_before() -> None:
    today = replace(SUBMIT, signed_on=MARCH_10)
    spec.given().when(today).then(replace(SUBMITTED, signed_on=MARCH_10))
    tomorrow = replace(SUBMIT, signed_on=MARCH_10 + ONE_DAY, starts_on=MARCH_10 + ONE_DAY)
    spec.given().when(tomorrow).then_refused("signed-in-future")


def test_the_service_may_not_start_before_the_signature() -> None:
    spec.given().when(replace(SUBMIT, starts_on=MARCH_5)).then(replace(SUBMITTED, starts_on=MARCH_5))
    spec.given().when(replace(SUBMIT, starts_on=MARCH_5 - ONE_DAY)).then_refused("starts-before-signature")


def test_the_service_may_take_a_single_day_but_not_end_before_its_start() -> None:
    spec.given().when(replace(SUBMIT, ends_on=MARCH_10)).then(replace(SUBMITTED, ends_on=MARCH_10))
    spec.given().when(replace(SUBMIT, ends_on=MARCH_10 - ONE_DAY)).then_refused("ends-before-start")


def test_a_contract_without_vouchers_is_none_of_ours() -> None:
    spec.given().when(replace(SUBMIT, vouchers=())).then_refused("no-voucher-named")


def test_a_voucher_is_named_once() -> None:
    spec.given().when(replace(SUBMIT, vouchers=(FIRST, replace(FIRST, amount=1)))).then_refused("voucher-named-twice")


def test_a_voucher_pays_one_contract_only() -> None:
    spec.given().when(replace(SUBMIT, taken=frozenset({"vch_1"}))).then_refused("voucher-in-another-contract")


def test_several_vouchers_are_refused_where_the_rules_allow_one() -> None:
    strict = replace(TERMS, contract=replace(TERMS.contract, several_vouchers_per_contract=False))
    spec.given().when(replace(SUBMIT, terms=strict)).then_refused("several-vouchers")
    spec.given().when(replace(SUBMIT, terms=strict, vouchers=(FIRST,))).then(replace(SUBMITTED, vouchers=(FIRST,)))


def test_the_contract_itself_must_name_its_vouchers() -> None:
    spec.given().when(replace(SUBMIT, voucher_clause=False)).then_refused("voucher-clause-missing")


def test_parties_who_lost_their_standing_after_the_confirmation_are_refused() -> None:
    lost = replace(GOOD, provider_listed=False, claimant_barred=True)
    spec.given().when(replace(SUBMIT, parties=lost)).then_refused("claimant-barred", "provider-not-listed")


def test_every_reason_is_said_at_once() -> None:
    worst = replace(
        SUBMIT,
        parties=replace(GOOD, provider_barred=True, service_kind=None),
        amount=yuan(60_000),
        signed_on=MARCH_2,
        starts_on=MARCH_2 - ONE_DAY,
        ends_on=MARCH_2 - 2 * ONE_DAY,
        vouchers=(FIRST, FIRST),
        taken=frozenset({"vch_1"}),
        latest_claim=MARCH_5,
        voucher_clause=False,
    )
    spec.given().when(worst).then_refused(
        "provider-barred",
        "service-not-offered",
        "signed-before-confirmation",
        "signed-before-claim",
        "starts-before-signature",
        "ends-before-start",
        "voucher-named-twice",
        "voucher-in-another-contract",
        "voucher-share-exceeded",
        "voucher-clause-missing",
    )


def test_a_contract_is_submitted_once() -> None:
    spec.given(SUBMITTED).when(SUBMIT).then_refused("contract-already-submitted")
    spec.given(SUBMITTED, REGISTERED).when(SUBMIT).then_refused("contract-already-submitted")


@for_all(
    amount=st.integers(1, 10**9),
    faces=st.lists(st.integers(1, 5_000_000), min_size=1, max_size=8),
    nudge=st.integers(-2, 2),
)
def test_whatever_is_submitted_is_paid_by_vouchers_for_half_at_most(amount: int, faces: list[int], nudge: int) -> None:
    vouchers = tuple(VoucherUse(voucher_id=f"vch_{n}", amount=face) for n, face in enumerate(faces))
    for each in (amount, 2 * sum(faces) + nudge):
        try:
            accepted = contract.decide(replace(SUBMIT, amount=each, vouchers=vouchers), contract.initial)
        except Refused:
            accepted = []
        assert bool(accepted) == (2 * sum(faces) <= each)
