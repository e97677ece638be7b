"""What every account holds, by period and year of the claim; money that waits for a contract's payment by contract.

So the trial balance and what the city may still have to pay come from one table: they cannot disagree.
"""

from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from services.issuance.domain.postings import OUTSTANDING, Account, LedgerLine, Posted, ledger_lines_of
from services.issuance.projections import READ_MODELS
from services.issuance.projections.ledger import POSTED
from services.issuance.tables import contract_providers
from shared.events.definition import Recorded
from shared.projections.projection import Projection, Row, RowKey

NO_YEAR = 0
"""Stands in the key for money that belongs to no claim."""
NO_CONTRACT = ""
BY_CONTRACT: frozenset[Account] = frozenset({"committed", "payable"})

TABLE = sa.Table(
    "exposure",
    READ_MODELS,
    sa.Column("period_id", sa.Text, primary_key=True),
    sa.Column("year", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("contract_id", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("fen", sa.BigInteger, nullable=False),
)
"""`fen` is debited less credited; an account at nothing has no row."""


def evolve(row: Row | None, event: Recorded[Any], key: RowKey) -> Row | None:
    """Add what a fact moves into and out of one account."""
    fact: Posted = event.data
    period_id, year, contract_id, account = key
    fen = row["fen"] if row else 0
    for debit, credit, moved in ledger_lines_of(fact):
        if debit == account:
            fen += moved
        elif credit == account:
            fen -= moved
    if fen == 0:
        return None
    return {"period_id": period_id, "year": year, "contract_id": contract_id, "account": account, "fen": fen}


def _row(fact: Posted) -> list[RowKey]:
    year = getattr(fact, "year", NO_YEAR)
    contract_id: str = getattr(fact, "contract_id", None) or NO_CONTRACT
    period_id = fact.period_id
    return [
        (period_id, year, contract_id if waits else NO_CONTRACT, account)
        for account, waits in _accounts(ledger_lines_of(fact))
    ]


@lru_cache(maxsize=1024)
def _accounts(lines: tuple[LedgerLine, ...]) -> tuple[tuple[Account, bool], ...]:
    """Name each account that lines touch, and whether its money waits for a contract; what is over does not."""
    accounts = dict.fromkeys([account for line in lines for account in (line.debit, line.credit)])
    return tuple([(account, account in BY_CONTRACT) for account in accounts])


EXPOSURE = Projection(name="exposure", table=TABLE, rows=dict.fromkeys(POSTED, _row), evolve=evolve, poison="halt")


def balances() -> sa.Select[Any]:
    """Select what each account holds by period and year: period_id, year, account, fen."""
    dimensions = (TABLE.c.period_id, TABLE.c.year, TABLE.c.account)
    return sa.select(*dimensions, sa.cast(sa.func.sum(TABLE.c.fen), sa.BigInteger).label("fen")).group_by(*dimensions)


def outstanding() -> sa.Subquery:
    """Sum up what is still to be paid: period_id, year, provider_id ("" before a contract), an account a column."""
    held = (
        sa.cast(sa.func.coalesce(sa.func.sum(TABLE.c.fen).filter(TABLE.c.account == account), 0), sa.BigInteger)
        for account in OUTSTANDING
    )
    provider = sa.func.coalesce(contract_providers.c.provider_id, "")
    return (
        sa.select(
            TABLE.c.period_id,
            TABLE.c.year,
            provider.label("provider_id"),
            *(column.label(account) for column, account in zip(held, OUTSTANDING, strict=True)),
        )
        .select_from(TABLE.outerjoin(contract_providers, contract_providers.c.contract_id == TABLE.c.contract_id))
        .where(TABLE.c.account.in_(OUTSTANDING))
        .group_by(TABLE.c.period_id, TABLE.c.year, provider)
        .subquery("outstanding")
    )
