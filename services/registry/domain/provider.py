"""A provider: listed by order, or by application, check, public notice and time (art. 6)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, assert_never

from services.registry.domain import admission, leaving, listing
from services.registry.domain.admission import Applied, ApplyToOpen, CheckCondition, ConcludeNotice, OnNotice, Rejected
from services.registry.domain.leaving import ConcludeExit, RequestExit
from services.registry.domain.listing import ChangeCapabilities, Delist, Delisted, ExitNotice, Listed, ListMunicipal
from shared.events.registry.providers import (
    ProviderApplied,
    ProviderCapabilitiesChanged,
    ProviderConditionChecked,
    ProviderDelisted,
    ProviderExitRequested,
    ProviderListed,
    ProviderNoticeConcluded,
    ProviderNoticePublished,
    ProviderObjectionAnswered,
    ProviderObjectionRaised,
    ProviderRefused,
)
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import refuse
from shared.procedures.notices import AnswerObjection, Notice, RaiseObjection, answered, objected


@message
class Unknown: ...


type Command = (
    ListMunicipal | ApplyToOpen | CheckCondition | RaiseObjection | AnswerObjection | ConcludeNotice
    | ChangeCapabilities | Delist | RequestExit | ConcludeExit
)  # fmt: skip
type Event = admission.Event | ProviderCapabilitiesChanged | ProviderExitRequested | ProviderDelisted
type Known = Applied | OnNotice | Listed | Delisted | Rejected
type State = Unknown | Known
type Stage = Literal["unknown", "applied", "on_notice", "listed", "delisted", "refused"]


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    return list(_decided(command, state))


def _decided(command: Command, state: State) -> Sequence[Event]:
    match command, state:
        case ListMunicipal(), Unknown():
            return listing.list_by_order(command)
        case ApplyToOpen(), Unknown():
            return admission.apply(command)
        case CheckCondition(), Applied():
            return admission.check(command, state)
        case RaiseObjection(), OnNotice():
            return admission.object_to(command, state)
        case AnswerObjection(), OnNotice():
            return admission.answer(command, state)
        case ConcludeNotice(), OnNotice():
            return admission.conclude(command, state)
        case ConcludeNotice(), _:
            return []  # The sweep may come early, late or twice.
        case ChangeCapabilities(), Listed():
            return listing.change_capabilities(command, state)
        case Delist(reason=reason, on=on), Listed(provider_id=provider_id):
            return [ProviderDelisted(provider_id=provider_id, reason=reason, on=on)]
        case RequestExit(), Listed():
            return leaving.request(command, state)
        case ConcludeExit(), Listed():
            return leaving.conclude(command, state)
        case ConcludeExit(), _:
            return []  # It has left already.
        case (
            (ListMunicipal() | ApplyToOpen() | CheckCondition() | RaiseObjection() | AnswerObjection())
            | (ChangeCapabilities() | Delist() | RequestExit()),
            _,
        ):
            raise refuse("provider-not-in-this-stage", article="6", value=stage_of(state), kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case ProviderApplied(provider_id=provider_id, principal=principal, on=on):
            return Applied(provider_id=provider_id, principal=principal, on=on)
        case ProviderConditionChecked(condition=condition, met=met):
            assert isinstance(state, Applied), state
            return replace(state, checked=admission.with_check(state.checked, condition, met=met))
        case ProviderNoticePublished(notice_id=notice_id, on=on, until=until):
            assert isinstance(state, Applied), state
            notice = Notice(notice_id=notice_id, on=on, until=until)
            return OnNotice(
                provider_id=state.provider_id, principal=state.principal, notice=notice, checked=state.checked
            )
        case ProviderObjectionRaised(objection_id=objection_id):
            assert isinstance(state, OnNotice), state
            return replace(state, notice=objected(state.notice, objection_id))
        case ProviderObjectionAnswered(objection_id=objection_id, upheld=upheld):
            assert isinstance(state, OnNotice), state
            return replace(state, notice=answered(state.notice, objection_id, upheld=upheld))
        case ProviderNoticeConcluded():
            return state
        case ProviderRefused(cause=cause, unmet=unmet):
            assert isinstance(state, (Applied, OnNotice)), state
            return Rejected(provider_id=state.provider_id, principal=state.principal, cause=cause, unmet=unmet)
        case ProviderListed():
            return listing.listed(event)
        case ProviderCapabilitiesChanged():
            assert isinstance(state, Listed), state
            return listing.changed(state, event)
        case ProviderExitRequested(on=on, until=until, provisional=provisional):
            assert isinstance(state, Listed), state
            return replace(state, leaving=ExitNotice(on=on, until=until, provisional=provisional))
        case ProviderDelisted(on=on):
            assert isinstance(state, Listed), state
            return listing.delisted(state, on)
    assert_never(event)


provider: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unknown())


def stage_of(state: State) -> Stage:
    """Name a state for people and programs."""
    match state:
        case Unknown():
            return "unknown"
        case Applied():
            return "applied"
        case OnNotice():
            return "on_notice"
        case Listed():
            return "listed"
        case Delisted():
            return "delisted"
        case Rejected():
            return "refused"
