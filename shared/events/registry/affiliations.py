"""How an agency or a laboratory comes in: application, correction, review, account, end (faq 4, 5 and 7)."""

from datetime import date
from typing import Literal

from shared.events.definition import event

type AffiliationKind = Literal["referral_agency", "service_agency", "laboratory"]
type AffiliationCondition = Literal[
    "served_enterprises",
    "promotion",
    "working_rules",
    "independent_legal_person",
    "authorised_by_platform_member",
    "internal_rules",
    "in_organisation_or_field",
    "accredited",
]
type AgencyRole = Literal["referral_agency", "service_agency"]
type WhyEnded = Literal["withdrawn", "removed"]


@event("registry.affiliation-requested", key="party_id")
class AffiliationRequested:
    """Somebody has applied; what was said and the files lie with the office, their digests are here."""

    party_id: str
    kind: AffiliationKind
    principal: str
    submission_digest: str
    document_digests: tuple[str, ...]
    on: date
    pack: str
    pack_digest: str


@event("registry.affiliation-returned", key="party_id")
class AffiliationReturned:
    """The office has sent an application back to be corrected, and said why."""

    party_id: str
    kind: AffiliationKind
    remark_digest: str
    returned_by: str
    on: date


@event("registry.affiliation-corrected", key="party_id")
class AffiliationCorrected:
    """An application that was sent back has come again."""

    party_id: str
    kind: AffiliationKind
    submission_digest: str
    document_digests: tuple[str, ...]
    on: date
    pack: str
    pack_digest: str


@event("registry.affiliation-granted", key="party_id")
class AffiliationGranted:
    """Every condition is met and the office has let the applicant in."""

    party_id: str
    kind: AffiliationKind
    principal: str
    remark_digest: str
    granted_by: str
    on: date
    pack: str
    pack_digest: str


@event("registry.affiliation-refused", key="party_id")
class AffiliationRefused:
    """An application has come to nothing; `unmet` names the conditions, the reasons lie with the office."""

    party_id: str
    kind: AffiliationKind
    unmet: tuple[AffiliationCondition, ...]
    remark_digest: str
    refused_by: str
    on: date


@event("registry.affiliation-ended", key="party_id")
class AffiliationEnded:
    """An application or an affiliation is over from this day: withdrawn by its party, or taken away by the office."""

    party_id: str
    kind: AffiliationKind
    cause: WhyEnded
    reason_digest: str
    ended_by: str
    on: date


@event("registry.agency-account-opened", key="party_id")
class AgencyAccountOpened:
    """From now on the principal acts in this role for this agency (faq 4); tokens are issued elsewhere."""

    party_id: str
    role: AgencyRole
    principal: str
    on: date


@event("registry.agency-account-closed", key="party_id")
class AgencyAccountClosed:
    """The principal no longer acts in this role for this agency."""

    party_id: str
    role: AgencyRole
    principal: str
    on: date
