"""Applying for the voucher money, and looking at what became of it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import sqlalchemy as sa
from fastapi import Query, Response

from services.redemption.api.models import (
    ApplicationBody,
    FormalCheckBody,
    RedemptionItem,
    RedemptionView,
)
from services.redemption.domain.redemption import Event, redemption
from services.redemption.domain.stages import State, UnderReview, Unopened
from services.redemption.projections.redemption_list import redemption_list
from services.redemption.use_cases import applying
from services.redemption.use_cases.keeping_words import words_of
from services.redemption.use_cases.opening_windows import stream
from shared.documents.routes import owner_of
from shared.documents.storage import digests_of
from shared.events.redemption import Evidence
from shared.http.commands import CommandRequest, Presented
from shared.http.identity import Caller
from shared.http.models import Money
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("redemption", tag="redemptions")
WRONG_STAGE = "redemption-not-in-this-stage"
_EVIDENCE_CODES = (
    WRONG_STAGE,
    "redemption-too-late",
    "evidence-missing",
    "invoice-total-differs",
    "invoice-already-used",
    "document-unknown",
)


def presented(handled: Handled[Event, State], words: Sequence[str] = ()) -> Presented:
    """Show a redemption as a command has left it, with its version and what was said with it."""
    return Presented(body=RedemptionView.after(handled, words), version=handled.version)


def check_readable(state: State, caller: Caller) -> None:
    """Hide a redemption from whoever is neither a party, nor on its panel, nor of the office."""
    if isinstance(state, Unopened):
        raise UnknownSubjectError
    allowed = {
        Role.PROVIDER: caller.party == state.file.provider_id,
        Role.CLAIMANT: caller.party == state.file.claimant_id,
        Role.EXPERT: isinstance(state, UnderReview) and caller.party in state.experts,
    }.get(caller.role, True)
    if not allowed:
        raise UnknownSubjectError(state.file.redemption_id)


@router.get(
    "/redemptions",
    operation_id="listRedemptions",
    response_model=Page[RedemptionItem],
    summary="兑现列表 · List redemptions",
    openapi_extra=operation(idempotent=False),
)
async def list_redemptions(
    request: ReadRequest,
    stage: Annotated[str | None, Query(pattern=r"^[a-z_]{1,30}$")] = None,
    contract_id: Annotated[str | None, Query(max_length=40)] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[RedemptionItem]:
    """List the caller's redemptions, the office's view being all of them; the newest come last."""
    await request.caught_up(redemption_list)
    table = redemption_list.table
    query = sa.select(table)
    if request.caller.role is Role.PROVIDER:
        query = query.where(table.c.provider_id == request.caller.party)
    if request.caller.role is Role.CLAIMANT:
        query = query.where(table.c.claimant_id == request.caller.party)
    if stage is not None:
        query = query.where(table.c.stage == stage)
    if contract_id is not None:
        query = query.where(table.c.contract_id == contract_id)
    return await request.page(query, [table.c.redemption_id], limit, cursor, _item)


def _item(row: sa.Row[tuple[object, ...]]) -> RedemptionItem:
    known = {name: value for name, value in row._mapping.items() if name in RedemptionItem.model_fields}  # noqa: SLF001 (sqlalchemy's public name)
    money = {name: Money.of(known[name]) for name in ("actual_amount", "payable", "approved", "paid", "recovered")}
    return RedemptionItem(**known | money)


@router.get(
    "/redemptions/{redemption_id}",
    operation_id="getRedemption",
    response_model=RedemptionView,
    summary="兑现详情 · One redemption",
    openapi_extra=operation(idempotent=False),
)
async def get_redemption(redemption_id: str, request: ReadRequest) -> Response:
    """Show one redemption as it stands, with the last day of whatever is awaited."""
    loaded = await request.load(redemption, stream(redemption_id))
    check_readable(loaded.state, request.caller)
    async with request.connection() as connection:
        words = await words_of(connection, loaded.state)
    return request.answer(Presented(body=RedemptionView.of(loaded.state, words), version=loaded.version))


@router.post(
    "/redemptions/{redemption_id}/application",
    operation_id="applyForRedemption",
    response_model=RedemptionView,
    summary="申请兑现 · Apply for the voucher money (art. 15(3))",
    openapi_extra=operation(if_match=True, codes=_EVIDENCE_CODES),
)
async def apply_for_redemption(redemption_id: str, body: ApplicationBody, request: CommandRequest) -> Response:
    """Apply within one month of the contract's end, with every kind of evidence."""
    return await _handed_in(applying.apply, redemption_id, body, request)


@router.post(
    "/redemptions/{redemption_id}/correction",
    operation_id="correctRedemption",
    response_model=RedemptionView,
    summary="补正材料 · Put an application right",
    openapi_extra=operation(if_match=True, codes=_EVIDENCE_CODES),
)
async def correct_redemption(redemption_id: str, body: ApplicationBody, request: CommandRequest) -> Response:
    """Hand in again what the formal check returned."""
    return await _handed_in(applying.correct, redemption_id, body, request)


@router.post(
    "/redemptions/{redemption_id}/formal-check",
    operation_id="checkRedemption",
    response_model=RedemptionView,
    summary="形式审查 · Check the form",
    openapi_extra=operation(if_match=True, codes=(WRONG_STAGE, "reasons-required")),
)
async def check_redemption(redemption_id: str, body: FormalCheckBody, request: CommandRequest) -> Response:
    """Accept an application for review, or return it with reasons."""

    async def check(tx: Transaction) -> Handled[Event, State]:
        officer = request.caller.principal
        if body.outcome == "accepted":
            return await applying.accept(tx, redemption_id, officer, if_match=request.if_match)
        return await applying.return_for_correction(tx, redemption_id, officer, body.reasons, if_match=request.if_match)

    return await request.run(check, lambda handled: presented(handled, body.reasons))


async def _handed_in(
    use_case: Callable[..., Awaitable[Handled[Event, State]]],
    redemption_id: str,
    body: ApplicationBody,
    request: CommandRequest,
) -> Response:
    async def hand_in(tx: Transaction) -> Handled[Event, State]:
        evidence = await _evidence(tx, request.caller, body)
        provider_id = request.caller.party or ""
        return await use_case(tx, redemption_id, provider_id, evidence, _invoices(body), if_match=request.if_match)

    return await request.run(hand_in, presented)


async def _evidence(tx: Transaction, caller: Caller, body: ApplicationBody) -> tuple[Evidence, ...]:
    digests = await digests_of(tx, owner_of(caller), (item.document_id for item in body.evidence), article="15(3)")
    return tuple(
        Evidence(kind=item.kind, document_id=item.document_id, digest=digests[item.document_id])
        for item in body.evidence
    )


def _invoices(body: ApplicationBody) -> tuple[applying.Invoice, ...]:
    return tuple(applying.Invoice(number=item.number, amount=item.amount.amount) for item in body.invoices)
