"""What the registry tells the others: who takes part, with what, and in which standing."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.events.definition import event

type ClaimantKind = Literal["enterprise", "team"]
type ProviderKind = Literal["municipal", "beijing_based"]
type FacilityKind = Literal["major_infrastructure", "large_instrument", "big_science", "compute"]
type ServiceKind = Literal["analysis", "testing", "inspection", "rnd", "industrial_design", "compute"]
type CertificateKind = Literal["national_high_tech", "zhongguancun_high_tech", "technology_sme"]
type PartyKind = Literal["claimant", "provider", "expert"]
type Measure = Literal["suspend_disbursement", "disqualify", "delist"]
type ProviderCondition = Literal[
    "legal_person_in_beijing",
    "open_facilities",
    "service_team",
    "serves_priority_needs",
    "service_norms_and_prices",
    "sound_finances_and_record",
]
type WhyNotListed = Literal["conditions_not_met", "objection_upheld", "party_barred"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate that raises the annual allowance while it is valid (art. 12); both days are included."""

    kind: CertificateKind
    valid_from: date
    valid_until: date


@event("registry.claimant-registered", key="claimant_id")
class ClaimantRegistered:
    """A company or team has declared itself and met the conditions of art. 7 that can be decided at once."""

    claimant_id: str
    kind: ClaimantKind
    principal: str
    certificates: tuple[Certificate, ...]
    profile_digest: str
    on: date
    pack: str
    pack_digest: str


@event("registry.claimant-certificates-changed", key="claimant_id")
class ClaimantCertificatesChanged:
    """The certificates that set a claimant's allowance are now these (art. 12)."""

    claimant_id: str
    certificates: tuple[Certificate, ...]
    on: date


@event("registry.provider-applied", key="provider_id")
class ProviderApplied:
    """A Beijing-based institution has asked to open its facilities (art. 6)."""

    provider_id: str
    principal: str
    profile_digest: str
    on: date
    pack: str
    pack_digest: str


@event("registry.provider-condition-checked", key="provider_id")
class ProviderConditionChecked:
    """An officer has checked one of the six conditions of art. 6; a later check of the same one replaces it."""

    provider_id: str
    condition: ProviderCondition
    met: bool
    checked_by: str
    on: date


@event("registry.provider-notice-published", key="provider_id")
class ProviderNoticePublished:
    """All six conditions are met: the listing is shown to the public up to and including `until` (art. 6)."""

    provider_id: str
    notice_id: str
    until: date
    provisional: bool
    on: date


@event("registry.provider-objection-raised", key="provider_id")
class ProviderObjectionRaised:
    """Somebody has objected to a listing in writing; nothing is listed while it is open."""

    provider_id: str
    notice_id: str
    objection_id: str
    text_digest: str
    on: date


@event("registry.provider-objection-answered", key="provider_id")
class ProviderObjectionAnswered:
    """The office has answered an objection; `upheld` ends the application."""

    provider_id: str
    notice_id: str
    objection_id: str
    upheld: bool
    answered_by: str
    on: date


@event("registry.provider-notice-concluded", key="provider_id")
class ProviderNoticeConcluded:
    """The notice has run its full length and no objection is open."""

    provider_id: str
    notice_id: str
    on: date


@event("registry.provider-refused", key="provider_id")
class ProviderRefused:
    """An application has come to nothing, and why; `unmet` names the conditions of art. 6 that are not met."""

    provider_id: str
    cause: WhyNotListed
    unmet: tuple[ProviderCondition, ...]
    on: date


@event("registry.provider-listed", key="provider_id")
class ProviderListed:
    """An institution is on the public list of providers from this day (art. 6, 10(2))."""

    provider_id: str
    kind: ProviderKind
    principal: str
    capabilities: tuple[ServiceKind, ...]
    third_party_testing: bool
    on: date


@event("registry.provider-exit-requested", key="provider_id")
class ProviderExitRequested:
    """A Beijing-based provider has given notice, with a reason that stays with the office (art. 6 last paragraph).

    It stays on the list up to and including `until`, and after that until its running contracts are over.
    """

    provider_id: str
    reason_digest: str
    until: date
    provisional: bool
    on: date
    pack: str
    pack_digest: str


@event("registry.provider-delisted", key="provider_id")
class ProviderDelisted:
    """An institution is no longer on the public list from this day (art. 6 last paragraph, art. 17)."""

    provider_id: str
    reason: str
    on: date


@event("registry.facility-opened", key="provider_id")
class FacilityOpened:
    """A facility is open to others; its original value counts in the appraisal's class (art. 11)."""

    facility_id: str
    provider_id: str
    kind: FacilityKind
    original_value: int
    on: date


@event("registry.facility-changed", key="provider_id")
class FacilityChanged:
    """An open facility is described anew; its kind never changes. The digest is of what the public now reads."""

    facility_id: str
    provider_id: str
    original_value: int
    description_digest: str
    on: date


@event("registry.facility-withdrawn", key="provider_id")
class FacilityWithdrawn:
    """A facility is no longer open."""

    facility_id: str
    provider_id: str
    on: date


@event("registry.service-offered", key="provider_id")
class ServiceOffered:
    """A provider offers a service on a facility, at a published unit price in fen."""

    service_id: str
    facility_id: str
    provider_id: str
    kind: ServiceKind
    unit_price: int
    on: date


@event("registry.service-withdrawn", key="provider_id")
class ServiceWithdrawn:
    """A service is no longer offered."""

    service_id: str
    provider_id: str
    on: date


@event("registry.expert-enrolled", key="expert_id")
class ExpertEnrolled:
    """An expert may be drawn for reviews, but never to judge the own employer (art. 15(4))."""

    expert_id: str
    principal: str
    employer_id: str | None
    on: date


@event("registry.sanction-proposed", key="party_id")
class SanctionProposed:
    """An officer has proposed a measure of art. 17; its grounds stay with the office. It has no effect yet."""

    sanction_id: str
    party_id: str
    party_kind: PartyKind
    measure: Measure
    until: date | None
    grounds_digest: str
    proposed_by: str
    on: date
    pack: str
    pack_digest: str


@event("registry.party-sanctioned", key="party_id")
class PartySanctioned:
    """Two officers have imposed a measure of art. 17 on a party, until a day (inclusive) or until lifted."""

    sanction_id: str
    party_id: str
    party_kind: PartyKind
    measure: Measure
    proposed_by: str
    approved_by: str
    until: date | None
    on: date


@event("registry.sanction-lifted", key="party_id")
class SanctionLifted:
    """A measure is over."""

    sanction_id: str
    party_id: str
    measure: Measure
    on: date
