"""Vouchers and what each claimant's year comes to."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from fastapi import Response

from services.issuance.api.models import AnnualTotals, VoucherNow, VoucherState
from services.issuance.api.time_travel import AS_OF_CODES, AsOf, position_of
from services.issuance.api.visibility import (
    ClaimantId,
    VoucherId,
    check_sees_voucher,
    check_visible,
    claimant_of,
    own_claimant_of,
)
from services.issuance.asked_by_channel import is_asked_for
from services.issuance.domain import voucher_stages
from services.issuance.domain.clawing_back import came_back
from services.issuance.domain.voucher import voucher
from services.issuance.past import claimed_by, totals_at, vouchers_at
from services.issuance.projections import annual_totals
from services.issuance.projections.annual_totals import ANNUAL_TOTALS, totals_of
from services.issuance.projections.voucher_balances import TABLE, VOUCHER_BALANCES, all_vouchers, vouchers_of
from services.issuance.use_cases.cancelling import cancel_voucher
from shared.http.commands import CommandRequest, Presented
from shared.http.models import Money
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Listing, Page, ReadDesk, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date
from shared.store.transaction import UnknownSubjectError

router = router_for("issuance", tag="vouchers")
LIMIT = 50
"""How many vouchers are on a page when nobody says how many."""


@router.get(
    "/vouchers",
    operation_id="listVouchers",
    response_model=Page[VoucherNow],
    summary="创新券列表 · List vouchers, the newest first",
    openapi_extra=operation(idempotent=False, codes=AS_OF_CODES),
)
async def list_vouchers(
    request: ReadRequest,
    state: VoucherState | None = None,
    as_of: AsOf = None,
    limit: Limit = LIMIT,
    cursor: CursorText = None,
) -> Response | Page[VoucherNow]:
    if as_of is not None:
        return await _list_past(request, as_of, state, limit, cursor)
    listing = _listing(request.caller.role, with_state=state is not None)
    given = _whose(request)
    if state is not None:
        given["state"] = state
    return await request.written_page(listing, VOUCHER_BALANCES, given, limit, cursor, _written_row)


@cache
def _listing(role: Role, *, with_state: bool) -> Listing:
    """Make the statements of a list of vouchers, once for each role, in one state or in all."""
    select = _visible_to(role)
    if with_state:
        select = select.where(TABLE.c.state == sa.bindparam("state", type_=sa.Text))
    return Listing(select, [TABLE.c.voucher_id.desc()])


def _visible_to(role: Role) -> sa.Select[Any]:
    """Select a claimant's vouchers, those that a channel has asked for, or everybody's; `_whose` gives the values."""
    match role:
        case Role.CLAIMANT:
            return vouchers_of(sa.bindparam("claimant", type_=sa.Text))
        case Role.CHANNEL:
            return all_vouchers().where(is_asked_for(TABLE.c.voucher_id))
        case _:
            return all_vouchers()


def _whose(request: ReadDesk) -> dict[str, Any]:
    match request.caller.role:
        case Role.CLAIMANT:
            return {"claimant": claimant_of(request.caller)}
        case Role.CHANNEL:
            return {"principal": request.caller.principal, "day": business_date(request.now)}
        case _:
            return {}


async def _list_past(
    request: ReadDesk, as_of: str, state: VoucherState | None, limit: int, cursor: str | None
) -> Page[VoucherNow]:
    """List vouchers as they stood; what was in another state then is left out of its page."""
    select = _visible_to(request.caller.role).params(_whose(request))
    position = await position_of(request, as_of)
    await request.caught_up(VOUCHER_BALANCES, position)
    known = select.where(claimed_by(TABLE.c.voucher_id, position))
    page = await request.page(known, [TABLE.c.voucher_id.desc()], limit, cursor, lambda row: str(row.voucher_id))
    async with request.connection() as connection:
        then = await vouchers_at(connection, page.items, position)
    items = [shown(row) for row in then if state is None or row.state == state]
    return Page(items=items, next_cursor=page.next_cursor, has_more=page.has_more, as_of=position)


@router.get(
    "/vouchers/{voucher_id}",
    operation_id="getVoucher",
    response_model=VoucherNow,
    summary="查看创新券 · Read a voucher",
    openapi_extra=operation(idempotent=False, codes=("channel-not-authorised", *AS_OF_CODES)),
)
async def get_voucher(voucher_id: VoucherId, request: ReadRequest, as_of: AsOf = None) -> Response:
    if as_of is not None:
        return await _get_past(voucher_id, request, await position_of(request, as_of))
    loaded = await request.load(voucher, f"voucher-{voucher_id}")
    if not isinstance(loaded.state, voucher_stages.Voucher):
        raise UnknownSubjectError(voucher_id)
    await check_sees_voucher(request, voucher_id, claimant_id=loaded.state.claimant_id)
    return request.answer(presented(loaded.state, loaded.version))


async def _get_past(voucher_id: str, request: ReadRequest, position: int) -> Response:
    """Answer with a voucher as it stood; that has no ETag, because nobody may decide on it."""
    async with request.connection() as connection:
        then = await vouchers_at(connection, [voucher_id], position)
    if not then:
        raise UnknownSubjectError(voucher_id)
    await check_sees_voucher(request, voucher_id, claimant_id=then[0].claimant_id)
    response = request.answer(Presented(body=shown(then[0])))
    response.headers["Event-Position"] = str(position)
    return response


@router.post(
    "/vouchers/{voucher_id}/cancellation",
    operation_id="cancelVoucher",
    response_model=VoucherNow,
    summary="登记前退回创新券 · Give a voucher back before its activity is registered",
    openapi_extra=operation(
        if_match=True,
        codes=(
            "channel-not-authorised",
            "user-may-only-read",
            "voucher-not-in-this-state",
            "registration-too-late",
        ),
    ),
)
async def cancel(voucher_id: VoucherId, request: CommandRequest) -> Response:
    return await request.run(
        lambda tx: cancel_voucher(
            tx,
            voucher_id=voucher_id,
            claimant_id=own_claimant_of(request.caller),
            if_match=request.if_match,
        ),
        lambda handled: presented(handled.state, handled.version),
    )


@router.get(
    "/claimants/{claimant_id}/annual-totals",
    operation_id="listAnnualTotals",
    summary="申领单位各年度额度使用 · What each year of a claimant comes to",
    openapi_extra=operation(idempotent=False, codes=AS_OF_CODES),
)
async def list_annual_totals(
    claimant_id: ClaimantId, request: ReadRequest, as_of: AsOf = None, limit: Limit = 50, cursor: CursorText = None
) -> Page[AnnualTotals]:
    check_visible(request.caller, claimant_id, claimant_id=claimant_id)
    if as_of is not None:
        position = await position_of(request, as_of)
        await request.caught_up(VOUCHER_BALANCES, position)
        async with request.connection() as connection:
            years = await totals_at(connection, claimant_id, position)
        return Page(items=[_totals(row) for row in years], next_cursor=None, has_more=False, as_of=position)
    await request.caught_up(ANNUAL_TOTALS)
    keys = [annual_totals.TABLE.c.year.desc()]
    return await request.page(totals_of(claimant_id), keys, limit, cursor, _totals)


def presented(state: voucher_stages.State, version: int, *, status: int = 200) -> Presented:
    """Represent a voucher as it stands."""
    if not isinstance(state, voucher_stages.Voucher):
        raise UnknownSubjectError("voucher")
    view = VoucherNow(
        voucher_id=state.voucher_id,
        period_id=state.period_id,
        claimant_id=state.claimant_id,
        state=state.stage.value,
        year=state.year,
        amount=Money.of(state.amount),
        paid=Money.of(state.paid),
        released=Money.of(state.released),
        clawed_back=Money.of(came_back(state.claw_backs)),
        place=state.place,
        claimed_on=state.claimed_on,
        register_by=state.register_by,
        register_by_provisional=state.register_by_provisional,
        contract_id=state.contract_id,
        valid_until=state.valid_until,
        valid_until_provisional=state.valid_until_provisional,
        ended_on=state.ended_on,
    )
    location = f"/v1/vouchers/{state.voucher_id}" if version == 1 else ""
    return Presented(body=view, version=version, status=status, location=location)


def shown(row: Any) -> VoucherNow:
    """Show a row of the vouchers, read or folded."""
    return VoucherNow(
        voucher_id=row.voucher_id,
        period_id=row.period_id,
        claimant_id=row.claimant_id,
        state=row.state,
        year=row.year,
        amount=Money.of(row.amount),
        paid=Money.of(row.paid),
        released=Money.of(row.released),
        clawed_back=Money.of(row.clawed_back),
        place=row.place,
        claimed_on=row.claimed_on,
        register_by=row.register_by,
        register_by_provisional=row.register_by_provisional,
        contract_id=row.contract_id,
        valid_until=row.valid_until,
        valid_until_provisional=row.valid_until_provisional,
        ended_on=row.ended_on,
    )


def written(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give the JSON of a row, as `VoucherNow` writes it: a list may have two hundred."""
    return {
        "voucher_id": row["voucher_id"],
        "period_id": row["period_id"],
        "claimant_id": row["claimant_id"],
        "state": row["state"],
        "year": row["year"],
        "amount": {"amount": row["amount"], "currency": "CNY"},
        "paid": {"amount": row["paid"], "currency": "CNY"},
        "released": {"amount": row["released"], "currency": "CNY"},
        "place": row["place"],
        "claimed_on": row["claimed_on"],
        "register_by": row["register_by"],
        "register_by_provisional": row["register_by_provisional"],
        "contract_id": row["contract_id"],
        "valid_until": row["valid_until"],
        "valid_until_provisional": row["valid_until_provisional"],
        "ended_on": row["ended_on"],
        "clawed_back": {"amount": row["clawed_back"], "currency": "CNY"},
    }


def _written_row(row: Any) -> dict[str, Any]:
    return written(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name for it)


def _totals(row: Any) -> AnnualTotals:
    """Show a row of a claimant's years, read or folded."""
    return AnnualTotals(
        claimant_id=row.claimant_id,
        year=row.year,
        claims=row.claims,
        reserved=Money.of(row.reserved),
        spent=Money.of(row.spent),
        released=Money.of(row.released),
    )
