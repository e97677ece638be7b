"""A claimant registers itself, keeps what it says true, and its certificates up to date."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from deploy.local.sample.generate import credit_code
from services.registry.domain.claimant import (
    ChangeProfile,
    Reassess,
    RegisterClaimant,
    Registered,
    VerifyProfile,
    claimant,
)
from services.registry.domain.claimant_certificates import ChangeCertificates, RevokeCertificate, without_revoked
from services.registry.domain.claimant_judgement import Assessment
from services.registry.domain.claimant_relations import DeclareRelatedParties
from services.registry.domain.eligibility import EnterpriseFacts, Finding, enterprise_findings, team_findings
from shared.events.registry.claimants import (
    Certificate,
    ClaimantCertificateRevoked,
    ClaimantCertificatesChanged,
    ClaimantEligibilityChanged,
    ClaimantProfileChanged,
    ClaimantProfileCompleted,
    ClaimantProfileVerified,
    ClaimantRegistered,
    ClaimantRelatedPartiesDeclared,
    ClaimantReviewOpened,
    Occasion,
    RuleOutcome,
)
from tests.specification import Specification
from tests.unit.registry.facts import CERTIFICATE, COMPANY, LISTING, TEAM, TERMS, TODAY

A_DAY = timedelta(days=1)
ELSEWHERE = credit_code("91", "120116", 10_000)
"""A valid code that Tianjin gave: whether its company has moved here is for a person to see."""
spec = Specification(claimant)


def found(facts: EnterpriseFacts, today: date = TODAY) -> tuple[Finding, ...]:
    return enterprise_findings(facts, TERMS.eligibility, TERMS.voucher, today)


def assessed(
    findings: tuple[Finding, ...], occasion: Occasion, *, anew: frozenset[str] = frozenset(), on: date = TODAY,
    until: date | None = None,
) -> Assessment:  # fmt: skip
    """Put findings into an assessment; `anew` are the rules that look at other values than before."""
    unchanged = frozenset() if occasion == "registration" else frozenset(f.rule for f in findings) - anew
    return Assessment(
        findings=findings, unchanged=unchanged, until=until, occasion=occasion, on=on, pack="beijing-2023",
        pack_digest="d",
    )  # fmt: skip


def answered(assessment: Assessment, outcome: Any = "pass", **otherwise: Any) -> ClaimantEligibilityChanged:
    """Say what an assessment comes to; `otherwise` names the rules whose outcome a person or a queue makes another."""
    rules = []
    for f in assessment.findings:
        outcome_of_rule, reviewed = otherwise.get(f.rule.replace("-", "_"), (f.outcome, False))
        rules.append(
            RuleOutcome(rule=f.rule, code=f.code, outcome=outcome_of_rule, article=f.article, reviewed=reviewed)
        )
    return ClaimantEligibilityChanged(
        claimant_id="clm_1",
        outcome=outcome,
        rules=tuple(rules),
        occasion=assessment.occasion,
        until=assessment.until,
        on=assessment.on,
        pack="beijing-2023",
        pack_digest="d",
    )


FIRST = assessed(found(COMPANY), "registration")
REGISTER = RegisterClaimant(
    claimant_id="clm_1",
    kind="enterprise",
    principal="user-1",
    certificates=COMPANY.certificates,
    profile_digest="00",
    complete=True,
    assessment=FIRST,
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
COMPLETED = ClaimantProfileCompleted(claimant_id="clm_1", profile_digest="00", on=TODAY)
ELIGIBLE = answered(FIRST)
KNOWN = (REGISTERED, COMPLETED, ELIGIBLE)
TEAM_REGISTERED = replace(REGISTERED, kind="team", certificates=())
VERIFIED = ClaimantProfileVerified(claimant_id="clm_1", profile_digest="00", verified_by="officer-1", on=TODAY)
CHANGED = ClaimantProfileChanged(
    claimant_id="clm_1", old_digest="00", new_digest="01", changed_by="user-1", on=TODAY
)  # fmt: skip


def stage(*history: Any) -> str:
    state = claimant.fold(history)
    assert isinstance(state, Registered)
    return state.profile_stage


def certified(*certificates: Certificate) -> ChangeCertificates:
    return ChangeCertificates(
        certificates=certificates,
        assessment=assessed(found(replace(COMPANY, certificates=certificates)), "certificates"),
    )


def test_who_meets_every_rule_is_registered() -> None:
    spec.given().when(REGISTER).then(*KNOWN)


def test_a_profile_without_a_contact_is_a_draft_and_may_claim_all_the_same() -> None:
    spec.given().when(replace(REGISTER, complete=False)).then(REGISTERED, ELIGIBLE)
    assert (stage(REGISTERED, ELIGIBLE), stage(*KNOWN)) == ("draft", "complete")


def test_a_team_is_registered_without_certificates() -> None:
    first = assessed(team_findings(TEAM, TERMS.eligibility), "registration")
    register = replace(REGISTER, kind="team", certificates=(), assessment=first)
    spec.given().when(register).then(TEAM_REGISTERED, COMPLETED, answered(first))


def test_a_refusal_names_every_rule_that_failed() -> None:
    facts = replace(COMPANY, staff=501, field="catering")
    register = replace(REGISTER, assessment=assessed(found(facts), "registration"))
    spec.given().when(register).then_refused("staff-over-limit", "field-not-supported")


def test_what_needs_a_person_waits_for_one_and_the_claimant_is_registered() -> None:
    moved = assessed(found(replace(COMPANY, credit_code=ELSEWHERE)), "registration")
    waits = ClaimantReviewOpened(claimant_id="clm_1", rule="beijing-registration", opened_by=None, on=TODAY)
    judged = answered(moved, "needs_review")
    spec.given().when(replace(REGISTER, assessment=moved)).then(REGISTERED, COMPLETED, waits, judged)
    assert stage(REGISTERED, COMPLETED, waits, judged) == "needs_review"


def test_nobody_registers_twice() -> None:
    spec.given(*KNOWN).when(REGISTER).then_refused("claimant-already-registered")


def test_a_change_of_the_profile_is_judged_and_what_fails_now_is_an_answer() -> None:
    grown = assessed(found(replace(COMPANY, staff=501)), "profile", anew=frozenset({"staff"}))
    change = ChangeProfile(profile_digest="01", changed_by="user-1", assessment=grown)
    spec.given(*KNOWN).when(change).then(CHANGED, answered(grown, "fail"))


def test_the_district_of_registration_is_told_with_the_registration_and_with_every_change() -> None:
    spec.given().when(replace(REGISTER, district="110108")).then(
        replace(REGISTERED, district="110108"), COMPLETED, ELIGIBLE
    )
    same = assessed(found(COMPANY), "profile")
    moved = ChangeProfile(profile_digest="01", changed_by="user-1", assessment=same, district="110105")
    spec.given(*KNOWN).when(moved).then(replace(CHANGED, district="110105"))


def test_a_change_that_alters_no_outcome_says_so_by_saying_nothing() -> None:
    same = assessed(found(replace(COMPANY, staff=173)), "profile", anew=frozenset({"staff"}))
    spec.given(*KNOWN).when(ChangeProfile(profile_digest="01", changed_by="user-1", assessment=same)).then(CHANGED)
    spec.given(*KNOWN).when(ChangeProfile(profile_digest="00", changed_by="user-1", assessment=same)).then_nothing()


def test_a_draft_is_completed_by_the_change_that_says_the_rest() -> None:
    change = ChangeProfile(profile_digest="01", changed_by="user-1", assessment=assessed(found(COMPANY), "profile"))
    completed = replace(COMPLETED, profile_digest="01")
    spec.given(REGISTERED, ELIGIBLE).when(change).then(CHANGED, completed)


def test_an_officer_verifies_a_complete_profile_and_the_next_change_ends_that() -> None:
    verify = VerifyProfile(verified_by="officer-1", on=TODAY)
    spec.given(*KNOWN).when(verify).then(VERIFIED)
    spec.given(*KNOWN, VERIFIED).when(verify).then_nothing()
    assert (stage(*KNOWN, VERIFIED), stage(*KNOWN, VERIFIED, CHANGED)) == ("verified", "complete")


def test_neither_a_draft_nor_what_waits_for_a_person_is_verified() -> None:
    verify = VerifyProfile(verified_by="officer-1", on=TODAY)
    waits = ClaimantReviewOpened(claimant_id="clm_1", rule="staff", opened_by="officer-1", on=TODAY)
    spec.given(REGISTERED, ELIGIBLE).when(verify).then_refused("profile-not-complete")
    spec.given(*KNOWN, waits).when(verify).then_refused("reviews-open")
    spec.given(REGISTERED, waits).when(verify).then_refused("profile-not-complete", "reviews-open")


def test_another_day_is_an_answer_only_when_something_is_another() -> None:
    later = date(2028, 9, 10)  # five years and a day after the company was founded
    old = assessed(found(COMPANY, later), "day", on=later)
    spec.given(*KNOWN).when(Reassess(assessment=replace(FIRST, occasion="day"))).then_nothing()
    spec.given(*KNOWN).when(Reassess(assessment=old)).then(answered(old, "fail"))
    spec.given(*KNOWN, answered(old, "fail")).when(Reassess(assessment=old)).then_nothing()


def test_new_certificates_replace_the_old_ones() -> None:
    both = (CERTIFICATE, LISTING)
    changed = ClaimantCertificatesChanged(claimant_id="clm_1", certificates=both, on=TODAY)
    spec.given(*KNOWN).when(certified(*both)).then(changed)
    spec.given(*KNOWN, changed).when(certified(*both)).then_nothing()


def test_a_certificate_does_not_end_before_it_begins() -> None:
    wrong = replace(CERTIFICATE, valid_until=date(2020, 1, 1))
    spec.given(*KNOWN).when(certified(wrong)).then_refused("certificate-dates-reversed")


def test_a_team_has_no_company_s_certificates() -> None:
    spec.given(TEAM_REGISTERED).when(certified(CERTIFICATE)).then_refused("team-has-no-certificates")


def test_certificates_belong_to_somebody() -> None:
    spec.given().when(certified()).then_refused("claimant-not-registered")


def test_a_revoked_certificate_ends_the_day_before_its_revocation_counts() -> None:
    shorter = replace(CERTIFICATE, valid_until=TODAY - A_DAY)
    revoke = revoked(CERTIFICATE, TODAY)
    spec.given(*KNOWN).when(revoke).then(
        ClaimantCertificateRevoked(
            claimant_id="clm_1", certificate=CERTIFICATE, counts_from=TODAY, reason_digest="r", revoked_by="officer-1",
            on=TODAY,
        ),
        ClaimantCertificatesChanged(claimant_id="clm_1", certificates=(shorter,), on=TODAY),
    )  # fmt: skip


def test_a_certificate_is_revoked_within_its_validity_and_once() -> None:
    last = CERTIFICATE.valid_until
    spec.given(*KNOWN).when(revoked(CERTIFICATE, last + A_DAY)).then_refused("revocation-after-the-end")
    spec.given(*KNOWN).when(revoked(LISTING, TODAY)).then_refused("certificate-unknown")
    decided = claimant.decide(revoked(CERTIFICATE, last), claimant.fold(KNOWN))
    spec.given(*KNOWN, *decided).when(revoked(CERTIFICATE, last)).then_refused("certificate-unknown")


def test_a_certificate_that_never_counted_is_gone() -> None:
    assert without_revoked((LISTING, CERTIFICATE), CERTIFICATE, CERTIFICATE.valid_from) == (LISTING,)
    (left,) = without_revoked((CERTIFICATE,), CERTIFICATE, CERTIFICATE.valid_from + A_DAY)
    assert (left.valid_from, left.valid_until) == (CERTIFICATE.valid_from, CERTIFICATE.valid_from)


DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))
CERTIFICATES = st.builds(
    lambda kind, a, b: Certificate(kind=kind, valid_from=min(a, b), valid_until=max(a, b)),
    st.sampled_from(["national_high_tech", "zhongguancun_high_tech", "technology_sme"]), DAYS, DAYS,
)  # fmt: skip


@for_all(st.lists(CERTIFICATES, min_size=1, max_size=4), st.data())
def test_before_its_revocation_a_certificate_counts_as_before_and_from_then_on_never(
    held: list[Certificate], data: st.DataObject
) -> None:
    taken = data.draw(st.sampled_from(held))
    counts_from, day = data.draw(DAYS), data.draw(DAYS)
    left = without_revoked(tuple(held), taken, counts_from)
    others = list(held)
    others.remove(taken)
    if day < counts_from:
        assert valid(left, day) == valid(held, day)
    else:
        assert valid(left, day) == valid(others, day)


def test_related_parties_known_here_are_named_by_id_and_the_rest_counted() -> None:
    declare = DeclareRelatedParties(
        parties=("prv_1",), others=2, declaration_digest="r", declared_by="user-1", on=TODAY
    )  # fmt: skip
    declared = ClaimantRelatedPartiesDeclared(
        claimant_id="clm_1", parties=("prv_1",), others=2, declaration_digest="r", declared_by="user-1", on=TODAY
    )
    spec.given(*KNOWN).when(declare).then(declared)
    spec.given(*KNOWN).when(replace(declare, parties=("clm_1",))).then_refused("related-to-itself")


def revoked(certificate: Certificate, counts_from: date) -> RevokeCertificate:
    left = without_revoked(COMPANY.certificates, certificate, counts_from)
    return RevokeCertificate(
        certificate=certificate,
        counts_from=counts_from,
        reason_digest="r",
        revoked_by="officer-1",
        assessment=assessed(found(replace(COMPANY, certificates=left)), "certificates"),
    )


def valid(certificates: Any, day: date) -> list[str]:
    return sorted(c.kind for c in certificates if c.valid_from <= day <= c.valid_until)
