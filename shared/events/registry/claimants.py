"""Who may claim: companies and teams, and the certificates that set their allowance."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.events.definition import event

type ClaimantKind = Literal["enterprise", "team"]
type CertificateKind = Literal["national_high_tech", "zhongguancun_high_tech", "technology_sme"]


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
