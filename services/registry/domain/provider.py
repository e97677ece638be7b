"""A provider: listed by order, or by application, check, public notice and time (art. 6)."""

from dataclasses import replace
from datetime import date
from typing import Literal, assert_never

from shared.events.registry.facilities import ServiceKind
from shared.events.registry.providers import (
    ProviderApplied,
    ProviderCondition,
    ProviderConditionChecked,
    ProviderDelisted,
    ProviderExitRequested,
    ProviderKind,
    ProviderListed,
    ProviderNoticeConcluded,
    ProviderNoticePublished,
    ProviderObjectionAnswered,
    ProviderObjectionRaised,
    ProviderRefused,
    WhyNotListed,
)
from shared.kernel.calendar import WorkingDays, deadline_on, months_after
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import refuse
from shared.procedures.notices import (
    Notice,
    answered,
    check_answer,
    check_objection,
    objected,
    period_of_notice,
)


@message
class ListMunicipal:
    """Put an institution of the city on the list by order; `barred`: a measure of art. 17 stands against its code."""

    provider_id: str
    principal: str
    capabilities: tuple[ServiceKind, ...]
    third_party_testing: bool
    barred: bool
    on: date


@message
class ApplyToOpen:
    provider_id: str
    principal: str
    barred: bool
    profile_digest: str
    on: date
    pack: str
    pack_digest: str


@message
class CheckCondition:
    """`conditions` are all those that the rules ask for; the last one checked publishes or refuses."""

    condition: ProviderCondition
    met: bool
    conditions: tuple[str, ...]
    checked_by: str
    notice_id: str
    notice_working_days: int
    working_days: WorkingDays
    on: date


@message
class RaiseObjection:
    objection_id: str
    text_digest: str
    on: date


@message
class AnswerObjection:
    objection_id: str
    upheld: bool
    answered_by: str
    on: date


@message
class ConcludeNotice:
    """`capabilities` and `third_party_testing` are those of the application, which its owner keeps."""

    capabilities: tuple[ServiceKind, ...]
    third_party_testing: bool
    barred: bool
    on: date


@message
class Delist:
    reason: str
    on: date


@message
class RequestExit:
    """Give notice (art. 6 last paragraph); the stated reason stays with the office."""

    reason_digest: str
    notice_months: int
    roll: bool
    working_days: WorkingDays
    on: date
    pack: str
    pack_digest: str


@message
class ConcludeExit:
    """`running_contracts` are those submitted or registered and not over yet: they come first."""

    running_contracts: int
    on: date


@message
class Unknown: ...


@message
class Applied:
    """`checked` has the conditions looked at so far and whether each is met, in the order of their first check."""

    provider_id: str
    principal: str
    on: date
    checked: tuple[tuple[ProviderCondition, bool], ...] = ()


@message
class OnNotice:
    provider_id: str
    principal: str
    notice: Notice
    checked: tuple[tuple[ProviderCondition, bool], ...]


@message
class ExitNotice:
    """A notice given; the provider stays on the list up to and including `until`, and longer if contracts run."""

    on: date
    until: date
    provisional: bool


@message
class Listed:
    provider_id: str
    principal: str
    kind: ProviderKind
    capabilities: tuple[ServiceKind, ...]
    third_party_testing: bool
    on: date
    leaving: ExitNotice | None = None


@message
class Delisted:
    provider_id: str
    principal: str
    kind: ProviderKind
    capabilities: tuple[ServiceKind, ...]
    third_party_testing: bool
    on: date
    delisted_on: date
    leaving: ExitNotice | None = None


@message
class Rejected:
    provider_id: str
    principal: str
    cause: WhyNotListed
    unmet: tuple[ProviderCondition, ...]


