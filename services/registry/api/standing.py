"""Measures against those who broke the rules, and what stands against a party (art. 16, 17)."""

from typing import Any

import sqlalchemy as sa
from fastapi import Request, Response

from services.registry.api.models import (
    MeasureInForce,
    ObstacleView,
    PermissionView,
    SanctionBody,
    SanctionView,
    StandingView,
)
from services.registry.domain.participation import Permission, permissions
from services.registry.domain.sanction import Event, Lifted, Proposed, State, Unproposed, sanction, stage_of
from services.registry.institution_tables import affiliations
from services.registry.tables import claimant_users, claimants, experts, providers, sanctions
from services.registry.use_cases import sanctioning
from services.registry.use_cases.appointing_office_users import check_duty
from services.registry.use_cases.knowing_standing import party_today
from services.registry.use_cases.streams import stream_of
from shared.http.commands import CommandRequest, Presented
from shared.http.edge import writer_of
from shared.http.policy import Role
from shared.http.problems import Writer
from shared.http.reading import ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("registry", tag="standing")


@router.post(
    "/sanctions",
    operation_id="proposeSanction",
    status_code=201,
    response_model=SanctionView,
    summary="提出措施 · Propose a measure (art. 17)",
    openapi_extra=operation(
        codes=(
            "party-unknown", "suspension-needs-an-end", "nothing-to-suspend", "end-is-not-chosen", "end-already-past",
            "not-on-the-list", "sanction-not-in-this-stage", "duty-missing",
        )
    ),
)  # fmt: skip
async def propose_sanction(body: SanctionBody, request: CommandRequest) -> Response:
    """Propose a measure against a party of the register; it has no effect until somebody else approves it."""
    sanction_id = request.new_id("snc")

    async def propose(tx: Transaction) -> Handled[Event, State]:
        await check_duty(tx, request.caller.principal, "supervision")
        return await sanctioning.propose(
            tx, sanction_id, request.caller.principal, party_id=body.party_id, measure=body.measure,
            until=body.until, grounds=body.grounds,
        )  # fmt: skip

    def presented(handled: Handled[Event, State]) -> Presented:
        view = _sanction(handled.state, body.grounds)
        return Presented(body=view, version=handled.version, status=201, location=f"/v1/sanctions/{sanction_id}")

    return await request.run(propose, presented)


@router.get(
    "/sanctions/{sanction_id}",
    operation_id="getSanction",
    response_model=SanctionView,
    summary="措施详情 · One measure",
    openapi_extra=operation(idempotent=False),
)
async def get_sanction(sanction_id: str, request: ReadRequest) -> Response:
    """Show a measure with its grounds to the office."""
    loaded = await request.load(sanction, stream_of(sanction_id, "snc"))
    if isinstance(loaded.state, Unproposed):
        raise UnknownSubjectError(sanction_id)
    async with request.connection() as connection:
        grounds = (await connection.execute(_grounds(sanction_id))).scalar_one()
    return request.answer(Presented(body=_sanction(loaded.state, grounds), version=loaded.version))


@router.post(
    "/sanctions/{sanction_id}/approval",
    operation_id="approveSanction",
    response_model=SanctionView,
    summary="批准措施 · Impose a measure as the second pair of eyes",
    openapi_extra=operation(
        if_match=True,
        codes=(
            "four-eyes",
            "end-already-past",
            "not-on-the-list",
            "sanction-not-in-this-stage",
            "duty-missing",
        ),
    ),
)
async def approve_sanction(sanction_id: str, request: CommandRequest) -> Response:
    """Impose what somebody else proposed; a ban of three years begins today."""

    async def approve(tx: Transaction) -> tuple[int, SanctionView]:
        await check_duty(tx, request.caller.principal, "approval")
        handled = await sanctioning.approve(tx, sanction_id, request.caller.principal, if_match=request.if_match)
        grounds = (await tx.connection.execute(_grounds(sanction_id))).scalar_one()
        return handled.version, _sanction(handled.state, grounds)

    return await request.run(approve, lambda result: Presented(body=result[1], version=result[0]))


