"""What a claimant discloses to few: who is related to it, and its bank account."""

import sqlalchemy as sa
from fastapi import Response

from services.registry.access import AccessLog
from services.registry.api.claimant_models import (
    BankAccountBody,
    BankAccountView,
    RelatedPartiesBody,
    RelatedPartiesView,
    RelatedPartyView,
)
from services.registry.api.claimant_profiles import check_visible
from services.registry.api.claimant_users import ClaimantId
from services.registry.domain.credit_code import normalised
from services.registry.tables import claimant_bank_accounts, related_party_declarations
from services.registry.use_cases.appointing_office_users import lacks_duty
from services.registry.use_cases.declaring_related_parties import declare
from services.registry.use_cases.keeping_bank_accounts import keep_bank_account
from shared.http.commands import CommandRequest, Presented
from shared.http.policy import Role
from shared.http.reading import ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction, UnknownSubjectError

router = router_for("registry", tag="claimants")
_SHOWN = 4


@router.post(
    "/claimants/{claimant_id}/related-parties",
    operation_id="declareRelatedParties",
    response_model=RelatedPartiesView,
    summary="申报关联方 · Declare related parties (art. 16)",
    openapi_extra=operation(
        if_match=True, codes=("related-to-itself", "claimant-not-registered", "user-may-only-read")
    ),
)
async def declare_related_parties(
    claimant_id: ClaimantId, body: RelatedPartiesBody, request: CommandRequest
) -> Response:
    """Name every related person and company; from now on these."""
    parties = [party.model_dump(mode="json") for party in body.parties]
    for party in parties:
        if party["credit_code"] is not None:
            party["credit_code"] = normalised(party["credit_code"])

    async def use_case(tx: Transaction) -> tuple[int, RelatedPartiesView]:
        handled = await declare(tx, claimant_id, request.caller.principal, parties, if_match=request.if_match)
        view = RelatedPartiesView(
            claimant_id=claimant_id,
            parties=[RelatedPartyView(**party) for party in parties],
            declared_by=request.caller.principal,
            declared_at=tx.now,
        )
        return handled.version, view

    return await request.run(use_case, lambda result: Presented(body=result[1], version=result[0]))


@router.get(
    "/claimants/{claimant_id}/related-parties",
    operation_id="getRelatedParties",
    response_model=RelatedPartiesView,
    summary="关联方 · Related parties of a claimant",
    openapi_extra=operation(idempotent=False),
)
async def get_related_parties(claimant_id: ClaimantId, request: ReadRequest, access: AccessLog) -> RelatedPartiesView:
    """Show the newest declaration to the claimant's users and to the office; the access is recorded."""
    await check_visible(claimant_id, request)
    table = related_party_declarations
    newest = sa.select(table).where(table.c.claimant_id == claimant_id).order_by(table.c.number.desc()).limit(1)
    async with request.connection() as connection:
        row = (await connection.execute(newest)).one_or_none()
    await access.record(claimant_id, ["related_parties"])
    return RelatedPartiesView(
        claimant_id=claimant_id,
        parties=[RelatedPartyView(**party) for party in row.parties] if row is not None else [],
        declared_by=row.declared_by if row is not None else None,
        declared_at=row.declared_at if row is not None else None,
    )


@router.post(
    "/claimants/{claimant_id}/bank-account",
    operation_id="changeBankAccount",
    response_model=BankAccountView,
    summary="登记银行账户 · Give the bank account",
    openapi_extra=operation(codes=("owner-only", "user-may-only-read")),
)
async def change_bank_account(claimant_id: ClaimantId, body: BankAccountBody, request: CommandRequest) -> Response:
    """Give the account as the owner; it is for finance to see and stands in no event."""

    async def keep(tx: Transaction) -> None:
        await keep_bank_account(
            tx, claimant_id, request.caller.principal, holder=body.holder, bank=body.bank, account=body.account
        )

    view = BankAccountView(
        claimant_id=claimant_id, holder=body.holder, bank=body.bank, account=_masked(body.account), masked=True
    )
    return await request.run(keep, lambda _: Presented(body=view))


@router.get(
    "/claimants/{claimant_id}/bank-account",
    operation_id="getBankAccount",
    response_model=BankAccountView,
    summary="银行账户 · The bank account",
    openapi_extra=operation(idempotent=False),
)
async def get_bank_account(claimant_id: ClaimantId, request: ReadRequest, access: AccessLog) -> BankAccountView:
    """Show the account in full to an officer who does the finance, and masked to others; the access is recorded."""
    await check_visible(claimant_id, request)
    table = claimant_bank_accounts
    newest = sa.select(table).where(table.c.claimant_id == claimant_id).order_by(table.c.number.desc()).limit(1)
    async with request.reading() as tx:
        row = (await tx.connection.execute(newest)).one_or_none()
        without_finance = await lacks_duty(tx, request.caller.principal, "finance")
    if row is None:
        raise UnknownSubjectError(claimant_id)
    masked = request.caller.role is not Role.OFFICER or without_finance
    await access.record(claimant_id, ["holder", "bank", "account_masked" if masked else "account"])
    return BankAccountView(
        claimant_id=claimant_id,
        holder=row.holder,
        bank=row.bank,
        account=_masked(row.account) if masked else row.account,
        masked=masked,
    )


def _masked(account: str) -> str:
    """Leave the last four digits."""
    return "*" * (len(account) - _SHOWN) + account[-_SHOWN:]
