"""What the register knows of a claimant decides again at each step with a provider (art. 7 and 16)."""

from dataclasses import replace

import pytest

from services.contracts.domain.contract import contract
from services.contracts.domain.project import Confirmed, ConfirmProject, project
from services.contracts.domain.standing import Parties, why_not_together
from tests.specification import Specification
from tests.unit.contracts.facts import CONFIRMED, GOOD, MARCH_5, PROPOSE, PROPOSED, SUBMIT, SUBMITTED, TERMS

projects, contracts = Specification(project), Specification(contract)

INELIGIBLE, RELATED = replace(GOOD, claimant_eligible=False), replace(GOOD, related=True)
CONFIRM = ConfirmProject(confirmed_by="provider-user", parties=GOOD, terms=TERMS.contract, on=MARCH_5)
DECLARED = replace(PROPOSED, relation_declared=True)
CONFIRMED_AS_RELATED = Confirmed(project=DECLARED, confirmed_by="provider-user", on=MARCH_5)


@pytest.mark.parametrize(
    ("parties", "code"), [(INELIGIBLE, "claimant-not-eligible"), (RELATED, "relation-not-declared")]
)
def test_it_stops_the_proposal_the_confirmation_and_the_contract(parties: Parties, code: str) -> None:
    projects.given().when(replace(PROPOSE, parties=parties)).then_refused(code)
    projects.given(PROPOSED).when(replace(CONFIRM, parties=parties)).then_refused(code)
    contracts.given().when(replace(SUBMIT, parties=parties)).then_refused(code)


def test_a_declared_relation_forbids_nothing_and_is_carried_along() -> None:
    projects.given().when(replace(PROPOSE, parties=RELATED, relation_declared=True)).then(DECLARED)
    projects.given(DECLARED).when(replace(CONFIRM, parties=RELATED)).then(CONFIRMED)
    declared = replace(SUBMIT, project=CONFIRMED_AS_RELATED, parties=RELATED)
    contracts.given().when(declared).then(replace(SUBMITTED, relation_declared=True))


def test_a_claimant_may_declare_more_than_the_register_knows() -> None:
    projects.given().when(replace(PROPOSE, relation_declared=True)).then(DECLARED)


def test_each_rule_binds_only_while_it_is_in_force() -> None:
    lenient = replace(TERMS.contract, eligible_claimant_required=False, related_parties_declared=False)
    both = replace(GOOD, claimant_eligible=False, related=True)
    projects.given().when(replace(PROPOSE, parties=both, terms=lenient)).then(PROPOSED)
    contracts.given().when(replace(SUBMIT, parties=both, terms=replace(TERMS, contract=lenient))).then(SUBMITTED)


def test_the_refusals_name_their_articles_and_parameters() -> None:
    both = replace(GOOD, claimant_eligible=False, related=True)
    reasons = [reason for reason in why_not_together(both, TERMS.contract, relation_declared=False) if reason]
    assert [(reason.article, reason.parameter) for reason in reasons] == [
        ("7", "eligible_claimant_required"),
        ("16", "related_parties_declared"),
    ]
