"""Laboratories that accept vouchers, and the open-laboratory catalogue (faq 5, 7)."""

from datetime import date
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.api import affiliations as joining
from services.registry.api.institution_models import (
    AccreditationsBody,
    AccreditationView,
    AffiliationView,
    CentreAnswerBody,
    LaboratoryBody,
    LaboratoryItem,
    LaboratoryStateView,
    LaboratoryView,
    MembershipBody,
    StayView,
)
from services.registry.api.queries import DayQuery, day_asked
from services.registry.domain.affiliation import stage_of
from services.registry.domain.credit_code import normalised
from services.registry.domain.laboratory import Laboratory
from services.registry.institution_tables import affiliations
from services.registry.projections.laboratory_catalogue import laboratory_catalogue
from services.registry.use_cases import affiliating, cataloguing_laboratories
from services.registry.use_cases.appointing_office_users import check_duty
from services.registry.use_cases.judging_affiliations import Submission
from services.registry.use_cases.streams import stream_of
from shared.events.registry.laboratories import AccreditationKind
from shared.http.commands import CommandRequest, Presented
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction, UnknownSubjectError

router = router_for("registry", tag="laboratories")
LaboratoryId = Annotated[str, Path(max_length=40, examples=["lab_01kdvdna00ek7990e5df8shghf"])]
FieldCentreId = Annotated[str, Path(max_length=40, examples=["fct_01dxeayx00fbgb6fbc8b7dp50n"])]
_RULES = ("laboratory-not-accredited", "accreditation-dates-reversed", "laboratory-already-reported")


@router.post(
    "/laboratories",
    operation_id="reportLaboratory",
    status_code=201,
    response_model=AffiliationView,
    summary="上报本单位实验室 · Report a laboratory of the own organisation (faq 5)",
    openapi_extra=operation(codes=(*joining.APPLYING, *_RULES, "no-service-agency", "organisation-not-on-platform")),
)
async def report_laboratory(body: LaboratoryBody, request: CommandRequest, http: Request) -> Response:
    """Report a laboratory of the institution that authorises the caller's service agency."""
    party_id = request.new_id("lab")

    async def report(tx: Transaction) -> tuple[int, AffiliationView]:
        reporter = await cataloguing_laboratories.own_service_agency(tx, request.caller.principal)
        sent = joining.submission_of(
            request.caller, "laboratory", body, reporter.credit_code, through=reporter.agency_id,
            organisation=reporter.organisation,
        )  # fmt: skip
        handled = await affiliating.request(tx, party_id, sent)
        return handled.version, await joining.shown(tx, http, party_id, handled.state)

    location = f"/v1/affiliations/{party_id}"
    return await request.run(
        report, lambda result: Presented(body=result[1], version=result[0], status=201, location=location)
    )


@router.post(
    "/laboratories/{laboratory_id}/correction",
    operation_id="correctLaboratoryReport",
    response_model=AffiliationView,
    summary="补正实验室上报材料 · Correct a returned report",
    openapi_extra=operation(
        if_match=True, codes=(*joining.APPLYING, *_RULES, "no-service-agency", "organisation-not-on-platform")
    ),
)
async def correct_laboratory_report(
    laboratory_id: LaboratoryId, body: LaboratoryBody, request: CommandRequest, http: Request
) -> Response:
    """Send a returned report again."""

    async def mend(tx: Transaction) -> tuple[int, AffiliationView]:
        reporter = await cataloguing_laboratories.own_service_agency(tx, request.caller.principal)
        sent = joining.submission_of(
            request.caller, "laboratory", body, reporter.credit_code, through=reporter.agency_id,
            organisation=reporter.organisation,
        )  # fmt: skip
        handled = await affiliating.correct(tx, laboratory_id, sent, if_match=request.if_match)
        return handled.version, await joining.shown(tx, http, laboratory_id, handled.state)

    return await request.run(mend, lambda result: Presented(body=result[1], version=result[0]))


