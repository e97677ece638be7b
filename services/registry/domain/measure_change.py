"""A parameter's value changes: proposed by one person, announced by another, never backwards (reading 10)."""

from datetime import date, datetime, timedelta
from typing import Literal, assert_never

from shared.events.registry.measures import (
    MeasureChangeApproved,
    MeasureChangeProposed,
    MeasureChangeWithdrawn,
    ParameterValue,
)
from shared.kernel.calendar import start_of
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.measures.changes import bounds_in_words, fault_of
from shared.measures.terms import STATED_ONLY, Unit
from shared.procedures.approvals import four_eyes

ARTICLE = "20"
"""The commission explains the Measures: on that every change of a parameter rests."""
HEARD_EVERYWHERE = timedelta(hours=1)
"""What is announced or withdrawn reaches every service well within this, so that on a day all decide by the same."""


@message
class InForceThen:
    """The parameter as it will stand on a change's first day without it."""

    pack: str
    unit: Unit
    value: ParameterValue
    first_day: date


@message
class ProposeChange:
    """`replaced` is None when no rules that decide anything have such a parameter on the first day."""

    change_id: str
    parameter: str
    value: ParameterValue
    first_day: date
    article: str
    quote: str
    reason_digest: str
    replaced: InForceThen | None
    proposed_by: str
    on: date


@message
class ApproveChange:
    change_id: str
    approved_by: str
    on: date
    at: datetime


@message
class WithdrawChange:
    change_id: str
    withdrawn_by: str
    on: date
    at: datetime


@message
class Unchanged:
    """Nobody has ever proposed anything for this parameter."""


@message
class Proposed:
    proposal: MeasureChangeProposed


@message
class Announced:
    proposal: MeasureChangeProposed
    approved_by: str
    announced_on: date


@message
class Withdrawn:
    proposal: MeasureChangeProposed
    withdrawn_by: str
    withdrawn_on: date


type Command = ProposeChange | ApproveChange | WithdrawChange
type Event = MeasureChangeProposed | MeasureChangeApproved | MeasureChangeWithdrawn
type Known = Proposed | Announced | Withdrawn
type State = Unchanged | Known
type Stage = Literal["unchanged", "proposed", "announced", "in_force", "withdrawn"]


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case ProposeChange(), _:
            return [_proposed(command, state)]
        case ApproveChange(), Proposed(proposal=proposal) if proposal.change_id == command.change_id:
            return [_approved(command, proposal)]
        case WithdrawChange(), Proposed(proposal=proposal) if proposal.change_id == command.change_id:
            return [_withdrawn(command, proposal, announced=False)]
        case WithdrawChange(), Announced(proposal=proposal) if proposal.change_id == command.change_id:
            refuse_unless(_too_late(command.at, proposal.first_day))
            return [_withdrawn(command, proposal, announced=True)]
        case ((ApproveChange() | WithdrawChange()), _):
            stage = stage_of(state, command.on)
            raise refuse("measure-change-not-in-this-stage", article=ARTICLE, value=stage, kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case MeasureChangeProposed():
            return Proposed(proposal=event)
        case MeasureChangeApproved(approved_by=approved_by, on=on):
            assert isinstance(state, Proposed), state
            return Announced(proposal=state.proposal, approved_by=approved_by, announced_on=on)
        case MeasureChangeWithdrawn(withdrawn_by=withdrawn_by, on=on):
            assert isinstance(state, Proposed | Announced), state
            return Withdrawn(proposal=state.proposal, withdrawn_by=withdrawn_by, withdrawn_on=on)
    assert_never(event)


measure_change: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unchanged())


def stage_of(state: State, today: date) -> Stage:
    """Name a state for people and programs; a change is in force from its first day on."""
    match state:
        case Unchanged():
            return "unchanged"
        case Withdrawn():
            return "withdrawn"
        case Proposed():
            return "proposed"
        case Announced(proposal=proposal):
            return "in_force" if proposal.first_day <= today else "announced"


def _proposed(command: ProposeChange, state: State) -> MeasureChangeProposed:
    then, ahead = command.replaced, _still_to_come(state, command.on)
    if then is None:
        raise refuse("measure-unknown", article=ARTICLE, value=command.parameter)
    fault = fault_of(command.value, then.unit)
    refuse_unless(
        Reason(code="measure-decides-nothing", article=ARTICLE, value=command.parameter)
        if command.parameter in STATED_ONLY
        else None,
        Reason(code="measure-change-not-ahead", article=ARTICLE, value=command.first_day, limit=command.on)
        if command.first_day <= command.on
        else None,
        Reason(code="measure-value-wrong-unit", article=ARTICLE, value=_plain(command.value), limit=then.unit.value)
        if fault == "unit"
        else None,
        Reason(code="measure-value-out-of-bounds", article=ARTICLE, value=_plain(command.value),
               limit=bounds_in_words(then.unit))
        if fault == "bounds"
        else None,
        Reason(code="measure-change-changes-nothing", article=ARTICLE, value=_plain(command.value))
        if fault is None and command.value == then.value
        else None,
        Reason(code="measure-change-on-first-day-of-another", article=ARTICLE, value=command.first_day, kind="state")
        if command.first_day == then.first_day
        else None,
        Reason(code="measure-change-pending", article=ARTICLE, value=ahead.first_day, kind="state") if ahead else None,
    )  # fmt: skip
    return MeasureChangeProposed(
        change_id=command.change_id,
        parameter=command.parameter,
        pack=then.pack,
        value=command.value,
        first_day=command.first_day,
        article=command.article,
        quote=command.quote,
        reason_digest=command.reason_digest,
        proposed_by=command.proposed_by,
        on=command.on,
    )


def _approved(command: ApproveChange, proposal: MeasureChangeProposed) -> MeasureChangeApproved:
    refuse_unless(
        four_eyes(proposed_by=proposal.proposed_by, approved_by=command.approved_by, article=ARTICLE),
        _too_late(command.at, proposal.first_day),
    )
    return MeasureChangeApproved(
        change_id=proposal.change_id,
        parameter=proposal.parameter,
        pack=proposal.pack,
        value=proposal.value,
        first_day=proposal.first_day,
        article=proposal.article,
        quote=proposal.quote,
        proposed_by=proposal.proposed_by,
        approved_by=command.approved_by,
        on=command.on,
    )


def _withdrawn(command: WithdrawChange, proposal: MeasureChangeProposed, *, announced: bool) -> MeasureChangeWithdrawn:
    return MeasureChangeWithdrawn(
        change_id=proposal.change_id,
        parameter=proposal.parameter,
        announced=announced,
        withdrawn_by=command.withdrawn_by,
        on=command.on,
    )


def _too_late(at: datetime, first_day: date) -> Reason | None:
    """Object from an hour before the first day begins in Beijing: not every service would hear of it in time."""
    if at + HEARD_EVERYWHERE <= start_of(first_day):
        return None
    return Reason(code="measure-change-too-late", article=ARTICLE, value=first_day, kind="state")


def _still_to_come(state: State, today: date) -> MeasureChangeProposed | None:
    """Give what is proposed or announced and not yet begun; a proposal nobody approved in time is nothing any more."""
    if isinstance(state, Unchanged | Withdrawn) or state.proposal.first_day <= today:
        return None
    return state.proposal


def _plain(value: ParameterValue) -> object:
    return list(value) if isinstance(value, tuple) else value
