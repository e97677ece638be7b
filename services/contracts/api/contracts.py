"""Contracts: submitted by providers, registered when their vouchers are committed, completed (art. 12, 15(2)-(3))."""

from collections.abc import Mapping
from typing import Annotated

import sqlalchemy as sa
from fastapi import Query, Request, Response

from services.contracts.api.models import (
    Completion,
    Contract,
    ContractCompletion,
    ContractItem,
    ContractState,
    ContractSubmission,
    NewProduct,
    Rejection,
    Voucher,
)
from services.contracts.api.projects import STANDING
from services.contracts.api.visibility import ContractId, check_visible, is_acted_for, visible_to
from services.contracts.domain.contract import (
    Completed,
    Lapsed,
    Registered,
    Rejected,
    State,
    Submitted,
    Unsubmitted,
    contract,
)
from services.contracts.projections.contract_list import contract_list
from services.contracts.projections.contract_list import table as contracts
from services.contracts.use_cases.completing_contracts import complete
from services.contracts.use_cases.submitting_contracts import stream, submit
from shared.events.contracts import ContractCompleted, NewProductPurchase, VoucherUse
from shared.http.commands import CommandRequest, Presented
from shared.http.edge import writer_of
from shared.http.models import Money
from shared.http.problems import Writer
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.http.told_reasons import ToldReason
from shared.kernel.calendar import business_date
from shared.kernel.refusal import Reason, Refused
from shared.store.transaction import UnknownSubjectError

router = router_for("contracts", tag="contracts")

_SUBMISSION = (
    *STANDING,
    "project-not-confirmed",
    "signed-before-confirmation",
    "signed-before-claim",
    "signed-in-future",
    "starts-before-signature",
    "ends-before-start",
    "no-voucher-named",
    "voucher-named-twice",
    "voucher-in-another-contract",
    "several-vouchers",
    "voucher-share-exceeded",
    "voucher-clause-missing",
    "new-product-not-valid",
    "new-product-share-exceeded",
)
_REJECTION = (
    "voucher-unknown",
    "voucher-not-claimed",
    "registration-too-late",
    "voucher-amount-differs",
    "ends-after-validity",
    "commitment-not-answered",
)
_COMPLETION = (
    "contract-not-registered",
    "validity-over",
    "ended-before-start",
    "ended-in-future",
    "ended-after-contract",
    "ended-after-validity",
    "nothing-incurred",
    "actual-above-contract",
)

_NAMES: Mapping[type[State], ContractState] = {
    Submitted: "submitted",
    Rejected: "rejected",
    Registered: "registered",
    Completed: "completed",
    Lapsed: "lapsed",
}


@router.post(
    "/contracts",
    operation_id="submitContract",
    status_code=202,
    response_model=Contract,
    responses={201: {"model": Contract, "description": "已登记（Prefer: wait=N） · Registered while waiting"}},
    summary="登记服务合同 · Submit a signed contract for registration",
    openapi_extra=operation(codes=(*_SUBMISSION, *_REJECTION, "not-found")),
)
async def submit_contract(body: ContractSubmission, request: CommandRequest, http: Request) -> Response:
    contract_id = request.new_id("ctr")

    async def outcome() -> Presented | None:
        loaded = await request.load(contract, stream(contract_id))
        match loaded.state:
            case Rejected(reasons=reasons):
                raise Refused(*(Reason(code=why.code, article=why.article, value=why.value) for why in reasons))
            case Unsubmitted() | Submitted():
                return None
            case Registered() | Completed() | Lapsed():
                return _presented(loaded.state, loaded.version, writer_of(http), status=201)

    accepted = await request.run(
        lambda tx: submit(
            tx,
            contract_id=contract_id,
            project_id=body.project_id,
            provider_id=request.caller.party,
            amount=body.amount.amount,
            signed_on=body.signed_on,
            starts_on=body.starts_on,
            ends_on=body.ends_on,
            vouchers=tuple(VoucherUse(voucher_id=v.voucher_id, amount=v.amount.amount) for v in body.vouchers),
            voucher_clause=body.voucher_clause,
            new_products=tuple(
                NewProductPurchase(product_id=each.product_id, amount=each.amount.amount) for each in body.new_products
            ),
            document_digest=body.document_digest,
        ),
        lambda handled: _presented(handled.state, handled.version, writer_of(http), status=202),
    )
    return await request.wait_for(outcome, otherwise=accepted)


@router.post(
    "/contracts/{contract_id}/completion",
    operation_id="completeContract",
    response_model=Contract,
    summary="报告合同完成及实际发生金额 · Report a contract as completed",
    openapi_extra=operation(if_match=True, codes=_COMPLETION),
)
async def complete_contract(
    contract_id: ContractId, body: ContractCompletion, request: CommandRequest, http: Request
) -> Response:
    return await request.run(
        lambda tx: complete(
            tx,
            contract_id,
            provider_id=request.caller.party,
            ended_on=body.ended_on,
            invoiced_amount=body.invoiced.amount,
            paid_amount=body.paid.amount,
            if_match=request.if_match,
        ),
        lambda handled: _presented(handled.state, handled.version, writer_of(http)),
    )


