"""Periods: planned and approved by two officers, shown to everyone (art. 4, 12)."""

from typing import Any

import sqlalchemy as sa
from fastapi import Response

from services.issuance import ledger
from services.issuance.api.models import Period, PeriodItem, PeriodPlan, PeriodPlanItem
from services.issuance.api.visibility import PeriodId
from services.issuance.domain import period as periods_domain
from services.issuance.domain.period import period
from services.issuance.ledger import Quota
from services.issuance.projections.period_board import PERIOD_BOARD, TABLE, periods
from services.issuance.use_cases.planning_periods import approve_period, propose_period
from shared.http.commands import CommandRequest, Presented, response_of
from shared.http.models import Money
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import UnknownSubjectError

router = router_for("issuance", tag="periods")


@router.post(
    "/periods",
    operation_id="proposePeriod",
    status_code=201,
    response_model=Period,
    summary="提出发放周期 · Propose a period",
    openapi_extra=operation(codes=("quota-not-positive", "period-ends-before-it-opens", "period-already-over")),
)
async def propose(body: PeriodPlan, request: CommandRequest) -> Response:
    period_id = request.new_id("prd")
    return await request.run(
        lambda tx: propose_period(
            tx,
            period_id=period_id,
            name=body.name,
            quota=body.quota.amount,
            opens_at=body.opens_at,
            closes_at=body.closes_at,
            proposed_by=request.caller.principal,
        ),
        lambda handled: _presented(handled.state, handled.version, None, status=201),
    )


@router.post(
    "/periods/{period_id}/approval",
    operation_id="approvePeriod",
    response_model=Period,
    summary="批准发放周期（不得由提出人批准） · Approve a period, as somebody else",
    openapi_extra=operation(if_match=True, codes=("four-eyes", "period-already-over", "period-not-in-this-state")),
)
async def approve(period_id: PeriodId, request: CommandRequest) -> Response:
    return await request.run(
        lambda tx: approve_period(
            tx, period_id=period_id, approved_by=request.caller.principal, if_match=request.if_match
        ),
        lambda handled: _presented(handled.state, handled.version, None),
    )


@router.get("/periods", operation_id="listPeriods", summary="发放周期公告 · The announced periods, the newest first")
async def list_periods(request: ReadRequest, limit: Limit = 50, cursor: CursorText = None) -> Page[PeriodItem]:
    await request.caught_up(PERIOD_BOARD)
    select = periods(announced_only=True)
    return await request.page(select, [TABLE.c.period_id.desc()], limit, cursor, _item)


@router.get(
    "/period-plans",
    operation_id="listPeriodPlans",
    summary="全部周期，含待批准的 · All periods, those that wait for approval too",
)
async def list_period_plans(request: ReadRequest, limit: Limit = 50, cursor: CursorText = None) -> Page[PeriodPlanItem]:
    await request.caught_up(PERIOD_BOARD)
    select = periods(announced_only=False)
    return await request.page(select, [TABLE.c.period_id.desc()], limit, cursor, _plan_item)


@router.get(
    "/periods/{period_id}",
    operation_id="getPeriod",
    response_model=Period,
    summary="查看周期及实时剩余额度 · A period with what is left at this moment",
)
async def get_period(period_id: PeriodId, request: ReadRequest) -> Response:
    loaded = await request.load(period, f"period-{period_id}")
    async with request.connection() as connection:
        quota = await ledger.quota_of(connection, period_id)
    # Not `request.answer`: what is left changes without a new version, so nobody may be told "not modified".
    return response_of(_presented(loaded.state, loaded.version, quota).answer())


def _presented(state: periods_domain.State, version: int, quota: Quota | None, *, status: int = 200) -> Presented:
    """Represent a period; before its approval it has all of its quota."""
    if not isinstance(state, periods_domain.Period):
        raise UnknownSubjectError("period")
    view = Period(
        period_id=state.period_id,
        name=state.name,
        phase=state.phase.value,
        opens_at=state.opens_at,
        closes_at=state.closes_at,
        quota=Money.of(state.quota),
        issued=Money.of(quota.issued if quota else 0),
        returned=Money.of(quota.returned if quota else 0),
        remaining=Money.of(quota.remaining if quota else state.quota),
        claims=quota.claims if quota else 0,
        face_value_max=Money.of(state.face_value_max),
        registration_days=state.registration_days,
        validity_months=state.validity_months,
        pack=state.pack,
    )
    location = f"/v1/periods/{state.period_id}" if version == 1 else ""
    return Presented(body=view, version=version, status=status, location=location)


def _item(row: sa.Row[Any]) -> PeriodItem:
    return PeriodItem(**_figures(row))


def _plan_item(row: sa.Row[Any]) -> PeriodPlanItem:
    return PeriodPlanItem(**_figures(row), proposed_by=row.proposed_by)


def _figures(row: sa.Row[Any]) -> dict[str, Any]:
    return {
        "period_id": row.period_id,
        "name": row.name,
        "phase": row.phase,
        "opens_at": row.opens_at,
        "closes_at": row.closes_at,
        "quota": Money.of(row.quota),
        "issued": Money.of(row.issued),
        "returned": Money.of(row.returned),
        "remaining": Money.of(row.remaining),
        "claims": row.claims,
        "face_value_max": Money.of(row.face_value_max),
    }
