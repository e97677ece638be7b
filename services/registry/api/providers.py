"""The list of providers: who is put on it by order, and what anyone may see of it."""

from datetime import date
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Query, Response

from services.registry.api.facility_search import entry_said
from services.registry.api.provider_models import ApplicationBody, CapabilitiesBody, MunicipalProviderBody, ProviderView
from services.registry.api.queries import DayQuery, DistrictQuery, NameQuery, PathId, day_asked
from services.registry.domain.credit_code import normalised
from services.registry.domain.listing import Delisted, Listed, entry_on
from services.registry.domain.provider import Event, State, provider
from services.registry.projections.provider_entries import provider_entries
from services.registry.projections.provider_list import provider_list
from services.registry.tables import providers
from services.registry.use_cases import listing_providers
from services.registry.use_cases.listing_providers import Institution
from services.registry.use_cases.streams import stream_of
from shared.events.registry.facilities import ServiceKind
from shared.events.registry.providers import ProviderKind
from shared.http.commands import CommandRequest, Presented
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("registry", tag="providers")


@router.post(
    "/providers",
    operation_id="listProvider",
    status_code=201,
    response_model=ProviderView,
    summary="市属开放单位纳入平台 · List a municipal provider (art. 6)",
    openapi_extra=operation(
        codes=(
            "credit-code-invalid", "credit-code-taken", "principal-has-provider", "party-barred",
            "provider-not-in-this-stage",
        )
    ),
)  # fmt: skip
async def list_provider(body: MunicipalProviderBody, request: CommandRequest) -> Response:
    """Put an institution of the city on the list at once: it joins by order."""
    provider_id, institution = request.new_id("prv"), institution_of(body)

    async def join(tx: Transaction) -> Handled[Event, State]:
        return await listing_providers.list_municipal(tx, provider_id, body.principal, institution)

    def presented(handled: Handled[Event, State]) -> Presented:
        view = _view(handled.state, institution.name, institution.district, business_date(request.now))
        return Presented(body=view, version=handled.version, status=201, location=f"/v1/providers/{provider_id}")

    return await request.run(join, presented)


@router.get(
    "/providers",
    operation_id="listProviders",
    response_model=Page[ProviderView],
    summary="开放单位名单 · The public list of providers",
    openapi_extra=operation(idempotent=False, codes=("day-not-yet-come",)),
)
async def list_providers(
    request: ReadRequest,
    on: DayQuery = None,
    name: NameQuery = None,
    capability: Annotated[ServiceKind | None, Query()] = None,
    kind: Annotated[ProviderKind | None, Query()] = None,
    district: DistrictQuery = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[ProviderView]:
    """Show who is or was on the list on a day, and what it said of them; a past day's list does not change."""
    day = day_asked(request, on)
    await request.caught_up(provider_list)
    await request.caught_up(provider_entries)
    table = provider_list.table
    said = entry_said(table.c.provider_id, day)
    query = (
        sa.select(
            table.c.provider_id, table.c.kind, table.c.listed_on, table.c.delisted_on,
            said.c.capabilities, said.c.third_party_testing, providers.c.name, providers.c.district,
        )
        .join(providers, providers.c.provider_id == table.c.provider_id)
        .join(said, sa.true())
        .where(table.c.listed_on <= day, table.c.delisted_on.is_(None) | (table.c.delisted_on > day))
    )  # fmt: skip
    if name is not None:
        query = query.where(providers.c.name.icontains(name, autoescape=True))
    if capability is not None:
        query = query.where(said.c.capabilities.contains([capability]))
    if kind is not None:
        query = query.where(table.c.kind == kind)
    if district is not None:
        query = query.where(providers.c.district == district)
    return await request.page(query, [table.c.provider_id], limit, cursor, _item)


@router.post(
    "/providers/{provider_id}/capabilities",
    operation_id="changeProviderCapabilities",
    response_model=ProviderView,
    summary="变更开放单位能力与第三方检测标识 · Change what a provider can do (art. 11, faq 3)",
    openapi_extra=operation(if_match=True, codes=("provider-not-in-this-stage",)),
)
async def change_provider_capabilities(
    provider_id: PathId, body: CapabilitiesBody, request: CommandRequest
) -> Response:
    """Enter anew what the list says of a provider; what it said on earlier days stays on record."""
    today = business_date(request.now)

    async def change(tx: Transaction) -> tuple[int, ProviderView]:
        handled = await listing_providers.change_capabilities(
            tx, provider_id, request.caller.principal, tuple(body.capabilities),
            third_party_testing=body.third_party_testing, if_match=request.if_match,
        )  # fmt: skip
        row = (await tx.connection.execute(_described(provider_id))).one()
        return handled.version, _view(handled.state, row.name, row.district, today)

    return await request.run(change, lambda result: Presented(body=result[1], version=result[0]))


@router.get(
    "/providers/{provider_id}",
    operation_id="getProvider",
    response_model=ProviderView,
    summary="开放单位详情 · One provider",
    openapi_extra=operation(idempotent=False, codes=("day-not-yet-come",)),
)
async def get_provider(provider_id: str, request: ReadRequest, on: DayQuery = None) -> Response:
    """Show a provider that is on the list, or was, and whether it was on it on a day."""
    day = day_asked(request, on)
    loaded = await request.load(provider, stream_of(provider_id, "prv"))
    if not isinstance(loaded.state, (Listed, Delisted)):
        raise UnknownSubjectError(provider_id)
    async with request.connection() as connection:
        row = (await connection.execute(_described(provider_id))).one()
    return request.answer(Presented(body=_view(loaded.state, row.name, row.district, day), version=loaded.version))


def institution_of(body: ApplicationBody) -> Institution:
    """Read what an institution says of itself."""
    return Institution(
        name=body.name,
        credit_code=normalised(body.credit_code),
        district=body.district,
        capabilities=tuple(sorted(set(body.capabilities))),
        third_party_testing=body.third_party_testing,
    )


def _described(provider_id: str) -> sa.Select[Any]:
    return sa.select(providers.c.name, providers.c.district).where(providers.c.provider_id == provider_id)


def _item(row: Any) -> ProviderView:
    known = {name: getattr(row, name) for name in ProviderView.model_fields if name != "listed"}
    return ProviderView(**known, listed=True)


def _view(state: State, name: str, district: str, day: date) -> ProviderView:
    if not isinstance(state, (Listed, Delisted)):
        raise TypeError("the institution is not on the list")
    delisted_on = state.delisted_on if isinstance(state, Delisted) else None
    entry = entry_on(state, day)
    return ProviderView(
        provider_id=state.provider_id,
        name=name,
        kind=state.kind,
        district=district,
        capabilities=list(entry.capabilities),
        third_party_testing=entry.third_party_testing,
        listed_on=state.on,
        delisted_on=delisted_on,
        listed=state.on <= day and (delisted_on is None or day < delisted_on),
    )
