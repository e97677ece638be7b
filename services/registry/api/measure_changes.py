"""Two people change a parameter of the rules from a day to come: proposed, announced, or withdrawn before it."""

from datetime import date
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Path, Query, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.api.measures import Parameter, Words
from services.registry.domain.measure_change import (
    ARTICLE,
    Announced,
    Event,
    Known,
    Stage,
    State,
    Unchanged,
    Withdrawn,
    measure_change,
    stage_of,
)
from services.registry.projections.measure_changes import measure_changes
from services.registry.tables import measure_change_reasons
from services.registry.use_cases import changing_measures
from services.registry.use_cases.appointing_office_users import check_duty
from services.registry.use_cases.changing_measures import Wish, stream_of_parameter
from shared.events.registry.measures import ParameterValue
from shared.http.commands import CommandRequest, Presented
from shared.http.models import AMOUNT_FEN_MAX, Body, View
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date
from shared.kernel.refusal import refuse
from shared.measures.reader import Measures
from shared.measures.terms import Unit
from shared.measures.wording import in_words
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("registry", tag="measures")

ChangeId = Annotated[str, Path(max_length=40, examples=["mch_01kdvdna00ek7990e5df8shghf"])]
_Number = Annotated[int, Field(ge=0, le=AMOUNT_FEN_MAX)]
_Codes = Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")], ...], Field(min_length=1, max_length=50)]
_WRONG_STAGE = "measure-change-not-in-this-stage"
Progress = Annotated[
    Stage,
    Field(
        description=(
            "proposed 待批准，announced 已公布、尚未施行，in_force 已施行，withdrawn 已撤回 · How far it has come"
        ),
    ),
]


class ChangeBody(Body):
    """What a parameter is to be, from when on, and on which words that rests."""

    value: bool | _Number | _Codes = Field(
        description="按该项规定的单位：金额以分计，比例为百分数 · In the parameter's unit: fen, per cent, days, codes",
        examples=[6_000_000],
    )
    first_day: date = Field(
        description="首日（北京日期），须在今天之后 · First day in Beijing, after today", examples=["2027-01-01"]
    )
    article: str = Field(min_length=1, max_length=60, pattern=r"\S", examples=["京科发〔2026〕40号 第2条"])
    quote: str = Field(
        min_length=1, max_length=2000, pattern=r"\S", description="依据原文 · The words themselves",
        examples=["单张最高限额调整为 6 万元"],
    )  # fmt: skip
    reason: str = Field(
        min_length=1, max_length=4000, pattern=r"\S", description="理由，不公开 · Why; not public",
        examples=["近两年合同均价上升"],
    )  # fmt: skip

    def wish(self) -> Wish:
        """Give it as the use case takes it."""
        return Wish(
            value=self.value, first_day=self.first_day, article=self.article, quote=self.quote, reason=self.reason
        )


class ChangeView(View):
    """A change of a parameter, for the office."""

    change_id: str
    parameter: str
    pack: str
    stage: Progress
    value: bool | int | list[str]
    said: Words
    first_day: date
    article: str
    quote: str
    reason: str | None = Field(default=None, description="列表中不显示 · Not shown in lists")
    proposed_by: str
    proposed_on: date
    approved_by: str | None = None
    announced_on: date | None = None
    withdrawn_by: str | None = None
    withdrawn_on: date | None = None


@router.post(
    "/measures/{parameter}/changes",
    operation_id="proposeMeasureChange",
    status_code=201,
    response_model=ChangeView,
    summary="提出规定的调整 · Propose a change of a rule",
    openapi_extra=operation(
        codes=(
            "measure-unknown", "measure-decides-nothing", "measure-change-not-ahead", "measure-value-wrong-unit",
            "measure-value-out-of-bounds", "measure-change-changes-nothing", "measure-change-pending",
            "measure-change-on-first-day-of-another", "duty-missing",
        )
    ),
)  # fmt: skip
async def propose_measure_change(parameter: Parameter, body: ChangeBody, request: CommandRequest) -> Response:
    """Propose a value from a day to come; nothing changes until somebody else approves it."""
    change_id, officer = request.new_id("mch"), request.caller.principal

    async def propose(tx: Transaction) -> tuple[int, ChangeView]:
        await check_duty(tx, officer, "planning")
        handled = await changing_measures.propose(tx, change_id, parameter, body.wish(), officer)
        return await _shown(tx, handled)

    location = f"/v1/measures/{parameter}/changes/{change_id}"
    return await request.run(
        propose, lambda shown: Presented(body=shown[1], version=shown[0], status=201, location=location)
    )


@router.get(
    "/measures/{parameter}/changes/{change_id}",
    operation_id="getMeasureChange",
    response_model=ChangeView,
    summary="一项调整 · One change of a rule",
    openapi_extra=operation(idempotent=False),
)
async def get_measure_change(parameter: Parameter, change_id: ChangeId, request: ReadRequest) -> Response:
    """Show a change with its reason to the office; the ETag is what an approval or a withdrawal asks for."""
    await request.caught_up(measure_changes)
    async with request.reading() as tx:
        loaded = await tx.load(measure_change, stream_of_parameter(parameter))
        latest = None if isinstance(loaded.state, Unchanged) else loaded.state
        if latest is not None and latest.proposal.change_id == change_id:
            view = _view(latest, await _reason(tx.connection, change_id), tx.measures, tx.today)
        else:
            view = await _earlier(tx, parameter, change_id)
    return request.answer(Presented(body=view, version=loaded.version))


