"""Who may claim: companies and teams, their users, their profile, what art. 7 finds, and their certificates."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from shared.events.definition import event

type ClaimantKind = Literal["enterprise", "team"]
type CertificateKind = Literal["national_high_tech", "zhongguancun_high_tech", "technology_sme"]
type UserRole = Literal["owner", "member", "read_only"]
"""An owner and members act for the claimant; who is read-only only looks."""
type Outcome = Literal["pass", "fail", "needs_review", "recorded"]
type Verdict = Literal["pass", "fail"]
type Occasion = Literal["registration", "profile", "certificates", "review", "day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate that raises the annual allowance while it is valid (art. 12); both days are included."""

    kind: CertificateKind
    valid_from: date
    valid_until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """What one rule of art. 7 found, without the value it looked at; `reviewed` says that a person decided it."""

    rule: str
    code: str
    outcome: Outcome
    article: str
    reviewed: bool


@event("registry.claimant-registered", key="claimant_id")
class ClaimantRegistered:
    """A company or team has declared itself and met the conditions of art. 7 that can be decided at once.

    `principal` is its first owner; `district` the division code of an enterprise's district of registration.
    """

    claimant_id: str
    kind: ClaimantKind
    principal: str
    certificates: tuple[Certificate, ...]
    profile_digest: str
    on: date
    pack: str
    pack_digest: str
    district: str | None = None


@event("registry.claimant-profile-completed", key="claimant_id")
class ClaimantProfileCompleted:
    """A claimant has told everything its profile asks for; its word is enough to claim (art. 15(1))."""

    claimant_id: str
    profile_digest: str
    on: date


@event("registry.claimant-profile-changed", key="claimant_id")
class ClaimantProfileChanged:
    """A claimant describes itself anew; both texts stay with the registry.

    `district` is the division code of an enterprise's district of registration; None outside Beijing.
    """

    claimant_id: str
    old_digest: str
    new_digest: str
    changed_by: str
    on: date
    district: str | None = None


@event("registry.claimant-profile-verified", key="claimant_id")
class ClaimantProfileVerified:
    """An officer has checked a profile as it stands; the next change ends this."""

    claimant_id: str
    profile_digest: str
    verified_by: str
    on: date


@event("registry.claimant-certificates-changed", key="claimant_id")
class ClaimantCertificatesChanged:
    """The certificates that set a claimant's allowance are now these (art. 12).

    A revoked one ends the day before its revocation counts, so that the allowance of any day follows from these alone.
    """

    claimant_id: str
    certificates: tuple[Certificate, ...]
    on: date


@event("registry.claimant-certificate-revoked", key="claimant_id")
class ClaimantCertificateRevoked:
    """A certificate counts no more from a day on (art. 12); `ClaimantCertificatesChanged` says what is left of it."""

    claimant_id: str
    certificate: Certificate
    counts_from: date
    reason_digest: str
    revoked_by: str
    on: date


@event("registry.claimant-eligibility-changed", key="claimant_id")
class ClaimantEligibilityChanged:
    """What art. 7 finds of a claimant is now this; `fail` when one rule fails, values stay with the registry.

    `until` is the last day on which the same facts give the same answer by the rules known today; None without end.
    """

    claimant_id: str
    outcome: Literal["pass", "fail", "needs_review"]
    rules: tuple[RuleOutcome, ...]
    occasion: Occasion
    until: date | None
    on: date
    pack: str
    pack_digest: str


@event("registry.claimant-review-opened", key="claimant_id")
class ClaimantReviewOpened:
    """A rule of art. 7 waits for a person; `opened_by` is the officer who wants to look, None where the rule asks."""

    claimant_id: str
    rule: str
    opened_by: str | None
    on: date


@event("registry.claimant-review-decided", key="claimant_id")
class ClaimantReviewDecided:
    """An officer has decided what a rule could not; that stands until what it looks at changes."""

    claimant_id: str
    rule: str
    verdict: Verdict
    reason_digest: str
    decided_by: str
    on: date


@event("registry.claimant-review-dropped", key="claimant_id")
class ClaimantReviewDropped:
    """A rule needs nobody any more: what it looks at has changed."""

    claimant_id: str
    rule: str
    on: date


@event("registry.claimant-related-parties-declared", key="claimant_id")
class ClaimantRelatedPartiesDeclared:
    """A claimant has named everybody related to it, anew and completely.

    `parties` are those known here by id; `others` counts the rest, whose names stay with the registry.
    """

    claimant_id: str
    parties: tuple[str, ...]
    others: int
    declaration_digest: str
    declared_by: str
    on: date


@event("registry.claimant-related-parties-recognised", key="claimant_id")
class ClaimantRelatedPartiesRecognised:
    """Somebody whom a claimant has named as related to it has become known here since.

    `parties` are those of its last declaration that have an id now; `others` counts the rest.
    """

    claimant_id: str
    parties: tuple[str, ...]
    others: int
    on: date


@event("registry.claimant-user-invited", key="claimant_id")
class ClaimantUserInvited:
    """Somebody may become a user of a claimant: a named principal, or None for whoever has the one-time token."""

    claimant_id: str
    invitation_id: str
    principal: str | None
    role: UserRole
    expires_at: datetime
    invited_by: str
    on: date


@event("registry.claimant-invitation-closed", key="claimant_id")
class ClaimantInvitationClosed:
    """An invitation came to nothing; nobody can accept it any more. `closed_by` is None where time has closed it."""

    claimant_id: str
    invitation_id: str
    outcome: Literal["declined", "withdrawn", "expired"]
    closed_by: str | None
    on: date


@event("registry.claimant-user-added", key="claimant_id")
class ClaimantUserAdded:
    """Somebody has accepted an invitation and may act for the claimant, or look, as the role says."""

    claimant_id: str
    principal: str
    role: UserRole
    invitation_id: str
    on: date


@event("registry.claimant-user-role-changed", key="claimant_id")
class ClaimantUserRoleChanged:
    """A user may do more or less than before."""

    claimant_id: str
    principal: str
    role: UserRole
    changed_by: str
    on: date


@event("registry.claimant-ownership-handed-over", key="claimant_id")
class ClaimantOwnershipHandedOver:
    """Another user is the owner now; the one before stays as a member."""

    claimant_id: str
    owner: str
    previous: str
    on: date


@event("registry.claimant-user-removed", key="claimant_id")
class ClaimantUserRemoved:
    """A principal no longer belongs to the claimant, by the owner's word or its own (`removed_by`)."""

    claimant_id: str
    principal: str
    removed_by: str
    on: date
