"""The field centres of faq 5, which laboratories outside the platform join; who they are is a dated, cited list."""

from dataclasses import replace
from datetime import date

from shared.events.registry.laboratories import FieldCentreAppointed
from shared.kernel.decider import Decider, message


@message
class AppointFieldCentre:
    """Say who acts for one of the field centres that are on the list."""

    field_centre_id: str
    principal: str
    appointed_by: str
    on: date


@message
class FieldCentre:
    """`principal` acts for the centre; nobody did before the office appointed one."""

    principal: str | None = None
    appointed_on: date | None = None


def decide(command: AppointFieldCentre, state: FieldCentre) -> list[FieldCentreAppointed]:
    """Say who acts for a centre from now on."""
    if command.principal == state.principal:
        return []
    return [
        FieldCentreAppointed(
            field_centre_id=command.field_centre_id,
            principal=command.principal,
            appointed_by=command.appointed_by,
            on=command.on,
        )
    ]


def evolve(state: FieldCentre, event: FieldCentreAppointed) -> FieldCentre:
    """Fold one fact into the state."""
    return replace(state, principal=event.principal, appointed_on=event.on)


field_centre: Decider[AppointFieldCentre, FieldCentreAppointed, FieldCentre] = Decider(
    decide, evolve, initial=FieldCentre()
)
