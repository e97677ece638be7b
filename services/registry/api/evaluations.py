"""Yearly evaluations of service agencies: proposed and approved by the office, then public (faq 5)."""

from datetime import date
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Path, Query, Response
from pydantic import Field

from services.registry.api.models import Text
from services.registry.domain.evaluation import Evaluated, Stage, State, Unevaluated, evaluation, stage_of
from services.registry.institution_tables import affiliations, evaluation_words
from services.registry.projections.agency_evaluations import agency_evaluations
from services.registry.projections.agency_list import agency_list
from services.registry.use_cases import evaluating_agencies
from services.registry.use_cases.appointing_office_users import check_duty
from services.registry.use_cases.evaluating_agencies import stream_of_evaluation
from shared.http.commands import CommandRequest, Presented
from shared.http.models import Body, View
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction, UnknownSubjectError

router = router_for("registry", tag="evaluations")
AgencyId = Annotated[str, Path(max_length=40, examples=["sag_01kdvdna00ek7990e5df8shghf"])]
Year = Annotated[int, Path(ge=2020, le=2100, examples=[2025])]
_STAGE = "evaluation-not-in-this-stage"
Progress = Annotated[
    Stage,
    Field(
        description=("unevaluated 尚未拟定，proposed 待批准，withdrawn 已撤回，evaluated 已公布 · How far it has come"),
    ),
]


class EvaluationBody(Body):
    """What the office says of a year; the figures come from the records."""

    year: int = Field(ge=2020, le=2100, description="评价年度，须已结束 · A year that is over", examples=[2025])
    assessment: Text = Field(
        description="评价意见，批准后公开 · What the office finds; public once approved",
        examples=["按委托开展工作，上报实验室材料齐全，服务记录完整"],
    )


class FiguresView(View):
    """What the register's records say of the year."""

    laboratories_reported: int = Field(description="年内上报的实验室 · Laboratories put forward in the year")
    laboratories_entered: int = Field(
        description="年内列入目录的实验室 · Laboratories that entered the catalogue in it"
    )
    laboratories_catalogued: int = Field(description="年末在目录中的实验室 · Laboratories in the catalogue at its end")
    delegations: int = Field(description="年内有效的委托 · Delegations in force on any day of it")
    providers: int = Field(description="其涉及的开放单位 · Providers that delegated")


class EvaluationView(View):
    """An evaluation with its words and who stands behind it, for the office."""

    agency_id: str
    year: int
    stage: Progress
    figures: FiguresView
    assessment: str
    proposed_by: str
    proposed_on: date
    approved_by: str | None
    evaluated_on: date | None


class EvaluationItem(View):
    """An approved evaluation, as anyone may read it."""

    agency_id: str
    agency_name: str
    year: int
    figures: FiguresView
    assessment: str
    evaluated_on: date


class AgencyYearView(View):
    """How far the evaluation of an agency's year is."""

    agency_id: str
    agency_name: str
    stage: Progress


@router.post(
    "/service-agencies/{agency_id}/evaluations",
    operation_id="proposeAgencyEvaluation",
    status_code=201,
    response_model=EvaluationView,
    summary="拟定专业服务机构年度绩效评价 · Evaluate a service agency's year",
    openapi_extra=operation(codes=(_STAGE, "evaluation-year-not-over", "agency-not-listed-in-year", "duty-missing")),
)
async def propose_agency_evaluation(agency_id: AgencyId, body: EvaluationBody, request: CommandRequest) -> Response:
    """Evaluate a year on the figures of the records; it counts and is public once somebody else approves it."""

    async def propose(tx: Transaction) -> tuple[int, EvaluationView]:
        await check_duty(tx, request.caller.principal, "appraisal")
        handled = await evaluating_agencies.propose(
            tx, agency_id, request.caller.principal, year=body.year, assessment=body.assessment
        )
        return handled.version, await _shown(tx, handled.state)

    location = f"/v1/service-agencies/{agency_id}/evaluations/{body.year}"
    return await request.run(
        propose, lambda result: Presented(body=result[1], version=result[0], status=201, location=location)
    )


@router.post(
    "/service-agencies/{agency_id}/evaluations/{year}/approval",
    operation_id="approveAgencyEvaluation",
    response_model=EvaluationView,
    summary="批准年度绩效评价 · Approve an evaluation as the second pair of eyes",
    openapi_extra=operation(if_match=True, codes=(_STAGE, "four-eyes", "duty-missing")),
)
async def approve_agency_evaluation(agency_id: AgencyId, year: Year, request: CommandRequest) -> Response:
    """Approve what somebody else proposed; from now on anyone may read it."""

    async def approve(tx: Transaction) -> tuple[int, EvaluationView]:
        await check_duty(tx, request.caller.principal, "approval")
        handled = await evaluating_agencies.approve(
            tx, agency_id, year, request.caller.principal, if_match=request.if_match
        )
        return handled.version, await _shown(tx, handled.state)

    return await request.run(approve, lambda result: Presented(body=result[1], version=result[0]))


