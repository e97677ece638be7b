"""Companies and teams register themselves and see what is known of them."""

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import Query, Response

from services.registry.access import AccessLog
from services.registry.api.models import (
    CertificatesBody,
    CertificateView,
    ClaimantBody,
    ClaimantItem,
    ClaimantView,
    ContactView,
    EnterpriseBody,
    MemberView,
)
from services.registry.domain.claimant import Event, ProfileStage, Registered, State, claimant
from services.registry.domain.credit_code import normalised
from services.registry.projections.claimant_list import claimant_list
from services.registry.tables import claimant_users, claimants
from services.registry.use_cases import changing_claimants, registering_claimants
from services.registry.use_cases.acting_for_claimants import role_in
from services.registry.use_cases.checking_channels import may_act
from services.registry.use_cases.streams import stream_of
from shared.http.commands import CommandRequest, Presented
from shared.http.models import Money
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("registry", tag="claimants")
_CODES = (
    "credit-code-invalid", "not-registered-in-beijing", "not-a-legal-person", "too-old-and-not-newly-listed",
    "staff-over-limit", "revenue-over-limit", "assets-over-limit", "finances-not-sound", "record-not-clean",
    "party-barred", "field-not-supported", "certificate-dates-reversed", "undertaking-missing",
    "team-registered-as-company", "students-not-the-majority", "project-in-planning", "principal-has-claimant",
    "credit-code-taken", "team-already-registered", "claimant-already-registered",
)  # fmt: skip


@router.post(
    "/claimants",
    operation_id="registerClaimant",
    status_code=201,
    response_model=ClaimantView,
    summary="申领单位注册 · Register as a claimant (art. 7, 15(1))",
    openapi_extra=operation(codes=_CODES),
)
async def register_claimant(body: ClaimantBody, request: CommandRequest) -> Response:
    """Register the caller's company or team; every rule that fails is named at once."""
    claimant_id = request.new_id("clm")
    profile = body.model_dump(mode="json")
    if isinstance(body, EnterpriseBody):
        profile["credit_code"] = normalised(body.credit_code)

    async def register(tx: Transaction) -> Handled[Event, State]:
        return await registering_claimants.register(tx, claimant_id, request.caller.principal, profile)

    def presented(handled: Handled[Event, State]) -> Presented:
        view = view_of(handled.state, profile, profile.get("certificates", []))
        return Presented(body=view, version=handled.version, status=201, location=f"/v1/claimants/{claimant_id}")

    return await request.run(register, presented)


@router.get(
    "/claimants/{claimant_id}",
    operation_id="getClaimant",
    response_model=ClaimantView,
    summary="申领单位详情 · One claimant",
    openapi_extra=operation(idempotent=False),
)
async def get_claimant(claimant_id: str, request: ReadRequest, access: AccessLog) -> Response:
    """Show a claimant in full, to its users and to the office; the access is recorded."""
    loaded = await request.load(claimant, stream_of(claimant_id, "clm"))
    async with request.connection() as connection:
        row = (
            await connection.execute(
                sa.select(claimants.c.profile, claimants.c.certificates).where(claimants.c.claimant_id == claimant_id)
            )
        ).one_or_none()
        role = await role_in(connection, claimant_id, request.caller.principal)
        acts = await may_act(connection, request.caller.principal, claimant_id, business_date(request.now))
    mine = {Role.CLAIMANT: role is not None, Role.CHANNEL: acts}
    if row is None or not mine.get(request.caller.role, True):
        raise UnknownSubjectError(claimant_id)
    await access.record(claimant_id, row.profile)
    return request.answer(Presented(body=view_of(loaded.state, row.profile, row.certificates), version=loaded.version))


