"""What supervision takes from a party, and until when (art. 16-18)."""

from datetime import date
from typing import Literal

from shared.events.definition import event

type PartyKind = Literal["claimant", "provider", "expert", "referral_agency", "service_agency", "laboratory"]
type Measure = Literal["suspend_disbursement", "disqualify", "delist"]


@event("registry.sanction-proposed", key="party_id")
class SanctionProposed:
    """An officer has proposed a measure of art. 17; its grounds stay with the office. It has no effect yet.

    A measure concerns a body, which may take part under several ids: `carried_from` is the measure of which this is
    the same under another id, and it is imposed in the same instant.
    """

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
    carried_from: str | None = None


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