@router.post(
    "/service-agencies/{agency_id}/evaluations/{year}/withdrawal",
    operation_id="withdrawAgencyEvaluation",
    response_model=EvaluationView,
    summary="撤回拟定的年度绩效评价 · Withdraw a proposed evaluation",
    openapi_extra=operation(if_match=True, codes=(_STAGE, "duty-missing")),
)
async def withdraw_agency_evaluation(agency_id: AgencyId, year: Year, request: CommandRequest) -> Response:
    """Let a proposal come to nothing, so that another can be made."""

    async def withdraw(tx: Transaction) -> tuple[int, EvaluationView]:
        await check_duty(tx, request.caller.principal, "appraisal")
        handled = await evaluating_agencies.withdraw(
            tx, agency_id, year, request.caller.principal, if_match=request.if_match
        )
        return handled.version, await _shown(tx, handled.state)

    return await request.run(withdraw, lambda result: Presented(body=result[1], version=result[0]))


@router.get(
    "/service-agencies/{agency_id}/evaluations/{year}",
    operation_id="getAgencyEvaluation",
    response_model=EvaluationView,
    summary="年度绩效评价详情 · One evaluation",
    openapi_extra=operation(idempotent=False),
)
async def get_agency_evaluation(agency_id: AgencyId, year: Year, request: ReadRequest) -> Response:
    """Show the office an evaluation, with the version that an approval names."""
    loaded = await request.load(evaluation, stream_of_evaluation(agency_id, year))
    if isinstance(loaded.state, Unevaluated):
        raise UnknownSubjectError(agency_id)
    async with request.reading() as tx:
        view = await _shown(tx, loaded.state)
    return request.answer(Presented(body=view, version=loaded.version))


@router.get(
    "/service-agencies/{agency_id}/evaluations",
    operation_id="listAgencyEvaluations",
    response_model=Page[EvaluationItem],
    summary="专业服务机构历年绩效评价 · A service agency's evaluations, year by year",
    openapi_extra=operation(idempotent=False),
)
async def list_agency_evaluations(
    agency_id: AgencyId, request: ReadRequest, limit: Limit = 50, cursor: CursorText = None
) -> Page[EvaluationItem]:
    """List what two officers found of each year; a proposal is nobody's business yet."""
    await request.caught_up(agency_evaluations)
    table = agency_evaluations.table
    query = (
        sa.select(table, affiliations.c.name, evaluation_words.c.assessment)
        .join(affiliations, affiliations.c.party_id == table.c.agency_id)
        .join(evaluation_words, _same_year(table))
        .where(table.c.agency_id == agency_id, table.c.stage == "evaluated")
    )
    return await request.page(query, [table.c.year], limit, cursor, _item)


@router.get(
    "/agency-evaluations",
    operation_id="listEvaluationsOfYear",
    response_model=Page[AgencyYearView],
    summary="某一年度待评价与已评价的专业服务机构 · Which agencies of a year are evaluated, and which are not",
    openapi_extra=operation(idempotent=False),
)
async def list_evaluations_of_year(
    request: ReadRequest,
    year: Annotated[int, Query(ge=2020, le=2100, examples=[2025])],
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[AgencyYearView]:
    """List every service agency that was on the list in a year, and how far its evaluation is."""
    for projection in (agency_list, agency_evaluations):
        await request.caught_up(projection)
    agencies, done = agency_list.table, agency_evaluations.table
    of_year = (done.c.agency_id == agencies.c.party_id) & (done.c.year == year)
    query = (
        sa.select(
            agencies.c.party_id, affiliations.c.name, sa.func.coalesce(done.c.stage, "unevaluated").label("stage")
        )
        .join(affiliations, affiliations.c.party_id == agencies.c.party_id)
        .outerjoin(done, of_year)
        .where(
            agencies.c.kind == "service_agency",
            agencies.c.listed_on <= date(year, 12, 31),
            agencies.c.left_on.is_(None) | (agencies.c.left_on > date(year, 1, 1)),
        )
    )
    return await request.page(query, [agencies.c.party_id], limit, cursor, _agency_year)


async def _shown(tx: Transaction, state: State) -> EvaluationView:
    if isinstance(state, Unevaluated):
        raise TypeError("nothing was proposed of this year")
    proposal = state.proposal
    words = sa.select(evaluation_words.c.assessment).where(
        evaluation_words.c.agency_id == proposal.agency_id, evaluation_words.c.year == proposal.year
    )
    figures = {name: getattr(proposal.figures, name) for name in FiguresView.model_fields}
    return EvaluationView(
        agency_id=proposal.agency_id,
        year=proposal.year,
        stage=stage_of(state),
        figures=FiguresView(**figures),
        assessment=(await tx.connection.execute(words)).scalar_one(),
        proposed_by=proposal.proposed_by,
        proposed_on=proposal.on,
        approved_by=state.approved_by if isinstance(state, Evaluated) else None,
        evaluated_on=state.on if isinstance(state, Evaluated) else None,
    )


def _same_year(table: sa.Table) -> sa.ColumnElement[bool]:
    return (evaluation_words.c.agency_id == table.c.agency_id) & (evaluation_words.c.year == table.c.year)


def _item(row: Any) -> EvaluationItem:
    return EvaluationItem(
        agency_id=row.agency_id,
        agency_name=row.name,
        year=row.year,
        figures=FiguresView(**{name: getattr(row, name) for name in FiguresView.model_fields}),
        assessment=row.assessment,
        evaluated_on=row.evaluated_on,
    )


def _agency_year(row: Any) -> AgencyYearView:
    return AgencyYearView(agency_id=row.party_id, agency_name=row.name, stage=row.stage)
