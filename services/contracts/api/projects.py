"""Projects: proposed by claimants, answered by providers (art. 9(2), 15(2))."""

from collections.abc import Mapping

import sqlalchemy as sa
from fastapi import Response

from services.contracts.api.models import (
    Decline,
    Project,
    ProjectConfirmation,
    ProjectItem,
    ProjectProposal,
    ProjectRefusal,
    ProjectState,
)
from services.contracts.api.visibility import ProjectId, check_visible, is_acted_for, visible_to
from services.contracts.domain.project import Confirmed, Declined, Proposed, State, Unproposed, project
from services.contracts.projections.project_list import project_list
from services.contracts.projections.project_list import table as projects
from services.contracts.tables import authorisations, project_texts, withheld
from services.contracts.use_cases.answering_projects import confirm, decline
from services.contracts.use_cases.keeping_texts import ProjectTexts, texts_of
from services.contracts.use_cases.proposing_projects import propose, stream
from shared.http.commands import CommandRequest, Presented
from shared.http.identity import Caller, claimant_of
from shared.http.models import Money
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date
from shared.procedures.acting import check_may_act
from shared.procedures.acting_by_channel import act_by_channel
from shared.store.transaction import Transaction, UnknownSubjectError

router = router_for("contracts", tag="projects")

STANDING = (
    "claimant-not-registered",
    "claimant-not-eligible",
    "claimant-barred",
    "provider-not-listed",
    "provider-has-left",
    "provider-barred",
    "relation-not-declared",
    "service-not-offered",
    "service-kind-not-supported",
    "design-capability-missing",
)

_NAMES: Mapping[type[State], ProjectState] = {
    Proposed: "proposed",
    Confirmed: "confirmed",
    Declined: "declined",
}


@router.post(
    "/projects",
    operation_id="proposeProject",
    status_code=201,
    response_model=Project,
    summary="提出合作项目 · Propose a project to a provider",
    openapi_extra=operation(
        codes=(
            *STANDING,
            "user-may-only-read",
            "channel-not-authorised",
            "claimant-not-named",
            "statutory-testing-excluded",
            "funded-project-excluded",
        )
    ),
)
async def propose_project(body: ProjectProposal, request: CommandRequest) -> Response:
    project_id = request.new_id("prj")
    texts = ProjectTexts(title=body.title, description=body.description)

    async def use_case(tx: Transaction) -> Presented:
        claimant_id = await _acting_for(tx, request.caller, body.claimant_id)
        handled = await propose(
            tx,
            project_id=project_id,
            claimant_id=claimant_id,
            provider_id=body.provider_id,
            service_id=body.service_id,
            planned_amount=body.planned_amount.amount,
            texts=texts,
            no_statutory_testing=body.declarations.no_statutory_testing,
            no_municipal_funding=body.declarations.no_municipal_funding,
            relation_declared=body.declarations.is_related,
        )
        return _presented(handled.state, texts, handled.version, status=201)

    return await request.run(use_case, lambda presented: presented)


@router.post(
    "/projects/{project_id}/confirmation",
    operation_id="confirmProject",
    response_model=Project,
    summary="开放单位确认申领单位与项目 · Confirm claimant and project",
    openapi_extra=operation(if_match=True, codes=(*STANDING, "project-already-decided")),
)
async def confirm_project(project_id: ProjectId, body: ProjectConfirmation, request: CommandRequest) -> Response:  # noqa: ARG001 (its fields can only say yes)
    async def use_case(tx: Transaction) -> Presented:
        handled = await confirm(
            tx,
            project_id,
            provider_id=request.caller.party,
            confirmed_by=request.caller.principal,
            if_match=request.if_match,
        )
        return _presented(handled.state, await texts_of(tx.connection, project_id), handled.version)

    return await request.run(use_case, lambda presented: presented)


