"""A claimant registers itself and keeps its certificates up to date."""

from dataclasses import replace
from datetime import date

from services.registry.domain.claimant import ChangeCertificates, RegisterClaimant, claimant
from services.registry.domain.eligibility import enterprise_findings, team_findings
from shared.events.registry.claimants import ClaimantCertificatesChanged, ClaimantRegistered
from tests.specification import Specification
from tests.unit.registry.facts import CERTIFICATE, COMPANY, LISTING, TEAM, TERMS, TODAY

spec = Specification(claimant)
REGISTER = RegisterClaimant(
    claimant_id="clm_1",
    kind="enterprise",
    principal="user-1",
    certificates=COMPANY.certificates,
    findings=enterprise_findings(COMPANY, TERMS.eligibility, TERMS.voucher, TODAY),
    profile_digest="00",
    on=TODAY,
    pack="beijing-2023",
    pack_digest="d",
)
REGISTERED = ClaimantRegistered(
    claimant_id="clm_1",
    kind="enterprise",
    principal="user-1",
    certificates=COMPANY.certificates,
    profile_digest="00",
    on=TODAY,
    pack="beijing-2023",
    pack_digest="d",
)
TEAM_REGISTERED = replace(REGISTERED, kind="team", certificates=())


def test_who_meets_every_rule_is_registered() -> None:
    spec.given().when(REGISTER).then(REGISTERED)


def test_a_team_is_registered_without_certificates() -> None:
    findings = team_findings(TEAM, TERMS.eligibility)
    spec.given().when(replace(REGISTER, kind="team", certificates=(), findings=findings)).then(TEAM_REGISTERED)


def test_a_refusal_names_every_rule_that_failed() -> None:
    facts = replace(COMPANY, staff=501, field="catering")
    findings = enterprise_findings(facts, TERMS.eligibility, TERMS.voucher, TODAY)
    spec.given().when(replace(REGISTER, findings=findings)).then_refused("staff-over-limit", "field-not-supported")


def test_nobody_registers_twice() -> None:
    spec.given(REGISTERED).when(REGISTER).then_refused("claimant-already-registered")


def test_new_certificates_replace_the_old_ones() -> None:
    both = (CERTIFICATE, LISTING)
    changed = ClaimantCertificatesChanged(claimant_id="clm_1", certificates=both, on=TODAY)
    spec.given(REGISTERED).when(ChangeCertificates(certificates=both, on=TODAY)).then(changed)
    spec.given(REGISTERED, changed).when(ChangeCertificates(certificates=both, on=TODAY)).then_nothing()


def test_a_certificate_does_not_end_before_it_begins() -> None:
    wrong = (replace(CERTIFICATE, valid_until=date(2020, 1, 1)),)
    spec.given(REGISTERED).when(ChangeCertificates(certificates=wrong, on=TODAY)).then_refused(
        "certificate-dates-reversed"
    )


def test_a_team_has_no_company_s_certificates() -> None:
    spec.given(TEAM_REGISTERED).when(ChangeCertificates(certificates=(CERTIFICATE,), on=TODAY)).then_refused(
        "team-has-no-certificates"
    )


def test_certificates_belong_to_somebody() -> None:
    spec.given().when(ChangeCertificates(certificates=(), on=TODAY)).then_refused("claimant-not-registered")
