"""A project between its proposal and the provider's answer (art. 5, 9(2), 10(2), 12 and 17; faq 3)."""

from dataclasses import replace

import pytest

from services.contracts.domain.project import ConfirmProject, DeclineProject, project
from services.contracts.domain.standing import Parties
from shared.events.contracts import ProjectConfirmed, ProjectDeclined
from tests.specification import Specification
from tests.unit.contracts.facts import CONFIRMED, GOOD, MARCH_5, PROPOSE, PROPOSED, TERMS

spec = Specification(project)

CONFIRM = ConfirmProject(confirmed_by="provider-user", parties=GOOD, terms=TERMS.contract, on=MARCH_5)
DECLINE = DeclineProject(reason="capacity-exhausted", on=MARCH_5)
DECLINED = ProjectDeclined(
    project_id="prj_1", claimant_id="clm_1", provider_id="prv_1", reason="capacity-exhausted", on=MARCH_5
)


def test_a_claimant_may_propose_a_project_to_a_listed_provider() -> None:
    spec.given().when(PROPOSE).then(PROPOSED)


def test_statutory_testing_is_not_supported() -> None:
    spec.given().when(replace(PROPOSE, no_statutory_testing=False)).then_refused("statutory-testing-excluded")


def test_a_project_the_municipality_already_funded_is_not_supported_again() -> None:
    spec.given().when(replace(PROPOSE, no_municipal_funding=False)).then_refused("funded-project-excluded")


def test_the_declarations_matter_only_while_their_rules_are_in_force() -> None:
    lenient = replace(TERMS.contract, statutory_testing_excluded=False, funded_projects_excluded=False)
    undeclared = replace(PROPOSE, no_statutory_testing=False, no_municipal_funding=False, terms=lenient)
    spec.given().when(undeclared).then(PROPOSED)


STRANGERS = [
    (replace(GOOD, claimant_registered=False), "claimant-not-registered"),
    (replace(GOOD, claimant_barred=True), "claimant-barred"),
    (replace(GOOD, provider_listed=False), "provider-not-listed"),
    (replace(GOOD, provider_gone=True), "provider-has-left"),
    (replace(GOOD, provider_barred=True), "provider-barred"),
    (replace(GOOD, service_kind=None), "service-not-offered"),
    (replace(GOOD, service_kind="industrial_design"), "design-capability-missing"),
]


@pytest.mark.parametrize(("parties", "code"), STRANGERS, ids=[code for _, code in STRANGERS])
def test_who_may_not_work_together_may_neither_propose_nor_confirm(parties: Parties, code: str) -> None:
    spec.given().when(replace(PROPOSE, parties=parties)).then_refused(code)
    spec.given(PROPOSED).when(replace(CONFIRM, parties=parties)).then_refused(code)


def test_industrial_design_is_admitted_with_a_provider_that_has_the_capability() -> None:
    able = replace(GOOD, service_kind="industrial_design", provider_capabilities=frozenset({"industrial_design"}))
    designed = replace(PROPOSED, service_kind="industrial_design")
    spec.given().when(replace(PROPOSE, parties=able)).then(designed)


def test_a_kind_of_service_outside_the_rules_is_refused() -> None:
    narrow = replace(TERMS.contract, service_kinds=("analysis",))
    spec.given().when(replace(PROPOSE, terms=narrow)).then_refused("service-kind-not-supported")


def test_every_reason_is_said_at_once() -> None:
    nobody = replace(
        GOOD,
        claimant_registered=False,
        claimant_barred=True,
        provider_listed=False,
        provider_barred=True,
        service_kind=None,
    )
    worst = replace(PROPOSE, parties=nobody, no_statutory_testing=False, no_municipal_funding=False)
    spec.given().when(worst).then_refused(
        "claimant-not-registered",
        "claimant-barred",
        "provider-not-listed",
        "provider-barred",
        "service-not-offered",
        "statutory-testing-excluded",
        "funded-project-excluded",
    )


def test_the_provider_confirms_a_project() -> None:
    spec.given(PROPOSED).when(CONFIRM).then(CONFIRMED)


def test_the_provider_declines_a_project_with_a_reason() -> None:
    spec.given(PROPOSED).when(DECLINE).then(DECLINED)


@pytest.mark.parametrize("answered", [CONFIRMED, DECLINED], ids=["confirmed", "declined"])
@pytest.mark.parametrize("answer", [CONFIRM, DECLINE], ids=["confirm", "decline"])
def test_a_project_is_answered_once(
    answered: ProjectConfirmed | ProjectDeclined, answer: ConfirmProject | DeclineProject
) -> None:
    spec.given(PROPOSED, answered).when(answer).then_refused("project-already-decided")


def test_a_project_is_proposed_once() -> None:
    spec.given(PROPOSED).when(PROPOSE).then_refused("project-already-decided")
