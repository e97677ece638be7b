"""No refusal shows a reader of Chinese the code of a state, a kind or a rule; a stage is called alike everywhere."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeAliasType, get_args

import pytest
from pydantic import BaseModel

from services.appraisal.api.models import RoundView
from services.appraisal.domain import round as rounds
from services.contracts.api.models import Contract, Project
from services.contracts.domain import contract, project
from services.issuance.api.models import Voucher
from services.issuance.api.order_list import OUTCOME_WORDS
from services.issuance.domain.entry import Stage as EntryStage
from services.issuance.domain.period_phases import Phase
from services.issuance.domain.voucher_stages import Stage as VoucherStage
from services.issuance.projections.order_list import Outcome
from services.redemption.api.models import EvidenceBody, RedemptionView
from services.redemption.domain import recovery, stages
from services.redemption.domain.rules import REQUIRED_EVIDENCE
from services.registry.api.booking_models import BookingView
from services.registry.api.evaluations import EvaluationView
from services.registry.api.institution_models import AffiliationView
from services.registry.api.measure_changes import ChangeView
from services.registry.api.models import SanctionView
from services.registry.api.provider_models import ApplicationView, ConditionCheckBody, FacilityBody, ServiceBody
from services.registry.api.representation_models import DelegationView
from services.registry.domain import (
    affiliation,
    booking,
    delegation,
    design_centre,
    evaluation,
    facility_row,
    measure_change,
    mutual_recognition,
    new_product,
    provider,
    sanction,
    service_agency,
)
from services.registry.domain.eligibility import enterprise_findings, team_findings
from services.registry.domain.office_user import EXCLUDES, conflicts
from shared.events.registry.affiliations import AffiliationCondition
from shared.events.registry.channels import ChannelScope
from shared.events.registry.claimants import CertificateKind, ClaimantKind
from shared.events.registry.facilities import FacilityKind, FacilityStatus, ServiceKind
from shared.events.registry.laboratories import AccreditationKind
from shared.events.registry.office import Duty
from shared.events.registry.providers import ProviderCondition
from shared.events.registry.representation import DelegatedDuty
from shared.events.registry.standing import PartyKind
from shared.http.application import catalogue_of
from shared.http.policy import Role
from shared.http.problems import Catalogue, Entry
from shared.measures.changes import bounds_in_words
from shared.measures.code_words import CODE_WORDS
from shared.measures.reader import Measures
from shared.measures.terms import Unit
from shared.settings import CONTEXTS
from tests.bad_input.door import context_of
from tests.unit.registry.facts import COMPANY, TEAM, TERMS, TODAY

SERVICES = Path(__file__).parents[2] / "services"
SHARED = SERVICES.parent / "shared"


def _of(*literals: TypeAliasType) -> set[str]:
    return {code for literal in literals for code in get_args(literal.__value__)}


def _states(state: Any) -> set[str]:
    """Name the states of a union of them, as `name_of` does."""
    if isinstance(state, TypeAliasType):
        return {name for each in get_args(state.__value__) for name in _states(each)}
    return {state.__name__.lower()}


def _of_the_pack(parameter: str) -> set[str]:
    """Take the codes that any pack knows on any day."""
    values = [rule.held.value for rule in Measures.load().history(parameter)]
    return {code for value in values if isinstance(value, tuple) for code in value}


def _rules_of_claimants() -> set[str]:
    """Name the rules that may fail; what is only recorded is nobody's to review."""
    enterprise = enterprise_findings(COMPANY, TERMS.eligibility, TERMS.voucher, TODAY)
    return {finding.rule for finding in (*enterprise, *team_findings(TEAM, TERMS.eligibility)) if finding.code}