@router.post(
    "/projects/{project_id}/refusal",
    operation_id="declineProject",
    response_model=Project,
    summary="开放单位不予确认并说明原因 · Decline a project, with the reason",
    openapi_extra=operation(if_match=True, codes=("project-already-decided",)),
)
async def decline_project(project_id: ProjectId, body: ProjectRefusal, request: CommandRequest) -> Response:
    async def use_case(tx: Transaction) -> Presented:
        handled = await decline(
            tx,
            project_id,
            provider_id=request.caller.party,
            reason=body.reason,
            explanation=body.explanation,
            if_match=request.if_match,
        )
        return _presented(handled.state, await texts_of(tx.connection, project_id), handled.version)

    return await request.run(use_case, lambda presented: presented)


@router.get(
    "/projects/{project_id}",
    operation_id="getProject",
    response_model=Project,
    summary="查看合作项目 · Read a project",
)
async def get_project(project_id: ProjectId, request: ReadRequest) -> Response:
    loaded = await request.load(project, stream(project_id))
    if isinstance(loaded.state, Unproposed):
        raise UnknownSubjectError(project_id)
    proposed = loaded.state.project
    acted_for = await is_acted_for(request, proposed.claimant_id)
    check_visible(
        request.caller,
        project_id,
        claimant_id=proposed.claimant_id,
        provider_id=proposed.provider_id,
        acted_for=acted_for,
    )
    async with request.connection() as connection:
        texts = await texts_of(connection, project_id)
    return request.answer(_presented(loaded.state, texts, loaded.version))


@router.get("/projects", operation_id="listProjects", summary="合作项目列表 · List projects, the newest first")
async def list_projects(
    request: ReadRequest, state: ProjectState | None = None, limit: Limit = 50, cursor: CursorText = None
) -> Page[ProjectItem]:
    await request.caught_up(project_list)
    select = (
        sa.select(projects, project_texts.c.title)
        .join(project_texts, project_texts.c.project_id == projects.c.project_id)
        .where(visible_to(request.caller, projects, business_date(request.now)))
    )
    if state is not None:
        select = select.where(projects.c.state == state)
    return await request.page(select, [projects.c.project_id.desc()], limit, cursor, _item)


async def _acting_for(tx: Transaction, caller: Caller, named: str | None) -> str:
    """Give the claimant a caller proposes for: its own, or as a channel the one it names and is authorised by."""
    claimant_id = claimant_of(caller, named)
    if caller.role is Role.CHANNEL:
        await act_by_channel(tx, authorisations, claimant_id, "contracts")
    else:
        await check_may_act(tx, withheld, claimant_id, caller.principal)
    return claimant_id


def _item(row: sa.Row[tuple[object, ...]]) -> ProjectItem:
    return ProjectItem(
        project_id=row.project_id,
        claimant_id=row.claimant_id,
        provider_id=row.provider_id,
        service_id=row.service_id,
        service_kind=row.service_kind,
        planned_amount=Money.of(row.planned_amount),
        title=row.title,
        state=row.state,
        proposed_on=row.proposed_on,
        answered_on=row.answered_on,
    )


def _presented(state: State, texts: ProjectTexts, version: int, *, status: int = 200) -> Presented:
    """Represent a project as it stands."""
    if isinstance(state, Unproposed):
        raise TypeError("there is nothing to represent before the proposal")
    proposed = state.project
    view = Project(
        project_id=proposed.project_id,
        claimant_id=proposed.claimant_id,
        provider_id=proposed.provider_id,
        service_id=proposed.service_id,
        service_kind=proposed.service_kind,
        planned_amount=Money.of(proposed.planned_amount),
        title=texts.title,
        description=texts.description,
        is_related=proposed.relation_declared,
        state=_NAMES[type(state)],
        proposed_on=proposed.on,
        confirmed_on=state.on if isinstance(state, Confirmed) else None,
        declined=Decline(reason=state.reason, explanation=texts.explanation or "", on=state.on)
        if isinstance(state, Declined)
        else None,
    )
    location = f"/v1/projects/{proposed.project_id}" if status == 201 else ""  # noqa: PLR2004 (created)
    return Presented(body=view, version=version, status=status, location=location)
