"""Public notices of redemption and the objections to them (art. 15(5), 18)."""

from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import Query, Response

from services.redemption.api.models import AnswerBody, ObjectionBody, ObjectionView, PublicNotice, RedemptionView
from services.redemption.api.redemptions import WRONG_STAGE, presented
from services.redemption.domain.redemption import Event
from services.redemption.domain.stages import State
from services.redemption.projections.public_notices import public_notices
from services.redemption.tables import objections
from services.redemption.use_cases import publishing
from shared.http.commands import CommandRequest, Presented
from shared.http.models import View
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Handled, Transaction

router = router_for("redemption", tag="notices")


class ReceiptView(View):
    """That an objection was received."""

    objection_id: str


@router.get(
    "/notices",
    operation_id="listNotices",
    response_model=Page[PublicNotice],
    summary="公示 · Public notices",
    openapi_extra=operation(idempotent=False),
)
async def list_notices(
    request: ReadRequest,
    state: Annotated[Literal["running", "concluded", "withdrawn"] | None, Query()] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[PublicNotice]:
    """Show the public what is about to be paid."""
    await request.caught_up(public_notices)
    table = public_notices.table
    query = sa.select(table) if state is None else sa.select(table).where(table.c.state == state)
    return await request.page(
        query,
        [table.c.notice_id],
        limit,
        cursor,
        lambda row: PublicNotice(**{name: getattr(row, name) for name in PublicNotice.model_fields}),
    )


@router.post(
    "/redemptions/{redemption_id}/objections",
    operation_id="raiseObjection",
    status_code=201,
    response_model=ReceiptView,
    summary="提出异议 · Object",
    openapi_extra=operation(codes=(WRONG_STAGE, "notice-is-over")),
)
async def raise_objection(redemption_id: str, body: ObjectionBody, request: CommandRequest) -> Response:
    """Object in writing while the notice runs; the name is kept from the public."""
    objection_id = request.new_id("obj")

    async def object_(tx: Transaction) -> Handled[Event, State]:
        return await publishing.raise_objection(tx, redemption_id, objection_id, objector=body.objector, text=body.text)

    return await request.run(object_, lambda _: Presented(body=ReceiptView(objection_id=objection_id), status=201))


@router.get(
    "/redemptions/{redemption_id}/objections",
    operation_id="listObjections",
    response_model=Page[ObjectionView],
    summary="异议列表 · The objections",
    openapi_extra=operation(idempotent=False),
)
async def list_objections(
    redemption_id: str, request: ReadRequest, limit: Limit = 50, cursor: CursorText = None
) -> Page[ObjectionView]:
    """Show the office who objected and why."""
    query = sa.select(objections).where(objections.c.redemption_id == redemption_id)
    return await request.page(
        query,
        [objections.c.objection_id],
        limit,
        cursor,
        lambda row: ObjectionView(**{name: getattr(row, name) for name in ObjectionView.model_fields}),
    )


@router.post(
    "/redemptions/{redemption_id}/objections/{objection_id}/answer",
    operation_id="answerObjection",
    response_model=RedemptionView,
    summary="答复异议 · Answer an objection",
    openapi_extra=operation(if_match=True, codes=(WRONG_STAGE, "objection-not-open")),
)
async def answer_objection(
    redemption_id: str, objection_id: str, body: AnswerBody, request: CommandRequest
) -> Response:
    """Answer an objection; an upheld one sends the case back to other experts."""

    async def answer(tx: Transaction) -> Handled[Event, State]:
        return await publishing.answer_objection(
            tx,
            redemption_id,
            objection_id,
            request.caller.principal,
            upheld=body.upheld,
            answer=body.answer,
            if_match=request.if_match,
        )

    return await request.run(answer, presented)
