"""A claimant: an enterprise or a team that has declared itself (art. 7, 10(1), 12, 15(1))."""

from dataclasses import replace
from datetime import date
from typing import Literal, assert_never

from services.registry.domain.claimant_certificates import (
    ChangeCertificates,
    RevokeCertificate,
    certificate_revoked,
    certificates_changed,
)
from services.registry.domain.claimant_judgement import (
    UNJUDGED,
    Assessment,
    DecideReview,
    Judgement,
    JudgementEvent,
    OpenReview,
    ReviewCommand,
    decide_review,
    evolve_judgement,
    judge,
)
from services.registry.domain.claimant_relations import (
    DeclareRelatedParties,
    RecogniseRelatedParties,
    related_parties_declared,
    related_parties_recognised,
)
from services.registry.domain.claimant_users import (
    AcceptInvitation,
    ChangeUserRole,
    CloseInvitation,
    HandOverOwnership,
    InviteUser,
    RemoveUser,
    Users,
    UsersCommand,
    UsersEvent,
    decide_users,
    evolve_users,
    founded_by,
)
from services.registry.domain.eligibility import reasons_against
from shared.events.registry.claimants import (
    Certificate,
    ClaimantCertificateRevoked,
    ClaimantCertificatesChanged,
    ClaimantEligibilityChanged,
    ClaimantInvitationClosed,
    ClaimantKind,
    ClaimantOwnershipHandedOver,
    ClaimantProfileChanged,
    ClaimantProfileCompleted,
    ClaimantProfileVerified,
    ClaimantRegistered,
    ClaimantRelatedPartiesDeclared,
    ClaimantRelatedPartiesRecognised,
    ClaimantReviewDecided,
    ClaimantReviewDropped,
    ClaimantReviewOpened,
    ClaimantUserAdded,
    ClaimantUserInvited,
    ClaimantUserRemoved,
    ClaimantUserRoleChanged,
)
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless

type ProfileStage = Literal["draft", "complete", "verified", "needs_review"]


@message
class RegisterClaimant:
    """One rule of art. 7 that fails refuses the registration; `complete` says that the profile lacks nothing."""

    claimant_id: str
    kind: ClaimantKind
    principal: str
    certificates: tuple[Certificate, ...]
    profile_digest: str
    complete: bool
    assessment: Assessment
    district: str | None = None


@message
class ChangeProfile:
    """Describe the claimant anew, and completely; what fails now is an answer, not a refusal: the truth is welcome."""

    profile_digest: str
    changed_by: str
    assessment: Assessment
    district: str | None = None


@message
class VerifyProfile:
    verified_by: str
    on: date


@message
class Reassess:
    """Judge again, because the day is another."""

    assessment: Assessment


@message
class Unregistered: ...


@message
class Registered:
    """`verified` says that an officer has checked the profile whose digest this is.

    `related` are the parties known by an id among those it has declared as related to it.
    """

    claimant_id: str
    kind: ClaimantKind
    principal: str
    certificates: tuple[Certificate, ...]
    profile_digest: str
    complete: bool
    verified: bool
    judgement: Judgement
    users: Users
    on: date
    related: tuple[str, ...] = ()

    @property
    def profile_stage(self) -> ProfileStage:
        """Say how far the profile is: what is missing comes first, then what waits for a person."""
        if not self.complete:
            return "draft"
        if self.judgement.open:
            return "needs_review"
        return "verified" if self.verified else "complete"


