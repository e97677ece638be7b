"""A claimant describes itself anew, the office checks it, and both see what was said before."""

from typing import Any

import sqlalchemy as sa
from fastapi import Request, Response

from services.registry.access import AccessLog
from services.registry.api.claimant_models import (
    ClaimantEligibilityView,
    ProfileBody,
    ProfileStateView,
    ProfileVersionView,
    RevocationBody,
    RuleView,
)
from services.registry.api.claimants import view_of
from services.registry.api.models import ClaimantView, plain
from services.registry.domain.claimant import Event, Registered, State, claimant
from services.registry.domain.eligibility import Finding
from services.registry.tables import claimant_profiles, claimants
from services.registry.use_cases import changing_claimants
from services.registry.use_cases.acting_for_claimants import role_in
from services.registry.use_cases.judging_claimants import findings_on
from services.registry.use_cases.streams import stream_of
from shared.events.registry.claimants import RuleOutcome
from shared.http.commands import CommandRequest, Presented
from shared.http.edge import writer_of
from shared.http.policy import Role
from shared.http.problems import Writer
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("registry", tag="claimants")


@router.post(
    "/claimants/{claimant_id}/profile",
    operation_id="changeClaimantProfile",
    response_model=ClaimantView,
    summary="更新申领单位资料 · Describe the claimant anew (art. 10(1))",
    openapi_extra=operation(
        if_match=True,
        codes=(
            "claimant-of-another-kind", "team-already-registered", "claimant-not-registered", "user-may-only-read",
        ),
    ),
)  # fmt: skip
async def change_claimant_profile(claimant_id: str, body: ProfileBody, request: CommandRequest) -> Response:
    """Say what is true now; what was said before is kept, and eligibility is judged again."""
    said = body.model_dump(mode="json")

    async def change(tx: Transaction) -> tuple[Handled[Event, State], Any]:
        handled = await changing_claimants.change_profile(
            tx, claimant_id, request.caller.principal, said, if_match=request.if_match
        )
        row = sa.select(claimants.c.profile, claimants.c.certificates).where(claimants.c.claimant_id == claimant_id)
        return handled, (await tx.connection.execute(row)).one()

    def presented(result: tuple[Handled[Event, State], Any]) -> Presented:
        handled, row = result
        return Presented(body=view_of(handled.state, row.profile, row.certificates), version=handled.version)

    return await request.run(change, presented)


@router.get(
    "/claimants/{claimant_id}/profile-versions",
    operation_id="listProfileVersions",
    response_model=Page[ProfileVersionView],
    summary="资料变更历史 · What a claimant said of itself, version by version",
    openapi_extra=operation(idempotent=False),
)
async def list_profile_versions(
    claimant_id: str, request: ReadRequest, access: AccessLog, limit: Limit = 50, cursor: CursorText = None
) -> Page[ProfileVersionView]:
    """Show every version to the claimant's users and to the office; the access is recorded."""
    await check_visible(claimant_id, request)
    table = claimant_profiles
    query = sa.select(table).where(table.c.claimant_id == claimant_id)
    page = await request.page(query, [table.c.number], limit, cursor, _version)
    await access.record(claimant_id, {field for item in page.items for field in item.profile})
    return page


@router.post(
    "/claimants/{claimant_id}/verification",
    operation_id="verifyClaimantProfile",
    response_model=ProfileStateView,
    summary="核实资料 · Say that the profile has been checked",
    openapi_extra=operation(if_match=True, codes=("profile-not-complete", "reviews-open", "claimant-not-registered")),
)
async def verify_claimant_profile(claimant_id: str, request: CommandRequest) -> Response:
    """Record that an officer has checked the profile as it stands; the claimant's next change ends that."""

    async def verify(tx: Transaction) -> Handled[Event, State]:
        return await changing_claimants.verify_profile(
            tx, claimant_id, request.caller.principal, if_match=request.if_match
        )

    return await request.run(verify, presented_state)


