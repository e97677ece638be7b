"""A design centre: a laboratory of the catalogue that can offer industrial design (faq 3)."""

from datetime import date
from typing import Literal, assert_never

from shared.events.registry.laboratories import DesignCentreDelisted, DesignCentreListed
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import refuse


@message
class ListDesignCentre:
    """`in_catalogue`: vouchers may be used with the laboratory on this day."""

    design_centre_id: str
    laboratory_id: str
    in_catalogue: bool
    listed_by: str
    on: date


@message
class DelistDesignCentre:
    reason_digest: str
    delisted_by: str
    on: date


@message
class Unlisted: ...


@message
class Listed:
    design_centre_id: str
    laboratory_id: str
    on: date


@message
class Delisted:
    design_centre_id: str
    laboratory_id: str
    on: date
    delisted_on: date


type Command = ListDesignCentre | DelistDesignCentre
type Event = DesignCentreListed | DesignCentreDelisted
type State = Unlisted | Listed | Delisted
type Stage = Literal["unlisted", "listed", "delisted"]


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say that faq 3 refuses."""
    match command, state:
        case ListDesignCentre(), Unlisted():
            if not command.in_catalogue:
                raise refuse("laboratory-not-in-catalogue", article="faq 3", value=command.laboratory_id, kind="state")
            return [
                DesignCentreListed(
                    design_centre_id=command.design_centre_id,
                    laboratory_id=command.laboratory_id,
                    listed_by=command.listed_by,
                    on=command.on,
                )
            ]
        case DelistDesignCentre(), Listed():
            return [
                DesignCentreDelisted(
                    design_centre_id=state.design_centre_id,
                    laboratory_id=state.laboratory_id,
                    reason_digest=command.reason_digest,
                    delisted_by=command.delisted_by,
                    on=command.on,
                )
            ]
        case ((ListDesignCentre() | DelistDesignCentre()), _):
            raise refuse("design-centre-not-in-this-stage", article="faq 3", value=stage_of(state), kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case DesignCentreListed(design_centre_id=design_centre_id, laboratory_id=laboratory_id, on=on):
            return Listed(design_centre_id=design_centre_id, laboratory_id=laboratory_id, on=on)
        case DesignCentreDelisted(on=on):
            assert isinstance(state, Listed), state
            return Delisted(
                design_centre_id=state.design_centre_id,
                laboratory_id=state.laboratory_id,
                on=state.on,
                delisted_on=on,
            )
    assert_never(event)


design_centre: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unlisted())


def stage_of(state: State) -> Stage:
    """Name a state for people and programs."""
    match state:
        case Unlisted():
            return "unlisted"
        case Listed():
            return "listed"
        case Delisted():
            return "delisted"
