"""Services: offered and withdrawn by their provider, searched by anyone (art. 5, 6(5))."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Query, Response

from services.registry.api.provider_models import ServiceBody, ServiceItem, ServiceView
from services.registry.api.queries import NameQuery, PartyQuery
from services.registry.domain.offer import Event, Offered, State, offer
from services.registry.projections.provider_list import provider_list
from services.registry.projections.service_catalogue import service_catalogue
from services.registry.tables import providers, services
from services.registry.use_cases import opening_facilities
from services.registry.use_cases.opening_facilities import ServiceDetails
from services.registry.use_cases.streams import stream_of
from shared.events.registry.facilities import ServiceKind
from shared.http.commands import CommandRequest, Presented
from shared.http.models import AMOUNT_FEN_MAX, Money
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("registry", tag="services")


@router.post(
    "/services",
    operation_id="offerService",
    status_code=201,
    response_model=ServiceView,
    summary="发布服务 · Offer a service on a facility",
    openapi_extra=operation(
        codes=(
            "not-found",
            "provider-not-listed", "party-barred", "facility-not-open", "service-does-not-fit-facility",
            "design-capability-missing", "service-not-in-this-state",
        )
    ),
)  # fmt: skip
async def offer_service(body: ServiceBody, request: CommandRequest) -> Response:
    """Offer a service on a facility of the caller's own institution, at a published price."""
    service_id = request.new_id("svc")
    details = ServiceDetails(
        facility_id=body.facility_id,
        name=body.name,
        kind=body.kind,
        unit=body.unit,
        unit_price=body.unit_price.amount,
    )

    async def offer_(tx: Transaction) -> Handled[Event, State]:
        return await opening_facilities.offer_service(tx, service_id, request.caller.principal, details)

    def presented(handled: Handled[Event, State]) -> Presented:
        view = _view(handled.state, body)
        return Presented(body=view, version=handled.version, status=201, location=f"/v1/services/{service_id}")

    return await request.run(offer_, presented)


@router.get(
    "/services",
    operation_id="listServices",
    response_model=Page[ServiceItem],
    summary="服务目录 · The catalogue of services",
    openapi_extra=operation(idempotent=False),
)
async def list_services(
    request: ReadRequest,
    name: NameQuery = None,
    kind: Annotated[ServiceKind | None, Query()] = None,
    provider_id: PartyQuery = None,
    facility_id: PartyQuery = None,
    unit_price_max: Annotated[
        int | None, Query(ge=0, le=AMOUNT_FEN_MAX, description="单价不超过，以分计 · At most, in fen")
    ] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[ServiceItem]:
    """Search what is on offer, by name, kind, provider, facility and price."""
    await request.caught_up(provider_list)
    await request.caught_up(service_catalogue)
    table, listed = service_catalogue.table, provider_list.table
    query = (
        sa.select(table, services.c.name, services.c.unit, providers.c.name.label("provider_name"))
        .join(services, services.c.service_id == table.c.service_id)
        .join(providers, providers.c.provider_id == table.c.provider_id)
        .outerjoin(listed, listed.c.provider_id == table.c.provider_id)
        .where(listed.c.delisted_on.is_(None))
    )
    if name is not None:
        query = query.where(services.c.name.icontains(name, autoescape=True))
    for column, wanted in (
        (table.c.kind, kind),
        (table.c.provider_id, provider_id),
        (table.c.facility_id, facility_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if unit_price_max is not None:
        query = query.where(table.c.unit_price <= unit_price_max)
    return await request.page(query, [table.c.service_id], limit, cursor, _item)


@router.get(
    "/services/{service_id}",
    operation_id="getService",
    response_model=ServiceView,
    summary="服务详情 · One service",
    openapi_extra=operation(idempotent=False),
)
async def get_service(service_id: str, request: ReadRequest) -> Response:
    """Show a service, on offer or withdrawn."""
    loaded = await request.load(offer, stream_of(service_id, "svc"))
    if not isinstance(loaded.state, Offered):
        raise UnknownSubjectError(service_id)
    async with request.connection() as connection:
        row = (await connection.execute(_described(service_id))).one()
    return request.answer(Presented(body=_view(loaded.state, row), version=loaded.version))


@router.post(
    "/services/{service_id}/withdrawal",
    operation_id="withdrawService",
    response_model=ServiceView,
    summary="撤回服务 · Withdraw a service",
    openapi_extra=operation(if_match=True, codes=("service-not-in-this-state",)),
)
async def withdraw_service(service_id: str, request: CommandRequest) -> Response:
    """Withdraw an own service; contracts already made go on."""

    async def withdraw(tx: Transaction) -> tuple[int, ServiceView]:
        handled = await opening_facilities.withdraw_service(
            tx, service_id, request.caller.principal, if_match=request.if_match
        )
        row = (await tx.connection.execute(_described(service_id))).one()
        return handled.version, _view(handled.state, row)

    return await request.run(withdraw, lambda result: Presented(body=result[1], version=result[0]))


def _described(service_id: str) -> sa.Select[Any]:
    return sa.select(services.c.name, services.c.unit).where(services.c.service_id == service_id)


def _item(row: Any) -> ServiceItem:
    known = {name: getattr(row, name) for name in ServiceItem.model_fields}
    return ServiceItem(**known | {"unit_price": Money.of(row.unit_price)})


def _view(state: State, described: Any) -> ServiceView:
    """Put the facts together with the provider's description, a body or a row."""
    if not isinstance(state, Offered):
        raise TypeError("the service was never offered")
    return ServiceView(
        service_id=state.service_id,
        facility_id=state.facility_id,
        provider_id=state.provider_id,
        name=described.name,
        kind=state.kind,
        unit=described.unit,
        unit_price=Money.of(state.unit_price),
        offered_on=state.on,
        withdrawn_on=state.withdrawn_on,
    )
