"""A small context to put the edge in front of: projects are proposed, confirmed, listed and awaited."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Annotated

import httpx
import sqlalchemy as sa
from fastapi import FastAPI, File, Response, UploadFile
from pydantic import Field

from shared.context import BoundedContext
from shared.database import metadata
from shared.events.contracts import ProjectConfirmed, ProjectProposed
from shared.http.commands import CommandRequest, Presented
from shared.http.models import Body, Money, View
from shared.http.policy import PUBLIC, Role, roles
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.projections.projection import Projection
from shared.runtime import Runtime
from shared.store.tables import events
from shared.store.transaction import Handled, Loaded, Transaction, UnknownSubjectError

CONTEXT = "contracts"
DAY = date(2026, 3, 2)
DEAR_FEN = 5_000_000

type Event = ProjectProposed | ProjectConfirmed


@message
class Project:
    """Who proposed it, and whether it is confirmed."""

    claimant_id: str = ""
    confirmed: bool = False


@message
class Propose:
    """Ask for a service."""

    project_id: str
    claimant_id: str
    amount: int
    kind: str


@message
class Confirm:
    """Say yes, once."""

    project_id: str


def _decide(command: Propose | Confirm, state: Project) -> list[Event]:
    match command:
        case Propose():
            refuse_unless(
                Reason(
                    code="project-too-dear",
                    article="12",
                    value=command.amount,
                    limit=DEAR_FEN,
                    parameter="face_value_max",
                )
                if command.amount > DEAR_FEN
                else None,
                Reason(code="statutory-testing", article="9(3)") if command.kind == "statutory" else None,
            )
            return [
                ProjectProposed(
                    project_id=command.project_id,
                    claimant_id=command.claimant_id,
                    provider_id="prv_1",
                    service_id="svc_1",
                    service_kind="testing",
                    planned_amount=command.amount,
                    description_digest="f00d",
                    on=DAY,
                )
            ]
        case Confirm():
            if state.confirmed:
                raise refuse("project-out-of-turn", article="9(2)", kind="state")
            return [
                ProjectConfirmed(
                    project_id=command.project_id,
                    claimant_id=state.claimant_id,
                    provider_id="prv_1",
                    confirmed_by="prv_1",
                    on=DAY,
                )
            ]


def _evolve(state: Project, event: Event) -> Project:
    match event:
        case ProjectProposed():
            return Project(claimant_id=event.claimant_id)
        case ProjectConfirmed():
            return Project(claimant_id=state.claimant_id, confirmed=True)


PROJECT = Decider(decide=_decide, evolve=_evolve, initial=Project())
BOARD = Projection(
    name="board",
    table=sa.Table("board", metadata(), sa.Column("project_id", sa.Text, primary_key=True)),
    rows={ProjectProposed: lambda event: [(event.project_id,)]},
    evolve=lambda _row, event, _key: {"project_id": event.data.project_id},
    poison="park",
)


class ProposalBody(Body):
    """A service somebody asks for."""

    planned_amount: Money
    kind: str = Field(min_length=1, max_length=40, examples=["testing"])
    starts_on: date | None = None
    copies: int | None = None
    urgent: bool = False
    contact_phone: str | None = Field(default=None, max_length=8)


class ProjectView(View):
    """A project, as its claimant sees it."""

    project_id: str
    claimant_id: str
    confirmed: bool
    kind: str = ""


class StreamView(View):
    """A line of the list."""

    stream: str


router = router_for(CONTEXT, tag="projects")
PROPOSING = roles(Role.CLAIMANT)


@router.post(
    "/projects",
    operation_id="proposeProject",
    status_code=201,
    response_model=ProjectView,
    summary="提出项目 · Propose a project",
    openapi_extra=operation(codes=("project-too-dear", "statutory-testing")),
)
async def propose_project(body: ProposalBody, request: CommandRequest) -> Response:
    project_id = request.new_id("prj")

    async def propose(tx: Transaction) -> Handled[Event, Project]:
        command = Propose(
            project_id=project_id,
            claimant_id=request.caller.party or "",
            amount=body.planned_amount.amount,
            kind=body.kind,
        )
        return await tx.handle(PROJECT, f"project-{project_id}", command)

    def present(handled: Handled[Event, Project]) -> Presented:
        view = ProjectView(
            project_id=project_id, claimant_id=handled.state.claimant_id, confirmed=False, kind=body.kind
        )
        return Presented(body=view, version=handled.version, status=201, location=f"/v1/projects/{project_id}")

    return await request.run(propose, present)


def _shown(project_id: str, state: Project, version: int, status: int = 200) -> Presented:
    view = ProjectView(project_id=project_id, claimant_id=state.claimant_id, confirmed=state.confirmed)
    return Presented(body=view, version=version, status=status)


def _owned(loaded: Loaded[Project], party: str | None) -> Loaded[Project]:
    if loaded.version == 0 or loaded.state.claimant_id != party:
        raise UnknownSubjectError
    return loaded


@router.post(
    "/projects/{project_id}/confirmation",
    operation_id="confirmProject",
    response_model=ProjectView,
    summary="确认项目 · Confirm a project",
    openapi_extra=operation(if_match=True, codes=("project-out-of-turn",)),
)
async def confirm_project(project_id: str, request: CommandRequest) -> Response:
    async def confirm(tx: Transaction) -> Handled[Event, Project]:
        stream = f"project-{project_id}"
        _owned(await tx.load(PROJECT, stream), request.caller.party)
        return await tx.handle(PROJECT, stream, Confirm(project_id=project_id), if_match=request.if_match)

    return await request.run(confirm, lambda done: _shown(project_id, done.state, done.version))


@router.post(
    "/projects/{project_id}/registration",
    operation_id="awaitProject",
    status_code=202,
    response_model=ProjectView,
    summary="等待确认 · Wait for the confirmation",
    openapi_extra=operation(),
)
async def await_project(project_id: str, request: CommandRequest) -> Response:
    stream = f"project-{project_id}"

    async def look(tx: Transaction) -> Loaded[Project]:
        return _owned(await tx.load(PROJECT, stream), request.caller.party)

    async def probe() -> Presented | None:
        found = await request.load(PROJECT, stream)
        return _shown(project_id, found.state, found.version) if found.state.confirmed else None

    accepted = await request.run(look, lambda found: _shown(project_id, found.state, found.version, 202))
    return await request.wait_for(probe, otherwise=accepted)


@router.get(
    "/projects/{project_id}",
    operation_id="getProject",
    response_model=ProjectView,
    summary="查看项目 · Look at a project",
)
async def get_project(project_id: str, request: ReadRequest) -> Response:
    loaded = _owned(await request.load(PROJECT, f"project-{project_id}"), request.caller.party)
    return request.answer(_shown(project_id, loaded.state, loaded.version))


@router.get("/projects", operation_id="listProjects", summary="项目列表 · List projects")
async def list_projects(request: ReadRequest, limit: Limit = 50, cursor: CursorText = None) -> Page[StreamView]:
    await request.caught_up(BOARD)
    lines = sa.select(events.c.stream).where(
        events.c.type == "cxq.contracts.project-proposed.v2", events.c.key == (request.caller.party or "")
    )
    return await request.page(
        lines, [events.c.position.desc()], limit, cursor, lambda row: StreamView(stream=row.stream)
    )


@router.post(
    "/evidence",
    operation_id="addEvidence",
    status_code=201,
    response_model=StreamView,
    summary="上传材料 · Upload a file",
    openapi_extra=operation(),
)
async def add_evidence(file: Annotated[UploadFile, File()], request: CommandRequest) -> Response:
    content = await file.read()

    async def keep(_tx: Transaction) -> int:
        return len(content)

    return await request.run(keep, lambda size: Presented(body=StreamView(stream=str(size)), status=201))


@router.get("/notices", operation_id="listNotices", summary="公示 · Notices")
async def list_notices(about: str = "") -> list[StreamView]:
    return [StreamView(stream=about)]


@router.get("/breakdown", operation_id="getBreakdown", summary="出错 · Break")
async def get_breakdown() -> list[StreamView]:
    raise RuntimeError("secret-inside")


POLICY = {
    "proposeProject": PROPOSING,
    "confirmProject": PROPOSING,
    "awaitProject": PROPOSING,
    "getProject": PROPOSING,
    "listProjects": PROPOSING,
    "addEvidence": PROPOSING,
    "listNotices": PUBLIC,
    "getBreakdown": PUBLIC,
}
SERVICE = BoundedContext(
    name=CONTEXT,
    title="项目 · Projects",
    folder=Path(__file__).parent,
    routers=(router,),
    policy=POLICY,
    projections=(BOARD,),
    tags={"projects": "项目 · Projects"},
)


class StoreRuntime(Runtime):
    """A runtime at work on the store alone: no broker belongs to these tests."""

    def start_background(self) -> None:
        """Start nothing."""


@asynccontextmanager
async def visiting(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of an app whose lifespan runs."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://projects") as client,
    ):
        yield client
