"""What each account holds, now or at a position of the log: from the last proved closing on, only what came after."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.domain.postings import Account, Posted, ledger_lines_of
from services.issuance.projections.exposure import NO_YEAR, balances
from services.issuance.projections.ledger import moved_between
from services.issuance.tables import ledger_proofs

type Books = Counter[tuple[str, int | None, Account]]
"""By period, year of the claim and account: fen, debited less credited. They sum to zero."""


def post(books: Books, facts: Iterable[Posted]) -> None:
    """Enter what facts move."""
    for fact in facts:
        year: int | None = getattr(fact, "year", None)
        for line in ledger_lines_of(fact):
            books[fact.period_id, year, line.debit] += line.fen
            books[fact.period_id, year, line.credit] -= line.fen


def closed(books: Books) -> list[list[Any]]:
    """Write balances as JSON has them, in one order; an account at nothing is left out."""
    return [[*key, fen] for key, fen in sorted(books.items(), key=str) if fen]


def reopened(sums: list[list[Any]]) -> Books:
    """Read balances that were written."""
    lines = msgspec.convert(sums, type=list[tuple[str, int | None, str, int]])
    return Counter({(period_id, year, account): fen for period_id, year, account, fen in lines})  # type: ignore[misc]


async def books_now(connection: AsyncConnection) -> Books:
    """Read what the read model holds."""
    rows = await connection.execute(balances())
    return Counter({(row.period_id, None if row.year == NO_YEAR else row.year, row.account): row.fen for row in rows})


async def books_at(connection: AsyncConnection, position: int) -> Books:
    """Count what every account held after the fact at a position, as far as the journal has come."""
    proofs = ledger_proofs.c
    closing = await connection.execute(
        sa.select(proofs.position, proofs.sums)
        .where(proofs.state == "proved", proofs.position <= position)
        .order_by(proofs.position.desc())
        .limit(1)
    )
    last = closing.one_or_none()
    books = reopened(last.sums) if last is not None else Counter()
    for row in await connection.execute(moved_between(last.position if last is not None else 0, position)):
        books[row.period_id, row.year, row.debit] += row.fen
        books[row.period_id, row.year, row.credit] -= row.fen
    return Counter({key: fen for key, fen in books.items() if fen})
