"""Experts who may be drawn: for whom they work, what they know, when and how much they judge (art. 15(4))."""

from datetime import date
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Path, Response
from pydantic import Field

from services.registry.api.models import ExpertBody
from services.registry.domain.expert import Enrolled, Event, State, expert
from services.registry.recognition_tables import expert_versions
from services.registry.use_cases import enrolling_experts
from services.registry.use_cases.appointing_office_users import check_duty
from services.registry.use_cases.streams import stream_of
from shared.events.registry.experts import Absence
from shared.http.commands import CommandRequest, Presented
from shared.http.identity import Caller
from shared.http.models import Body, View
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("registry", tag="experts")

ExpertId = Annotated[str, Path(max_length=40, examples=["exp_01kdvdna00ek7990e5df8shghf"])]
_Party = Annotated[str, Field(max_length=40)]
_Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class ExpertProfileBody(Body):
    """For whom an expert works, what the expert knows, and how many cases the expert judges at a time."""

    employers: tuple[_Party, ...] = Field(
        max_length=10, description="全部所在单位；其项目须回避 · All employers, whose cases the expert never judges",
        examples=[["prv_01kdvdna00ek7990e5df8shghf"]],
    )  # fmt: skip
    fields: tuple[_Code, ...] = Field(max_length=20, examples=[["new_materials", "medicine_health"]])
    load_max: Annotated[int, Field(ge=1, le=50)] | None = Field(
        default=None, description="同时评审的项目数上限 · Cases at a time, at most", examples=[3]
    )


class AbsenceBody(Body):
    """Days on which an expert is not drawn; both are included."""

    first_day: date = Field(examples=["2027-02-01"])
    last_day: date = Field(examples=["2027-02-14"])


class AbsencesBody(Body):
    absences: tuple[AbsenceBody, ...] = Field(
        max_length=20, description="今后全部的请假日期 · All the days to come, not only those added"
    )


class AbsenceView(View):
    first_day: date
    last_day: date


class ExpertView(View):
    """An expert, for the office and for the expert."""

    expert_id: str
    principal: str
    employer_id: str | None = Field(description="首个所在单位 · The first of the employers")
    enrolled_on: date
    employers: list[str]
    fields: list[str]
    load_max: int | None
    absences: list[AbsenceView]


class ExpertVersionView(View):
    """What an expert was from a version on, until the next."""

    version: int
    employers: list[str]
    fields: list[str]
    load_max: int | None
    absences: list[AbsenceView]
    changed_by: str
    changed_on: date


@router.post(
    "/experts",
    operation_id="enrolExpert",
    status_code=201,
    response_model=ExpertView,
    summary="专家入库 · Enrol an expert",
    openapi_extra=operation(codes=("party-unknown", "expert-already-enrolled", "duty-missing")),
)
async def enrol_expert(body: ExpertBody, request: CommandRequest) -> Response:
    """Enrol an expert who may be drawn for reviews, but never for the own employer's."""
    expert_id, officer = request.new_id("exp"), request.caller.principal

    async def enrol(tx: Transaction) -> Handled[Event, State]:
        await check_duty(tx, officer, "registry")
        return await enrolling_experts.enrol(tx, expert_id, body.principal, body.employer_id, officer)

    def presented(handled: Handled[Event, State]) -> Presented:
        view = _view(handled.state)
        return Presented(body=view, version=handled.version, status=201, location=f"/v1/experts/{expert_id}")

    return await request.run(enrol, presented)


@router.get(
    "/experts/{expert_id}",
    operation_id="getExpert",
    response_model=ExpertView,
    summary="专家详情 · One expert",
    openapi_extra=operation(idempotent=False),
)
async def get_expert(expert_id: ExpertId, request: ReadRequest) -> Response:
    """Show an expert to the office, and to the expert."""
    loaded = await request.load(expert, stream_of(expert_id, "exp"))
    _check_own(request.caller, loaded.state, expert_id)
    return request.answer(Presented(body=_view(loaded.state), version=loaded.version))


