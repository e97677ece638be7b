"""How agencies and laboratories join: application, return for correction, review by the office, end (faq 4, 5, 7).

One pure decider for all three, used by composition: a noun's own decider passes these commands on and folds these facts
into its state, so that its stream tells the whole story.
"""

from collections.abc import Sequence
from datetime import date
from typing import Literal, assert_never

from services.registry.domain.eligibility import Finding, reasons_against
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
    WhyEnded,
)
from shared.kernel.decider import message
from shared.kernel.refusal import Reason, refuse, refuse_unless

ARTICLES = {"referral_agency": "faq 4", "service_agency": "faq 5", "laboratory": "faq 7"}
"""Where the sources speak of each kind."""


@message
class RequestAffiliation:
    """`findings` are what the rules for this kind say of the facts; one that failed refuses the application."""

    party_id: str
    kind: AffiliationKind
    principal: str
    findings: tuple[Finding, ...]
    barred: bool
    submission_digest: str
    document_digests: tuple[str, ...]
    on: date
    pack: str
    pack_digest: str


@message
class ReturnForCorrection:
    remark_digest: str
    officer: str
    on: date


@message
class CorrectAffiliation:
    findings: tuple[Finding, ...]
    barred: bool
    submission_digest: str
    document_digests: tuple[str, ...]
    on: date
    pack: str
    pack_digest: str


@message
class ReviewAffiliation:
    """`verdicts` has each of the `conditions` that the rules ask for, and whether the officer found it met.

    `findings` are judged anew by the rules and facts of this day: nobody is let in whom they refuse.
    """

    conditions: tuple[str, ...]
    verdicts: tuple[tuple[AffiliationCondition, bool], ...]
    findings: tuple[Finding, ...]
    barred: bool
    remark_digest: str
    officer: str
    on: date
    pack: str
    pack_digest: str


@message
class EndAffiliation:
    cause: WhyEnded
    reason_digest: str
    ended_by: str
    on: date


@message
class Unrequested: ...


@message
class Requested:
    party_id: str
    kind: AffiliationKind
    principal: str
    on: date


@message
class Returned:
    party_id: str
    kind: AffiliationKind
    principal: str
    on: date


@message
class Granted:
    party_id: str
    kind: AffiliationKind
    principal: str
    on: date


@message
class Rejected:
    party_id: str
    kind: AffiliationKind
    principal: str
    unmet: tuple[AffiliationCondition, ...]
    on: date


@message
class Ended:
    """`granted_on` is None for an application withdrawn before its review."""

    party_id: str
    kind: AffiliationKind
    principal: str
    cause: WhyEnded
    granted_on: date | None
    on: date


type Command = RequestAffiliation | ReturnForCorrection | CorrectAffiliation | ReviewAffiliation | EndAffiliation
type Event = (
    AffiliationRequested | AffiliationReturned | AffiliationCorrected | AffiliationGranted | AffiliationRefused
    | AffiliationEnded | AgencyAccountOpened | AgencyAccountClosed
)  # fmt: skip
type Known = Requested | Returned | Granted | Rejected | Ended
type Affiliation = Unrequested | Known
type Stage = Literal["unrequested", "requested", "returned", "granted", "refused", "ended"]


def decide(command: Command, state: Affiliation) -> list[Event]:
    """Say what happens, or refuse and say which source refuses."""
    match command, state:
        case RequestAffiliation(), Unrequested():
            return [_requested(command)]
        case ReturnForCorrection(), Requested():
            return [
                AffiliationReturned(
                    party_id=state.party_id,
                    kind=state.kind,
                    remark_digest=command.remark_digest,
                    returned_by=command.officer,
                    on=command.on,
                )
            ]
        case CorrectAffiliation(), Returned():
            refuse_unless(*reasons_against(command.findings), _barred(barred=command.barred))
            return [
                AffiliationCorrected(
                    party_id=state.party_id,
                    kind=state.kind,
                    submission_digest=command.submission_digest,
                    document_digests=command.document_digests,
                    on=command.on,
                    pack=command.pack,
                    pack_digest=command.pack_digest,
                )
            ]
        case ReviewAffiliation(), Requested():
            return _reviewed(command, state)
        case EndAffiliation(cause="withdrawn"), Requested() | Returned() | Granted():
            return _ended(command, state)
        case EndAffiliation(cause="removed"), Granted():
            return _ended(command, state)
        case (
            (RequestAffiliation() | ReturnForCorrection() | CorrectAffiliation() | ReviewAffiliation())
            | EndAffiliation(),
            _,
        ):
            raise wrong_stage(state)
    assert_never(command)


