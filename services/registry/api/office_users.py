"""Users of the commission and of the voucher office: separated duties, appointed by two others, dated (art. 18)."""

from datetime import date
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Path, Query, Response
from pydantic import Field

from services.registry.api.measures import Day
from services.registry.api.models import PrincipalName
from services.registry.domain.office_user import Stage, office_user
from services.registry.recognition_tables import office_users
from services.registry.use_cases import appointing_office_users
from services.registry.use_cases.appointing_office_users import check_duty
from services.registry.use_cases.streams import stream_of
from shared.events.registry.office import Duty, Office
from shared.http.commands import CommandRequest, Presented
from shared.http.models import Body, View
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction, UnknownSubjectError

router = router_for("registry", tag="office-users")

OfficeUserId = Annotated[str, Path(max_length=40, examples=["ofu_01kdvdna00ek7990e5df8shghf"])]
_WRONG_STAGE = "office-user-not-in-this-stage"


class OfficeUserBody(Body):
    """Who is to work for which office, with which duties and on which days."""

    principal: PrincipalName
    office: Office = Field(examples=["voucher_office"])
    duties: tuple[Duty, ...] = Field(
        min_length=1, max_length=7, description="职责，不相容的不得兼任 · Duties that do not exclude one another",
        examples=[["registry", "supervision"]],
    )  # fmt: skip
    valid_from: date = Field(examples=["2027-01-01"])
    valid_until: date | None = Field(default=None, description="最后一日（含） · Last day, inclusive")


class OfficeUserView(View):
    office_user_id: str
    principal: str
    office: Office
    duties: list[Duty]
    valid_from: date
    valid_until: date | None
    stage: Stage
    proposed_by: str
    proposed_on: date
    approved_by: str | None
    approved_on: date | None
    ended_by: str | None
    ended_on: date | None


@router.post(
    "/office-users",
    operation_id="proposeOfficeUser",
    status_code=201,
    response_model=OfficeUserView,
    summary="提出工作人员任用 · Propose an office user",
    openapi_extra=operation(
        codes=(
            "duties-exclude-each-other", "appointment-begins-in-the-past", "appointment-ends-too-early",
            "not-ones-own-appointment", "principal-has-appointment", "duty-missing",
        )
    ),
)  # fmt: skip
async def propose_office_user(body: OfficeUserBody, request: CommandRequest) -> Response:
    """Propose somebody else for an office; it has no effect until a third person approves it."""
    office_user_id, proposer = request.new_id("ofu"), request.caller.principal

    async def propose(tx: Transaction) -> tuple[int, OfficeUserView]:
        await check_duty(tx, proposer, "registry")
        handled = await appointing_office_users.propose(
            tx, office_user_id, proposer, principal=body.principal, office=body.office, duties=body.duties,
            valid_from=body.valid_from, valid_until=body.valid_until,
        )  # fmt: skip
        return handled.version, await _shown(tx, office_user_id)

    location = f"/v1/office-users/{office_user_id}"
    return await request.run(
        propose, lambda shown: Presented(body=shown[1], version=shown[0], status=201, location=location)
    )


@router.get(
    "/office-users",
    operation_id="listOfficeUsers",
    response_model=Page[OfficeUserView],
    summary="工作人员及职责 · The office users",
    openapi_extra=operation(idempotent=False),
)
async def list_office_users(
    request: ReadRequest,
    on: Day = None,
    duty: Annotated[Duty | None, Query()] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[OfficeUserView]:
    """List everybody ever proposed; with `on`, who was appointed and in office on that day."""
    table = office_users
    query = sa.select(table)
    if on is not None:
        query = query.where(
            table.c.approved_on <= on,
            table.c.valid_from <= on,
            table.c.valid_until.is_(None) | (table.c.valid_until >= on),
            table.c.ended_on.is_(None) | (table.c.ended_on > on),
        )
    if duty is not None:
        query = query.where(table.c.duties.contains([duty]))
    return await request.page(query, [table.c.office_user_id], limit, cursor, _view)


@router.get(
    "/office-users/{office_user_id}",
    operation_id="getOfficeUser",
    response_model=OfficeUserView,
    summary="一名工作人员 · One office user",
    openapi_extra=operation(idempotent=False),
)
async def get_office_user(office_user_id: OfficeUserId, request: ReadRequest) -> Response:
    """Show an appointment, proposed, in force or over."""
    async with request.reading() as tx:
        loaded = await tx.load(office_user, stream_of(office_user_id, "ofu"))
        view = await _shown(tx, office_user_id)
    return request.answer(Presented(body=view, version=loaded.version))


@router.post(
    "/office-users/{office_user_id}/approval",
    operation_id="appointOfficeUser",
    response_model=OfficeUserView,
    summary="批准任用 · Approve an appointment",
    openapi_extra=operation(
        if_match=True, codes=(_WRONG_STAGE, "four-eyes", "not-ones-own-appointment", "duty-missing")
    ),
)
async def appoint_office_user(office_user_id: OfficeUserId, request: CommandRequest) -> Response:
    """Appoint somebody, as neither who proposed it nor who is appointed."""

    async def appoint(tx: Transaction) -> tuple[int, OfficeUserView]:
        await check_duty(tx, request.caller.principal, "approval")
        handled = await appointing_office_users.appoint(
            tx, office_user_id, request.caller.principal, if_match=request.if_match
        )
        return handled.version, await _shown(tx, office_user_id)

    return await request.run(appoint, lambda shown: Presented(body=shown[1], version=shown[0]))


@router.post(
    "/office-users/{office_user_id}/end",
    operation_id="endOfficeUser",
    response_model=OfficeUserView,
    summary="终止任用 · End an appointment",
    openapi_extra=operation(if_match=True, codes=(_WRONG_STAGE, "duty-missing")),
)
async def end_office_user(office_user_id: OfficeUserId, request: CommandRequest) -> Response:
    """End an appointment at once, or let a proposal come to nothing."""

    async def end(tx: Transaction) -> tuple[int, OfficeUserView]:
        await check_duty(tx, request.caller.principal, "registry")
        handled = await appointing_office_users.end(
            tx, office_user_id, request.caller.principal, if_match=request.if_match
        )
        return handled.version, await _shown(tx, office_user_id)

    return await request.run(end, lambda shown: Presented(body=shown[1], version=shown[0]))


async def _shown(tx: Transaction, office_user_id: str) -> OfficeUserView:
    found = await tx.connection.execute(sa.select(office_users).where(office_users.c.office_user_id == office_user_id))
    row = found.one_or_none()
    if row is None:
        raise UnknownSubjectError(office_user_id)
    return _view(row)


def _view(row: Any) -> OfficeUserView:
    stage: Stage = "ended" if row.ended_on else ("appointed" if row.approved_on else "proposed")
    told = {name: getattr(row, name) for name in OfficeUserView.model_fields if name != "stage"}
    return OfficeUserView(**told, stage=stage)
