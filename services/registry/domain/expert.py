"""An expert who may be drawn for reviews (art. 15(4))."""

from datetime import date

from shared.events.registry.experts import ExpertEnrolled
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import refuse


@message
class EnrolExpert:
    """`employer_id` is the registered party the expert works for, whose cases the expert never judges."""

    expert_id: str
    principal: str
    employer_id: str | None
    on: date


@message
class Unenrolled: ...


@message
class Enrolled:
    expert_id: str
    principal: str
    employer_id: str | None
    on: date


type State = Unenrolled | Enrolled


def decide(command: EnrolExpert, state: State) -> list[ExpertEnrolled]:
    """Say what happens, or refuse and say which article refuses."""
    match state:
        case Unenrolled():
            return [
                ExpertEnrolled(
                    expert_id=command.expert_id,
                    principal=command.principal,
                    employer_id=command.employer_id,
                    on=command.on,
                )
            ]
        case Enrolled():
            raise refuse("expert-already-enrolled", article="15(4)", value=command.principal, kind="state")


def evolve(_state: State, event: ExpertEnrolled) -> State:
    """Fold one fact into the state."""
    return Enrolled(expert_id=event.expert_id, principal=event.principal, employer_id=event.employer_id, on=event.on)


expert: Decider[EnrolExpert, ExpertEnrolled, State] = Decider(decide, evolve, initial=Unenrolled())
