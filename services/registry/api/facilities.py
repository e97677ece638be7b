"""Facilities: opened and withdrawn by their provider, searched by anyone (art. 2, 5)."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Query, Response

from services.registry.api.facility_search import open_now, open_on, said_on
from services.registry.api.provider_models import (
    AffectedBooking,
    FacilityBody,
    FacilityItem,
    FacilityView,
    FacilityWithdrawalView,
)
from services.registry.api.queries import DayQuery, DistrictQuery, NameQuery, PartyQuery, day_asked
from services.registry.domain.facility import Event, Open, State, Unopened, Withdrawn, facility
from services.registry.domain.facility_row import FacilityDetails
from services.registry.projections.facility_catalogue import facility_catalogue
from services.registry.projections.facility_history import facility_history
from services.registry.projections.provider_list import provider_list
from services.registry.tables import facilities
from services.registry.use_cases import opening_facilities
from services.registry.use_cases.booking_facilities import open_bookings
from services.registry.use_cases.streams import stream_of
from shared.events.registry.facilities import FacilityKind, FacilityStatus, ServiceKind
from shared.http.commands import CommandRequest, Presented
from shared.http.models import Money
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("registry", tag="facilities")


@router.post(
    "/facilities",
    operation_id="openFacility",
    status_code=201,
    response_model=FacilityView,
    summary="开放科研设施与仪器 · Open a facility",
    openapi_extra=operation(
        codes=("provider-not-listed", "party-barred", "facility-number-taken", "facility-not-in-this-state")
    ),
)
async def open_facility(body: FacilityBody, request: CommandRequest) -> Response:
    """Open a facility of the caller's own institution, which is on the list."""
    facility_id = request.new_id("fac")
    details = FacilityDetails(
        number=body.number,
        name=body.name,
        kind=body.kind,
        original_value=body.original_value.amount,
        site=body.site,
        service_norms=body.service_norms,
        price_standard=body.price_standard,
    )

    async def open_(tx: Transaction) -> Handled[Event, State]:
        return await opening_facilities.open_facility(tx, facility_id, request.caller.principal, details)

    def presented(handled: Handled[Event, State]) -> Presented:
        view = facility_view(handled.state, body)
        return Presented(body=view, version=handled.version, status=201, location=f"/v1/facilities/{facility_id}")

    return await request.run(open_, presented)


@router.get(
    "/facilities",
    operation_id="listFacilities",
    response_model=Page[FacilityItem],
    summary="设施与仪器目录 · The catalogue of facilities",
    openapi_extra=operation(idempotent=False, codes=("day-not-yet-come",)),
)
async def list_facilities(
    request: ReadRequest,
    on: DayQuery = None,
    name: NameQuery = None,
    kind: Annotated[FacilityKind | None, Query()] = None,
    status: Annotated[FacilityStatus | None, Query()] = None,
    district: DistrictQuery = None,
    capability: Annotated[ServiceKind | None, Query(description="开放单位能力 · What its provider can do")] = None,
    provider_id: PartyQuery = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[FacilityItem]:
    """Search what is open, or was on a day, by name, kind, status and provider; a past day's answer stays."""
    day = day_asked(request, on)
    past = day < business_date(request.now)
    await request.caught_up(provider_list)
    await request.caught_up(facility_history if past else facility_catalogue)
    found = open_on(day, name) if past else open_now(name)
    query = sa.select(found)
    for column, wanted in (
        (found.c.kind, kind),
        (found.c.status, status),
        (found.c.district, district),
        (found.c.provider_id, provider_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if capability is not None:
        query = query.where(found.c.capabilities.contains([capability]))
    return await request.page(query, [found.c.facility_id], limit, cursor, _item)


@router.get(
    "/facilities/{facility_id}",
    operation_id="getFacility",
    response_model=FacilityView,
    summary="设施与仪器详情 · One facility",
    openapi_extra=operation(idempotent=False, codes=("day-not-yet-come",)),
)
async def get_facility(facility_id: str, request: ReadRequest, on: DayQuery = None) -> Response:
    """Show a facility, open or withdrawn, or what was said of it on a past day."""
    day = day_asked(request, on)
    loaded = await request.load(facility, stream_of(facility_id, "fac"))
    if isinstance(loaded.state, Unopened):
        raise UnknownSubjectError(facility_id)
    async with request.connection() as connection:
        row = (await connection.execute(described(facility_id))).one()
        view = facility_view(loaded.state, row)
        if day < business_date(request.now):
            then = (await connection.execute(said_on(day, facility_id))).mappings().one_or_none()
            if then is None:
                raise UnknownSubjectError(facility_id)
            known = {name: value for name, value in then.items() if value is not None}
            view = view.model_copy(update=known | {"original_value": Money.of(then["original_value"])})
    return request.answer(Presented(body=view, version=loaded.version))


@router.post(
    "/facilities/{facility_id}/withdrawal",
    operation_id="withdrawFacility",
    response_model=FacilityWithdrawalView,
    summary="撤回设施与仪器 · Withdraw a facility and its services",
    openapi_extra=operation(if_match=True, codes=("facility-not-in-this-state",)),
)
async def withdraw_facility(facility_id: str, request: CommandRequest) -> Response:
    """Withdraw an own facility and the services offered on it; bookings that are open are shown, to be cancelled."""

    async def withdraw(tx: Transaction) -> tuple[int, FacilityWithdrawalView]:
        handled = await opening_facilities.withdraw_facility(
            tx, facility_id, request.caller.principal, if_match=request.if_match
        )
        row = (await tx.connection.execute(described(facility_id))).one()
        affected = [
            AffectedBooking(**{name: getattr(each, name) for name in AffectedBooking.model_fields})
            for each in await open_bookings(tx, facility_id=facility_id)
        ]
        view = facility_view(handled.state, row)
        return handled.version, FacilityWithdrawalView(**view.model_dump(), affected_bookings=affected)

    return await request.run(withdraw, lambda result: Presented(body=result[1], version=result[0]))


def described(facility_id: str) -> sa.Select[Any]:
    """Select what the provider wrote of a facility."""
    return sa.select(facilities).where(facilities.c.facility_id == facility_id)


def _item(row: Any) -> FacilityItem:
    known = {name: getattr(row, name) for name in FacilityItem.model_fields}
    return FacilityItem(**known | {"original_value": Money.of(row.original_value)})


def facility_view(state: State, described: Any) -> FacilityView:
    """Put the facts together with the provider's description, a body or a row."""
    if isinstance(state, Unopened):
        raise TypeError("the facility was never opened")
    return FacilityView(
        facility_id=state.facility_id,
        provider_id=state.provider_id,
        number=described.number,
        name=described.name,
        kind=state.kind,
        original_value=Money.of(state.original_value),
        site=described.site,
        service_norms=described.service_norms,
        price_standard=described.price_standard,
        status=state.status if isinstance(state, Open) else "withdrawn",
        right=state.right,
        opened_on=state.on,
        withdrawn_on=state.withdrawn_on if isinstance(state, Withdrawn) else None,
    )
