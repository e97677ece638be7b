"""A facility open to others (art. 2, 5)."""

from dataclasses import replace
from datetime import date
from typing import assert_never

from shared.events.registry.facilities import (
    FacilityChanged,
    FacilityKind,
    FacilityOpened,
    FacilityRightProven,
    FacilityStatus,
    FacilityStatusChanged,
    FacilityWithdrawn,
    OperatingRight,
)
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless


@message
class OpenFacility:
    """`provider_listed` and `provider_barred` are the provider's standing on the day (art. 10(2), 17)."""

    facility_id: str
    provider_id: str
    provider_listed: bool
    provider_barred: bool
    kind: FacilityKind
    original_value: int
    on: date


@message
class ChangeFacility:
    """Describe an open facility anew; the standing is the provider's on the day."""

    provider_listed: bool
    provider_barred: bool
    kind: FacilityKind
    original_value: int
    description_digest: str
    on: date


@message
class ChangeStatus:
    """Say whether an open facility can be used."""

    status: FacilityStatus
    on: date


@message
class ProveRight:
    """Show by which right the provider operates the facility (art. 6(2))."""

    right: OperatingRight
    document_digest: str
    on: date


@message
class WithdrawFacility:
    on: date


@message
class Unopened: ...


@message
class Open:
    facility_id: str
    provider_id: str
    kind: FacilityKind
    original_value: int
    on: date
    status: FacilityStatus = "in_service"
    right: OperatingRight | None = None


@message
class Withdrawn:
    facility_id: str
    provider_id: str
    kind: FacilityKind
    original_value: int
    on: date
    withdrawn_on: date
    right: OperatingRight | None = None


type Command = OpenFacility | ChangeFacility | ChangeStatus | ProveRight | WithdrawFacility
type Event = FacilityOpened | FacilityChanged | FacilityStatusChanged | FacilityRightProven | FacilityWithdrawn
type State = Unopened | Open | Withdrawn


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case OpenFacility(), Unopened():
            _check_standing(command)
            return [
                FacilityOpened(
                    facility_id=command.facility_id,
                    provider_id=command.provider_id,
                    kind=command.kind,
                    original_value=command.original_value,
                    on=command.on,
                )
            ]
        case ChangeFacility(), Open():
            _check_standing(command)
            if command.kind != state.kind:
                raise refuse("facility-kind-stays", article="5", value=command.kind, limit=state.kind)
            return [
                FacilityChanged(
                    facility_id=state.facility_id,
                    provider_id=state.provider_id,
                    original_value=command.original_value,
                    description_digest=command.description_digest,
                    on=command.on,
                )
            ]
        case ChangeStatus(status=status, on=on), Open():
            if status == state.status:
                return []
            return [
                FacilityStatusChanged(
                    facility_id=state.facility_id, provider_id=state.provider_id, status=status, on=on
                )
            ]
        case ProveRight(), Open():
            return [
                FacilityRightProven(
                    facility_id=state.facility_id,
                    provider_id=state.provider_id,
                    right=command.right,
                    document_digest=command.document_digest,
                    on=command.on,
                )
            ]
        case WithdrawFacility(on=on), Open(facility_id=facility_id, provider_id=provider_id):
            return [FacilityWithdrawn(facility_id=facility_id, provider_id=provider_id, on=on)]
        case ((OpenFacility() | ChangeFacility() | ChangeStatus() | ProveRight() | WithdrawFacility()), _):
            raise refuse("facility-not-in-this-state", article="6", value=type(state).__name__.lower(), kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case FacilityOpened():
            return Open(
                facility_id=event.facility_id,
                provider_id=event.provider_id,
                kind=event.kind,
                original_value=event.original_value,
                on=event.on,
            )
        case FacilityChanged(original_value=original_value):
            assert isinstance(state, Open), state
            return replace(state, original_value=original_value)
        case FacilityStatusChanged(status=status):
            assert isinstance(state, Open), state
            return replace(state, status=status)
        case FacilityRightProven(right=right):
            assert isinstance(state, Open), state
            return replace(state, right=right)
        case FacilityWithdrawn(on=on):
            assert isinstance(state, Open), state
            return Withdrawn(
                facility_id=state.facility_id,
                provider_id=state.provider_id,
                kind=state.kind,
                original_value=state.original_value,
                on=state.on,
                withdrawn_on=on,
                right=state.right,
            )
    assert_never(event)


facility: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unopened())


def _check_standing(command: OpenFacility | ChangeFacility) -> None:
    refuse_unless(
        None if command.provider_listed else Reason(code="provider-not-listed", article="6", kind="state"),
        Reason(code="party-barred", article="17", kind="state") if command.provider_barred else None,
    )
