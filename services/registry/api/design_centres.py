"""Design centres: laboratories of the catalogue that can offer industrial design (faq 3)."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Path, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.api.institution_models import DesignCentreBody, DesignCentreView, ReasonBody
from services.registry.api.laboratories import in_catalogue_on
from services.registry.api.queries import DayQuery, day_asked
from services.registry.domain.design_centre import Delisted, State, Unlisted
from services.registry.institution_tables import affiliations
from services.registry.projections.design_centre_list import design_centre_list
from services.registry.projections.laboratory_catalogue import laboratory_catalogue
from services.registry.use_cases import listing_design_centres
from services.registry.use_cases.appointing_office_users import check_duty
from shared.http.commands import CommandRequest, Presented
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction

router = router_for("registry", tag="design-centres")
DesignCentreId = Annotated[str, Path(max_length=40, examples=["dsc_01kdvdna00ek7990e5df8shghf"])]


@router.post(
    "/design-centres",
    operation_id="listDesignCentre",
    status_code=201,
    response_model=DesignCentreView,
    summary="列入设计创新中心名单 · Put a laboratory on the list of design centres (faq 3)",
    openapi_extra=operation(
        codes=("laboratory-not-in-catalogue", "party-barred", "design-centre-already-listed", "duty-missing")
    ),
)
async def list_design_centre(body: DesignCentreBody, request: CommandRequest) -> Response:
    """Say that a laboratory of the catalogue can offer industrial design from today."""
    design_centre_id = request.new_id("dsc")

    async def put(tx: Transaction) -> tuple[int, DesignCentreView]:
        await check_duty(tx, request.caller.principal, "registry")
        handled = await listing_design_centres.list_design_centre(
            tx, design_centre_id, body.laboratory_id, request.caller.principal
        )
        return handled.version, await _shown(tx.connection, handled.state)

    location = f"/v1/design-centres/{design_centre_id}"
    return await request.run(
        put, lambda result: Presented(body=result[1], version=result[0], status=201, location=location)
    )


@router.post(
    "/design-centres/{design_centre_id}/removal",
    operation_id="delistDesignCentre",
    response_model=DesignCentreView,
    summary="移出设计创新中心名单 · Take a laboratory off the list of design centres",
    openapi_extra=operation(if_match=True, codes=("design-centre-not-in-this-stage", "duty-missing")),
)
async def delist_design_centre(design_centre_id: DesignCentreId, body: ReasonBody, request: CommandRequest) -> Response:
    """Take a laboratory off the list from today; the reason stays with the office."""

    async def take_off(tx: Transaction) -> tuple[int, DesignCentreView]:
        await check_duty(tx, request.caller.principal, "registry")
        handled = await listing_design_centres.delist_design_centre(
            tx, design_centre_id, request.caller.principal, body.reason, if_match=request.if_match
        )
        return handled.version, await _shown(tx.connection, handled.state)

    return await request.run(take_off, lambda result: Presented(body=result[1], version=result[0]))


@router.get(
    "/design-centres",
    operation_id="listDesignCentres",
    response_model=Page[DesignCentreView],
    summary="可提供工业设计服务的实验室名单 · Laboratories that can offer industrial design",
    openapi_extra=operation(idempotent=False, codes=("day-not-yet-come",)),
)
async def list_design_centres(
    request: ReadRequest, on: DayQuery = None, limit: Limit = 50, cursor: CursorText = None
) -> Page[DesignCentreView]:
    """List who can offer industrial design on a day: on this list, and in the catalogue."""
    day = day_asked(request, on)
    await request.caught_up(design_centre_list)
    table, catalogue = design_centre_list.table, laboratory_catalogue.table
    query = (
        sa.select(table, affiliations.c.name, affiliations.c.organisation)
        .join(affiliations, affiliations.c.party_id == table.c.laboratory_id)
        .where(
            table.c.listed_on <= day,
            table.c.delisted_on.is_(None) | (table.c.delisted_on > day),
            sa.exists().where(catalogue.c.laboratory_id == table.c.laboratory_id, in_catalogue_on(day)),
        )
    )
    return await request.page(query, [table.c.design_centre_id], limit, cursor, _item)


async def _shown(connection: AsyncConnection, state: State) -> DesignCentreView:
    if isinstance(state, Unlisted):
        raise TypeError("nothing is listed under this id")
    named = sa.select(affiliations.c.name, affiliations.c.organisation).where(
        affiliations.c.party_id == state.laboratory_id
    )
    row = (await connection.execute(named)).one()
    return DesignCentreView(
        design_centre_id=state.design_centre_id,
        laboratory_id=state.laboratory_id,
        name=row.name,
        organisation=row.organisation,
        listed_on=state.on,
        delisted_on=state.delisted_on if isinstance(state, Delisted) else None,
    )


def _item(row: Any) -> DesignCentreView:
    return DesignCentreView(**{name: getattr(row, name) for name in DesignCentreView.model_fields})
