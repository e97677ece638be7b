"""The field centres of faq 5, who acts for them, and their members."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Path, Query, Response

from services.registry.api.affiliations import OFFICE
from services.registry.api.institution_models import (
    AffiliationItem,
    AppointmentBody,
    AppointmentView,
    FieldCentreMemberView,
    FieldCentreView,
)
from services.registry.api.queries import DayQuery, day_asked
from services.registry.domain.affiliation import Stage
from services.registry.domain.field_centre import FieldCentre
from services.registry.field_centres import field_centres
from services.registry.institution_tables import affiliations
from services.registry.projections.affiliation_list import affiliation_list
from services.registry.projections.field_centre_members import field_centre_members
from services.registry.use_cases import appointing_field_centres
from services.registry.use_cases.appointing_office_users import check_duty
from services.registry.use_cases.streams import stream_of
from shared.events.registry.laboratories import FieldCentreAppointed
from shared.http.commands import CommandRequest, Presented
from shared.http.models import View
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("registry", tag="field-centres")
FieldCentreId = Annotated[str, Path(max_length=40, examples=["fct_01dxeayx00fbgb6fbc8b7dp50n"])]


class FieldCentresView(View):
    """All field centres of a day; the source names six."""

    items: list[FieldCentreView]


@router.get(
    "/field-centres",
    operation_id="listFieldCentres",
    response_model=FieldCentresView,
    summary="领域中心名单 · The field centres (faq 5)",
    openapi_extra=operation(idempotent=False, codes=("day-not-yet-come",)),
)
async def list_field_centres(request: ReadRequest, on: DayQuery = None) -> FieldCentresView:
    """List the field centres of a day by the names the source gives them."""
    day = day_asked(request, on)
    return FieldCentresView(
        items=[
            FieldCentreView(
                field_centre_id=centre.field_centre_id,
                name=centre.name,
                listed_from=centre.first_day,
                listed_until=centre.until,
                article=centre.article,
            )
            for centre in field_centres()
            if centre.is_listed_on(day)
        ]
    )


@router.post(
    "/field-centres/{field_centre_id}/appointment",
    operation_id="appointFieldCentre",
    response_model=AppointmentView,
    summary="为领域中心开设账号 · Say who acts for a field centre",
    openapi_extra=operation(codes=("duty-missing",)),
)
async def appoint_field_centre(
    field_centre_id: FieldCentreId, body: AppointmentBody, request: CommandRequest
) -> Response:
    """Say who acts for a field centre from now on, in the role of a service agency."""

    async def appoint(tx: Transaction) -> Handled[FieldCentreAppointed, FieldCentre]:
        await check_duty(tx, request.caller.principal, "registry")
        return await appointing_field_centres.appoint(tx, field_centre_id, request.caller.principal, body.principal)

    def presented(handled: Handled[FieldCentreAppointed, FieldCentre]) -> Presented:
        if handled.state.principal is None or handled.state.appointed_on is None:
            raise TypeError("nobody was appointed")
        view = AppointmentView(
            field_centre_id=field_centre_id,
            principal=handled.state.principal,
            appointed_on=handled.state.appointed_on,
        )
        return Presented(body=view, version=handled.version)

    return await request.run(appoint, presented)


@router.get(
    "/field-centres/{field_centre_id}/members",
    operation_id="listFieldCentreMembers",
    response_model=Page[FieldCentreMemberView],
    summary="领域中心成员单位 · The members of a field centre",
    openapi_extra=operation(idempotent=False, codes=("day-not-yet-come",)),
)
async def list_field_centre_members(
    field_centre_id: FieldCentreId,
    request: ReadRequest,
    on: DayQuery = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[FieldCentreMemberView]:
    """List the laboratories that are or were members of a field centre on a day."""
    day = day_asked(request, on)
    _check_known(field_centre_id)
    await request.caught_up(field_centre_members)
    table = field_centre_members.table
    query = (
        sa.select(
            table,
            affiliations.c.name,
            affiliations.c.organisation,
            affiliations.c.submission["field"].astext.label("field"),
        )
        .join(affiliations, affiliations.c.party_id == table.c.laboratory_id)
        .where(
            table.c.field_centre_id == field_centre_id,
            table.c.joined_on <= day,
            table.c.left_on.is_(None) | (table.c.left_on > day),
        )
    )
    return await request.page(query, [table.c.laboratory_id], limit, cursor, _member)


@router.get(
    "/field-centres/{field_centre_id}/applications",
    operation_id="listMembershipApplications",
    response_model=Page[AffiliationItem],
    summary="加盟申请 · Who asks to join a field centre",
    openapi_extra=operation(idempotent=False),
)
async def list_membership_applications(
    field_centre_id: FieldCentreId,
    request: ReadRequest,
    stage: Annotated[Stage | None, Query()] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[AffiliationItem]:
    """List the applications addressed to a centre, for whoever acts for it and for the office."""
    _check_known(field_centre_id)
    if request.caller.role not in OFFICE:
        async with request.reading() as tx:
            if await appointing_field_centres.principal_of(tx, field_centre_id) != request.caller.principal:
                raise UnknownSubjectError(field_centre_id)
    await request.caught_up(affiliation_list)
    table = affiliation_list.table
    query = (
        sa.select(table, affiliations.c.name)
        .join(affiliations, affiliations.c.party_id == table.c.party_id)
        .where(affiliations.c.through == field_centre_id)
    )
    if stage is not None:
        query = query.where(table.c.stage == stage)
    return await request.page(query, [table.c.party_id], limit, cursor, _application)


def _check_known(field_centre_id: str) -> None:
    stream_of(field_centre_id, "fct")
    if field_centre_id not in {centre.field_centre_id for centre in field_centres()}:
        raise UnknownSubjectError(field_centre_id)


def _member(row: Any) -> FieldCentreMemberView:
    return FieldCentreMemberView(**{name: getattr(row, name) for name in FieldCentreMemberView.model_fields})


def _application(row: Any) -> AffiliationItem:
    return AffiliationItem(**{name: getattr(row, name) for name in AffiliationItem.model_fields})
