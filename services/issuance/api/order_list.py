"""The order list of a closed period, for everybody: who came when, without who it was (art. 12, 15(1))."""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from fastapi import Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from services.issuance.api.visibility import PeriodId
from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Period, Phase
from services.issuance.projections.order_list import Outcome, order_list_of
from services.issuance.projections.voucher_balances import TABLE, VOUCHER_BALANCES
from services.issuance.pseudonyms import key_of, pseudonym
from services.issuance.receipts.receipt import in_milliseconds
from shared.events.definition import TYPE_OF
from shared.events.issuance.periods import PeriodClosed
from shared.http.models import Money, View
from shared.http.problems import ProblemError
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.refusal import refuse
from shared.store.tables import events
from shared.store.transaction import UnknownSubjectError

router = router_for("issuance", tag="periods")

_NOT_YET = "order-list-not-published-yet"
_CHUNK = 1_000
_BOM = "\ufeff"
"""Without it spreadsheets take UTF-8 for another encoding."""
OUTCOME_WORDS: Mapping[Outcome, str] = {
    "issued": "已领取",
    "redeemed": "已兑现",
    "cancelled": "已退回",
    "expired": "已过期作废",
    "lapsed": "未兑现作废",
    "revoked": "已撤销",
}
_COLUMNS = (
    "次序 · place",
    "领取时刻（UTC） · claimed at",
    "面额（元） · amount (yuan)",
    "结果 · outcome",
    "化名 · pseudonym",
    "面额（分） · amount (fen)",
    "结果代码 · outcome code",
)
"""What people read comes first; the codes and fen of the API stand last, for whoever matches the two."""


class OrderListItem(View):
    place: int = Field(description="领取次序；领取凭证上的同一数字 · Place, as on the receipt", examples=[18])
    claimed_at: str = Field(
        description="领取时刻（UTC，毫秒） · Instant of the claim", examples=["2026-03-01T01:00:00.123Z"]
    )
    amount: Money = Field(description="面额 · Face value")
    outcome: Outcome = Field(
        description=f"结果：{'，'.join(f'{code} {word}' for code, word in OUTCOME_WORDS.items())} · "
        "issued while nothing has ended it",
        examples=["issued"],
    )
    pseudonym: str = Field(
        description="化名；同一周期内每单位一个，不能还原 · One for each claimant in a period, and no way back",
        examples=["3f9a0c5b7e1d24688a6cf0b1d2e3f405"],
    )


@router.get(
    "/periods/{period_id}/order-list",
    operation_id="listOrder",
    summary="领取次序表，周期截止后公开 · The order list, public once the period is closed",
    openapi_extra=operation(idempotent=False, codes=(_NOT_YET,)),
)
async def list_order(
    period_id: PeriodId, request: ReadRequest, limit: Limit = 50, cursor: CursorText = None
) -> Page[OrderListItem]:
    key = await _published(period_id, request)

    def item(row: sa.Row[Any]) -> OrderListItem:
        return OrderListItem(
            place=row.place,
            claimed_at=in_milliseconds(row.claimed_at),
            amount=Money.of(row.amount),
            outcome=row.outcome,
            pseudonym=pseudonym(key, row.claimant_id),
        )

    return await request.page(order_list_of(period_id), [TABLE.c.place], limit, cursor, item)


@router.get(
    "/periods/{period_id}/order-list.csv",
    operation_id="downloadOrderList",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    summary="下载领取次序表（CSV） · The order list as a file",
    openapi_extra=operation(idempotent=False, codes=(_NOT_YET,)),
)
async def download_order_list(period_id: PeriodId, request: ReadRequest) -> Response:
    key = await _published(period_id, request)
    name = f'attachment; filename="order-list-{period_id}.csv"'
    return StreamingResponse(
        _written(period_id, key, request), media_type="text/csv", headers={"Content-Disposition": name}
    )


async def _published(period_id: str, request: ReadRequest) -> bytes:
    """Give the secret of a period whose list is public; refuse while it is not closed, or not yet complete here."""
    found = (await request.load(period, f"period-{period_id}")).state
    if not isinstance(found, Period):
        raise UnknownSubjectError(period_id)
    if found.phase is not Phase.CLOSED:
        raise refuse(_NOT_YET, article="15(1)", value=found.phase.value, limit=found.closes_at, kind="state")
    async with request.connection() as connection:
        closed_at: int = (await connection.execute(_closing(period_id))).scalar_one()
        key = await key_of(connection, period_id)
    if key is None:
        raise LookupError(f"{period_id} is closed and has no secret for pseudonyms")
    reached = await request.caught_up(VOUCHER_BALANCES)
    if reached < closed_at:
        raise ProblemError("behind", value=reached, limit=closed_at, headers={"Retry-After": "1"})
    return key


def _closing(period_id: str) -> sa.Select[Any]:
    """Select where the log has the end of a period: every claim of it is before that."""
    here = events.c.stream == f"period-{period_id}"
    return sa.select(events.c.position).where(here, events.c.type == TYPE_OF[PeriodClosed].stored)


async def _written(period_id: str, key: bytes, request: ReadRequest) -> AsyncIterator[str]:
    """Write the list piece by piece, each read by itself: a slow reader holds no transaction open."""
    yield _BOM + _lines([_COLUMNS])
    last = 0
    while True:
        select = order_list_of(period_id).where(TABLE.c.place > last).order_by(TABLE.c.place).limit(_CHUNK)
        async with request.connection() as connection:
            rows = (await connection.execute(select)).all()
        if not rows:
            return
        last = rows[-1].place
        yield _lines(
            (
                row.place,
                in_milliseconds(row.claimed_at),
                f"{Decimal(row.amount) / 100:.2f}",
                OUTCOME_WORDS[row.outcome],
                pseudonym(key, row.claimant_id),
                row.amount,
                row.outcome,
            )
            for row in rows
        )


def _lines(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
