"""Who acts for a provider: its responsible department, and agencies it delegates duties to (art. 9(1), 13)."""

from typing import Any

import sqlalchemy as sa
from fastapi import Response

from services.registry.access import AccessLog
from services.registry.api.queries import DayQuery, PartyQuery, PathId, day_asked
from services.registry.api.representation_models import (
    ActingAgency,
    DelegationBody,
    DelegationView,
    DepartmentBody,
    DepartmentView,
    RepresentationView,
)
from services.registry.domain.delegation import Event, Proposed, State, delegation, stage_of
from services.registry.institution_tables import affiliations
from services.registry.provider_tables import delegations, provider_departments
from services.registry.tables import providers
from services.registry.use_cases import representing
from services.registry.use_cases.representing import DepartmentDetails
from services.registry.use_cases.streams import stream_of
from shared.http.commands import CommandRequest, Presented
from shared.http.identity import Caller
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("registry", tag="representation")
_STAGE = "delegation-not-in-this-stage"


@router.post(
    "/providers/{provider_id}/department",
    operation_id="nameDepartment",
    status_code=201,
    response_model=DepartmentView,
    summary="确定主责部门 · Name the responsible department (art. 9(1))",
    openapi_extra=operation(),
)
async def name_department(provider_id: PathId, body: DepartmentBody, request: CommandRequest) -> Response:
    """Name the department of the own institution that answers for its facilities; the one before stays on record."""
    details = DepartmentDetails(name=body.name, contact=body.contact, phone=body.phone)

    async def name(tx: Transaction) -> tuple[int, DepartmentView]:
        version = await representing.name_department(tx, provider_id, request.caller.principal, details)
        return version, DepartmentView(**body.model_dump(), provider_id=provider_id, since=tx.today)

    location = f"/v1/providers/{provider_id}/department"
    return await request.run(
        name, lambda result: Presented(body=result[1], version=result[0], status=201, location=location)
    )


@router.get(
    "/providers/{provider_id}/department",
    operation_id="getDepartment",
    response_model=DepartmentView,
    summary="主责部门及联系人 · The department and whom to call there",
    openapi_extra=operation(idempotent=False),
)
async def get_department(provider_id: PathId, request: ReadRequest, access: AccessLog) -> Response:
    """Show the department of today with its contact to the provider itself and the office; the access is recorded."""
    table = provider_departments
    query = (
        sa.select(table, providers.c.principal)
        .join(providers, providers.c.provider_id == table.c.provider_id)
        .where(table.c.provider_id == provider_id)
        .order_by(table.c.version.desc())
        .limit(1)
    )
    async with request.connection() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None or (request.caller.role is Role.PROVIDER and row.principal != request.caller.principal):
        raise UnknownSubjectError(provider_id)
    await access.record(provider_id, ["department_contact"])
    view = DepartmentView(**{name: getattr(row, name) for name in DepartmentView.model_fields})
    return request.answer(Presented(body=view, version=row.version))


@router.get(
    "/providers/{provider_id}/representation",
    operation_id="getRepresentation",
    response_model=RepresentationView,
    summary="当日由谁负责 · Who acts for a provider on a day (art. 9(1))",
    openapi_extra=operation(idempotent=False, codes=("day-not-yet-come",)),
)
async def get_representation(provider_id: PathId, request: ReadRequest, on: DayQuery = None) -> RepresentationView:
    """Say who acts for a provider on a day: its department by name, and agencies for the duties they have taken."""
    day = day_asked(request, on)
    async with request.reading() as tx:
        found = await representing.representation_on(tx, provider_id, day)
    agencies = [
        ActingAgency(
            agency_id=acting.agency_id,
            delegation_id=acting.delegation_id,
            duties=list(acting.duties),
            valid_until=acting.valid_until,
        )
        for acting in found.delegations
    ]
    return RepresentationView(provider_id=provider_id, on=day, department=found.department, agencies=agencies)


@router.post(
    "/delegations",
    operation_id="proposeDelegation",
    status_code=201,
    response_model=DelegationView,
    summary="提出委托专业服务机构 · Offer duties to a service agency (art. 9(1), 13)",
    openapi_extra=operation(
        codes=("provider-not-listed", "party-barred", "service-agency-unknown", "delegation-days-wrong", _STAGE)
    ),
)
async def propose_delegation(body: DelegationBody, request: CommandRequest) -> Response:
    """Offer duties of the own institution to an agency between two days; nothing holds before it accepts."""
    delegation_id = request.new_id("dlg")

    async def propose(tx: Transaction) -> Handled[Event, State]:
        return await representing.propose_delegation(
            tx, delegation_id, request.caller.principal, body.agency_id, body.duties, body.valid_from, body.valid_until
        )

    def presented(handled: Handled[Event, State]) -> Presented:
        location = f"/v1/delegations/{delegation_id}"
        return Presented(body=_view(handled.state), version=handled.version, status=201, location=location)

    return await request.run(propose, presented)


