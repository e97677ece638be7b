"""Periods: planned and approved by two officers, shown to everyone (art. 4, 12)."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from fastapi import Response

from services.issuance import entry_list
from services.issuance.api.class_models import class_figures
from services.issuance.api.entry_models import figures_view
from services.issuance.api.period_models import (
    Period,
    PeriodFigures,
    PeriodItem,
    PeriodPlan,
    PeriodPlanItem,
    PlannedPeriod,
    ReasonBody,
)
from services.issuance.api.period_views import board_fields, look, period_fields, presented, presented_new, then_seen
from services.issuance.api.visibility import PeriodId
from services.issuance.domain.period_phases import Phase
from services.issuance.projections.period_board import PERIOD_BOARD, TABLE, periods
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES, holders_in
from services.issuance.use_cases.planning_periods import (
    approve_period,
    change_plan,
    propose_period,
    withdraw_plan,
)
from services.issuance.use_cases.running_periods import pause_period, resume_period
from shared.http.commands import CommandRequest, Presented, response_of
from shared.http.models import Money
from shared.http.problems import ProblemError
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.refusal import refuse
from shared.store.transaction import UnknownSubjectError

router = router_for("issuance", tag="periods")

_PLAN_FAULTS = (
    "quota-not-positive",
    "period-ends-before-it-opens",
    "period-already-over",
    "face-value-cap-out-of-range",
    "registration-days-out-of-range",
    "validity-out-of-range",
    "registration-ends-too-early",
    "validity-ends-too-early",
    "waiting-room-opens-too-late",
    "waiting-room-pace-out-of-range",
    "draw-too-long",
    "entry-window-out-of-order",
    "entry-window-ends-too-late",
    "entry-window-over",
    "class-parts-over-quota",
    "class-part-not-positive",
    "class-named-twice",
    "class-ends-outside-period",
    "class-unknown",
)
_FIXED = ("period-already-open", "waiting-room-entered")


@router.post(
    "/periods",
    operation_id="proposePeriod",
    status_code=201,
    response_model=Period,
    summary="提出发放周期 · Propose a period",
    openapi_extra=operation(codes=_PLAN_FAULTS),
)
async def propose(body: PeriodPlan, request: CommandRequest) -> Response:
    period_id, plan = request.new_id("prd"), body.planned()
    return await request.run(
        then_seen(
            period_id,
            lambda tx: propose_period(
                tx,
                period_id=period_id,
                name=plan.name,
                quota=plan.quota,
                opens_at=plan.opens_at,
                closes_at=plan.closes_at,
                proposed_by=request.caller.principal,
                settings=plan.settings,
            ),
        ),
        presented_new,
    )


@router.post(
    "/periods/{period_id}/plan",
    operation_id="changePeriodPlan",
    response_model=Period,
    summary="修改尚未开放的周期计划，原批准失效 · Change a plan before it opens; its approval is void",
    openapi_extra=operation(
        if_match=True, codes=(*_PLAN_FAULTS, *_FIXED, "period-has-entries", "period-not-in-this-state")
    ),
)
async def change(period_id: PeriodId, body: PeriodPlan, request: CommandRequest) -> Response:
    return await request.run(
        then_seen(
            period_id,
            lambda tx: change_plan(
                tx,
                period_id=period_id,
                plan=body.planned(),
                changed_by=request.caller.principal,
                if_match=request.if_match,
            ),
        ),
        presented,
    )


@router.post(
    "/periods/{period_id}/withdrawal",
    operation_id="withdrawPeriod",
    response_model=Period,
    summary="撤回尚未开放的周期 · Withdraw a period that is not open yet",
    openapi_extra=operation(if_match=True, codes=("period-already-open", "period-not-in-this-state")),
)
async def withdraw(period_id: PeriodId, body: ReasonBody, request: CommandRequest) -> Response:
    return await request.run(
        then_seen(
            period_id,
            lambda tx: withdraw_plan(
                tx,
                period_id=period_id,
                reason=body.reason,
                withdrawn_by=request.caller.principal,
                if_match=request.if_match,
            ),
        ),
        presented,
    )


@router.post(
    "/periods/{period_id}/approval",
    operation_id="approvePeriod",
    response_model=Period,
    summary="批准并公告发放周期（不得由参与拟定的人批准） · Approve and announce a plan of others",
    openapi_extra=operation(
        if_match=True, codes=("four-eyes", "period-already-over", "entry-window-over", "period-not-in-this-state")
    ),
)
async def approve(period_id: PeriodId, request: CommandRequest) -> Response:
    return await request.run(
        then_seen(
            period_id,
            lambda tx: approve_period(
                tx, period_id=period_id, approved_by=request.caller.principal, if_match=request.if_match
            ),
        ),
        presented,
    )


@router.post(
    "/periods/{period_id}/pause",
    operation_id="pausePeriod",
    response_model=Period,
    summary="暂停申领，理由公开 · Take no claims for the time being, for a public reason",
    openapi_extra=operation(codes=("period-already-paused", "period-already-over", "period-not-in-this-state")),
)
async def pause(period_id: PeriodId, body: ReasonBody, request: CommandRequest) -> Response:
    return await request.run(
        then_seen(
            period_id,
            lambda tx: pause_period(tx, period_id=period_id, reason=body.reason, paused_by=request.caller.principal),
        ),
        presented,
    )


@router.post(
    "/periods/{period_id}/resumption",
    operation_id="resumePeriod",
    response_model=Period,
    summary="恢复申领，理由公开 · Take claims again, for a public reason",
    openapi_extra=operation(codes=("period-not-paused", "period-already-over", "period-not-in-this-state")),
)
async def resume(period_id: PeriodId, body: ReasonBody, request: CommandRequest) -> Response:
    return await request.run(
        then_seen(
            period_id,
            lambda tx: resume_period(tx, period_id=period_id, reason=body.reason, resumed_by=request.caller.principal),
        ),
        presented,
    )


@router.get("/periods", operation_id="listPeriods", summary="发放周期公告 · The announced periods, the newest first")
async def list_periods(request: ReadRequest, limit: Limit = 50, cursor: CursorText = None) -> Page[PeriodItem]:
    await request.caught_up(PERIOD_BOARD)
    select = periods(announced_only=True)
    return await request.page(
        select, [TABLE.c.period_id.desc()], limit, cursor, lambda row: PeriodItem(**board_fields(row, request.now))
    )


@router.get(
    "/period-plans",
    operation_id="listPeriodPlans",
    summary="全部周期（含待批准的） · All periods, those that wait for approval too",
)
async def list_period_plans(request: ReadRequest, limit: Limit = 50, cursor: CursorText = None) -> Page[PeriodPlanItem]:
    await request.caught_up(PERIOD_BOARD)
    select = periods(announced_only=False)
    return await request.page(
        select, [TABLE.c.period_id.desc()], limit, cursor, lambda row: _plan_item(row, request.now)
    )


@router.get(
    "/period-plans/{period_id}",
    operation_id="getPeriodPlan",
    response_model=PlannedPeriod,
    summary="查看周期计划，含待批准的 · A period as it is planned, announced or not",
)
async def get_period_plan(period_id: PeriodId, request: ReadRequest) -> Response:
    seen = await look(request, period_id)
    state = seen.period
    async with request.connection() as connection:
        counted = await entry_list.figures_of(connection, period_id)
    view = PlannedPeriod(
        **period_fields(seen),
        entry_figures=[figures_view(one) for one in counted],
        proposed_by=state.proposed_by,
        authors=list(state.authors),
        approved_by=state.approved_by,
    )
    return response_of(Presented(body=view, version=seen.version).answer())


@router.get(
    "/periods/{period_id}",
    operation_id="getPeriod",
    response_model=Period,
    summary="查看已公告的周期，含服务器倒计时 · An announced period, with the server's countdown",
)
async def get_period(period_id: PeriodId, request: ReadRequest) -> Response:
    seen = await look(request, period_id)
    if not seen.period.announced:
        raise UnknownSubjectError(period_id)
    # Not `request.answer`: what is left changes without a new version, so nobody may be told "not modified".
    return response_of(presented(seen).answer())


@router.get(
    "/periods/{period_id}/figures",
    operation_id="getPeriodFigures",
    response_model=PeriodFigures,
    summary="周期截止后的发放情况 · What a period came to, once it is closed",
    openapi_extra=operation(idempotent=False, codes=("period-not-closed", "behind")),
)
async def get_period_figures(period_id: PeriodId, request: ReadRequest) -> Response:
    seen = await look(request, period_id)
    state, quota = seen.period, seen.quota
    if not state.announced or quota is None:
        raise UnknownSubjectError(period_id)
    if seen.phase is not Phase.CLOSED:
        raise refuse("period-not-closed", article="12", value=seen.at, limit=state.closes_at, kind="state")
    as_of = await request.caught_up(VOUCHER_BALANCES)
    async with request.connection() as connection:
        vouchers, claimants = (await connection.execute(holders_in(period_id))).one()
    if not quota.closed or vouchers != quota.claims:  # the last of it is not written down or not counted yet
        raise ProblemError("behind", value=vouchers, limit=quota.claims, headers={"Retry-After": "1"})
    view = PeriodFigures(
        period_id=period_id,
        name=state.name,
        quota=Money.of(quota.quota),
        issued=Money.of(quota.issued),
        vouchers=vouchers,
        claimants=claimants,
        returned=Money.of(quota.returned),
        remaining=Money.of(quota.remaining),
        classes=class_figures(state.classes, quota.parts),
        as_of=as_of,
    )
    return response_of(Presented(body=view).answer())


def _plan_item(row: sa.Row[Any], at: datetime) -> PeriodPlanItem:
    return PeriodPlanItem(
        **board_fields(row, at), proposed_by=row.proposed_by, changed_by=row.changed_by, approved_by=row.approved_by
    )