@router.get(
    "/measure-changes",
    operation_id="listMeasureChanges",
    response_model=Page[ChangeView],
    summary="规定调整列表 · Changes of the rules",
    openapi_extra=operation(idempotent=False),
)
async def list_measure_changes(
    request: ReadRequest,
    parameter: Annotated[str | None, Query(max_length=80, pattern=r"^[a-z0-9_]+$")] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[ChangeView]:
    """List every change that was ever proposed, the latest first, whatever became of it."""
    await request.caught_up(measure_changes)
    rules, today = await request.rules(), business_date(request.now)
    table = measure_changes.table
    query = sa.select(table)
    if parameter is not None:
        query = query.where(table.c.parameter == parameter)
    keys = [table.c.change_id.desc()]
    return await request.page(query, keys, limit, cursor, lambda row: _of_row(row, None, rules, today))


@router.post(
    "/measures/{parameter}/changes/{change_id}/approval",
    operation_id="approveMeasureChange",
    response_model=ChangeView,
    summary="批准并公告调整 · Approve and announce a change",
    openapi_extra=operation(
        if_match=True, codes=(_WRONG_STAGE, "measure-change-too-late", "four-eyes", "duty-missing")
    ),
)
async def approve_measure_change(parameter: Parameter, change_id: ChangeId, request: CommandRequest) -> Response:
    """Announce a change as another person than who proposed it, an hour before its first day at the latest."""

    async def approve(tx: Transaction) -> tuple[int, ChangeView]:
        await check_duty(tx, request.caller.principal, "approval")
        handled = await changing_measures.approve(
            tx, parameter, change_id, request.caller.principal, if_match=request.if_match
        )
        return await _shown(tx, handled)

    return await request.run(approve, lambda shown: Presented(body=shown[1], version=shown[0]))


@router.post(
    "/measures/{parameter}/changes/{change_id}/withdrawal",
    operation_id="withdrawMeasureChange",
    response_model=ChangeView,
    summary="撤回未施行的调整 · Withdraw a change before it is in force",
    openapi_extra=operation(if_match=True, codes=(_WRONG_STAGE, "measure-change-too-late")),
)
async def withdraw_measure_change(parameter: Parameter, change_id: ChangeId, request: CommandRequest) -> Response:
    """Take a change back, an hour before its first day at the latest."""

    async def withdraw(tx: Transaction) -> tuple[int, ChangeView]:
        handled = await changing_measures.withdraw(
            tx, parameter, change_id, request.caller.principal, if_match=request.if_match
        )
        return await _shown(tx, handled)

    return await request.run(withdraw, lambda shown: Presented(body=shown[1], version=shown[0]))


async def _shown(tx: Transaction, handled: Handled[Event, State]) -> tuple[int, ChangeView]:
    if isinstance(handled.state, Unchanged):
        raise TypeError("a change that was decided on is known")
    reason = await _reason(tx.connection, handled.state.proposal.change_id)
    return handled.version, _view(handled.state, reason, tx.measures, tx.today)


async def _reason(connection: AsyncConnection, change_id: str) -> str:
    kept = sa.select(measure_change_reasons.c.reason).where(measure_change_reasons.c.change_id == change_id)
    return str((await connection.execute(kept)).scalar_one())


async def _earlier(tx: Transaction, parameter: str, change_id: str) -> ChangeView:
    """Show a change that others have followed, from the read model."""
    table = measure_changes.table
    found = await tx.connection.execute(
        sa.select(table).where(table.c.change_id == change_id, table.c.parameter == parameter)
    )
    row = found.one_or_none()
    if row is None:
        raise UnknownSubjectError(change_id)
    return _of_row(row, await _reason(tx.connection, change_id), tx.measures, tx.today)


def _view(state: Known, reason: str, rules: Measures, today: date) -> ChangeView:
    proposal = state.proposal
    value = proposal.value
    return ChangeView(
        change_id=proposal.change_id,
        parameter=proposal.parameter,
        pack=proposal.pack,
        stage=stage_of(state, today),
        value=list(value) if isinstance(value, tuple) else value,
        said=_said(value, _unit(rules, proposal.parameter)),
        first_day=proposal.first_day,
        article=proposal.article,
        quote=proposal.quote,
        reason=reason,
        proposed_by=proposal.proposed_by,
        proposed_on=proposal.on,
        approved_by=state.approved_by if isinstance(state, Announced) else None,
        announced_on=state.announced_on if isinstance(state, Announced) else None,
        withdrawn_by=state.withdrawn_by if isinstance(state, Withdrawn) else None,
        withdrawn_on=state.withdrawn_on if isinstance(state, Withdrawn) else None,
    )


def _of_row(row: Any, reason: str | None, rules: Measures, today: date) -> ChangeView:
    told = {name: getattr(row, name) for name in measure_changes.table.columns.keys()}  # noqa: SIM118
    value = tuple(row.value) if isinstance(row.value, list) else row.value
    return ChangeView(**told, reason=reason, stage=_stage(row, today), said=_said(value, _unit(rules, row.parameter)))


def _stage(row: Any, today: date) -> Stage:
    if row.withdrawn_on is not None:
        return "withdrawn"
    if row.announced_on is None:
        return "proposed"
    return "in_force" if row.first_day <= today else "announced"


def _unit(rules: Measures, parameter: str) -> Unit:
    history = rules.history(parameter)
    if not history:
        raise refuse("measure-unknown", article=ARTICLE, value=parameter)
    return history[-1].parameter.unit


def _said(value: ParameterValue, unit: Unit) -> Words:
    return Words(zh=in_words(value, unit, "zh"), en=in_words(value, unit, "en"))
