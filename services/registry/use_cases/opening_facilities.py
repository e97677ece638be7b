"""A listed provider opens its facilities and offers services on them, and withdraws both (art. 5, 6)."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain import facility as facilities_of_art_2
from services.registry.domain import offer as offers
from services.registry.domain.facility_row import FacilityDetails
from services.registry.tables import facilities, facility_index, services
from services.registry.use_cases.describing_facilities import described, indexed
from services.registry.use_cases.owning import check_owns_facility, check_owns_service, own_provider
from services.registry.use_cases.streams import stream_of
from shared.events.registry.facilities import ServiceKind
from shared.kernel.refusal import refuse
from shared.store.transaction import Handled, Transaction

facility, offer = facilities_of_art_2.facility, offers.offer
type FacilityHandled = Handled[facilities_of_art_2.Event, facilities_of_art_2.State]
type OfferHandled = Handled[offers.Event, offers.State]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDetails:
    """A service as its provider describes it to the public; the price is in fen for one unit."""

    facility_id: str
    name: str
    kind: ServiceKind
    unit: str
    unit_price: int


async def open_facility(tx: Transaction, facility_id: str, principal: str, details: FacilityDetails) -> FacilityHandled:
    """Open a facility of the principal's own provider."""
    owner = await own_provider(tx, principal)
    command = facilities_of_art_2.OpenFacility(
        facility_id=facility_id,
        provider_id=owner.provider_id,
        provider_listed=owner.listed,
        provider_barred=owner.barred,
        kind=details.kind,
        original_value=details.original_value,
        on=tx.today,
    )
    handled = await tx.handle(facility, stream_of(facility_id, "fac"), command)
    taken = await tx.connection.execute(
        insert(facilities)
        .values(described(facility_id, owner.provider_id, details))
        .on_conflict_do_nothing()
        .returning(facilities.c.facility_id)
    )
    if taken.first() is None:
        raise refuse("facility-number-taken", article="6", value=details.number, kind="state")
    await tx.connection.execute(sa.insert(facility_index).values(indexed(facility_id, details)))
    return handled


async def withdraw_facility(
    tx: Transaction, facility_id: str, principal: str, *, if_match: int | None
) -> FacilityHandled:
    """Withdraw a facility, and with it the services that are offered on it."""
    await check_owns_facility(tx, facility_id, principal)
    command = facilities_of_art_2.WithdrawFacility(on=tx.today)
    handled = await tx.handle(facility, stream_of(facility_id, "fac"), command, if_match=if_match)
    offered = await tx.connection.execute(
        sa.select(services.c.service_id)
        .where(services.c.facility_id == facility_id, ~services.c.withdrawn)
        .order_by(services.c.service_id)
        .with_for_update()
    )
    for service_id in offered.scalars().all():
        await tx.handle(offer, stream_of(service_id, "svc"), offers.WithdrawService(on=tx.today))
    await tx.connection.execute(sa.update(services).where(services.c.facility_id == facility_id).values(withdrawn=True))
    await tx.connection.execute(
        sa.update(facilities).where(facilities.c.facility_id == facility_id).values(withdrawn=True)
    )
    return handled


async def offer_service(tx: Transaction, service_id: str, principal: str, details: ServiceDetails) -> OfferHandled:
    """Offer a service on a facility of the principal's own provider."""
    owner = await own_provider(tx, principal)
    await check_owns_facility(tx, details.facility_id, principal)
    on_facility = (await tx.load(facility, stream_of(details.facility_id, "fac"))).state
    command = offers.OfferService(
        service_id=service_id,
        facility_id=details.facility_id,
        facility_kind=on_facility.kind if isinstance(on_facility, facilities_of_art_2.Open) else None,
        provider_id=owner.provider_id,
        provider_listed=owner.listed,
        provider_barred=owner.barred,
        provider_capabilities=owner.capabilities,
        kind=details.kind,
        unit_price=details.unit_price,
        on=tx.today,
    )
    handled = await tx.handle(offer, stream_of(service_id, "svc"), command)
    await tx.connection.execute(
        sa.insert(services).values(
            service_id=service_id,
            facility_id=details.facility_id,
            provider_id=owner.provider_id,
            name=details.name,
            unit=details.unit,
        )
    )
    return handled


async def withdraw_service(tx: Transaction, service_id: str, principal: str, *, if_match: int | None) -> OfferHandled:
    """Withdraw a service; contracts already made go on."""
    await check_owns_service(tx, service_id, principal)
    command = offers.WithdrawService(on=tx.today)
    handled = await tx.handle(offer, stream_of(service_id, "svc"), command, if_match=if_match)
    await tx.connection.execute(sa.update(services).where(services.c.service_id == service_id).values(withdrawn=True))
    return handled