@router.post(
    "/experts/{expert_id}/profile",
    operation_id="changeExpertProfile",
    response_model=ExpertView,
    summary="更新专家信息 · Change what an expert is",
    openapi_extra=operation(if_match=True, codes=("party-unknown", "expert-not-enrolled", "duty-missing")),
)
async def change_expert_profile(expert_id: ExpertId, body: ExpertProfileBody, request: CommandRequest) -> Response:
    """Say for whom an expert works, in which fields the expert judges, and how many cases at a time."""

    async def change(tx: Transaction) -> Handled[Event, State]:
        await check_duty(tx, request.caller.principal, "registry")
        return await enrolling_experts.change_profile(
            tx, expert_id, request.caller.principal, employers=body.employers, fields=body.fields,
            load_max=body.load_max, if_match=request.if_match,
        )  # fmt: skip

    return await request.run(change, _presented)


@router.post(
    "/experts/{expert_id}/absences",
    operation_id="changeExpertAbsences",
    response_model=ExpertView,
    summary="请假日期 · Days on which an expert is away",
    openapi_extra=operation(
        if_match=True, codes=("absence-days-reversed", "absence-is-over", "absences-overlap", "expert-not-enrolled")
    ),
)
async def change_expert_absences(expert_id: ExpertId, body: AbsencesBody, request: CommandRequest) -> Response:
    """Say on which days to come an expert is not drawn: the office for any, an expert for the own."""
    absences = tuple(Absence(first_day=each.first_day, last_day=each.last_day) for each in body.absences)

    async def change(tx: Transaction) -> Handled[Event, State]:
        _check_own(request.caller, (await tx.load(expert, stream_of(expert_id, "exp"))).state, expert_id)
        return await enrolling_experts.change_absences(
            tx, expert_id, request.caller.principal, absences, if_match=request.if_match
        )

    return await request.run(change, _presented)


@router.get(
    "/experts/{expert_id}/versions",
    operation_id="listExpertVersions",
    response_model=Page[ExpertVersionView],
    summary="专家信息的历次变更 · What an expert was, version by version",
    openapi_extra=operation(idempotent=False),
)
async def list_expert_versions(
    expert_id: ExpertId, request: ReadRequest, limit: Limit = 50, cursor: CursorText = None
) -> Page[ExpertVersionView]:
    """List every version of an expert to the office, with who changed it and when."""
    stream_of(expert_id, "exp")
    query = sa.select(expert_versions).where(expert_versions.c.expert_id == expert_id)
    return await request.page(query, [expert_versions.c.version], limit, cursor, _version)


def _check_own(caller: Caller, state: State, expert_id: str) -> None:
    """Raise UnknownSubjectError for an expert who does not exist, and for another expert's."""
    if not isinstance(state, Enrolled) or (caller.role is Role.EXPERT and caller.principal != state.principal):
        raise UnknownSubjectError(expert_id)


def _presented(handled: Handled[Event, State]) -> Presented:
    return Presented(body=_view(handled.state), version=handled.version)


def _view(state: State) -> ExpertView:
    if not isinstance(state, Enrolled):
        raise TypeError("nobody is enrolled under this id")
    return ExpertView(
        expert_id=state.expert_id,
        principal=state.principal,
        employer_id=state.employers[0] if state.employers else None,
        enrolled_on=state.on,
        employers=list(state.employers),
        fields=list(state.fields),
        load_max=state.load_max,
        absences=[AbsenceView(first_day=each.first_day, last_day=each.last_day) for each in state.absences],
    )


def _version(row: Any) -> ExpertVersionView:
    return ExpertVersionView(
        version=row.version,
        employers=row.employers,
        fields=row.fields,
        load_max=row.load_max,
        absences=[AbsenceView(**each) for each in row.absences],
        changed_by=row.changed_by,
        changed_on=row.changed_on,
    )
