"""Each claimant's own vouchers, side by side in the order of their list: a claimant's page is one short range.

The rows are those of `voucher_balances`, folded by the same `evolve`; what differs is what they lie next to.
"""

from typing import Any

import sqlalchemy as sa

from services.issuance.projections import READ_MODELS, voucher_balances
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES, Event
from shared.projections.projection import Projection, RowKey

_KEY = ("claimant_id", "voucher_id")
_OTHERS = [column for column in voucher_balances.TABLE.columns if column.name not in _KEY]

TABLE = sa.Table(
    "claimant_vouchers",
    READ_MODELS,
    *(sa.Column(name, sa.Text, primary_key=True) for name in _KEY),
    *(sa.Column(column.name, column.type, nullable=column.nullable) for column in _OTHERS),
)


def _row(fact: Event) -> tuple[RowKey, ...]:
    return ((fact.claimant_id, fact.voucher_id),)


CLAIMANT_VOUCHERS = Projection(
    name="claimant_vouchers",
    table=TABLE,
    rows=dict.fromkeys(VOUCHER_BALANCES.rows, _row),
    evolve=voucher_balances.evolve,
    poison="halt",
)


def vouchers_of(claimant_id: str) -> sa.Select[Any]:
    """Select the vouchers of a claimant."""
    return sa.select(TABLE).where(TABLE.c.claimant_id == claimant_id)
