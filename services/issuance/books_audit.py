"""What must always hold of the books: they balance, and they say what the rows that decide say (art. 12, 16)."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.books import Books, post
from services.issuance.deadlines import PROVE_BALANCES
from services.issuance.domain.postings import COUNTED, SPENT, Account, ledger_lines_of
from services.issuance.past import voucher_of
from services.issuance.projections.ledger import POSTED
from services.issuance.tables import allowances, ledger_proofs, quotas
from shared.audit import Breach, Check, Count
from shared.events.codec import decode
from shared.events.definition import TYPE_OF
from shared.store.tables import deadlines, events

_PAGE = 2_000


async def _facts(connection: AsyncConnection) -> AsyncIterator[tuple[int, str, Any]]:
    """Give every fact that moves money, stream by stream, each in its order."""
    here = sa.or_(*(events.c.type.like(f"{TYPE_OF[kind].name}.v%") for kind in POSTED))
    query = (
        sa.select(events.c.position, events.c.stream, events.c.type, sa.cast(events.c.data, sa.Text))
        .where(here)
        .order_by(events.c.stream, events.c.version)
        .execution_options(yield_per=_PAGE)
    )
    async for position, stream, kind, data in await connection.stream(query):
        yield position, stream, decode(kind, data)


async def postings_balance(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Post the whole log anew: no voucher gives what it does not hold, and accounts hold what the rows say."""
    books: Books = Counter()
    years: Counter[tuple[str, int, Account]] = Counter()
    held: Counter[Account] = Counter()
    current = ""
    async for position, stream, fact in _facts(connection):
        count.checked += 1
        if stream != current:
            current, held = stream, Counter()
        post(books, [fact])
        for line in ledger_lines_of(fact):
            held[line.debit] += line.fen
            held[line.credit] -= line.fen
            if voucher_of(stream):
                years[fact.claimant_id, fact.year, line.debit] += line.fen
                years[fact.claimant_id, fact.year, line.credit] -= line.fen
                if held[line.credit] < 0 and line.credit != "quota":
                    found = f"{line.fen} fen leave {line.credit}, where {stream} had {held[line.credit] + line.fen}"
                    yield Breach(where=f"position {position}", found=found)
    if total := sum(books.values()):
        yield Breach(where="all accounts", found=f"together they hold {total} fen, not nothing")
    async for breach in _quotas_agree(connection, books):
        yield breach
    async for breach in _allowances_agree(connection, years):
        yield breach


async def _quotas_agree(connection: AsyncConnection, books: Books) -> AsyncIterator[Breach]:
    held: Counter[tuple[str, Account]] = Counter()
    for (period_id, _, account), fen in books.items():
        held[period_id, account] += fen
    for row in (await connection.execute(sa.select(quotas))).all():
        told = (held[row.period_id, "quota"], -held[row.period_id, "returned"])
        kept = (row.remaining, row.returned)
        is_withdrawn = row.closed and not held[row.period_id, "budget"]
        if told not in ({kept, (row.remaining - row.quota, row.returned)} if is_withdrawn else {kept}):
            found = f"remaining, returned: the books say {told}, the row {kept}"
            yield Breach(where=f"period {row.period_id}", found=found)


async def _allowances_agree(
    connection: AsyncConnection, years: Counter[tuple[str, int, Account]]
) -> AsyncIterator[Breach]:
    kept = {
        (row.claimant_id, row.year): (row.reserved, row.spent)
        for row in await connection.execute(sa.select(allowances))
    }
    for claimant_id, year in sorted(kept.keys() | {(claimant_id, year) for claimant_id, year, _ in years}):
        counted = sum(years[claimant_id, year, account] for account in COUNTED)
        told = (counted, sum(years[claimant_id, year, account] for account in SPENT))
        if told != kept.get((claimant_id, year), (0, 0)):
            found = f"reserved, spent: the books say {told}, the row {kept.get((claimant_id, year))}"
            yield Breach(where=f"claimant {claimant_id}, year {year}", found=found)


async def nights_are_proved(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """See that the next proof is waited for, and what the latest one has found."""
    count.checked += 1
    waiting = sa.select(deadlines.c.subject).where(deadlines.c.kind == PROVE_BALANCES)
    if (await connection.execute(waiting)).first() is None:
        yield Breach(where="the due list", found="nobody waits to prove the balances next night")
    latest = sa.select(ledger_proofs).order_by(ledger_proofs.c.night.desc()).limit(1)
    row = (await connection.execute(latest)).one_or_none()
    if row is None:
        count.notes.append("no night has been proved yet")
        return
    count.notes.append(
        f"the night of {row.night}: {row.state} at position {row.position}, {row.compared} rows compared,"
        f" digest {row.digest[:16]}"
    )
    if row.state == "differs":
        for said in row.first_differences:
            yield Breach(where=f"the night of {row.night}", found=said)


BOOKS_CHECKS = (
    Check(
        id="M6",
        promise="postings sum to zero, and accounts hold what quotas and allowances say",
        look=postings_balance,
    ),
    Check(id="P1", promise="every night proves that every balance equals the log", look=nights_are_proved),
)
