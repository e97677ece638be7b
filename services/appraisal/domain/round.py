"""A yearly round: one officer proposes it, another opens it (art. 11, 14(1))."""

from datetime import date
from typing import Literal, assert_never

from shared.events.appraisal import RoundOpened, RoundProposed
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import refuse, refuse_unless
from shared.procedures.approvals import four_eyes


@message
class ProposeRound:
    """Appraise a year that has begun; a year to come has no records."""

    round_id: str
    year: int
    proposed_by: str
    on: date
    pack: str
    pack_digest: str


@message
class OpenRound:
    approved_by: str
    on: date


@message
class Unproposed: ...


@message
class Proposed:
    round_id: str
    year: int
    proposed_by: str
    on: date


@message
class Open:
    round_id: str
    year: int
    proposed_by: str
    on: date
    approved_by: str
    opened_on: date


type Command = ProposeRound | OpenRound
type Event = RoundProposed | RoundOpened
type State = Unproposed | Proposed | Open
type Stage = Literal["unproposed", "proposed", "open"]


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case ProposeRound(year=year, on=on), Unproposed():
            if year > on.year:
                raise refuse("year-not-begun", article="11", value=year, limit=on.year)
            return [
                RoundProposed(
                    round_id=command.round_id,
                    year=year,
                    proposed_by=command.proposed_by,
                    on=on,
                    pack=command.pack,
                    pack_digest=command.pack_digest,
                )
            ]
        case OpenRound(approved_by=approved_by, on=on), Proposed(proposed_by=proposed_by):
            refuse_unless(four_eyes(proposed_by=proposed_by, approved_by=approved_by, article="14(1)"))
            return [RoundOpened(round_id=state.round_id, year=state.year, approved_by=approved_by, on=on)]
        case ((ProposeRound() | OpenRound()), _):
            raise refuse("round-not-in-this-stage", article="14(1)", value=stage_of(state), kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case RoundProposed():
            return Proposed(round_id=event.round_id, year=event.year, proposed_by=event.proposed_by, on=event.on)
        case RoundOpened(approved_by=approved_by, on=on):
            assert isinstance(state, Proposed), state
            return Open(
                round_id=state.round_id,
                year=state.year,
                proposed_by=state.proposed_by,
                on=state.on,
                approved_by=approved_by,
                opened_on=on,
            )
    assert_never(event)


appraisal_round: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unproposed())


def stage_of(state: State) -> Stage:
    """Name a state for people and programs."""
    match state:
        case Unproposed():
            return "unproposed"
        case Proposed():
            return "proposed"
        case Open():
            return "open"
