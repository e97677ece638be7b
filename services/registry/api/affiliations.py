"""What the office and an applicant do with an application of an agency or a laboratory (faq 4, 5 and 7)."""

from http import HTTPStatus
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Path, Query, Request, Response

from services.registry.access import AccessDesk, AccessLog
from services.registry.api.institution_models import (
    AffiliationItem,
    AffiliationView,
    LaboratoryBody,
    MembershipBody,
    ReasonBody,
    ReferralApplicationBody,
    ReturnBody,
    ReviewBody,
    ServiceApplicationBody,
    StepView,
    SubmissionBody,
)
from services.registry.api.models import FindingView
from services.registry.domain.affiliation import Ended, Known, Rejected, Stage, Unrequested, stage_of
from services.registry.institution_tables import affiliation_remarks, affiliations
from services.registry.projections.affiliation_list import affiliation_list
from services.registry.use_cases import affiliating
from services.registry.use_cases.appointing_field_centres import principal_of
from services.registry.use_cases.appointing_office_users import check_duty
from services.registry.use_cases.judging_affiliations import Submission, conditions_of, findings_of
from shared.documents.routes import owner_of
from shared.events.registry.affiliations import AffiliationKind
from shared.http.commands import CommandRequest, Presented
from shared.http.edge import writer_of
from shared.http.identity import Caller
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("registry", tag="affiliations")
PartyId = Annotated[str, Path(max_length=40, examples=["rag_01kdvdna00ek7990e5df8shghf"])]
OFFICE = frozenset({Role.OFFICER, Role.APPROVER, Role.AUDITOR})
WRONG_STAGE = "affiliation-not-in-this-stage"
APPLYING = ("credit-code-invalid", "document-unknown", "party-barred", WRONG_STAGE)
"""What may refuse any application, whatever is applied for."""
_PERSONAL = ("contact", "credit_code")
_RULES = (
    "referral-enterprises-too-few", "referral-undertaking-missing", "referral-events-too-few",
    "referral-working-rules-incomplete", "agency-not-a-legal-person", "authoriser-not-on-platform",
    "laboratory-not-accredited", "accreditation-dates-reversed", "organisation-is-on-platform",
    "organisation-not-on-platform", "party-barred",
)  # fmt: skip


