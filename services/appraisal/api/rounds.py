"""Appraisal rounds, and the service records they are held on (art. 11, 14)."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from fastapi import Response

from services.appraisal.api.models import RoundBody, RoundItem, RoundView, ServiceRecordView
from services.appraisal.domain.round import Event, Open, State, Unproposed, appraisal_round, stage_of
from services.appraisal.projections.appraisal_rounds import appraisal_rounds
from services.appraisal.projections.listed_providers import listed_providers
from services.appraisal.projections.measures_in_force import measures_in_force
from services.appraisal.projections.open_facilities import open_facilities
from services.appraisal.projections.service_records import service_records
from services.appraisal.projections.usage_totals import usage_totals
from services.appraisal.projections.voucher_payments import settled_in, voucher_payments
from services.appraisal.use_cases import holding_rounds
from services.appraisal.use_cases.holding_rounds import stream_of
from shared.http.commands import CommandRequest, Presented
from shared.http.models import Money
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("appraisal", tag="appraisal-rounds")

_OF_RECORDS = (listed_providers, measures_in_force, open_facilities, service_records, usage_totals, voucher_payments)
"""The read models that service records are taken from."""


@router.post(
    "/appraisal-rounds",
    operation_id="proposeAppraisalRound",
    status_code=201,
    response_model=RoundView,
    summary="提出年度绩效考核 · Propose the appraisal of a year",
    openapi_extra=operation(codes=("year-not-begun", "round-of-year-exists", "round-not-in-this-stage")),
)
async def propose_appraisal_round(body: RoundBody, request: CommandRequest) -> Response:
    """Propose the round of a year; it opens when somebody else approves it."""
    round_id = request.new_id("rnd")

    async def propose(tx: Transaction) -> Handled[Event, State]:
        return await holding_rounds.propose(tx, round_id, request.caller.principal, body.year)

    def presented(handled: Handled[Event, State]) -> Presented:
        location = f"/v1/appraisal-rounds/{round_id}"
        return Presented(body=_view(handled.state), version=handled.version, status=201, location=location)

    return await request.run(propose, presented)


@router.post(
    "/appraisal-rounds/{round_id}/approval",
    operation_id="approveAppraisalRound",
    response_model=RoundView,
    summary="批准年度绩效考核 · Open a round as the second pair of eyes",
    openapi_extra=operation(if_match=True, codes=("four-eyes", "round-not-in-this-stage")),
)
async def approve_appraisal_round(round_id: str, request: CommandRequest) -> Response:
    """Open a round that somebody else proposed."""

    async def approve(tx: Transaction) -> Handled[Event, State]:
        return await holding_rounds.open_round(tx, round_id, request.caller.principal, if_match=request.if_match)

    return await request.run(approve, lambda handled: Presented(body=_view(handled.state), version=handled.version))


@router.get(
    "/appraisal-rounds",
    operation_id="listAppraisalRounds",
    response_model=Page[RoundItem],
    summary="绩效考核列表 · List the rounds",
    openapi_extra=operation(idempotent=False),
)
async def list_appraisal_rounds(request: ReadRequest, limit: Limit = 50, cursor: CursorText = None) -> Page[RoundItem]:
    """List every round, the newest last."""
    await request.caught_up(appraisal_rounds)
    table = appraisal_rounds.table
    return await request.page(sa.select(table), [table.c.round_id], limit, cursor, _item)


@router.get(
    "/appraisal-rounds/{round_id}",
    operation_id="getAppraisalRound",
    response_model=RoundView,
    summary="绩效考核详情 · One round",
    openapi_extra=operation(idempotent=False),
)
async def get_appraisal_round(round_id: str, request: ReadRequest) -> Response:
    """Show one round."""
    loaded = await request.load(appraisal_round, stream_of(round_id))
    if isinstance(loaded.state, Unproposed):
        raise UnknownSubjectError(round_id)
    return request.answer(Presented(body=_view(loaded.state), version=loaded.version))


@router.get(
    "/appraisal-rounds/{round_id}/service-records",
    operation_id="listServiceRecords",
    response_model=Page[ServiceRecordView],
    summary="开放单位服务记录 · Each provider's service records of the year",
    openapi_extra=operation(idempotent=False),
)
async def list_service_records(
    round_id: str, request: ReadRequest, limit: Limit = 50, cursor: CursorText = None
) -> Page[ServiceRecordView]:
    """Show what every provider listed in the year did, and whether a measure keeps it from being appraised today.

    A provider sees its own only, and nobody sees anything before the opening.
    """
    state = (await request.load(appraisal_round, stream_of(round_id))).state
    if not isinstance(state, Open):
        raise UnknownSubjectError(round_id)
    for projection in _OF_RECORDS:
        await request.caught_up(projection)
    query = records_of(state.year, business_date(request.now))
    listed = listed_providers.table
    if request.caller.role is Role.PROVIDER:
        query = query.where(listed.c.principal == request.caller.principal)
    return await request.page(query, [listed.c.provider_id], limit, cursor, _record)


def records_of(year: int, today: date) -> sa.Select[Any]:
    """Select a year's record of every provider that was listed in it, zeros where nothing happened.

    Facilities count when they are open at the end of the year, or as things stand while it lasts; those of a provider
    that has left the list count no more. What was clawed back counts against the year in which it was paid. Who is
    barred today takes no part, whatever it did in the year: what art. 17 takes is the right to apply.
    """
    first, last = date(year, 1, 1), date(year, 12, 31)
    listed, opened, sums = listed_providers.table, open_facilities.table, service_records.table
    used, measures, settled = usage_totals.table, measures_in_force.table, settled_in(year)
    stays = listed.c.delisted_on.is_(None) | (listed.c.delisted_on > last)
    facilities = (
        sa.select(
            opened.c.provider_id,
            sa.func.count().label("facilities_open"),
            sa.func.sum(opened.c.original_value).label("facilities_value"),
        )
        .where(opened.c.opened_on <= last, opened.c.withdrawn_on.is_(None) | (opened.c.withdrawn_on > last))
        .group_by(opened.c.provider_id)
        .subquery()
    )
    return (
        sa.select(
            listed.c.provider_id,
            listed.c.third_party_testing,
            sa.exists()
            .where(
                measures.c.provider_id == listed.c.provider_id,
                measures.c.until.is_(None) | (measures.c.until >= today),
            )
            .label("barred"),
            sa.literal(year).label("year"),
            *(
                sa.func.coalesce(column, 0).label(column.name)
                for column in (
                    sums.c.contracts_registered,
                    sums.c.contracts_completed,
                    sums.c.actual_amount,
                    settled.c.paid,
                    settled.c.recovered,
                    facilities.c.facilities_open,
                    facilities.c.facilities_value,
                    used.c.minutes_used,
                    used.c.external_minutes,
                )
            ),
        )
        .outerjoin(sums, (sums.c.provider_id == listed.c.provider_id) & (sums.c.year == year))
        .outerjoin(settled, settled.c.provider_id == listed.c.provider_id)
        .outerjoin(used, (used.c.provider_id == listed.c.provider_id) & (used.c.year == year))
        .outerjoin(facilities, (facilities.c.provider_id == listed.c.provider_id) & stays)
        .where(listed.c.listed_on <= last, listed.c.delisted_on.is_(None) | (listed.c.delisted_on >= first))
    )


def _record(row: Any) -> ServiceRecordView:
    money = {
        "actual_amount": row.actual_amount,
        "vouchers_paid": row.paid,
        "vouchers_recovered": row.recovered,
        "vouchers_settled": row.paid - row.recovered,
        "facilities_value": row.facilities_value,
    }
    known = {name: getattr(row, name) for name in ServiceRecordView.model_fields if name not in money}
    return ServiceRecordView(**known | {name: Money.of(int(fen)) for name, fen in money.items()})


def _item(row: Any) -> RoundItem:
    return RoundItem(**{name: getattr(row, name) for name in RoundItem.model_fields})


def _view(state: State) -> RoundView:
    if isinstance(state, Unproposed):
        raise TypeError("nothing was proposed under this id")
    opened = state if isinstance(state, Open) else None
    return RoundView(
        round_id=state.round_id,
        year=state.year,
        stage=stage_of(state),
        proposed_by=state.proposed_by,
        proposed_on=state.on,
        approved_by=opened.approved_by if opened else None,
        opened_on=opened.opened_on if opened else None,
    )