PERIODS = {"unplanned", *(phase.value for phase in Phase)}
CODES: dict[tuple[str, str], set[str]] = {
    ("", "not-allowed"): {role.value for role in Role},
    ("", "duty-missing"): _of(Duty),
    ("", "channel-not-authorised"): _of(ChannelScope),
    ("", "file-type-not-accepted"): {"?", ".zip"},
    ("issuance", "period-not-in-this-state"): PERIODS,
    ("issuance", "order-list-not-published-yet"): PERIODS,
    ("issuance", "entry-not-in-this-state"): {"unmade", *(stage.value for stage in EntryStage)},
    ("issuance", "voucher-not-in-this-state"): {"unclaimed", *(stage.value for stage in VoucherStage)},
    ("contracts", "service-kind-not-supported"): _of(ServiceKind),
    ("contracts", "project-already-decided"): _states(project.State),
    ("contracts", "project-not-confirmed"): _states(project.State),
    ("contracts", "contract-already-submitted"): _states(contract.State),
    ("contracts", "contract-not-registered"): _states(contract.State),
    ("redemption", "redemption-not-in-this-stage"): _states(stages.State) - {"approved", "ended", "underreview"}
    | {"on_notice", "refused", "lapsed", "under_review", "disbursement_ordered"},
    ("redemption", "evidence-missing"): set(REQUIRED_EVIDENCE),
    ("redemption", "recovery-not-in-this-stage"): {"unknown", *_of(recovery.Stage)},
    ("appraisal", "round-not-in-this-stage"): _of(rounds.Stage),
    ("registry", "field-not-supported"): _of_the_pack("fields"),
    ("registry", "certificate-dates-reversed"): _of(CertificateKind),
    ("registry", "certificate-revoked"): _of(CertificateKind),
    ("registry", "claimant-of-another-kind"): _of(ClaimantKind),
    ("registry", "reviews-open"): _rules_of_claimants(),
    ("registry", "rule-unknown"): _rules_of_claimants(),
    ("registry", "provider-not-in-this-stage"): _of(provider.Stage),
    ("registry", "condition-not-asked-for"): _of(ProviderCondition) | _of_the_pack("provider_conditions"),
    ("registry", "service-does-not-fit-facility"): _of(ServiceKind, FacilityKind),
    ("registry", "service-not-in-this-state"): {"unoffered", "offered", "withdrawn"},
    ("registry", "nothing-to-suspend"): _of(PartyKind),
    ("registry", "sanction-not-in-this-stage"): _of(sanction.Stage),
    ("registry", "facility-kind-stays"): _of(FacilityKind),
    ("registry", "import-columns-missing"): {
        column for file in (facility_row, mutual_recognition, new_product) for column in file.COLUMNS
    },
    ("registry", "measure-value-wrong-unit"): {unit.value for unit in Unit},
    ("registry", "measure-value-out-of-bounds"): {bounds_in_words(Unit.CODES)},
    ("registry", "measure-change-not-in-this-stage"): _of(measure_change.Stage),
    ("registry", "duty-delegated-already"): _of(DelegatedDuty),
    ("registry", "delegation-not-in-this-stage"): _of(delegation.Stage),
    ("registry", "affiliation-not-in-this-stage"): _of(affiliation.Stage),
    ("registry", "conditions-not-all-reviewed"): _of(AffiliationCondition),
    ("registry", "referral-working-rules-incomplete"): _of_the_pack("referral_working_rules"),
    ("registry", "authoriser-not-on-platform"): _of(service_agency.AuthoriserKind),
    ("registry", "laboratory-not-accredited"): _of(AccreditationKind) | _of_the_pack("laboratory_accreditations"),
    ("registry", "accreditation-dates-reversed"): _of(AccreditationKind),
    ("registry", "design-centre-not-in-this-stage"): _of(design_centre.Stage),
    ("registry", "facility-not-in-service"): {*_of(FacilityStatus), "withdrawn"},
    ("registry", "booking-not-in-this-stage"): {"unrequested", *_of(booking.Stage)},
    ("registry", "duties-exclude-each-other"): {each for pair in EXCLUDES for each in conflicts(tuple(pair))},
    ("registry", "evaluation-not-in-this-stage"): _of(evaluation.Stage),
}
"""The codes that a refusal may put into its sentence: by service, the kernel's under no name, and by the refusal."""
OF_ANOTHER_KIND = {"facility-kind-stays"}
"""Where `compute` is a kind of facility and not of service."""
_NAMES_A_CODE = re.compile(
    r"^_?(stage|state|status|phase|kind|duty|duties|scope|role|condition|unit|rule|field)s?(_of)?$|name_of$"
)
"""What an expression is called, or ends with, that gives a code."""
_RAW = re.compile(r"[a-z]")


@cache
def _catalogue(service: str) -> Catalogue:
    return catalogue_of(context_of(service)) if service else Catalogue.load()


def _worded() -> Iterator[tuple[str, str]]:
    kernel = _catalogue("")
    yield from (("", entry.code) for entry in kernel.values() if entry.words)
    for service in CONTEXTS:
        entries = _catalogue(service).values()
        yield from ((service, entry.code) for entry in entries if entry.words and entry.code not in kernel)


@pytest.mark.parametrize(("service", "code"), CODES)
def test_every_code_has_a_word_and_no_other_has_one(service: str, code: str) -> None:
    assert _catalogue(service)[code].words.keys() == CODES[service, code]


def test_whoever_gives_an_entry_words_says_here_which_codes_they_are_for() -> None:
    assert set(_worded()) == CODES.keys()


