"""How agencies and laboratories join and leave, whatever their kind (faq 4, 5, 7)."""

from dataclasses import replace

import pytest

from services.registry.domain.affiliation import (
    Affiliation,
    EndAffiliation,
    ReturnForCorrection,
    Unrequested,
    decide,
    evolve,
)
from shared.events.registry.affiliations import AffiliationEnded
from shared.kernel.decider import Decider
from tests.specification import Specification
from tests.unit.registry.facts import TERMS, TODAY
from tests.unit.registry.institutions import (
    LAB,
    RAG,
    SAG,
    closed,
    conditions,
    corrected,
    correction,
    ended,
    findings,
    granted,
    opened,
    refused,
    request,
    requested,
    returned,
    review,
)

NOBODY: Affiliation = Unrequested()
spec = Specification(Decider(decide, evolve, initial=NOBODY))
ASKED, BACK, IN = (
    requested(RAG, "referral_agency"),
    returned(RAG, "referral_agency"),
    granted(RAG, "referral_agency"),
)
CORRECT = correction("referral_agency")
CORRECTED = corrected(RAG, "referral_agency")
RETURN = ReturnForCorrection(remark_digest="33", officer="officer-1", on=TODAY)
LEAVE = EndAffiliation(cause="withdrawn", reason_digest="44", ended_by="user-1", on=TODAY)
REMOVE = replace(LEAVE, cause="removed", ended_by="officer-1")


def test_one_who_meets_every_rule_applies() -> None:
    spec.given().when(request(RAG, "referral_agency")).then(ASKED)


def test_the_office_asks_for_the_conditions_of_the_sources() -> None:
    assert TERMS.standing.referral_agency_conditions == conditions("referral_agency")
    assert TERMS.standing.service_agency_conditions == conditions("service_agency")
    assert TERMS.standing.laboratory_conditions == conditions("laboratory")


def test_all_conditions_met_lets_in_and_opens_the_account_of_the_role() -> None:
    spec.given(ASKED).when(review("referral_agency")).then(IN, opened(RAG, "referral_agency"))
    service = requested(SAG, "service_agency")
    spec.given(service).when(review("service_agency")).then(
        granted(SAG, "service_agency"), opened(SAG, "service_agency")
    )


def test_a_laboratory_has_no_account_of_its_own() -> None:
    asked = requested(LAB, "laboratory")
    spec.given(asked).when(review("laboratory")).then(granted(LAB, "laboratory"))
    spec.given(asked, granted(LAB, "laboratory")).when(LEAVE).then(ended(LAB, "laboratory"))


@pytest.mark.parametrize("condition", conditions("referral_agency"))
def test_one_condition_not_met_refuses_and_is_named(condition: str) -> None:
    (unmet,) = [known for known in conditions("referral_agency") if known == condition]
    spec.given(ASKED).when(review("referral_agency", unmet)).then(refused(RAG, "referral_agency", unmet))


def test_the_review_looks_at_each_condition_exactly_once() -> None:
    whole = review("referral_agency")
    for verdicts in (whole.verdicts[:2], (*whole.verdicts, whole.verdicts[0]), (*whole.verdicts, ("accredited", True))):
        spec.given(ASKED).when(replace(whole, verdicts=verdicts)).then_refused("conditions-not-all-reviewed")


def test_nobody_is_let_in_whom_the_rules_of_the_day_refuse() -> None:
    failing = tuple(replace(finding, outcome="fail") for finding in findings("referral_agency")[:1])
    spec.given(ASKED).when(replace(review("referral_agency"), findings=failing)).then_refused(
        "referral-enterprises-too-few"
    )
    # What the officer found not to be met needs no second reason.
    turned_down = replace(review("referral_agency", "promotion"), findings=failing)
    spec.given(ASKED).when(turned_down).then(refused(RAG, "referral_agency", "promotion"))


def test_who_is_barred_neither_applies_nor_corrects_nor_is_let_in() -> None:
    spec.given().when(replace(request(RAG, "referral_agency"), barred=True)).then_refused("party-barred")
    spec.given(ASKED, BACK).when(replace(CORRECT, barred=True)).then_refused("party-barred")
    spec.given(ASKED).when(replace(review("referral_agency"), barred=True)).then_refused("party-barred")


def test_what_was_returned_is_corrected_before_it_is_reviewed() -> None:
    spec.given(ASKED).when(RETURN).then(BACK)
    spec.given(ASKED, BACK).when(review("referral_agency")).then_refused("affiliation-not-in-this-stage")
    spec.given(ASKED, BACK).when(CORRECT).then(CORRECTED)
    spec.given(ASKED, BACK, CORRECTED).when(review("referral_agency")).then(IN, opened(RAG, "referral_agency"))
    spec.given(ASKED, BACK, CORRECTED).when(CORRECT).then_refused("affiliation-not-in-this-stage")


def test_a_correction_is_judged_like_an_application() -> None:
    failing = tuple(replace(finding, outcome="fail") for finding in findings("referral_agency"))
    spec.given(ASKED, BACK).when(replace(CORRECT, findings=failing)).then_refused(
        "referral-enterprises-too-few",
        "referral-undertaking-missing",
        "referral-events-too-few",
        "referral-working-rules-incomplete",
    )


@pytest.mark.parametrize("history", [(ASKED,), (ASKED, BACK)])
def test_an_applicant_may_withdraw_but_the_office_removes_only_who_is_in(history: tuple[object, ...]) -> None:
    left = ended(RAG, "referral_agency")
    spec.given(*history).when(LEAVE).then(left)  # type: ignore[arg-type]
    spec.given(*history).when(REMOVE).then_refused("affiliation-not-in-this-stage")  # type: ignore[arg-type]


def test_the_end_closes_the_account() -> None:
    account = closed(RAG, "referral_agency")
    spec.given(ASKED, IN).when(LEAVE).then(ended(RAG, "referral_agency"), account)
    removed = AffiliationEnded(
        party_id=RAG, kind="referral_agency", cause="removed", reason_digest="44", ended_by="officer-1", on=TODAY
    )
    spec.given(ASKED, IN).when(REMOVE).then(removed, account)


@pytest.mark.parametrize("over", [ended(RAG, "referral_agency"), refused(RAG, "referral_agency", "promotion")])
@pytest.mark.parametrize(
    "command", [request(RAG, "referral_agency"), RETURN, CORRECT, review("referral_agency"), LEAVE, REMOVE]
)
def test_nothing_happens_to_what_is_over(over: object, command: object) -> None:
    spec.given(ASKED, over).when(command).then_refused("affiliation-not-in-this-stage")  # type: ignore[arg-type]
