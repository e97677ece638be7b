"""A claimant: an enterprise or a team that has declared itself (art. 7, 10(1), 15(1))."""

from dataclasses import replace
from datetime import date
from typing import assert_never

from services.registry.domain.eligibility import Finding, reasons_against
from shared.events.registry.claimants import Certificate, ClaimantCertificatesChanged, ClaimantKind, ClaimantRegistered
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless


@message
class RegisterClaimant:
    """`findings` are what every rule of art. 7 found; one that failed refuses the registration."""

    claimant_id: str
    kind: ClaimantKind
    principal: str
    certificates: tuple[Certificate, ...]
    findings: tuple[Finding, ...]
    profile_digest: str
    on: date
    pack: str
    pack_digest: str


@message
class ChangeCertificates:
    certificates: tuple[Certificate, ...]
    on: date


@message
class Unregistered: ...


@message
class Registered:
    claimant_id: str
    kind: ClaimantKind
    principal: str
    certificates: tuple[Certificate, ...]
    on: date


type Command = RegisterClaimant | ChangeCertificates
type Event = ClaimantRegistered | ClaimantCertificatesChanged
type State = Unregistered | Registered


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case RegisterClaimant(), Unregistered():
            refuse_unless(*reasons_against(command.findings))
            return [
                ClaimantRegistered(
                    claimant_id=command.claimant_id,
                    kind=command.kind,
                    principal=command.principal,
                    certificates=command.certificates,
                    profile_digest=command.profile_digest,
                    on=command.on,
                    pack=command.pack,
                    pack_digest=command.pack_digest,
                )
            ]
        case ChangeCertificates(certificates=certificates, on=on), Registered():
            refuse_unless(_not_a_team(state), _dates_reversed(certificates))
            if certificates == state.certificates:
                return []
            return [ClaimantCertificatesChanged(claimant_id=state.claimant_id, certificates=certificates, on=on)]
        case RegisterClaimant(), _:
            raise refuse("claimant-already-registered", article="15(1)", kind="state")
        case ChangeCertificates(), _:
            raise refuse("claimant-not-registered", article="15(1)", kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case ClaimantRegistered():
            return Registered(
                claimant_id=event.claimant_id,
                kind=event.kind,
                principal=event.principal,
                certificates=event.certificates,
                on=event.on,
            )
        case ClaimantCertificatesChanged(certificates=certificates):
            assert isinstance(state, Registered), state
            return replace(state, certificates=certificates)
    assert_never(event)


claimant: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unregistered())


def _not_a_team(state: Registered) -> Reason | None:
    """Only an enterprise can hold the certificates of art. 12."""
    return None if state.kind == "enterprise" else Reason(code="team-has-no-certificates", article="12")


def _dates_reversed(certificates: tuple[Certificate, ...]) -> Reason | None:
    kinds = tuple(c.kind for c in certificates if c.valid_until < c.valid_from)
    return Reason(code="certificate-dates-reversed", article="12", value=kinds) if kinds else None