type Command = (
    ListMunicipal | ApplyToOpen | CheckCondition | RaiseObjection | AnswerObjection | ConcludeNotice | Delist
    | RequestExit | ConcludeExit
)  # fmt: skip
type Event = (
    ProviderApplied | ProviderConditionChecked | ProviderNoticePublished | ProviderObjectionRaised
    | ProviderObjectionAnswered | ProviderNoticeConcluded | ProviderRefused | ProviderListed
    | ProviderExitRequested | ProviderDelisted
)  # fmt: skip
type Known = Applied | OnNotice | Listed | Delisted | Rejected
type State = Unknown | Known
type Stage = Literal["unknown", "applied", "on_notice", "listed", "delisted", "refused"]


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case ListMunicipal(), Unknown():
            _not_barred(barred=command.barred)
            return [
                ProviderListed(
                    provider_id=command.provider_id,
                    kind="municipal",
                    principal=command.principal,
                    capabilities=command.capabilities,
                    third_party_testing=command.third_party_testing,
                    on=command.on,
                )
            ]
        case ApplyToOpen(), Unknown():
            _not_barred(barred=command.barred)
            return [
                ProviderApplied(
                    provider_id=command.provider_id,
                    principal=command.principal,
                    profile_digest=command.profile_digest,
                    on=command.on,
                    pack=command.pack,
                    pack_digest=command.pack_digest,
                )
            ]
        case CheckCondition(), Applied():
            return _checked(command, state)
        case RaiseObjection(), OnNotice(notice=notice):
            check_objection(notice, command.on, article="6")
            return [
                ProviderObjectionRaised(
                    provider_id=state.provider_id,
                    notice_id=notice.notice_id,
                    objection_id=command.objection_id,
                    text_digest=command.text_digest,
                    on=command.on,
                )
            ]
        case AnswerObjection(), OnNotice(notice=notice):
            check_answer(notice, command.objection_id, article="6")
            answer = ProviderObjectionAnswered(
                provider_id=state.provider_id,
                notice_id=notice.notice_id,
                objection_id=command.objection_id,
                upheld=command.upheld,
                answered_by=command.answered_by,
                on=command.on,
            )
            return [answer, _refused(state, "objection_upheld", command.on)] if command.upheld else [answer]
        case ConcludeNotice(), OnNotice():
            return _concluded(command, state)
        case ConcludeNotice(), _:
            return []  # The sweep may come early, late or twice.
        case Delist(reason=reason, on=on), Listed(provider_id=provider_id):
            return [ProviderDelisted(provider_id=provider_id, reason=reason, on=on)]
        case RequestExit(), Listed():
            return [_exit_requested(command, state)]
        case ConcludeExit(running_contracts=0, on=on), Listed(leaving=ExitNotice(until=until)) if on > until:
            return [ProviderDelisted(provider_id=state.provider_id, reason="exit by art. 6", on=on)]
        case ConcludeExit(), _:
            return []  # Too early, contracts still run, or it has left already.
        case (
            (ListMunicipal() | ApplyToOpen() | CheckCondition() | RaiseObjection() | AnswerObjection() | Delist())
            | RequestExit(),
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
            return replace(state, checked=_with(state.checked, condition, met=met))
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
            return Listed(
                provider_id=event.provider_id,
                principal=event.principal,
                kind=event.kind,
                capabilities=event.capabilities,
                third_party_testing=event.third_party_testing,
                on=event.on,
            )
        case ProviderExitRequested(on=on, until=until, provisional=provisional):
            assert isinstance(state, Listed), state
            return replace(state, leaving=ExitNotice(on=on, until=until, provisional=provisional))
        case ProviderDelisted(on=on):
            assert isinstance(state, Listed), state
            return Delisted(
                provider_id=state.provider_id,
                principal=state.principal,
                kind=state.kind,
                capabilities=state.capabilities,
                third_party_testing=state.third_party_testing,
                on=state.on,
                delisted_on=on,
                leaving=state.leaving,
            )
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


def _not_barred(*, barred: bool) -> None:
    if barred:
        raise refuse("party-barred", article="17", kind="state")


def _checked(command: CheckCondition, state: Applied) -> list[Event]:
    """Record one check; once every condition is looked at, publish the listing or refuse it (art. 6)."""
    if command.condition not in command.conditions:
        raise refuse(
            "condition-not-asked-for",
            article="6",
            value=command.condition,
            limit=command.conditions,
            parameter="provider_conditions",
        )
    checked = ProviderConditionChecked(
        provider_id=state.provider_id,
        condition=command.condition,
        met=command.met,
        checked_by=command.checked_by,
        on=command.on,
    )
    found = _with(state.checked, command.condition, met=command.met)
    if {condition for condition, _ in found} < set(command.conditions):
        return [checked]
    unmet = tuple(condition for condition, met in found if not met)
    if unmet:
        return [
            checked,
            ProviderRefused(provider_id=state.provider_id, cause="conditions_not_met", unmet=unmet, on=command.on),
        ]
    deadline = period_of_notice(command.on, command.notice_working_days, command.working_days)
    return [
        checked,
        ProviderNoticePublished(
            provider_id=state.provider_id,
            notice_id=command.notice_id,
            until=deadline.last_day,
            provisional=deadline.provisional,
            on=command.on,
        ),
    ]


def _concluded(command: ConcludeNotice, state: OnNotice) -> list[Event]:
    """List the provider once its notice is over and nothing is open; until then nothing happens."""
    if not state.notice.ran_its_length(command.on) or state.notice.open_objections:
        return []
    concluded = ProviderNoticeConcluded(provider_id=state.provider_id, notice_id=state.notice.notice_id, on=command.on)
    if command.barred:
        return [concluded, _refused(state, "party_barred", command.on)]
    return [
        concluded,
        ProviderListed(
            provider_id=state.provider_id,
            kind="beijing_based",
            principal=state.principal,
            capabilities=command.capabilities,
            third_party_testing=command.third_party_testing,
            on=command.on,
        ),
    ]


def _exit_requested(command: RequestExit, state: Listed) -> ProviderExitRequested:
    """Take a notice; a municipal provider is on the list by order (art. 6 paragraph 1) and does not choose to leave."""
    if state.kind == "municipal":
        raise refuse("municipal-provider-stays", article="6", kind="state")
    if state.leaving is not None:
        raise refuse("exit-already-requested", article="6", value=state.leaving.until, kind="state")
    last_day = months_after(command.on, command.notice_months)
    deadline = deadline_on(last_day, command.working_days, roll=command.roll)
    return ProviderExitRequested(
        provider_id=state.provider_id,
        reason_digest=command.reason_digest,
        until=deadline.last_day,
        provisional=deadline.provisional,
        on=command.on,
        pack=command.pack,
        pack_digest=command.pack_digest,
    )


def _refused(state: OnNotice, cause: WhyNotListed, on: date) -> ProviderRefused:
    return ProviderRefused(provider_id=state.provider_id, cause=cause, unmet=(), on=on)


def _with(
    checked: tuple[tuple[ProviderCondition, bool], ...], condition: ProviderCondition, *, met: bool
) -> tuple[tuple[ProviderCondition, bool], ...]:
    """Replace what was found of a condition, or add it."""
    known = dict(checked)
    known[condition] = met
    return tuple(known.items())
