"""Expert review: the draw, the opinions, the conclusion (art. 15(4))."""

import sqlalchemy as sa
from fastapi import Response

from services.redemption.api.models import ConclusionBody, OpinionBody, OpinionView, PanelBody, RedemptionView
from services.redemption.api.redemptions import WRONG_STAGE, presented
from services.redemption.domain.redemption import Event
from services.redemption.domain.stages import State
from services.redemption.tables import opinions
from services.redemption.use_cases import reviewing
from shared.http.commands import CommandRequest
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Handled, Transaction

router = router_for("redemption", tag="reviews")


@router.post(
    "/redemptions/{redemption_id}/panel",
    operation_id="drawPanel",
    response_model=RedemptionView,
    summary="抽取评审专家 · Draw the experts",
    openapi_extra=operation(if_match=True, codes=(WRONG_STAGE, "too-few-experts")),
)
async def draw_panel(redemption_id: str, body: PanelBody, request: CommandRequest) -> Response:
    """Draw three experts by a published seed; who works for a party is left out."""

    async def draw(tx: Transaction) -> Handled[Event, State]:
        return await reviewing.draw_panel(tx, redemption_id, body.seed, if_match=request.if_match)

    return await request.run(draw, presented)


@router.post(
    "/redemptions/{redemption_id}/panel/replacement",
    operation_id="replaceExperts",
    response_model=RedemptionView,
    summary="更换处于取消资格期间的评审专家 · Replace experts under a measure",
    openapi_extra=operation(if_match=True, codes=(WRONG_STAGE, "no-expert-to-replace", "too-few-experts")),
)
async def replace_experts(redemption_id: str, body: PanelBody, request: CommandRequest) -> Response:
    """Draw others for experts who were disqualified after the draw and have not judged; what was judged stands."""

    async def replace(tx: Transaction) -> Handled[Event, State]:
        return await reviewing.replace_experts(tx, redemption_id, body.seed, if_match=request.if_match)

    return await request.run(replace, presented)


@router.post(
    "/redemptions/{redemption_id}/opinions",
    operation_id="giveOpinion",
    response_model=RedemptionView,
    summary="提交评审意见 · Give an opinion",
    openapi_extra=operation(
        codes=(WRONG_STAGE, "not-on-this-panel", "expert-barred", "opinion-already-given", "amount-over-payable")
    ),
)
async def give_opinion(redemption_id: str, body: OpinionBody, request: CommandRequest) -> Response:
    """Judge a redemption, once, as a member of its panel."""

    async def give(tx: Transaction) -> Handled[Event, State]:
        return await reviewing.give_opinion(
            tx,
            redemption_id,
            request.caller.party or "",
            score=body.score,
            amount=body.amount.amount,
            reasons=body.reasons,
        )

    return await request.run(give, presented)


@router.get(
    "/redemptions/{redemption_id}/opinions",
    operation_id="listOpinions",
    response_model=Page[OpinionView],
    summary="评审意见 · The opinions",
    openapi_extra=operation(idempotent=False),
)
async def list_opinions(
    redemption_id: str, request: ReadRequest, limit: Limit = 50, cursor: CursorText = None
) -> Page[OpinionView]:
    """Show the office why the experts judged so."""
    query = sa.select(opinions).where(opinions.c.redemption_id == redemption_id)
    return await request.page(
        query,
        [opinions.c.round, opinions.c.expert_id],
        limit,
        cursor,
        lambda row: OpinionView(expert_id=row.expert_id, round=row.round, reasons=row.reasons),
    )


@router.post(
    "/redemptions/{redemption_id}/conclusion",
    operation_id="concludeReview",
    response_model=RedemptionView,
    summary="汇总评审结果并公示 · Sum up the review and publish it",
    openapi_extra=operation(if_match=True, codes=(WRONG_STAGE, "opinions-missing", "cause-and-side-required")),
)
async def conclude_review(redemption_id: str, body: ConclusionBody, request: CommandRequest) -> Response:
    """Sum up the opinions: the median amount goes on public notice, or the redemption is refused with its cause."""

    async def conclude(tx: Transaction) -> Handled[Event, State]:
        return await reviewing.conclude(
            tx, redemption_id, cause=body.cause, side_at_fault=body.side_at_fault, if_match=request.if_match
        )

    return await request.run(conclude, lambda handled: presented(handled, (body.cause,)))
