"""The rows that decide, every voucher's own history and the books, beside the plain model: they say the same."""

from collections import Counter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.domain.postings import ledger_lines_of
from services.issuance.domain.voucher import voucher
from services.issuance.domain.voucher_stages import Voucher
from services.issuance.tables import allowances, quotas
from shared.events.codec import decode
from tests.integration.issuance.plain_model import Plain

_EVENTS = sa.text(
    "SELECT stream, type, data::text AS data FROM events WHERE stream = ANY(CAST(:streams AS text[]))"
    " ORDER BY stream, version"
)


async def assert_agreed(engine: AsyncEngine, plain: Plain) -> None:
    """Hold the rows that decide, every voucher's own history and what its accounts hold, against the model."""
    periods = {name: period for name, period in plain.periods.items() if period.phase == "approved"}
    async with engine.connect() as connection:
        years = (
            await connection.execute(sa.select(allowances).where(allowances.c.claimant_id.in_(plain.allowance)))
        ).all()
        given = (await connection.execute(sa.select(quotas).where(quotas.c.period_id.in_(periods)))).all()
        streams = [f"voucher-{voucher_id}" for voucher_id in plain.vouchers]
        histories: dict[str, list[Any]] = {}
        for row in await connection.execute(_EVENTS, {"streams": streams}):
            histories.setdefault(row.stream, []).append(decode(row.type, row.data))
    assert {row.period_id: (row.remaining, row.issued, row.returned, row.claims) for row in given} == {
        name: (one.remaining, one.issued, one.returned, one.claims) for name, one in periods.items()
    }
    assert {row.period_id: (row.class_rests or [], row.class_released or []) for row in given} == {
        name: ([each.rest for each in one.classes], [each.released for each in one.classes])
        for name, one in periods.items()
    }
    assert {(row.claimant_id, row.year): (row.reserved, row.spent) for row in years} == {
        year: (fen, plain.spent.get(year, 0)) for year, fen in plain.reserved.items()
    }
    states = {stream: voucher.fold(history) for stream, history in histories.items()}
    assert {
        state.voucher_id: (state.stage.value, state.contract_id if state.stage.value == "committed" else None)
        for state in states.values()
        if isinstance(state, Voucher)
    } == {
        voucher_id: (one.state, one.contract_id if one.state == "committed" else None)
        for voucher_id, one in plain.vouchers.items()
    }
    books = Counter[str]()
    for history in histories.values():
        for fact in history:
            for line in ledger_lines_of(fact):
                books[line.debit] += line.fen
                books[line.credit] -= line.fen
    assert {account: fen for account, fen in books.items() if fen} == plain.books()
