"""What each redemption was paid, in which year, and how much of that has come back since (art. 15(5), 17).

What comes back makes undone what was paid: it counts against the year of the payment, whenever it was asked for, and a
repayment that was recorded by mistake counts no more.
"""

from typing import Any

import sqlalchemy as sa

from services.appraisal.tables import APPRAISAL
from shared.events.definition import Recorded
from shared.events.redemption import FundsDisbursed, FundsRecovered, RepaymentReversed
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "voucher_payments",
    APPRAISAL,
    sa.Column("redemption_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("paid", sa.BigInteger, nullable=False),
    sa.Column("recovered", sa.BigInteger, nullable=False),
    sa.Index(None, "year", "provider_id"),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a redemption's row; all have the provider's key, so they come in order."""
    match event.data:
        case FundsDisbursed() as fact:
            return {
                "redemption_id": fact.redemption_id,
                "provider_id": fact.provider_id,
                "year": fact.on.year,
                "paid": fact.total,
                "recovered": 0,
            }
        case FundsRecovered(amount=amount) if row is not None:
            return row | {"recovered": row["recovered"] + amount}
        case RepaymentReversed(amount=amount) if row is not None:
            return row | {"recovered": row["recovered"] - amount}
        case _:
            raise LookupError(f"{event.id} speaks of a payment that was never made")


voucher_payments = Projection(
    name="voucher_payments",
    table=table,
    rows=dict.fromkeys((FundsDisbursed, FundsRecovered, RepaymentReversed), row_of("redemption_id")),
    evolve=evolve,
    poison="halt",
)


def settled_in(year: int) -> sa.Subquery:
    """Sum up what each provider was paid in a year, and what of that came back: provider_id, paid and recovered."""
    sums = (
        sa.cast(sa.func.sum(column), sa.BigInteger).label(column.name) for column in (table.c.paid, table.c.recovered)
    )
    return (
        sa.select(table.c.provider_id, *sums)
        .where(table.c.year == year)
        .group_by(table.c.provider_id)
        .subquery("settled")
    )