def evolve(state: Affiliation, event: Event) -> Affiliation:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    if isinstance(event, AffiliationRequested):
        return Requested(party_id=event.party_id, kind=event.kind, principal=event.principal, on=event.on)
    assert not isinstance(state, Unrequested), event
    match event:
        case AffiliationReturned(on=on):
            return Returned(party_id=state.party_id, kind=state.kind, principal=state.principal, on=on)
        case AffiliationCorrected(on=on):
            return Requested(party_id=state.party_id, kind=state.kind, principal=state.principal, on=on)
        case AffiliationGranted(on=on):
            return Granted(party_id=state.party_id, kind=state.kind, principal=state.principal, on=on)
        case AffiliationRefused(unmet=unmet, on=on):
            return Rejected(party_id=state.party_id, kind=state.kind, principal=state.principal, unmet=unmet, on=on)
        case AffiliationEnded(cause=cause, on=on):
            return Ended(
                party_id=state.party_id,
                kind=state.kind,
                principal=state.principal,
                cause=cause,
                granted_on=state.on if isinstance(state, Granted) else None,
                on=on,
            )
        case AgencyAccountOpened() | AgencyAccountClosed():
            return state
    assert_never(event)


def stage_of(state: Affiliation) -> Stage:
    """Name a state for people and programs."""
    match state:
        case Unrequested():
            return "unrequested"
        case Requested():
            return "requested"
        case Returned():
            return "returned"
        case Granted():
            return "granted"
        case Rejected():
            return "refused"
        case Ended():
            return "ended"


def wrong_stage(state: Affiliation) -> Exception:
    """Make the refusal of what does not come at this stage."""
    article = "faq 4" if isinstance(state, Unrequested) else ARTICLES[state.kind]
    return refuse("affiliation-not-in-this-stage", article=article, value=stage_of(state), kind="state")


def check_granted(state: Affiliation) -> Granted:
    """Give an affiliation that holds; refuse for any other."""
    if not isinstance(state, Granted):
        raise wrong_stage(state)
    return state


def _barred(*, barred: bool) -> Reason | None:
    return Reason(code="party-barred", article="17", kind="state") if barred else None


def _requested(command: RequestAffiliation) -> AffiliationRequested:
    refuse_unless(*reasons_against(command.findings), _barred(barred=command.barred))
    return AffiliationRequested(
        party_id=command.party_id,
        kind=command.kind,
        principal=command.principal,
        submission_digest=command.submission_digest,
        document_digests=command.document_digests,
        on=command.on,
        pack=command.pack,
        pack_digest=command.pack_digest,
    )


def _reviewed(command: ReviewAffiliation, state: Requested) -> list[Event]:
    """Let in whom the officer found to meet every condition, and refuse who does not."""
    _check_all_looked_at(command.conditions, command.verdicts, ARTICLES[state.kind])
    unmet = tuple(condition for condition, met in command.verdicts if not met)
    if unmet:
        return [
            AffiliationRefused(
                party_id=state.party_id,
                kind=state.kind,
                unmet=unmet,
                remark_digest=command.remark_digest,
                refused_by=command.officer,
                on=command.on,
            )
        ]
    refuse_unless(*reasons_against(command.findings), _barred(barred=command.barred))
    granted = AffiliationGranted(
        party_id=state.party_id,
        kind=state.kind,
        principal=state.principal,
        remark_digest=command.remark_digest,
        granted_by=command.officer,
        on=command.on,
        pack=command.pack,
        pack_digest=command.pack_digest,
    )
    if state.kind == "laboratory":
        return [granted]  # It acts through its agency or its centre and has no role of its own.
    account = AgencyAccountOpened(party_id=state.party_id, role=state.kind, principal=state.principal, on=command.on)
    return [granted, account]


def _check_all_looked_at(
    conditions: tuple[str, ...], verdicts: Sequence[tuple[AffiliationCondition, bool]], article: str
) -> None:
    looked_at = [condition for condition, _ in verdicts]
    if sorted(looked_at) != sorted(conditions):
        raise refuse("conditions-not-all-reviewed", article=article, value=tuple(looked_at), limit=conditions)


def _ended(command: EndAffiliation, state: Requested | Returned | Granted) -> list[Event]:
    ended = AffiliationEnded(
        party_id=state.party_id,
        kind=state.kind,
        cause=command.cause,
        reason_digest=command.reason_digest,
        ended_by=command.ended_by,
        on=command.on,
    )
    if state.kind == "laboratory" or not isinstance(state, Granted):
        return [ended]
    account = AgencyAccountClosed(party_id=state.party_id, role=state.kind, principal=state.principal, on=command.on)
    return [ended, account]
