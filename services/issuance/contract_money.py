"""What waits for each contract's payment: as the read model holds it, as the journal adds up, and as facts move it.

The exposure of a provider is told from it (`projections.exposure`), and the nightly proof compares the three.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from services.issuance.domain.postings import Posted, ledger_lines_of
from services.issuance.projections import exposure, ledger
from services.issuance.projections.exposure import BY_CONTRACT, NO_CONTRACT, NO_YEAR

type Waiting = Counter[tuple[str, int, str, str]]
"""By period, year of the claim, contract and account: fen, more than nothing."""


def wait(waiting: Waiting, facts: Iterable[Posted]) -> None:
    """Enter what facts move into and out of the accounts that are kept by contract."""
    for fact in facts:
        year: int = getattr(fact, "year", NO_YEAR)
        contract_id: str = getattr(fact, "contract_id", None) or NO_CONTRACT
        for line in ledger_lines_of(fact):
            for account, fen in ((line.debit, line.fen), (line.credit, -line.fen)):
                if account in BY_CONTRACT:
                    waiting[fact.period_id, year, contract_id, account] += fen


def waiting_now() -> sa.Select[Any]:
    """Select what the read model holds: period_id, year, contract_id, account, fen."""
    held = exposure.TABLE.c
    columns = (held.period_id, held.year, held.contract_id, held.account, held.fen)
    return sa.select(*columns).where(held.account.in_(BY_CONTRACT))


def waited_between(after: int, until: int) -> sa.Select[Any]:
    """Sum up what the journal moved behind one position up to another: period_id, year, contract_id, account, fen."""
    lines = ledger.TABLE.c
    sides = sa.union_all(
        *(
            sa.select(
                lines.period_id,
                sa.func.coalesce(lines.year, NO_YEAR).label("year"),
                sa.func.coalesce(lines.contract_id, NO_CONTRACT).label("contract_id"),
                account.label("account"),
                fen.label("fen"),
            ).where(account.in_(BY_CONTRACT), lines.position > after, lines.position <= until)
            for account, fen in ((lines.debit, lines.fen), (lines.credit, -lines.fen))
        )
    ).subquery()
    key = (sides.c.period_id, sides.c.year, sides.c.contract_id, sides.c.account)
    return sa.select(*key, sa.cast(sa.func.sum(sides.c.fen), sa.BigInteger).label("fen")).group_by(*key)


def listed(waiting: Waiting) -> list[list[Any]]:
    """Write it as JSON has it, in one order; what is at nothing is left out."""
    return [[*key, fen] for key, fen in sorted(waiting.items()) if fen]


def read(lines: Iterable[Iterable[Any]]) -> Waiting:
    """Read rows, or what `listed` wrote."""
    return Counter(
        {(period_id, year, contract_id, account): fen for period_id, year, contract_id, account, fen in lines}
    )
