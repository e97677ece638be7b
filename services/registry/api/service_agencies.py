"""Service agencies: legal persons whom an institution of the platform authorises (faq 5; art. 9(1), 13)."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Path, Request, Response

from services.registry.api import affiliations as joining
from services.registry.api.agency_models import ServiceAgencyView
from services.registry.api.institution_models import AffiliationView, ServiceApplicationBody
from services.registry.api.queries import DayQuery, day_asked
from services.registry.api.referral_agencies import listed_agencies
from services.registry.domain.affiliation import Ended, Granted
from services.registry.domain.credit_code import normalised
from services.registry.domain.service_agency import service_agency
from services.registry.institution_tables import affiliations
from services.registry.projections.agency_list import agency_list
from services.registry.tables import providers
from services.registry.use_cases.streams import stream_of
from shared.http.commands import CommandRequest, Presented
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import UnknownSubjectError

router = router_for("registry", tag="service-agencies")
AgencyId = Annotated[str, Path(max_length=40, examples=["sag_01kdvdna00ek7990e5df8shghf"])]
_RULES = ("agency-not-a-legal-person", "authoriser-not-on-platform")


@router.post(
    "/service-agencies",
    operation_id="applyAsServiceAgency",
    status_code=201,
    response_model=AffiliationView,
    summary="申请成为专业服务机构 · Apply to become a service agency (faq 5)",
    openapi_extra=operation(codes=(*joining.APPLYING, *_RULES, "principal-has-agency", "credit-code-taken")),
)
async def apply_as_service_agency(body: ServiceApplicationBody, request: CommandRequest, http: Request) -> Response:
    """Apply with the form, the undertaking, the internal rules and the letter of authorisation."""
    party_id = request.new_id("sag")
    sent = joining.submission_of(request.caller, "service_agency", body, normalised(body.credit_code))
    return await joining.apply(request, http, party_id, sent, path="/v1/affiliations")


@router.post(
    "/service-agencies/{agency_id}/correction",
    operation_id="correctServiceApplication",
    response_model=AffiliationView,
    summary="补正专业服务机构申请 · Correct a returned application",
    openapi_extra=operation(if_match=True, codes=(*joining.APPLYING, *_RULES, "credit-code-stays")),
)
async def correct_service_application(
    agency_id: AgencyId, body: ServiceApplicationBody, request: CommandRequest, http: Request
) -> Response:
    """Send a returned application again."""
    sent = joining.submission_of(request.caller, "service_agency", body, normalised(body.credit_code))
    return await joining.correct(request, http, agency_id, sent)


@router.get(
    "/service-agencies",
    operation_id="listServiceAgencies",
    response_model=Page[ServiceAgencyView],
    summary="专业服务机构名单 · The public list of service agencies",
    openapi_extra=operation(idempotent=False, codes=("day-not-yet-come",)),
)
async def list_service_agencies(
    request: ReadRequest, on: DayQuery = None, limit: Limit = 50, cursor: CursorText = None
) -> Page[ServiceAgencyView]:
    """Show who is or was on the list on a day, and for which institution it works."""
    day = day_asked(request, on)
    await request.caught_up(agency_list)
    table = agency_list.table
    query = listed_agencies("service_agency", day).add_columns(providers.c.name.label("provider_name"))
    query = query.join(providers, providers.c.provider_id == table.c.provider_id)
    return await request.page(query, [table.c.party_id], limit, cursor, _item)


@router.get(
    "/service-agencies/{agency_id}",
    operation_id="getServiceAgency",
    response_model=ServiceAgencyView,
    summary="专业服务机构详情 · One service agency",
    openapi_extra=operation(idempotent=False, codes=("day-not-yet-come",)),
)
async def get_service_agency(agency_id: AgencyId, request: ReadRequest, on: DayQuery = None) -> Response:
    """Show an agency that is on the list, or was, and whether it was on it on a day."""
    day = day_asked(request, on)
    loaded = await request.load(service_agency, stream_of(agency_id, "sag"))
    joined = loaded.state.affiliation
    listed_on = joined.on if isinstance(joined, Granted) else joined.granted_on if isinstance(joined, Ended) else None
    if listed_on is None:
        raise UnknownSubjectError(agency_id)
    left_on = joined.on if isinstance(joined, Ended) else None
    names = (
        sa.select(affiliations.c.name, providers.c.name.label("provider_name"))
        .join(providers, providers.c.provider_id == loaded.state.provider_id)
        .where(affiliations.c.party_id == agency_id)
    )
    async with request.connection() as connection:
        row = (await connection.execute(names)).one()
    view = ServiceAgencyView(
        party_id=agency_id,
        name=row.name,
        provider_id=loaded.state.provider_id,
        provider_name=row.provider_name,
        listed_on=listed_on,
        left_on=left_on,
        listed=listed_on <= day and (left_on is None or day < left_on),
    )
    return request.answer(Presented(body=view, version=loaded.version))


def _item(row: Any) -> ServiceAgencyView:
    known = {name: getattr(row, name) for name in ServiceAgencyView.model_fields if name != "listed"}
    return ServiceAgencyView(**known, listed=True)