@router.get(
    "/affiliations",
    operation_id="listAffiliations",
    response_model=Page[AffiliationItem],
    summary="推荐机构、专业服务机构与实验室申请列表 · Applications of agencies and laboratories",
    openapi_extra=operation(idempotent=False),
)
async def list_affiliations(
    request: ReadRequest,
    kind: Annotated[AffiliationKind | None, Query()] = None,
    stage: Annotated[Stage | None, Query()] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[AffiliationItem]:
    """List all applications for the office, and an applicant's own ones for itself."""
    await request.caught_up(affiliation_list)
    table = affiliation_list.table
    query = sa.select(table, affiliations.c.name).join(affiliations, affiliations.c.party_id == table.c.party_id)
    if request.caller.role not in OFFICE:
        query = query.where(affiliations.c.principal == request.caller.principal)
    if kind is not None:
        query = query.where(table.c.kind == kind)
    if stage is not None:
        query = query.where(table.c.stage == stage)
    return await request.page(query, [table.c.party_id], limit, cursor, _item)


@router.get(
    "/affiliations/{party_id}",
    operation_id="getAffiliation",
    response_model=AffiliationView,
    summary="申请详情 · One application",
    openapi_extra=operation(idempotent=False),
)
async def get_affiliation(party_id: PartyId, request: ReadRequest, http: Request, access: AccessLog) -> Response:
    """Show an application to its applicant, the office, and the field centre it is addressed to."""
    async with request.reading() as tx:
        row = await _row(tx, party_id)
        if not await _may_see(tx, request.caller, row):
            raise UnknownSubjectError(party_id)
        loaded = await affiliating.load_affiliated(tx, party_id, row.kind)
        view = await shown(tx, http, party_id, loaded.state)
    await access.record(party_id, _PERSONAL)
    return request.answer(Presented(body=view, version=loaded.version))


@router.post(
    "/affiliations/{party_id}/return",
    operation_id="returnAffiliation",
    response_model=AffiliationView,
    summary="退回补正 · Send an application back to be corrected",
    openapi_extra=operation(if_match=True, codes=(WRONG_STAGE, "duty-missing")),
)
async def return_affiliation(
    party_id: PartyId, body: ReturnBody, request: CommandRequest, http: Request, access: AccessLog
) -> Response:
    """Send an application back and say what is to be mended."""

    async def send_back(tx: Transaction) -> tuple[int, AffiliationView]:
        await check_duty(tx, request.caller.principal, "registry")
        handled = await affiliating.return_for_correction(
            tx, party_id, request.caller.principal, body.remark, if_match=request.if_match
        )
        return handled.version, await shown(tx, http, party_id, handled.state)

    return await _recorded(access, party_id, await request.run(send_back, _presented))


@router.post(
    "/affiliations/{party_id}/review",
    operation_id="reviewAffiliation",
    response_model=AffiliationView,
    summary="审核申请 · Review an application: approve it or refuse it",
    openapi_extra=operation(
        if_match=True,
        codes=(WRONG_STAGE, "conditions-not-all-reviewed", "field-centre-has-not-answered", "duty-missing", *_RULES),
    ),
)
async def review_affiliation(
    party_id: PartyId, body: ReviewBody, request: CommandRequest, http: Request, access: AccessLog
) -> Response:
    """Look at every condition: all met lets the applicant in and opens its account, one unmet refuses it."""
    verdicts = tuple((verdict.condition, verdict.met, verdict.remark) for verdict in body.verdicts)

    async def decide(tx: Transaction) -> tuple[int, AffiliationView]:
        await check_duty(tx, request.caller.principal, "registry")
        handled = await affiliating.review(tx, party_id, request.caller.principal, verdicts, if_match=request.if_match)
        return handled.version, await shown(tx, http, party_id, handled.state)

    return await _recorded(access, party_id, await request.run(decide, _presented))


@router.post(
    "/affiliations/{party_id}/withdrawal",
    operation_id="withdrawAffiliation",
    response_model=AffiliationView,
    summary="撤回申请或退出 · Withdraw an application, or leave",
    openapi_extra=operation(if_match=True, codes=(WRONG_STAGE,)),
)
async def withdraw_affiliation(party_id: PartyId, body: ReasonBody, request: CommandRequest, http: Request) -> Response:
    """Withdraw the own application, or leave the list, and say why."""

    async def leave(tx: Transaction) -> tuple[int, AffiliationView]:
        handled = await affiliating.end(
            tx, party_id, request.caller.principal, "withdrawn", body.reason, if_match=request.if_match
        )
        return handled.version, await shown(tx, http, party_id, handled.state)

    return await request.run(leave, _presented)


@router.post(
    "/affiliations/{party_id}/removal",
    operation_id="removeAffiliation",
    response_model=AffiliationView,
    summary="移出名单或目录 · Take an agency or a laboratory off its list",
    openapi_extra=operation(if_match=True, codes=(WRONG_STAGE, "duty-missing")),
)
async def remove_affiliation(
    party_id: PartyId, body: ReasonBody, request: CommandRequest, http: Request, access: AccessLog
) -> Response:
    """Take whoever has joined off the list, with a reason that it is told."""

    async def remove(tx: Transaction) -> tuple[int, AffiliationView]:
        await check_duty(tx, request.caller.principal, "registry")
        handled = await affiliating.end(
            tx, party_id, request.caller.principal, "removed", body.reason, if_match=request.if_match
        )
        return handled.version, await shown(tx, http, party_id, handled.state)

    return await _recorded(access, party_id, await request.run(remove, _presented))


async def apply(
    request: CommandRequest, http: Request, party_id: str, submission: Submission, *, path: str
) -> Response:
    """Answer an application: 201 with what became of it, at its own path."""

    async def ask(tx: Transaction) -> tuple[int, AffiliationView]:
        handled = await affiliating.request(tx, party_id, submission)
        return handled.version, await shown(tx, http, party_id, handled.state)

    return await request.run(
        ask, lambda result: Presented(body=result[1], version=result[0], status=201, location=f"{path}/{party_id}")
    )


async def correct(request: CommandRequest, http: Request, party_id: str, submission: Submission) -> Response:
    """Answer the correction of a returned application."""

    async def mend(tx: Transaction) -> tuple[int, AffiliationView]:
        handled: Handled[Any, Any] = await affiliating.correct(tx, party_id, submission, if_match=request.if_match)
        return handled.version, await shown(tx, http, party_id, handled.state)

    return await request.run(mend, _presented)


def submission_of(
    caller: Caller, kind: AffiliationKind, body: SubmissionBody, credit_code: str, *, through: str = "",
    organisation: str = "",
) -> Submission:  # fmt: skip
    """Put together what somebody sent, for the caller."""
    return Submission(
        kind=kind,
        principal=caller.principal,
        owner=owner_of(caller),
        name=body.name,
        credit_code=credit_code,
        content=body.model_dump(mode="json"),
        documents=body.documents(),
        through=through,
        organisation=organisation,
    )


async def shown(tx: Transaction, http: Request, party_id: str, state: Any) -> AffiliationView:
    """Put the state together with what was sent, what the rules find today, and what was written."""
    row, joined = await _row(tx, party_id), _known(state)
    findings = await findings_of(tx, row.kind, row.submission, credit_code=row.credit_code, through=row.through)
    writer = writer_of(http)
    written = sa.select(affiliation_remarks).where(affiliation_remarks.c.party_id == party_id)
    steps = await tx.connection.execute(written.order_by(affiliation_remarks.c.version))
    return AffiliationView(
        party_id=party_id,
        kind=row.kind,
        stage=stage_of(joined),
        since=joined.on,
        principal=row.principal,
        submission=_sent(row),
        findings=[
            FindingView.of(
                finding,
                writer.catalogue[finding.code].remedy[writer.language] if finding.outcome == "fail" else "",
            )
            for finding in findings
        ],
        conditions=list(conditions_of(row.kind, tx.measures.on(tx.today).standing)),
        unmet=list(joined.unmet) if isinstance(joined, Rejected) else [],
        steps=[StepView(step=step.version, remarks=step.remarks) for step in steps],
        ended=joined.cause if isinstance(joined, Ended) else None,
    )


async def _recorded(access: AccessDesk, party_id: str, answer: Response) -> Response:
    """Write down that the office was shown an application, before it is."""
    if answer.status_code == HTTPStatus.OK:
        await access.record(party_id, _PERSONAL)
    return answer


def _presented(result: tuple[int, AffiliationView]) -> Presented:
    return Presented(body=result[1], version=result[0])


def _known(state: Any) -> Known:
    joined: Known | Unrequested = state.affiliation
    if isinstance(joined, Unrequested):
        raise UnknownSubjectError("nobody has applied under this id")
    return joined


async def _row(tx: Transaction, party_id: str) -> Any:
    found = await tx.connection.execute(sa.select(affiliations).where(affiliations.c.party_id == party_id))
    row = found.one_or_none()
    if row is None:
        raise UnknownSubjectError(party_id)
    return row


async def _may_see(tx: Transaction, caller: Caller, row: Any) -> bool:
    if caller.role in OFFICE or row.principal == caller.principal:
        return True
    return row.kind == "laboratory" and await principal_of(tx, row.through) == caller.principal


def _sent(row: Any) -> SubmissionBody:
    match row.kind:
        case "referral_agency":
            return ReferralApplicationBody.model_validate(row.submission)
        case "service_agency":
            return ServiceApplicationBody.model_validate(row.submission)
        case _:
            outside = row.through.startswith("fct_")
            return (MembershipBody if outside else LaboratoryBody).model_validate(row.submission)


def _item(row: Any) -> AffiliationItem:
    return AffiliationItem(**{name: getattr(row, name) for name in AffiliationItem.model_fields})
