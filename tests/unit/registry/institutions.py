"""A referral agency, a service agency and a laboratory at every stage; each test changes one thing (faq 4, 5, 7)."""

from datetime import date

from services.registry.domain.affiliation import CorrectAffiliation, RequestAffiliation, ReviewAffiliation
from services.registry.domain.eligibility import Finding
from services.registry.domain.laboratory import laboratory_findings
from services.registry.domain.referral_agency import ReferralFacts, referral_findings
from services.registry.domain.service_agency import AgencyFacts, agency_findings
from shared.events.registry.affiliations import (
    AffiliationCondition,
    AffiliationCorrected,
    AffiliationEnded,
    AffiliationGranted,
    AffiliationKind,
    AffiliationRefused,
    AffiliationRequested,
    AffiliationReturned,
    AgencyAccountClosed,
    AgencyAccountOpened,
    AgencyRole,
)
from shared.events.registry.laboratories import Accreditation, LaboratoryEntered, LaboratoryReported, LaboratoryTakenIn
from tests.unit.registry.facts import TERMS, TODAY

RAG, SAG, LAB, FCT, PRV = "rag_1", "sag_1", "lab_1", "fct_1", "prv_1"
REFERRAL = ReferralFacts(
    enterprises=30, promotion_events=2, undertaking=True, working_rules=TERMS.standing.referral_working_rules
)
SERVICE = AgencyFacts(legal_person=True, authoriser="university", authoriser_listed=True)
LAST_DAY = date(2026, 12, 31)
KEY_LABORATORY = Accreditation(kind="beijing_key_laboratory", valid_from=date(2024, 1, 1), valid_until=LAST_DAY)


def findings(kind: AffiliationKind) -> tuple[Finding, ...]:
    """Judge one who meets every rule for a kind."""
    match kind:
        case "referral_agency":
            return referral_findings(REFERRAL, TERMS.standing)
        case "service_agency":
            return agency_findings(SERVICE)
        case "laboratory":
            return laboratory_findings(
                (KEY_LABORATORY,), on_platform=True, route="service_agency", terms=TERMS.standing, today=TODAY
            )


def conditions(kind: AffiliationKind) -> tuple[AffiliationCondition, ...]:
    """List what the office looks at."""
    match kind:
        case "referral_agency":
            return ("served_enterprises", "promotion", "working_rules")
        case "service_agency":
            return ("independent_legal_person", "authorised_by_platform_member", "internal_rules")
        case "laboratory":
            return ("in_organisation_or_field", "accredited")


def request(party_id: str, kind: AffiliationKind) -> RequestAffiliation:
    """Apply and meet every rule."""
    return RequestAffiliation(
        party_id=party_id,
        kind=kind,
        principal="user-1",
        findings=findings(kind),
        barred=False,
        submission_digest="00",
        document_digests=("11",),
        on=TODAY,
        pack="beijing-2023",
        pack_digest="d",
    )


def review(kind: AffiliationKind, *unmet: AffiliationCondition) -> ReviewAffiliation:
    """Look at every condition."""
    return ReviewAffiliation(
        conditions=conditions(kind),
        verdicts=tuple((condition, condition not in unmet) for condition in conditions(kind)),
        findings=findings(kind),
        barred=False,
        remark_digest="22",
        officer="officer-1",
        on=TODAY,
        pack="beijing-2023",
        pack_digest="d",
    )


def requested(party_id: str, kind: AffiliationKind) -> AffiliationRequested:
    """Say that somebody has applied."""
    return AffiliationRequested(
        party_id=party_id,
        kind=kind,
        principal="user-1",
        submission_digest="00",
        document_digests=("11",),
        on=TODAY,
        pack="beijing-2023",
        pack_digest="d",
    )


def returned(party_id: str, kind: AffiliationKind) -> AffiliationReturned:
    """Say that an application went back."""
    return AffiliationReturned(party_id=party_id, kind=kind, remark_digest="33", returned_by="officer-1", on=TODAY)


def correction(kind: AffiliationKind) -> CorrectAffiliation:
    """Hand a returned application in again, meeting every rule."""
    return CorrectAffiliation(
        findings=findings(kind),
        barred=False,
        submission_digest="55",
        document_digests=("66",),
        on=TODAY,
        pack="beijing-2023",
        pack_digest="d",
    )


def corrected(party_id: str, kind: AffiliationKind) -> AffiliationCorrected:
    """Say that it was handed in again."""
    return AffiliationCorrected(
        party_id=party_id,
        kind=kind,
        submission_digest="55",
        document_digests=("66",),
        on=TODAY,
        pack="beijing-2023",
        pack_digest="d",
    )


def granted(party_id: str, kind: AffiliationKind) -> AffiliationGranted:
    """Say that somebody was let in."""
    return AffiliationGranted(
        party_id=party_id,
        kind=kind,
        principal="user-1",
        remark_digest="22",
        granted_by="officer-1",
        on=TODAY,
        pack="beijing-2023",
        pack_digest="d",
    )


def refused(party_id: str, kind: AffiliationKind, *unmet: AffiliationCondition) -> AffiliationRefused:
    """Say that an application came to nothing."""
    return AffiliationRefused(
        party_id=party_id, kind=kind, unmet=unmet, remark_digest="22", refused_by="officer-1", on=TODAY
    )


def ended(party_id: str, kind: AffiliationKind) -> AffiliationEnded:
    """Say that somebody left of its own will."""
    return AffiliationEnded(
        party_id=party_id, kind=kind, cause="withdrawn", reason_digest="44", ended_by="user-1", on=TODAY
    )


def opened(party_id: str, role: AgencyRole) -> AgencyAccountOpened:
    """Say that an agency's account is open."""
    return AgencyAccountOpened(party_id=party_id, role=role, principal="user-1", on=TODAY)


def closed(party_id: str, role: AgencyRole) -> AgencyAccountClosed:
    """Say that an agency's account is closed."""
    return AgencyAccountClosed(party_id=party_id, role=role, principal="user-1", on=TODAY)


REPORTED = LaboratoryReported(
    laboratory_id=LAB, route="service_agency", through=SAG, accreditations=(KEY_LABORATORY,), on=TODAY
)
ENTERED = LaboratoryEntered(
    laboratory_id=LAB,
    route="service_agency",
    through=SAG,
    accreditations=(KEY_LABORATORY,),
    valid_until=LAST_DAY,
    on=TODAY,
)
TAKEN_IN = LaboratoryTakenIn(laboratory_id=LAB, field_centre_id=FCT, taken_in_by="centre-1", on=TODAY)