@router.get(
    "/parties/{party_id}/standing",
    operation_id="getStanding",
    response_model=StandingView,
    summary="主体状态 · The standing of a party",
    openapi_extra=operation(
        idempotent=False, known_as={"party_id": ("claimant_id", "provider_id", "expert_id", "laboratory_id")}
    ),
)
async def get_standing(party_id: str, request: ReadRequest, http: Request) -> StandingView:
    """Show a party the measures in force and what it may do today, and the office too."""
    in_force = sa.and_(
        sanctions.c.party_id == party_id,
        sanctions.c.imposed_on.is_not(None),
        ~sanctions.c.lifted,
        sanctions.c.until.is_(None) | (sanctions.c.until >= business_date(request.now)),
    )
    async with request.connection() as connection:
        kinds = sa.union_all(
            sa.select(claimant_users.c.principal, sa.literal("claimant").label("kind"))
            .select_from(claimants)
            .outerjoin(claimant_users, _is_user(request.caller.principal))
            .where(claimants.c.claimant_id == party_id),
            sa.select(providers.c.principal, sa.literal("provider").label("kind")).where(
                providers.c.provider_id == party_id
            ),
            sa.select(affiliations.c.principal, affiliations.c.kind).where(affiliations.c.party_id == party_id),
            sa.select(experts.c.principal, sa.literal("expert")).where(experts.c.expert_id == party_id),
        )
        party = (await connection.execute(kinds)).one_or_none()
        found = (await connection.execute(sa.select(sanctions).where(in_force).order_by(sanctions.c.sanction_id))).all()
    of_the_office = request.caller.role in {Role.OFFICER, Role.APPROVER, Role.AUDITOR}
    if party is None or not (of_the_office or party.principal == request.caller.principal):
        raise UnknownSubjectError(party_id)
    measures = [
        MeasureInForce(sanction_id=row.sanction_id, measure=row.measure, imposed_on=row.imposed_on, until=row.until)
        for row in found
    ]
    async with request.reading() as tx:
        today = await party_today(tx, party_id, party.kind, frozenset(each.measure for each in measures))
    writer = writer_of(http)
    return StandingView(
        party_id=party_id,
        party_kind=party.kind,
        good=not measures,
        measures=measures,
        may=[_permission(each, writer) for each in permissions(today)],
    )


def _permission(permission: Permission, writer: Writer) -> PermissionView:
    said = [(reason, writer.catalogue[reason.code]) for reason in permission.reasons]
    obstacles = [
        ObstacleView(
            code=reason.code,
            article=reason.article,
            title=entry.title[writer.language],
            remedy=entry.remedy[writer.language],
        )
        for reason, entry in said
    ]
    return PermissionView(act=permission.act, allowed=not obstacles, reasons=obstacles)


def _is_user(principal: str) -> sa.ColumnElement[bool]:
    return (claimant_users.c.claimant_id == claimants.c.claimant_id) & (claimant_users.c.principal == principal)


def _grounds(sanction_id: str) -> sa.Select[Any]:
    return sa.select(sanctions.c.grounds).where(sanctions.c.sanction_id == sanction_id)


def _sanction(state: State, grounds: str) -> SanctionView:
    if isinstance(state, Unproposed):
        raise TypeError("nothing was proposed under this id")
    proposal = state.proposal
    imposed = None if isinstance(state, Proposed) else state
    return SanctionView(
        sanction_id=proposal.sanction_id,
        party_id=proposal.party_id,
        party_kind=proposal.party_kind,
        measure=proposal.measure,
        stage=stage_of(state),
        grounds=grounds,
        proposed_by=proposal.proposed_by,
        proposed_on=proposal.on,
        approved_by=imposed.approved_by if imposed else None,
        imposed_on=imposed.on if imposed else None,
        until=imposed.until if imposed else proposal.until,
        carried_from=proposal.carried_from,
        lifted_on=state.lifted_on if isinstance(state, Lifted) else None,
    )
