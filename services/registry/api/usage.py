"""How much facilities are used, and how much by others: typed, pushed by laboratory systems, corrected (art. 11)."""

from datetime import date
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Query, Request, Response

from services.registry.api.queries import PartyQuery, PathId
from services.registry.api.usage_models import (
    CorrectionBody,
    UsageBody,
    UsageOutcomeView,
    UsagePushBody,
    UsagePushView,
    UsageView,
)
from services.registry.domain.usage import usage
from services.registry.provider_tables import usage_records
from services.registry.tables import providers
from services.registry.use_cases import recording_usage
from services.registry.use_cases.recording_usage import UsageOutcome, UsageRow
from services.registry.use_cases.streams import stream_of
from shared.http.commands import CommandRequest, Presented
from shared.http.edge import writer_of
from shared.http.identity import Caller
from shared.http.policy import Role
from shared.http.problems import Writer
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction, UnknownSubjectError

router = router_for("registry", tag="usage")
_FIGURES = ("usage-negative", "usage-external-over-total", "usage-over-period", "usage-not-in-this-state")


@router.post(
    "/usage-records",
    operation_id="recordUsage",
    status_code=201,
    response_model=UsageView,
    summary="登记设施使用机时 · Record the use of a facility",
    openapi_extra=operation(
        codes=(
            "provider-not-listed", "usage-facility-unknown", "usage-period-wrong", "usage-not-over",
            "usage-spans-years", "usage-overlaps", *_FIGURES,
        )
    ),
)  # fmt: skip
async def record_usage(body: UsageBody, request: CommandRequest) -> Response:
    """Record how long an own facility ran in a period that is over, and how long of it for others."""
    row = UsageRow(record_id=None, **body.model_dump())

    async def record(tx: Transaction) -> tuple[int, UsageView]:
        usage_id = await recording_usage.record_usage(tx, request.caller.principal, row)
        return 1, await _shown(tx, usage_id)

    def presented(result: tuple[int, UsageView]) -> Presented:
        location = f"/v1/usage-records/{result[1].usage_id}"
        return Presented(body=result[1], version=result[0], status=201, location=location)

    return await request.run(record, presented)


@router.post(
    "/usage-pushes",
    operation_id="pushUsage",
    response_model=UsagePushView,
    summary="实验室系统推送使用机时 · Use pushed by a laboratory system",
    openapi_extra=operation(codes=("provider-not-listed",)),
)
async def push_usage(body: UsagePushBody, request: CommandRequest, http: Request) -> Response:
    """Record up to 200 periods at once, each with its own outcome; what was said before is left as it is."""
    writer = writer_of(http)

    async def push(tx: Transaction) -> UsagePushView:
        provider_id = await recording_usage.reporting_provider(tx, request.caller.principal)
        numbers = [record.facility_number for record in body.records]
        known = await recording_usage.facilities_by_number(tx, provider_id, numbers)
        rows = [
            UsageRow(facility_id=known.get(record.facility_number), **record.model_dump(exclude={"facility_number"}))
            for record in body.records
        ]
        outcomes = await recording_usage.record_usages(tx, provider_id, body.source, rows)
        told = enumerate(zip(body.records, outcomes, strict=True), start=1)
        return UsagePushView(
            results=[_outcome(place, record.record_id, outcome, writer) for place, (record, outcome) in told]
        )

    return await request.run(push, lambda view: Presented(body=view))


@router.post(
    "/usage-records/{usage_id}/correction",
    operation_id="correctUsage",
    response_model=UsageView,
    summary="更正使用机时 · Correct the figures of a record",
    openapi_extra=operation(if_match=True, codes=_FIGURES),
)
async def correct_usage(usage_id: PathId, body: CorrectionBody, request: CommandRequest) -> Response:
    """Correct the figures of an own record; what was said before stays in the log."""

    async def correct(tx: Transaction) -> tuple[int, UsageView]:
        handled = await recording_usage.correct_usage(
            tx, usage_id, request.caller.principal, body.minutes, body.external_minutes, if_match=request.if_match
        )
        return handled.version, await _shown(tx, usage_id)

    return await request.run(correct, lambda result: Presented(body=result[1], version=result[0]))


@router.get(
    "/usage-records",
    operation_id="listUsage",
    response_model=Page[UsageView],
    summary="使用机时列表 · List the use of facilities",
    openapi_extra=operation(idempotent=False),
)
async def list_usage(
    request: ReadRequest,
    provider_id: PartyQuery = None,
    facility_id: PartyQuery = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[UsageView]:
    """List records by provider, facility and year: a provider's own, for the office all."""
    query, table = _visible(request.caller), usage_records
    for column, wanted in ((table.c.provider_id, provider_id), (table.c.facility_id, facility_id)):
        if wanted is not None:
            query = query.where(column == wanted)
    if year is not None:
        query = query.where(table.c.first_day.between(date(year, 1, 1), date(year, 12, 31)))
    return await request.page(query, [table.c.usage_id], limit, cursor, _view)


@router.get(
    "/usage-records/{usage_id}",
    operation_id="getUsage",
    response_model=UsageView,
    summary="使用机时详情 · One record",
    openapi_extra=operation(idempotent=False),
)
async def get_usage(usage_id: PathId, request: ReadRequest) -> Response:
    """Show a record to its provider and to the office."""
    visible = _visible(request.caller).where(usage_records.c.usage_id == usage_id)
    async with request.connection() as connection:
        row = (await connection.execute(visible)).one_or_none()
    if row is None:
        raise UnknownSubjectError(usage_id)
    loaded = await request.load(usage, stream_of(usage_id, "usg"))
    return request.answer(Presented(body=_view(row), version=loaded.version))


def _visible(caller: Caller) -> sa.Select[Any]:
    query = sa.select(usage_records)
    if caller.role is not Role.PROVIDER:
        return query
    own = sa.select(providers.c.provider_id).where(providers.c.principal == caller.principal)
    return query.where(usage_records.c.provider_id.in_(own))


async def _shown(tx: Transaction, usage_id: str) -> UsageView:
    return _view(
        (await tx.connection.execute(sa.select(usage_records).where(usage_records.c.usage_id == usage_id))).one()
    )


def _view(row: Any) -> UsageView:
    return UsageView(**{name: getattr(row, name) for name in UsageView.model_fields})


def _outcome(place: int, record_id: str, outcome: UsageOutcome, writer: Writer) -> UsageOutcomeView:
    """Say what became of a record, refusals in the caller's language."""
    entries = [entry for reason in outcome.reasons if (entry := writer.catalogue.get(reason.code)) is not None]
    colon, stop = ("：", "；") if writer.language == "zh" else (": ", "; ")
    said = [f"{entry.title[writer.language]}{colon}{entry.remedy[writer.language]}" for entry in entries]
    return UsageOutcomeView(
        place=place,
        record_id=record_id,
        result=outcome.result,
        usage_id=outcome.usage_id,
        codes=[reason.code for reason in outcome.reasons],
        message=stop.join(said),
    )
