"""An expert who may be drawn for reviews: for whom the expert works, what the expert knows, and when (art. 15(4))."""

from datetime import date
from itertools import pairwise
from typing import assert_never

from shared.events.registry.experts import Absence, ExpertAbsencesChanged, ExpertEnrolled, ExpertProfileChanged
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless

ARTICLE = "15(4)"


@message
class EnrolExpert:
    """`employer_id` is the registered party the expert works for, whose cases the expert never judges."""

    expert_id: str
    principal: str
    employer_id: str | None
    on: date


@message
class ChangeProfile:
    """`employers` are all the registered parties the expert works for; no `load_max` is no limit."""

    employers: tuple[str, ...]
    fields: tuple[str, ...]
    load_max: int | None
    on: date


@message
class ChangeAbsences:
    """All the days to come on which the expert cannot judge, in any order."""

    absences: tuple[Absence, ...]
    on: date


@message
class Unenrolled: ...


@message
class Enrolled:
    expert_id: str
    principal: str
    employers: tuple[str, ...]
    on: date
    fields: tuple[str, ...] = ()
    load_max: int | None = None
    absences: tuple[Absence, ...] = ()


type Command = EnrolExpert | ChangeProfile | ChangeAbsences
type Event = ExpertEnrolled | ExpertProfileChanged | ExpertAbsencesChanged
type State = Unenrolled | Enrolled


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case EnrolExpert(), Unenrolled():
            return [
                ExpertEnrolled(
                    expert_id=command.expert_id,
                    principal=command.principal,
                    employer_id=command.employer_id,
                    on=command.on,
                )
            ]
        case ChangeProfile(), Enrolled():
            return _profile_changed(command, state)
        case ChangeAbsences(), Enrolled():
            return _absences_changed(command, state)
        case EnrolExpert(), _:
            raise refuse("expert-already-enrolled", article=ARTICLE, value=command.principal, kind="state")
        case ((ChangeProfile() | ChangeAbsences()), _):
            raise refuse("expert-not-enrolled", article=ARTICLE, kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case ExpertEnrolled(employer_id=employer_id):
            employers = (employer_id,) if employer_id is not None else ()
            return Enrolled(expert_id=event.expert_id, principal=event.principal, employers=employers, on=event.on)
        case ExpertProfileChanged():
            assert isinstance(state, Enrolled), state
            return Enrolled(
                expert_id=state.expert_id,
                principal=state.principal,
                employers=event.employers,
                on=state.on,
                fields=event.fields,
                load_max=event.load_max,
                absences=state.absences,
            )
        case ExpertAbsencesChanged(absences=absences):
            assert isinstance(state, Enrolled), state
            return Enrolled(
                expert_id=state.expert_id,
                principal=state.principal,
                employers=state.employers,
                on=state.on,
                fields=state.fields,
                load_max=state.load_max,
                absences=absences,
            )
    assert_never(event)


expert: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unenrolled())


def _profile_changed(command: ChangeProfile, state: Enrolled) -> list[Event]:
    employers, fields = tuple(sorted(set(command.employers))), tuple(sorted(set(command.fields)))
    if (employers, fields, command.load_max) == (state.employers, state.fields, state.load_max):
        return []
    return [
        ExpertProfileChanged(
            expert_id=state.expert_id, employers=employers, fields=fields, load_max=command.load_max, on=command.on
        )
    ]


def _absences_changed(command: ChangeAbsences, state: Enrolled) -> list[Event]:
    ordered = tuple(sorted(command.absences, key=lambda absence: (absence.first_day, absence.last_day)))
    reversed_, past = (
        next((each for each in ordered if each.last_day < each.first_day), None),
        next((each for each in ordered if each.last_day < command.on), None),
    )
    overlap = next((b for a, b in pairwise(ordered) if b.first_day <= a.last_day), None)
    refuse_unless(
        Reason(code="absence-days-reversed", article=ARTICLE, value=reversed_.last_day, limit=reversed_.first_day)
        if reversed_
        else None,
        Reason(code="absence-is-over", article=ARTICLE, value=past.last_day, limit=command.on)
        if past and not reversed_
        else None,
        Reason(code="absences-overlap", article=ARTICLE, value=overlap.first_day) if overlap else None,
    )
    if ordered == state.absences:
        return []
    return [ExpertAbsencesChanged(expert_id=state.expert_id, absences=ordered, on=command.on)]