@router.post(
    "/claimants/{claimant_id}/certificate-revocations",
    operation_id="revokeCertificate",
    response_model=ProfileStateView,
    summary="登记证书失效 · Record that a certificate counts no more (art. 12)",
    openapi_extra=operation(
        if_match=True, codes=("certificate-unknown", "revocation-after-the-end", "claimant-not-registered")
    ),
)
async def revoke_certificate(claimant_id: str, body: RevocationBody, request: CommandRequest) -> Response:
    """Let a certificate count no more from a day on; the allowance of earlier days stays what it was."""

    async def revoke(tx: Transaction) -> Handled[Event, State]:
        return await changing_claimants.revoke_certificate(
            tx, claimant_id, request.caller.principal, kind=body.kind, number=body.number,
            counts_from=body.counts_from, reason=body.reason, if_match=request.if_match,
        )  # fmt: skip

    return await request.run(revoke, presented_state)


@router.get(
    "/claimants/{claimant_id}/eligibility",
    operation_id="getClaimantEligibility",
    response_model=ClaimantEligibilityView,
    summary="资格结论 · What art. 7 finds of a claimant",
    openapi_extra=operation(idempotent=False),
)
async def get_claimant_eligibility(claimant_id: str, request: ReadRequest, http: Request) -> Response:
    """Show the last answer rule by rule, with the values it rests on, to the claimant's users and to the office."""
    await check_visible(claimant_id, request)
    async with request.reading() as tx:
        loaded = await tx.load(claimant, stream_of(claimant_id, "clm"))
        known = loaded.state
        answer = known.judgement.answer if isinstance(known, Registered) else None
        if not isinstance(known, Registered) or answer is None:
            raise UnknownSubjectError(claimant_id)
        declared = sa.select(claimants.c.profile).where(claimants.c.claimant_id == claimant_id)
        profile = (await tx.connection.execute(declared)).scalar_one()
        rules = tx.measures.on(answer.on)
        found = {each.rule: each for each in findings_on(answer.on, profile, known.certificates, rules)}
    view = ClaimantEligibilityView(
        claimant_id=claimant_id,
        outcome=answer.outcome,
        rules=[_rule(rule, found.get(rule.rule), writer_of(http)) for rule in answer.rules],
        judged_on=answer.on,
        until=answer.until,
        pack=answer.pack,
    )
    return request.answer(Presented(body=view, version=loaded.version))


def _rule(rule: RuleOutcome, finding: Finding | None, writer: Writer) -> RuleView:
    """Show what a rule found; a rule that the declared facts do not reach any more has no value."""
    failed = rule.outcome == "fail"
    return RuleView(
        rule=rule.rule,
        outcome=rule.outcome,
        article=rule.article,
        value=plain(finding.value) if finding is not None else None,
        limit=plain(finding.limit) if finding is not None else None,
        parameter=finding.parameter if finding is not None else "",
        code=rule.code if failed else "",
        remedy=writer.catalogue[rule.code].remedy[writer.language] if failed else "",
        reviewed=rule.reviewed,
    )


async def check_visible(claimant_id: str, request: ReadRequest) -> None:
    """Raise `UnknownSubjectError` for a claimant that is not there, or for another claimant's user."""
    async with request.connection() as connection:
        there = sa.select(claimants.c.claimant_id).where(claimants.c.claimant_id == claimant_id)
        known = (await connection.execute(there)).first() is not None
        role = await role_in(connection, claimant_id, request.caller.principal)
    if not known or (request.caller.role is Role.CLAIMANT and role is None):
        raise UnknownSubjectError(claimant_id)


def presented_state(handled: Handled[Event, State]) -> Presented:
    """Answer with how far a claimant is, and nothing it says of itself."""
    state = handled.state
    if not isinstance(state, Registered):
        raise TypeError("nobody has registered under this id")
    view = ProfileStateView(
        claimant_id=state.claimant_id,
        profile_stage=state.profile_stage,
        eligibility=state.judgement.answer.outcome if state.judgement.answer is not None else None,
        open_reviews=sorted(state.judgement.open),
    )
    return Presented(body=view, version=handled.version)


def _version(row: Any) -> ProfileVersionView:
    return ProfileVersionView(
        number=row.number,
        digest=row.digest,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
        profile=row.profile,
    )
