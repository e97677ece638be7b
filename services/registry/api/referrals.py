"""Which referral agency serves which claimant, by the claimant's consent (faq 4)."""

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import Path, Query, Response

from services.registry.api.agency_models import ReferralBody, ReferralReceiptView, ReferralView
from services.registry.institution_tables import affiliations
from services.registry.projections.agency_list import agency_list
from services.registry.projections.referrals import referrals
from services.registry.tables import claimant_users
from services.registry.use_cases import referring
from shared.http.commands import CommandRequest, Presented
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction

router = router_for("registry", tag="referrals")
AgencyId = Annotated[str, Path(max_length=40, examples=["rag_01kdvdna00ek7990e5df8shghf"])]
ClaimantId = Annotated[str, Path(max_length=40, examples=["clm_01kdvdna00ek7990e5df8shghf"])]


@router.post(
    "/referral-agencies/{agency_id}/referrals",
    operation_id="offerReferral",
    status_code=201,
    response_model=ReferralReceiptView,
    summary="提出为企业提供推荐服务 · Name a claimant the agency serves",
    openapi_extra=operation(
        codes=("affiliation-not-in-this-stage", "party-unknown", "party-barred", "referral-already-offered")
    ),
)
async def offer_referral(agency_id: AgencyId, body: ReferralBody, request: CommandRequest) -> Response:
    """Say that the own agency serves a claimant; it counts once the claimant has agreed."""

    async def offer(tx: Transaction) -> int:
        handled = await referring.offer_referral(tx, agency_id, request.caller.principal, body.claimant_id)
        return handled.version

    receipt = ReferralReceiptView(agency_id=agency_id, claimant_id=body.claimant_id, stage="offered")
    return await request.run(offer, lambda _: Presented(body=receipt, status=201))


@router.post(
    "/referral-agencies/{agency_id}/referrals/{claimant_id}/consent",
    operation_id="acceptReferral",
    response_model=ReferralReceiptView,
    summary="同意由推荐机构服务 · Agree to be served by the agency",
    openapi_extra=operation(
        codes=("affiliation-not-in-this-stage", "referral-not-offered", "party-barred", "user-may-only-read")
    ),
)
async def accept_referral(agency_id: AgencyId, claimant_id: ClaimantId, request: CommandRequest) -> Response:
    """Agree for the own claimant."""

    async def accept(tx: Transaction) -> int:
        handled = await referring.accept_referral(tx, agency_id, claimant_id, request.caller.principal)
        return handled.version

    receipt = ReferralReceiptView(agency_id=agency_id, claimant_id=claimant_id, stage="accepted")
    return await request.run(accept, lambda _: Presented(body=receipt))


@router.post(
    "/referral-agencies/{agency_id}/referrals/{claimant_id}/end",
    operation_id="endReferral",
    response_model=ReferralReceiptView,
    summary="谢绝或终止推荐服务 · Decline an offer, or end the service",
    openapi_extra=operation(codes=("referral-not-offered", "user-may-only-read")),
)
async def end_referral(agency_id: AgencyId, claimant_id: ClaimantId, request: CommandRequest) -> Response:
    """Decline or end, as the claimant or as the agency."""
    as_agency = request.caller.role is Role.REFERRAL_AGENCY
    end_for = referring.end_referral_as_agency if as_agency else referring.end_referral_as_claimant

    async def end(tx: Transaction) -> int:
        return (await end_for(tx, agency_id, claimant_id, request.caller.principal)).version

    receipt = ReferralReceiptView(agency_id=agency_id, claimant_id=claimant_id, stage="ended")
    return await request.run(end, lambda _: Presented(body=receipt))


@router.get(
    "/referrals",
    operation_id="listReferrals",
    response_model=Page[ReferralView],
    summary="推荐服务列表 · Who serves whom",
    openapi_extra=operation(idempotent=False),
)
async def list_referrals(
    request: ReadRequest,
    stage: Annotated[Literal["offered", "accepted", "ended"] | None, Query()] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[ReferralView]:
    """List what concerns the caller: a claimant its agencies, an agency its claimants, the office all."""
    await request.caught_up(referrals)
    await request.caught_up(agency_list)
    caller, table, agencies = request.caller, referrals.table, agency_list.table
    ended_on = sa.func.coalesce(table.c.ended_on, agencies.c.left_on)  # who has left serves nobody
    stage_now = sa.case((ended_on.is_not(None), "ended"), else_=table.c.stage)
    query = (
        sa.select(
            table.c.agency_id,
            table.c.claimant_id,
            table.c.offered_on,
            table.c.accepted_on,
            affiliations.c.name.label("agency_name"),
            stage_now.label("stage"),
            ended_on.label("ended_on"),
        )
        .join(affiliations, affiliations.c.party_id == table.c.agency_id)
        .join(agencies, agencies.c.party_id == table.c.agency_id)
    )
    if caller.role is Role.CLAIMANT:
        own = sa.select(claimant_users.c.claimant_id).where(claimant_users.c.principal == caller.principal)
        query = query.where(table.c.claimant_id.in_(own))
    elif caller.role is Role.REFERRAL_AGENCY:
        query = query.where(affiliations.c.principal == caller.principal)
    if stage is not None:
        query = query.where(stage_now == stage)
    return await request.page(query, [table.c.agency_id, table.c.claimant_id], limit, cursor, _item)


def _item(row: Any) -> ReferralView:
    return ReferralView(**{name: getattr(row, name) for name in ReferralView.model_fields})