@router.get(
    "/contracts/{contract_id}",
    operation_id="getContract",
    response_model=Contract,
    summary="查看服务合同 · Read a contract",
)
async def get_contract(contract_id: ContractId, request: ReadRequest, http: Request) -> Response:
    loaded = await request.load(contract, stream(contract_id))
    if isinstance(loaded.state, Unsubmitted):
        raise UnknownSubjectError(contract_id)
    facts = loaded.state.contract
    acted_for = await is_acted_for(request, facts.claimant_id)
    check_visible(
        request.caller,
        contract_id,
        claimant_id=facts.claimant_id,
        provider_id=facts.provider_id,
        acted_for=acted_for,
    )
    return request.answer(_presented(loaded.state, loaded.version, writer_of(http)))


@router.get("/contracts", operation_id="listContracts", summary="服务合同列表 · List contracts, the newest first")
async def list_contracts(
    request: ReadRequest,
    state: ContractState | None = None,
    is_related: Annotated[
        bool | None, Query(description="关联方之间的合同（第十六条） · Between related parties (art. 16)")
    ] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[ContractItem]:
    await request.caught_up(contract_list)
    select = sa.select(contracts).where(visible_to(request.caller, contracts, business_date(request.now)))
    if state is not None:
        select = select.where(contracts.c.state == state)
    if is_related is not None:
        select = select.where(contracts.c.relation_declared == is_related)
    return await request.page(select, [contracts.c.contract_id.desc()], limit, cursor, _item)


def _item(row: sa.Row[tuple[object, ...]]) -> ContractItem:
    return ContractItem(
        contract_id=row.contract_id,
        project_id=row.project_id,
        claimant_id=row.claimant_id,
        provider_id=row.provider_id,
        service_id=row.service_id,
        service_kind=row.service_kind,
        state=row.state,
        is_related=row.relation_declared,
        amount=Money.of(row.amount),
        vouchers_amount=Money.of(row.vouchers_amount),
        actual_amount=None if row.actual_amount is None else Money.of(row.actual_amount),
        submitted_on=row.submitted_on,
        signed_on=row.signed_on,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        valid_until=row.valid_until,
        ended_on=row.ended_on,
        redeem_by=row.redeem_by,
    )


def _presented(state: State, version: int, writer: Writer, *, status: int = 200) -> Presented:
    """Represent a contract as it stands; a new one says where it is."""
    if isinstance(state, Unsubmitted):
        raise TypeError("there is nothing to represent before the submission")
    facts = state.contract
    view = Contract(
        contract_id=facts.contract_id,
        project_id=facts.project_id,
        claimant_id=facts.claimant_id,
        provider_id=facts.provider_id,
        service_id=facts.service_id,
        service_kind=facts.service_kind,
        state=_NAMES[type(state)],
        amount=Money.of(facts.amount),
        signed_on=facts.signed_on,
        starts_on=facts.starts_on,
        ends_on=facts.ends_on,
        vouchers=tuple(Voucher(voucher_id=use.voucher_id, amount=Money.of(use.amount)) for use in facts.vouchers),
        new_products=tuple(
            NewProduct(product_id=bought.product_id, amount=Money.of(bought.amount)) for bought in facts.new_products
        ),
        is_related=facts.relation_declared,
        document_digest=facts.document_digest,
        submitted_on=facts.on,
        registered_on=state.registered_on if isinstance(state, Registered | Completed | Lapsed) else None,
        valid_until=state.valid_until if isinstance(state, Registered | Completed | Lapsed) else None,
        rejected=_rejection(state, writer) if isinstance(state, Rejected) else None,
        completed=_completion(state.completion) if isinstance(state, Completed) else None,
        lapsed_on=state.on if isinstance(state, Lapsed) else None,
    )
    location = "" if status == 200 else f"/v1/contracts/{facts.contract_id}"  # noqa: PLR2004 (nothing new)
    return Presented(body=view, version=version, status=status, location=location)


def _rejection(state: Rejected, writer: Writer) -> Rejection:
    reasons = [ToldReason.of(why, writer.catalogue, writer.language) for why in state.reasons]
    return Rejection(reasons=reasons, on=state.on)


def _completion(fact: ContractCompleted) -> Completion:
    return Completion(
        ended_on=fact.ended_on,
        invoiced=Money.of(fact.invoiced_amount),
        paid=Money.of(fact.paid_amount),
        actual=Money.of(fact.actual_amount),
        redeem_by=fact.redeem_by,
        provisional=fact.provisional,
        on=fact.on,
    )