@router.post(
    "/delegations/{delegation_id}/acceptance",
    operation_id="acceptDelegation",
    response_model=DelegationView,
    summary="接受委托 · Take the duties",
    openapi_extra=operation(
        if_match=True,
        codes=(
            _STAGE,
            "provider-not-listed",
            "party-barred",
            "service-agency-unknown",
            "delegation-is-over",
            "duty-delegated-already",
        ),
    ),
)
async def accept_delegation(delegation_id: PathId, request: CommandRequest) -> Response:
    """Take the duties a provider offers the own agency; each duty is in the hands of one agency at a time."""

    async def accept(tx: Transaction) -> Handled[Event, State]:
        return await representing.accept_delegation(
            tx, delegation_id, request.caller.principal, if_match=request.if_match
        )

    return await request.run(accept, _presented)


@router.post(
    "/delegations/{delegation_id}/refusal",
    operation_id="declineDelegation",
    response_model=DelegationView,
    summary="不接受委托 · Leave the duties with the provider",
    openapi_extra=operation(if_match=True, codes=(_STAGE,)),
)
async def decline_delegation(delegation_id: PathId, request: CommandRequest) -> Response:
    """Decline what a provider offers the own agency."""

    async def decline(tx: Transaction) -> Handled[Event, State]:
        return await representing.decline_delegation(
            tx, delegation_id, request.caller.principal, if_match=request.if_match
        )

    return await request.run(decline, _presented)


@router.post(
    "/delegations/{delegation_id}/end",
    operation_id="endDelegation",
    response_model=DelegationView,
    summary="终止委托 · End a delegation",
    openapi_extra=operation(if_match=True, codes=(_STAGE, "delegation-is-over")),
)
async def end_delegation(delegation_id: PathId, request: CommandRequest) -> Response:
    """End a delegation from today on, from either side, or take back what was only offered."""
    caller = request.caller

    async def end(tx: Transaction) -> Handled[Event, State]:
        return await representing.end_delegation(
            tx,
            delegation_id,
            "provider" if caller.role is Role.PROVIDER else "agency",
            caller.principal,
            if_match=request.if_match,
        )

    return await request.run(end, _presented)


@router.get(
    "/delegations",
    operation_id="listDelegations",
    response_model=Page[DelegationView],
    summary="委托列表 · List delegations",
    openapi_extra=operation(idempotent=False),
)
async def list_delegations(
    request: ReadRequest, provider_id: PartyQuery = None, limit: Limit = 50, cursor: CursorText = None
) -> Page[DelegationView]:
    """List delegations: a provider's and an agency's own, for the office all."""
    query = _visible(request.caller)
    if provider_id is not None:
        query = query.where(delegations.c.provider_id == provider_id)
    return await request.page(query, [delegations.c.delegation_id], limit, cursor, _row)


@router.get(
    "/delegations/{delegation_id}",
    operation_id="getDelegation",
    response_model=DelegationView,
    summary="委托详情 · One delegation",
    openapi_extra=operation(idempotent=False),
)
async def get_delegation(delegation_id: PathId, request: ReadRequest) -> Response:
    """Show a delegation to its two sides and to the office."""
    async with request.connection() as connection:
        visible = _visible(request.caller).where(delegations.c.delegation_id == delegation_id)
        if (await connection.execute(visible)).first() is None:
            raise UnknownSubjectError(delegation_id)
    loaded = await request.load(delegation, stream_of(delegation_id, "dlg"))
    return request.answer(Presented(body=_view(loaded.state), version=loaded.version))


def _visible(caller: Caller) -> sa.Select[Any]:
    query = sa.select(delegations)
    if caller.role is Role.PROVIDER:
        own = sa.select(providers.c.provider_id).where(providers.c.principal == caller.principal)
        return query.where(delegations.c.provider_id.in_(own))
    if caller.role is Role.SERVICE_AGENCY:
        agency = sa.select(affiliations.c.party_id).where(affiliations.c.principal == caller.principal)
        return query.where(delegations.c.agency_id.in_(agency))
    return query


def _presented(handled: Handled[Event, State]) -> Presented:
    return Presented(body=_view(handled.state), version=handled.version)


def _row(row: Any) -> DelegationView:
    return DelegationView(**{name: getattr(row, name) for name in DelegationView.model_fields})


def _view(state: State) -> DelegationView:
    if not isinstance(state, Proposed):
        raise TypeError("the delegation was never offered")
    return DelegationView(
        delegation_id=state.delegation_id,
        provider_id=state.provider_id,
        agency_id=state.agency_id,
        duties=list(state.duties),
        valid_from=state.valid_from,
        valid_until=state.valid_until,
        stage=stage_of(state),
        accepted_on=state.accepted_on,
        ended_on=state.ended_on,
    )