type OwnCommand = (
    RegisterClaimant
    | ChangeProfile
    | VerifyProfile
    | ChangeCertificates
    | RevokeCertificate
    | Reassess
    | DeclareRelatedParties
    | RecogniseRelatedParties
)
type OwnEvent = (
    ClaimantRegistered
    | ClaimantProfileCompleted
    | ClaimantProfileChanged
    | ClaimantProfileVerified
    | ClaimantCertificatesChanged
    | ClaimantCertificateRevoked
    | ClaimantRelatedPartiesDeclared
    | ClaimantRelatedPartiesRecognised
)
type Command = OwnCommand | ReviewCommand | UsersCommand
type Event = OwnEvent | JudgementEvent | UsersEvent
type State = Unregistered | Registered


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case RegisterClaimant(), Unregistered():
            return _registered(command)
        case RegisterClaimant(), _:
            raise refuse("claimant-already-registered", article="15(1)", kind="state")
        case _, Unregistered():
            raise refuse("claimant-not-registered", article="15(1)", kind="state")
        case ChangeProfile(assessment=assessment), Registered():
            return [*_profile_changed(command, state), *judge(assessment, state.claimant_id, state.judgement)]
        case VerifyProfile(), Registered():
            return _verified(command, state)
        case ChangeCertificates(assessment=assessment), Registered():
            changed = certificates_changed(command, state.claimant_id, state.kind, state.certificates)
            return [*changed, *judge(assessment, state.claimant_id, state.judgement)]
        case RevokeCertificate(assessment=assessment), Registered():
            revoked = certificate_revoked(command, state.claimant_id, state.certificates)
            return [*revoked, *judge(assessment, state.claimant_id, state.judgement)]
        case Reassess(assessment=assessment), Registered():
            return [*judge(assessment, state.claimant_id, state.judgement)]
        case DeclareRelatedParties(), Registered():
            return [related_parties_declared(command, state.claimant_id)]
        case RecogniseRelatedParties(), Registered():
            return [*related_parties_recognised(command, state.claimant_id, state.related)]
        case ((OpenReview() | DecideReview()), Registered()):
            return [*decide_review(command, state.claimant_id, state.judgement)]
        case (
            (
                InviteUser()
                | AcceptInvitation()
                | CloseInvitation()
                | ChangeUserRole()
                | RemoveUser()
                | HandOverOwnership()
            ),
            Registered(),
        ):
            return [*decide_users(command, state.claimant_id, state.users)]
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    if isinstance(event, ClaimantRegistered):
        return Registered(
            claimant_id=event.claimant_id,
            kind=event.kind,
            principal=event.principal,
            certificates=event.certificates,
            profile_digest=event.profile_digest,
            complete=False,
            verified=False,
            judgement=UNJUDGED,
            users=founded_by(event.principal),
            on=event.on,
        )
    assert isinstance(state, Registered), state
    match event:
        case ClaimantProfileCompleted():
            return replace(state, complete=True)
        case ClaimantProfileChanged(new_digest=digest):
            return replace(state, profile_digest=digest, verified=False)
        case ClaimantProfileVerified():
            return replace(state, verified=True)
        case ClaimantCertificatesChanged(certificates=certificates):
            return replace(state, certificates=certificates)
        case ClaimantCertificateRevoked():
            return state
        case ClaimantRelatedPartiesDeclared(parties=parties) | ClaimantRelatedPartiesRecognised(parties=parties):
            return replace(state, related=parties)
        case ClaimantEligibilityChanged() | ClaimantReviewOpened() | ClaimantReviewDecided() | ClaimantReviewDropped():
            return replace(state, judgement=evolve_judgement(state.judgement, event))
        case (
            ClaimantUserInvited()
            | ClaimantInvitationClosed()
            | ClaimantUserAdded()
            | ClaimantUserRoleChanged()
            | ClaimantOwnershipHandedOver()
            | ClaimantUserRemoved()
        ):
            return replace(state, users=evolve_users(state.users, event))
    assert_never(event)


claimant: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unregistered())


def _registered(command: RegisterClaimant) -> list[Event]:
    assessment = command.assessment
    refuse_unless(*reasons_against(assessment.findings))
    registered = ClaimantRegistered(
        claimant_id=command.claimant_id,
        kind=command.kind,
        principal=command.principal,
        certificates=command.certificates,
        profile_digest=command.profile_digest,
        on=assessment.on,
        pack=assessment.pack,
        pack_digest=assessment.pack_digest,
        district=command.district,
    )
    completed = ClaimantProfileCompleted(
        claimant_id=command.claimant_id, profile_digest=command.profile_digest, on=assessment.on
    )
    first = [registered, completed] if command.complete else [registered]
    return [*first, *judge(assessment, command.claimant_id, UNJUDGED)]


def _profile_changed(command: ChangeProfile, state: Registered) -> list[Event]:
    if command.profile_digest == state.profile_digest:
        return []
    on = command.assessment.on
    changed = ClaimantProfileChanged(
        claimant_id=state.claimant_id,
        old_digest=state.profile_digest,
        new_digest=command.profile_digest,
        changed_by=command.changed_by,
        on=on,
        district=command.district,
    )
    if state.complete:
        return [changed]
    completed = ClaimantProfileCompleted(claimant_id=state.claimant_id, profile_digest=command.profile_digest, on=on)
    return [changed, completed]


def _verified(command: VerifyProfile, state: Registered) -> list[Event]:
    refuse_unless(
        None if state.complete else Reason(code="profile-not-complete", article="15(1)", kind="state"),
        Reason(code="reviews-open", article="7", value=tuple(sorted(state.judgement.open)), kind="state")
        if state.judgement.open
        else None,
    )
    if state.verified:
        return []
    return [
        ClaimantProfileVerified(
            claimant_id=state.claimant_id,
            profile_digest=state.profile_digest,
            verified_by=command.verified_by,
            on=command.on,
        )
    ]