@router.post(
    "/field-centres/{field_centre_id}/laboratories",
    operation_id="joinFieldCentre",
    status_code=201,
    response_model=AffiliationView,
    summary="申请加盟领域中心 · Ask to join a field centre (faq 5)",
    openapi_extra=operation(codes=(*joining.APPLYING, *_RULES, "organisation-is-on-platform")),
)
async def join_field_centre(
    field_centre_id: FieldCentreId, body: MembershipBody, request: CommandRequest, http: Request
) -> Response:
    """Ask, for a laboratory of an organisation outside the platform, to become a member of the centre of its field."""
    party_id = request.new_id("lab")
    sent = _membership(request, field_centre_id, body)

    async def ask(tx: Transaction) -> tuple[int, AffiliationView]:
        await cataloguing_laboratories.check_field_centre(tx, field_centre_id)
        handled = await affiliating.request(tx, party_id, sent)
        return handled.version, await joining.shown(tx, http, party_id, handled.state)

    location = f"/v1/affiliations/{party_id}"
    return await request.run(
        ask, lambda result: Presented(body=result[1], version=result[0], status=201, location=location)
    )


@router.post(
    "/field-centres/{field_centre_id}/laboratories/{laboratory_id}/correction",
    operation_id="correctMembershipApplication",
    response_model=AffiliationView,
    summary="补正加盟申请 · Correct a returned application to join",
    openapi_extra=operation(
        if_match=True, codes=(*joining.APPLYING, *_RULES, "organisation-is-on-platform", "credit-code-stays")
    ),
)
async def correct_membership_application(
    field_centre_id: FieldCentreId, laboratory_id: LaboratoryId, body: MembershipBody, request: CommandRequest,
    http: Request,
) -> Response:  # fmt: skip
    """Send a returned application again, to the same centre."""
    return await joining.correct(request, http, laboratory_id, _membership(request, field_centre_id, body))


@router.post(
    "/laboratories/{laboratory_id}/centre-answer",
    operation_id="answerMembershipApplication",
    response_model=LaboratoryStateView,
    summary="领域中心答复加盟申请 · The field centre takes a laboratory in or not",
    openapi_extra=operation(if_match=True, codes=(joining.WRONG_STAGE, "party-barred")),
)
async def answer_membership_application(
    laboratory_id: LaboratoryId, body: CentreAnswerBody, request: CommandRequest
) -> Response:
    """Take a laboratory into the own field centre, or turn it down; the office reviews it after that."""

    async def answer(tx: Transaction) -> Presented:
        handled = await cataloguing_laboratories.answer(
            tx, laboratory_id, request.caller.principal, accepted=body.accepted, remark=body.remark,
            if_match=request.if_match,
        )  # fmt: skip
        return Presented(body=_state(laboratory_id, handled.state), version=handled.version)

    return await request.run(answer, lambda presented: presented)


@router.post(
    "/laboratories/{laboratory_id}/accreditations",
    operation_id="recordAccreditations",
    response_model=LaboratoryStateView,
    summary="登记认定情况 · Record what a laboratory is recognised as",
    openapi_extra=operation(
        if_match=True,
        codes=(
            joining.WRONG_STAGE, "laboratory-not-accredited", "accreditation-dates-reversed", "party-barred",
            "duty-missing",
        ),
    ),
)  # fmt: skip
async def record_accreditations(
    laboratory_id: LaboratoryId, body: AccreditationsBody, request: CommandRequest
) -> Response:
    """Enter a renewal or a revocation: the laboratory stays in the catalogue, comes back into it, or leaves it."""

    async def record(tx: Transaction) -> Presented:
        await check_duty(tx, request.caller.principal, "registry")
        handled = await cataloguing_laboratories.record_accreditations(
            tx, laboratory_id, request.caller.principal,
            tuple(accreditation.fact() for accreditation in body.accreditations),
            [accreditation.model_dump(mode="json") for accreditation in body.accreditations],
            if_match=request.if_match,
        )  # fmt: skip
        return Presented(body=_state(laboratory_id, handled.state), version=handled.version)

    return await request.run(record, lambda presented: presented)