@router.get(
    "/claimants",
    operation_id="listClaimants",
    response_model=Page[ClaimantItem],
    summary="申领单位列表 · List claimants",
    openapi_extra=operation(idempotent=False),
)
async def list_claimants(
    request: ReadRequest,
    access: AccessLog,
    kind: Annotated[Literal["enterprise", "team"] | None, Query()] = None,
    eligibility: Annotated[Literal["pass", "fail", "needs_review"] | None, Query()] = None,
    profile_stage: Annotated[ProfileStage | None, Query()] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[ClaimantItem]:
    """List all claimants for the office, and the own one for a user of a claimant."""
    await request.caught_up(claimant_list)
    table = claimant_list.table
    query = sa.select(table, claimants.c.name).join(claimants, claimants.c.claimant_id == table.c.claimant_id)
    if request.caller.role is Role.CLAIMANT:
        query = query.join(claimant_users, claimant_users.c.claimant_id == table.c.claimant_id).where(
            claimant_users.c.principal == request.caller.principal
        )
    if kind is not None:
        query = query.where(table.c.kind == kind)
    if eligibility is not None:
        query = query.where(table.c.eligibility == eligibility)
    if profile_stage is not None:
        waits = (table.c.stage != "draft") & (table.c.open_reviews > 0)
        query = query.where(waits if profile_stage == "needs_review" else ~waits & (table.c.stage == profile_stage))
    page = await request.page(query, [table.c.claimant_id], limit, cursor, _item)
    await access.record([item.claimant_id for item in page.items], ["name"])
    return page


@router.post(
    "/claimants/{claimant_id}/certificates",
    operation_id="changeCertificates",
    response_model=ClaimantView,
    summary="更新高新认定与入库信息 · Replace the certificates (art. 12)",
    openapi_extra=operation(
        if_match=True,
        codes=(
            "certificate-dates-reversed", "certificate-revoked", "team-has-no-certificates", "party-barred",
            "claimant-not-registered", "user-may-only-read",
        ),
    ),
)  # fmt: skip
async def change_certificates(claimant_id: str, body: CertificatesBody, request: CommandRequest) -> Response:
    """Say which certificates the company holds from now on; they set its yearly allowance."""
    declared = [certificate.model_dump(mode="json") for certificate in body.certificates]

    async def change(tx: Transaction) -> tuple[Handled[Event, State], dict[str, Any]]:
        handled = await changing_claimants.change_certificates(
            tx, claimant_id, request.caller.principal, declared, if_match=request.if_match
        )
        profile = sa.select(claimants.c.profile).where(claimants.c.claimant_id == claimant_id)
        return handled, dict((await tx.connection.execute(profile)).scalar_one())

    def presented(result: tuple[Handled[Event, State], dict[str, Any]]) -> Presented:
        handled, profile = result
        return Presented(body=view_of(handled.state, profile, declared), version=handled.version)

    return await request.run(change, presented)


def view_of(state: State, profile: dict[str, Any], certificates: list[dict[str, Any]]) -> ClaimantView:
    """Show a claimant in full: `profile` as it was sent, the certificates with their numbers."""
    if not isinstance(state, Registered):
        raise TypeError("nobody has registered under this id")
    project = profile.get("project", {})
    money = {
        name: Money(**profile[name]) for name in ("annual_revenue", "total_assets") if profile.get(name) is not None
    }
    answer = state.judgement.answer
    return ClaimantView(
        claimant_id=state.claimant_id,
        kind=state.kind,
        principal=state.principal,
        name=profile["name"],
        registered_on=state.on,
        certificates=[CertificateView.model_validate(c) for c in certificates],
        credit_code=profile.get("credit_code"),
        founded_on=profile.get("founded_on"),
        district=profile.get("district"),
        staff=profile.get("staff"),
        field=profile.get("field"),
        listed_on=profile.get("listed_on"),
        school=profile.get("school"),
        members=[MemberView(**m) for m in profile["members"]] if "members" in profile else None,
        project_title=project.get("title"),
        project_stage=project.get("stage"),
        contact=ContactView(**profile["contact"]) if profile.get("contact") is not None else None,
        profile_stage=state.profile_stage,
        eligibility=answer.outcome if answer is not None else None,
        **money,
    )


def _item(row: Any) -> ClaimantItem:
    stage: ProfileStage = "needs_review" if row.stage != "draft" and row.open_reviews else row.stage
    return ClaimantItem(
        claimant_id=row.claimant_id,
        kind=row.kind,
        name=row.name,
        certificates=[CertificateView.model_validate(c) for c in row.certificates],
        registered_on=row.registered_on,
        profile_stage=stage,
        eligibility=row.eligibility,
    )
