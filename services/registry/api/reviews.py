"""The officers' queue: rules of art. 7 that wait for a person."""

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import Path, Query, Response

from services.registry.access import AccessLog
from services.registry.api.claimant_models import ProfileStateView, ReviewBody, ReviewDecisionBody, ReviewItem
from services.registry.api.claimant_profiles import presented_state
from services.registry.domain.claimant import Event, State
from services.registry.tables import claimants, eligibility_reviews
from services.registry.use_cases import judging_claimants
from shared.http.commands import CommandRequest
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Handled, Transaction

router = router_for("registry", tag="eligibility")
ClaimantId = Annotated[str, Path(max_length=40)]
RuleName = Annotated[str, Path(max_length=60)]


@router.get(
    "/eligibility-reviews",
    operation_id="listEligibilityReviews",
    response_model=Page[ReviewItem],
    summary="待核查事项 · Rules that wait for an officer",
    openapi_extra=operation(idempotent=False),
)
async def list_eligibility_reviews(
    request: ReadRequest,
    access: AccessLog,
    state: Annotated[Literal["open", "pass", "fail", "dropped"], Query()] = "open",
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[ReviewItem]:
    """List what waits, the oldest first, or what became of it; the access is recorded."""
    table = eligibility_reviews
    query = (
        sa.select(table, claimants.c.name)
        .join(claimants, claimants.c.claimant_id == table.c.claimant_id)
        .where(table.c.state == state)
    )
    keys = [table.c.opened_at, table.c.claimant_id, table.c.rule]
    page = await request.page(query, keys, limit, cursor, _item)
    await access.record(sorted({item.claimant_id for item in page.items}), ["name", "value"])
    return page


@router.post(
    "/claimants/{claimant_id}/eligibility-reviews",
    operation_id="openEligibilityReview",
    response_model=ProfileStateView,
    summary="提出核查 · Put a rule on the queue (art. 18)",
    openapi_extra=operation(if_match=True, codes=("rule-unknown", "rule-fails-by-itself", "claimant-not-registered")),
)
async def open_eligibility_review(claimant_id: ClaimantId, body: ReviewBody, request: CommandRequest) -> Response:
    """Have a rule looked at that does not fail by itself; until it is decided it needs review."""

    async def open_(tx: Transaction) -> Handled[Event, State]:
        return await judging_claimants.open_review(
            tx, claimant_id, body.rule, request.caller.principal, if_match=request.if_match
        )

    return await request.run(open_, presented_state)


@router.post(
    "/claimants/{claimant_id}/eligibility-reviews/{rule}/decision",
    operation_id="decideEligibilityReview",
    response_model=ProfileStateView,
    summary="核查结论 · Decide what a rule could not",
    openapi_extra=operation(
        if_match=True, codes=("rule-unknown", "rule-fails-by-itself", "review-not-open", "claimant-not-registered")
    ),
)
async def decide_eligibility_review(
    claimant_id: ClaimantId, rule: RuleName, body: ReviewDecisionBody, request: CommandRequest
) -> Response:
    """Say pass or fail with a reason; that stands until what the rule looks at changes."""

    async def decide(tx: Transaction) -> Handled[Event, State]:
        return await judging_claimants.decide_review(
            tx, claimant_id, rule, request.caller.principal, verdict=body.verdict, reason=body.reason,
            if_match=request.if_match,
        )  # fmt: skip

    return await request.run(decide, presented_state)


def _item(row: Any) -> ReviewItem:
    return ReviewItem(
        claimant_id=row.claimant_id,
        claimant_name=row.name,
        rule=row.rule,
        number=row.number,
        article=row.article,
        value=row.value,
        state=row.state,
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        reason=row.reason,
        closed_by=row.closed_by,
        closed_at=row.closed_at,
    )