@router.get(
    "/laboratories",
    operation_id="listLaboratories",
    response_model=Page[LaboratoryItem],
    summary="开放实验室目录 · The open-laboratory catalogue (faq 7)",
    openapi_extra=operation(idempotent=False, codes=("day-not-yet-come",)),
)
async def list_laboratories(
    request: ReadRequest,
    on: DayQuery = None,
    text: Annotated[
        str | None,
        Query(min_length=1, max_length=100, description="名称、领域或单位 · Part of the name, field or organisation"),
    ] = None,
    accreditation: Annotated[AccreditationKind | None, Query()] = None,
    through: Annotated[
        str | None, Query(max_length=40, description="专业服务机构或领域中心编号 · Service agency or field centre")
    ] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[LaboratoryItem]:
    """Search the laboratories with which vouchers may be used, or might be on a past day."""
    day = day_asked(request, on)
    await request.caught_up(laboratory_catalogue)
    table = laboratory_catalogue.table
    described = affiliations.c.submission
    query = (
        sa.select(
            table,
            affiliations.c.name,
            affiliations.c.organisation,
            described["field"].astext.label("field"),
        )
        .join(affiliations, affiliations.c.party_id == table.c.laboratory_id)
        .where(in_catalogue_on(day))
    )
    if text is not None:
        wanted = (affiliations.c.name, affiliations.c.organisation, described["field"].astext)
        query = query.where(sa.or_(*(column.icontains(text, autoescape=True) for column in wanted)))
    if accreditation is not None:
        query = query.where(table.c.accreditations.contains([{"kind": accreditation}]))
    if through is not None:
        query = query.where(table.c.through == through)
    return await request.page(query, [table.c.laboratory_id, table.c.entered_on], limit, cursor, _item)


@router.get(
    "/laboratories/{laboratory_id}",
    operation_id="getLaboratory",
    response_model=LaboratoryView,
    summary="实验室详情 · One laboratory",
    openapi_extra=operation(idempotent=False, codes=("day-not-yet-come",)),
)
async def get_laboratory(laboratory_id: LaboratoryId, request: ReadRequest, on: DayQuery = None) -> LaboratoryView:
    """Say whether a laboratory was in the catalogue on a day; the answer for a past day never changes."""
    day = day_asked(request, on)
    stream_of(laboratory_id, "lab")
    await request.caught_up(laboratory_catalogue)
    async with request.connection() as connection:
        return await _shown(connection, laboratory_id, day)


def in_catalogue_on(day: date) -> sa.ColumnElement[bool]:
    """Tell in SQL whether a stay covers a day: entered, recognised, and not left."""
    table = laboratory_catalogue.table
    return sa.and_(
        table.c.entered_on <= day,
        table.c.valid_until.is_(None) | (table.c.valid_until >= day),
        table.c.left_on.is_(None) | (table.c.left_on > day),
    )


async def _shown(connection: AsyncConnection, laboratory_id: str, day: date) -> LaboratoryView:
    table = laboratory_catalogue.table
    of_it = sa.select(table, in_catalogue_on(day).label("covers")).where(table.c.laboratory_id == laboratory_id)
    stays = (await connection.execute(of_it.order_by(table.c.entered_on))).all()
    about = sa.select(affiliations).where(affiliations.c.party_id == laboratory_id)
    row = (await connection.execute(about)).one_or_none()
    if row is None or not stays:
        raise UnknownSubjectError(laboratory_id)
    shown = next((stay for stay in stays if stay.covers), stays[-1])
    return LaboratoryView(
        laboratory_id=laboratory_id,
        name=row.name,
        field=row.submission["field"],
        site=row.submission["site"],
        organisation=row.organisation,
        route=shown.route,
        through=shown.through,
        accreditations=[AccreditationView(**accreditation) for accreditation in shown.accreditations],
        stays=[
            StayView(entered_on=stay.entered_on, valid_until=stay.valid_until, left_on=stay.left_on) for stay in stays
        ],
        in_catalogue=any(stay.covers for stay in stays),
    )


def _membership(request: CommandRequest, field_centre_id: str, body: MembershipBody) -> Submission:
    return joining.submission_of(
        request.caller, "laboratory", body, normalised(body.credit_code), through=field_centre_id,
        organisation=body.organisation,
    )  # fmt: skip


def _state(laboratory_id: str, state: Laboratory) -> LaboratoryStateView:
    return LaboratoryStateView(
        laboratory_id=laboratory_id,
        stage=stage_of(state.affiliation),
        taken_in=state.taken_in,
        accreditations=[
            AccreditationView(kind=a.kind, valid_from=a.valid_from, valid_until=a.valid_until)
            for a in state.accreditations
        ],
        entered_on=state.entry.on if state.entry is not None else None,
        valid_until=state.entry.valid_until if state.entry is not None else None,
    )


def _item(row: Any) -> LaboratoryItem:
    known = {name: getattr(row, name) for name in LaboratoryItem.model_fields if name != "accreditations"}
    return LaboratoryItem(**known, accreditations=[AccreditationView(**a) for a in row.accreditations])
