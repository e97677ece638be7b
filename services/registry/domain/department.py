"""The department of a provider that answers for opening its facilities (art. 9(1))."""

from datetime import date

from shared.events.registry.representation import DepartmentNamed
from shared.kernel.decider import Decider, message


@message
class NameDepartment:
    """The digest is of name and contact, which stay with their owner."""

    provider_id: str
    department_digest: str
    on: date


@message
class Unnamed: ...


@message
class Named:
    provider_id: str
    department_digest: str
    on: date


type State = Unnamed | Named


def decide(command: NameDepartment, _state: State) -> list[DepartmentNamed]:
    """Name it, or name another one: each provider arranges that as it sees fit."""
    return [
        DepartmentNamed(provider_id=command.provider_id, department_digest=command.department_digest, on=command.on)
    ]


def evolve(_state: State, event: DepartmentNamed) -> State:
    """Fold one fact into the state."""
    return Named(provider_id=event.provider_id, department_digest=event.department_digest, on=event.on)


department: Decider[NameDepartment, DepartmentNamed, State] = Decider(decide, evolve, initial=Unnamed())
