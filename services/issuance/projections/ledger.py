"""The journal: every posting of issuance as a row, in the order of the log; nothing in it ever changes."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.issuance.domain.postings import Account, Posted, ledger_lines_of
from services.issuance.projections import READ_MODELS
from shared.events.definition import Recorded
from shared.events.issuance.quotas import QuotaGranted, QuotaReturned, QuotaWithdrawn
from shared.events.issuance.vouchers import (
    VoucherCancelled,
    VoucherClaimed,
    VoucherClawBackReversed,
    VoucherClawedBack,
    VoucherCommitmentReleased,
    VoucherCommitted,
    VoucherExpired,
    VoucherLapsed,
    VoucherRedeemed,
    VoucherRevoked,
    VoucherUsed,
)
from shared.projections.projection import Projection, Row, RowKey
from shared.projections.reading import owned

TABLE = sa.Table(
    "ledger_entries",
    READ_MODELS,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("line", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("year", sa.SmallInteger),
    sa.Column("business_date", sa.Date, nullable=False),
    sa.Column("fen", sa.BigInteger, nullable=False),
    sa.Column("debit", sa.Text, nullable=False),
    sa.Column("credit", sa.Text, nullable=False),
    sa.Column("period_id", sa.Text, nullable=False),
    sa.Column("claimant_id", sa.Text),
    sa.Column("voucher_id", sa.Text),
    sa.Column("contract_id", sa.Text),
    sa.CheckConstraint("fen > 0 AND debit <> credit", name="moves_something"),
    sa.Index(None, "claimant_id"),
    sa.Index(None, "period_id", "position"),
    sa.Index(None, "business_date", postgresql_using="brin"),
)
"""`position` and `line` name a line; `year` is that of the claim, null where the money of a period itself moves."""

POSTED: tuple[type[Any], ...] = (
    QuotaGranted,
    QuotaWithdrawn,
    QuotaReturned,
    VoucherClaimed,
    VoucherCancelled,
    VoucherCommitted,
    VoucherCommitmentReleased,
    VoucherUsed,
    VoucherExpired,
    VoucherLapsed,
    VoucherRevoked,
    VoucherRedeemed,
    VoucherClawedBack,
    VoucherClawBackReversed,
)
"""The facts that move money."""


def evolve(_row: Row | None, event: Recorded[Any], key: RowKey) -> Row:
    """Write one entry of a fact; told again, it is the same line."""
    fact: Posted = event.data
    position, line = key
    moved = ledger_lines_of(fact)[line - 1]
    return {
        "position": position,
        "line": line,
        "year": getattr(fact, "year", None),
        "business_date": fact.on,
        "fen": moved.fen,
        "debit": moved.debit,
        "credit": moved.credit,
        "period_id": fact.period_id,
        "claimant_id": getattr(fact, "claimant_id", None),
        "voucher_id": getattr(fact, "voucher_id", None),
        "contract_id": getattr(fact, "contract_id", None),
    }


def _lines(event: Recorded[Any]) -> list[RowKey]:
    return [(event.position, line) for line in range(1, len(ledger_lines_of(event.data)) + 1)]


LEDGER_LINES = Projection(
    name="ledger_entries",
    table=TABLE,
    rows=dict.fromkeys(POSTED, _lines),
    evolve=evolve,
    poison="halt",
    keyed_by_record=True,
    begins=frozenset(POSTED),
)


def ledger_lines(
    *,
    claimant_id: str | None = None,
    period_id: str | None = None,
    year: int | None = None,
    account: Account | None = None,
    since: date | None = None,
    until: date | None = None,
) -> sa.Select[Any]:
    """Select the lines of a claimant, of a period, of a year of claims, of an account, between two days inclusive."""
    table = TABLE.c
    wanted: list[sa.ColumnElement[bool]] = []
    if claimant_id is not None:
        wanted.append(owned(table.position, table.claimant_id, claimant_id))
    if period_id is not None:
        wanted.append(table.period_id == period_id)
    if year is not None:
        wanted.append(table.year == year)
    if account is not None:
        wanted.append(sa.or_(table.debit == account, table.credit == account))
    if since is not None:
        wanted.append(table.business_date >= since)
    if until is not None:
        wanted.append(table.business_date <= until)
    return sa.select(TABLE).where(*wanted)


def moved_between(after: int, until: int) -> sa.Select[Any]:
    """Sum up what was moved behind one position up to another: period, year, debit, credit, fen, lines."""
    table = TABLE.c
    dimensions: Sequence[sa.ColumnElement[Any]] = (table.period_id, table.year, table.debit, table.credit)
    return (
        sa.select(
            *dimensions,
            sa.cast(sa.func.sum(table.fen), sa.BigInteger).label("fen"),
            sa.func.count().label("lines"),
        )
        .where(table.position > after, table.position <= until)
        .group_by(*dimensions)
    )
