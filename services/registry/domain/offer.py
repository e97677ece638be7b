"""A service offered on a facility, at a published price (art. 5, 6(5); faq 3)."""

from datetime import date
from typing import assert_never

from shared.events.registry.facilities import FacilityKind, ServiceKind, ServiceOffered, ServiceWithdrawn
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless


@message
class OfferService:
    """`facility_kind` is None where the facility is withdrawn; the rest is the provider's standing on the day."""

    service_id: str
    facility_id: str
    facility_kind: FacilityKind | None
    provider_id: str
    provider_listed: bool
    provider_barred: bool
    provider_capabilities: tuple[ServiceKind, ...]
    kind: ServiceKind
    unit_price: int
    on: date


@message
class WithdrawService:
    on: date


@message
class Unoffered: ...


@message
class Offered:
    service_id: str
    facility_id: str
    provider_id: str
    kind: ServiceKind
    unit_price: int
    on: date
    withdrawn_on: date | None = None


type Command = OfferService | WithdrawService
type Event = ServiceOffered | ServiceWithdrawn
type State = Unoffered | Offered


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case OfferService(), Unoffered():
            refuse_unless(
                None if command.provider_listed else Reason(code="provider-not-listed", article="6", kind="state"),
                Reason(code="party-barred", article="17", kind="state") if command.provider_barred else None,
                _facility_unfit(command),
                _design_without_capability(command),
            )
            return [
                ServiceOffered(
                    service_id=command.service_id,
                    facility_id=command.facility_id,
                    provider_id=command.provider_id,
                    kind=command.kind,
                    unit_price=command.unit_price,
                    on=command.on,
                )
            ]
        case WithdrawService(on=on), Offered(withdrawn_on=None, service_id=service_id, provider_id=provider_id):
            return [ServiceWithdrawn(service_id=service_id, provider_id=provider_id, on=on)]
        case ((OfferService() | WithdrawService()), _):
            raise refuse("service-not-in-this-state", article="6(5)", value=stage_of(state), kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case ServiceOffered():
            return Offered(
                service_id=event.service_id,
                facility_id=event.facility_id,
                provider_id=event.provider_id,
                kind=event.kind,
                unit_price=event.unit_price,
                on=event.on,
            )
        case ServiceWithdrawn(on=on):
            assert isinstance(state, Offered), state
            return Offered(
                service_id=state.service_id,
                facility_id=state.facility_id,
                provider_id=state.provider_id,
                kind=state.kind,
                unit_price=state.unit_price,
                on=state.on,
                withdrawn_on=on,
            )
    assert_never(event)


offer: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unoffered())


def stage_of(state: State) -> str:
    """Name a state for people and programs."""
    match state:
        case Unoffered():
            return "unoffered"
        case Offered(withdrawn_on=None):
            return "offered"
        case Offered():
            return "withdrawn"


def _facility_unfit(command: OfferService) -> Reason | None:
    if command.facility_kind is None:
        return Reason(code="facility-not-open", article="5", value=command.facility_id, kind="state")
    if command.kind == "compute" and command.facility_kind != "compute":
        # Computing power is rented from a compute facility (art. 5).
        unfit = "service-does-not-fit-facility"
        return Reason(code=unfit, article="5", value=command.kind, limit=command.facility_kind)
    return None


def _design_without_capability(command: OfferService) -> Reason | None:
    if command.kind != "industrial_design" or "industrial_design" in command.provider_capabilities:
        return None
    return Reason(code="design-capability-missing", article="faq 3", value=command.kind)