@pytest.mark.parametrize(("service", "refusal"), CODES)
def test_no_chinese_sentence_shows_a_code(service: str, refusal: str) -> None:
    entry, codes = _catalogue(service)[refusal], sorted(CODES[service, refusal])
    for filled in (*codes, codes, tuple(codes)):
        said = entry.sentence("zh", value="甲", limit=filled) + entry.sentence("zh", value=filled, limit="甲")
        assert not _RAW.search(said), said
        assert said != entry.sentence("zh", value="甲", limit="甲") * 2


def test_a_refusal_calls_the_codes_of_the_rules_as_the_rules_do() -> None:
    differing = [
        (refusal, code)
        for service, refusal in CODES
        for code, word in _catalogue(service)[refusal].words.items()
        if code in CODE_WORDS and refusal not in OF_ANOTHER_KIND and (word["zh"], word["en"]) != CODE_WORDS[code]
    ]
    assert differing == []


@pytest.mark.parametrize(
    ("model", "field", "service", "refusal"),
    [
        (Voucher, "state", "issuance", "voucher-not-in-this-state"),
        (Project, "state", "contracts", "project-already-decided"),
        (Contract, "state", "contracts", "contract-not-registered"),
        (RedemptionView, "stage", "redemption", "redemption-not-in-this-stage"),
        (RoundView, "stage", "appraisal", "round-not-in-this-stage"),
        (AffiliationView, "stage", "registry", "affiliation-not-in-this-stage"),
        (ApplicationView, "stage", "registry", "provider-not-in-this-stage"),
        (BookingView, "stage", "registry", "booking-not-in-this-stage"),
        (ChangeView, "stage", "registry", "measure-change-not-in-this-stage"),
        (DelegationView, "stage", "registry", "delegation-not-in-this-stage"),
        (EvaluationView, "stage", "registry", "evaluation-not-in-this-stage"),
        (SanctionView, "stage", "registry", "sanction-not-in-this-stage"),
        (ConditionCheckBody, "condition", "registry", "condition-not-asked-for"),
        (EvidenceBody, "kind", "redemption", "evidence-missing"),
        (FacilityBody, "kind", "registry", "facility-kind-stays"),
        (ServiceBody, "kind", "contracts", "service-kind-not-supported"),
    ],
)
def test_a_stage_or_kind_is_called_alike_where_it_is_shown_and_where_it_refuses(
    model: type[BaseModel], field: str, service: str, refusal: str
) -> None:
    said, _, _ = (model.model_fields[field].description or "").partition(" · ")
    shown = dict(each.split(" ") for each in said.split("，"))
    words = {code: word["zh"].removeprefix("的") for code, word in _catalogue(service)[refusal].words.items()}
    assert shown.items() <= words.items()
    assert len(words.keys() - shown.keys()) <= 1  # nothing that is shown is at the stage before its first fact


def test_the_file_of_the_order_list_has_a_word_for_every_outcome() -> None:
    words = _catalogue("issuance")["voucher-not-in-this-state"].words
    assert OUTCOME_WORDS.keys() == _of(Outcome)
    assert all(words[code]["zh"] == word for code, word in OUTCOME_WORDS.items() if code != "issued")


@pytest.mark.parametrize("service", ["", *CONTEXTS])
def test_what_a_refusal_calls_a_stage_or_a_kind_has_words(service: str) -> None:
    """Look through the code for a value or a limit that is by its name a code, and for its entry's words."""
    found = set()
    for refusal, given in _refusals(service):
        entry = _catalogue(service).get(refusal)
        if entry is not None and not entry.words and _inserts(entry, given):
            found.add(refusal)
    assert found == set()


def _refusals(service: str) -> Iterator[tuple[str, dict[str, ast.expr]]]:
    """List each refusal in a service's code, or in what is shared, with its value and its limit."""
    for file in sorted((SERVICES / service if service else SHARED).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            given = {each.arg: each.value for each in node.keywords if each.arg}
            code = given.get("code") or (node.args[0] if node.args else None)
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                yield code.value, given


def _inserts(entry: Entry, given: dict[str, ast.expr]) -> bool:
    sentence = entry.detail.get("zh", "")
    return any(
        f"{{{name}}}" in sentence and name in given and any(map(_NAMES_A_CODE.search, _names(given[name])))
        for name in ("value", "limit")
    )


def _names(value: ast.expr) -> Iterable[str]:
    """Say what an expression is called at its end: `state.stage` is `stage`, `stage_of(state)` is `stage_of`."""
    match value:
        case ast.Attribute(attr="value", value=inner):
            return _names(inner)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return (name,)
        case ast.Call(func=ast.Name(id="tuple" | "sorted"), args=[inner, *_]):
            return _names(inner)
        case ast.Call(func=inner):
            return _names(inner)
        case ast.IfExp(body=body, orelse=orelse):
            return (*_names(body), *_names(orelse))
        case _:
            return ()
