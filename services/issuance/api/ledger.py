"""The books: every posting, what accounts hold, what may still have to be paid, and the nightly proofs (art. 16)."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Query

from services.issuance.api.ledger_models import (
    AccountTotal,
    Balance,
    Exposure,
    LedgerBalance,
    LedgerEntry,
    LedgerProof,
    TrialBalance,
)
from services.issuance.api.time_travel import AS_OF_CODES, AsOf, position_of
from services.issuance.api.visibility import check_visible, claimant_of
from services.issuance.books import Books, books_at, books_now
from services.issuance.domain.postings import ACCOUNTS, OUTSTANDING, Account
from services.issuance.projections.exposure import EXPOSURE, outstanding
from services.issuance.projections.ledger import LEDGER_LINES, TABLE, ledger_lines
from services.issuance.tables import ledger_proofs
from shared.http.models import Day, Money
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for

router = router_for("issuance", tag="ledger")

Id = Annotated[str | None, Query(min_length=1, max_length=64)]
YearOfClaim = Annotated[int | None, Query(ge=2000, le=9999, description="申领年度 · Year of the claim")]
Touching = Annotated[Account | None, Query(description="借方或贷方为此科目 · On either side of the entry")]
Since = Annotated[Day | None, Query(description="记账日起（含） · First day, included")]
Until = Annotated[Day | None, Query(description="记账日止（含） · Last day, included")]


@router.get(
    "/ledger/entries",
    operation_id="listLedgerEntries",
    summary="分录，最新在前 · The entries of the books, the newest first; a claimant sees its own",
)
async def list_entries(
    request: ReadRequest,
    period_id: Id = None,
    year: YearOfClaim = None,
    claimant_id: Id = None,
    account: Touching = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[LedgerEntry]:
    if request.caller.role is Role.CLAIMANT:
        if claimant_id is not None:
            check_visible(request.caller, claimant_id, claimant_id=claimant_id)
        claimant_id = claimant_of(request.caller)
    await request.caught_up(LEDGER_LINES)
    select = ledger_lines(
        claimant_id=claimant_id, period_id=period_id, year=year, account=account, since=since, until=until
    )
    return await request.page(select, [TABLE.c.position.desc(), TABLE.c.line.desc()], limit, cursor, _entry)


@router.get(
    "/ledger/balances",
    operation_id="getLedgerBalances",
    summary="试算平衡表 · The trial balance: what each account holds, by period and year",
    openapi_extra=operation(idempotent=False, codes=AS_OF_CODES),
)
async def get_balances(request: ReadRequest, as_of: AsOf = None) -> TrialBalance:
    if as_of is None:
        position = await request.caught_up(EXPOSURE)
        async with request.connection() as connection:
            return _trial(await books_now(connection), position)
    position = await position_of(request, as_of)
    await request.caught_up(LEDGER_LINES, position)
    async with request.connection() as connection:
        return _trial(await books_at(connection, position), position)


@router.get(
    "/ledger/exposure",
    operation_id="listExposure",
    summary="未了结金额 · What may still have to be paid, by period, year and provider",
)
async def list_exposure(
    request: ReadRequest,
    period_id: Id = None,
    year: YearOfClaim = None,
    provider_id: Id = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[Exposure]:
    await request.caught_up(EXPOSURE)
    held = outstanding().c
    wanted = {held.period_id: period_id, held.year: year, held.provider_id: provider_id}
    select = sa.select(*held).where(*(column == value for column, value in wanted.items() if value is not None))
    return await request.page(select, [held.period_id, held.year, held.provider_id], limit, cursor, _exposure)


@router.get(
    "/ledger/proofs",
    operation_id="listLedgerProofs",
    summary="每夜核对 · The nightly proofs that every balance equals the log, the latest first",
)
async def list_proofs(request: ReadRequest, limit: Limit = 50, cursor: CursorText = None) -> Page[LedgerProof]:
    return await request.page(sa.select(ledger_proofs), [ledger_proofs.c.night.desc()], limit, cursor, _proof)


def _entry(row: sa.Row[Any]) -> LedgerEntry:
    return LedgerEntry(
        position=row.position,
        line=row.line,
        business_date=row.business_date,
        debit=row.debit,
        credit=row.credit,
        amount=Money.of(row.fen),
        period_id=row.period_id,
        year=row.year,
        claimant_id=row.claimant_id,
        voucher_id=row.voucher_id,
        contract_id=row.contract_id,
    )


def _trial(books: Books, position: int) -> TrialBalance:
    order = {account: number for number, account in enumerate(ACCOUNTS)}
    held = sorted(books.items(), key=lambda item: (item[0][0], item[0][1] or 0, order[item[0][2]]))
    totals = dict.fromkeys(ACCOUNTS, 0)
    for (_, _, account), fen in held:
        totals[account] += fen
    return TrialBalance(
        items=[
            LedgerBalance(period_id=period_id, year=year, account=account, balance=Balance(amount=fen))
            for (period_id, year, account), fen in held
        ],
        accounts=[AccountTotal(account=account, balance=Balance(amount=fen)) for account, fen in totals.items()],
        total=Balance(amount=sum(totals.values())),
        as_of=position,
    )


def _exposure(row: sa.Row[Any]) -> Exposure:
    held = {account: Money.of(getattr(row, account)) for account in OUTSTANDING}
    return Exposure(
        period_id=row.period_id,
        year=row.year,
        provider_id=row.provider_id or None,
        outstanding=Money.of(sum(money.amount for money in held.values())),
        **held,
    )


def _proof(row: sa.Row[Any]) -> LedgerProof:
    return LedgerProof(**{name: getattr(row, name) for name in LedgerProof.model_fields})
