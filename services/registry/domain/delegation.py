"""Duties of a provider in the hands of a service agency: proposed, accepted, valid between days, ended (art. 9, 13)."""

from dataclasses import replace
from datetime import date
from typing import Literal, assert_never

from shared.events.registry.representation import (
    DelegatedDuty,
    DelegationAccepted,
    DelegationDeclined,
    DelegationEnded,
    DelegationParty,
    DelegationProposed,
)
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless

_ARTICLE = "9(1)"


@message
class ProposeDelegation:
    """The standing is the parties' on the day; both days are inclusive."""

    delegation_id: str
    provider_id: str
    provider_listed: bool
    provider_barred: bool
    agency_id: str
    agency_listed: bool
    duties: tuple[DelegatedDuty, ...]
    valid_from: date
    valid_until: date
    on: date


@message
class AcceptDelegation:
    """`taken` are the duties that another agency holds within the days of this one."""

    provider_listed: bool
    provider_barred: bool
    agency_listed: bool
    taken: tuple[DelegatedDuty, ...]
    on: date


@message
class DeclineDelegation:
    on: date


@message
class EndDelegation:
    ended_by: DelegationParty
    on: date


@message
class Unproposed: ...


@message
class Proposed:
    delegation_id: str
    provider_id: str
    agency_id: str
    duties: tuple[DelegatedDuty, ...]
    valid_from: date
    valid_until: date
    on: date
    accepted_on: date | None = None
    declined_on: date | None = None
    ended_on: date | None = None

    def in_force_on(self, day: date) -> bool:
        """Tell whether the agency acts for the provider on a day."""
        if self.accepted_on is None or not max(self.accepted_on, self.valid_from) <= day <= self.valid_until:
            return False
        return self.ended_on is None or day < self.ended_on


type Command = ProposeDelegation | AcceptDelegation | DeclineDelegation | EndDelegation
type Event = DelegationProposed | DelegationAccepted | DelegationDeclined | DelegationEnded
type State = Unproposed | Proposed
type Stage = Literal["unproposed", "proposed", "accepted", "declined", "ended"]


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case ProposeDelegation(), Unproposed():
            refuse_unless(*_standing(command, command.agency_id), _days(command))
            return [
                DelegationProposed(
                    delegation_id=command.delegation_id,
                    provider_id=command.provider_id,
                    agency_id=command.agency_id,
                    duties=command.duties,
                    valid_from=command.valid_from,
                    valid_until=command.valid_until,
                    on=command.on,
                )
            ]
        case AcceptDelegation(), Proposed() if stage_of(state) == "proposed":
            refuse_unless(*_standing(command, state.agency_id), _over(state, command.on), _taken(command))
            return [
                DelegationAccepted(
                    delegation_id=state.delegation_id,
                    provider_id=state.provider_id,
                    agency_id=state.agency_id,
                    on=command.on,
                )
            ]
        case DeclineDelegation(on=on), Proposed() if stage_of(state) == "proposed":
            return [
                DelegationDeclined(
                    delegation_id=state.delegation_id,
                    provider_id=state.provider_id,
                    agency_id=state.agency_id,
                    on=on,
                )
            ]
        case EndDelegation(), Proposed() if stage_of(state) in {"proposed", "accepted"}:
            refuse_unless(_over(state, command.on))
            return [
                DelegationEnded(
                    delegation_id=state.delegation_id,
                    provider_id=state.provider_id,
                    agency_id=state.agency_id,
                    ended_by=command.ended_by,
                    on=command.on,
                )
            ]
        case ((ProposeDelegation() | AcceptDelegation() | DeclineDelegation() | EndDelegation()), _):
            raise refuse("delegation-not-in-this-stage", article=_ARTICLE, value=stage_of(state), kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case DelegationProposed():
            return Proposed(
                delegation_id=event.delegation_id,
                provider_id=event.provider_id,
                agency_id=event.agency_id,
                duties=event.duties,
                valid_from=event.valid_from,
                valid_until=event.valid_until,
                on=event.on,
            )
        case DelegationAccepted(on=on):
            assert isinstance(state, Proposed), state
            return replace(state, accepted_on=on)
        case DelegationDeclined(on=on):
            assert isinstance(state, Proposed), state
            return replace(state, declined_on=on)
        case DelegationEnded(on=on):
            assert isinstance(state, Proposed), state
            return replace(state, ended_on=on)
    assert_never(event)


delegation: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unproposed())


def stage_of(state: State) -> Stage:
    """Name a state for people and programs."""
    match state:
        case Unproposed():
            return "unproposed"
        case Proposed(ended_on=date()):
            return "ended"
        case Proposed(declined_on=date()):
            return "declined"
        case Proposed(accepted_on=date()):
            return "accepted"
        case Proposed():
            return "proposed"


def _standing(command: ProposeDelegation | AcceptDelegation, agency_id: str) -> tuple[Reason | None, ...]:
    return (
        None if command.provider_listed else Reason(code="provider-not-listed", article="6", kind="state"),
        Reason(code="party-barred", article="17", kind="state") if command.provider_barred else None,
        None if command.agency_listed else Reason(code="service-agency-unknown", article=_ARTICLE, value=agency_id),
    )


def _days(command: ProposeDelegation) -> Reason | None:
    first = max(command.valid_from, command.on)
    if first <= command.valid_until:
        return None
    return Reason(code="delegation-days-wrong", article=_ARTICLE, value=command.valid_until, limit=first)


def _over(state: Proposed, on: date) -> Reason | None:
    if on <= state.valid_until:
        return None
    return Reason(code="delegation-is-over", article=_ARTICLE, value=on, limit=state.valid_until, kind="state")


def _taken(command: AcceptDelegation) -> Reason | None:
    if not command.taken:
        return None
    return Reason(code="duty-delegated-already", article=_ARTICLE, value=command.taken, kind="state")
