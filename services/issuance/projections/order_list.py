"""The order list of a period: every granted claim by its place, and what became of it (art. 12, 15(1)).

It is read from the voucher balances: a table of its own would be a second copy of every claim. Only granted claims have
places; a refused one left no event, took nothing from anybody, and is not in the list. What the claimant does with its
voucher before it ends is its own and its provider's business (art. 9(3), 16): until then the outcome is `issued`.
"""

from typing import Any, Literal

import sqlalchemy as sa

from services.issuance.domain.voucher_stages import LIVE
from services.issuance.projections.voucher_balances import TABLE

type Outcome = Literal["issued", "redeemed", "cancelled", "expired", "lapsed", "revoked"]


def order_list_of(period_id: str) -> sa.Select[Any]:
    """Select a period's list: place, claimant, instant, amount in fen, and the outcome."""
    outcome = sa.case((TABLE.c.state.in_(tuple(LIVE)), "issued"), else_=TABLE.c.state)
    return sa.select(
        TABLE.c.place, TABLE.c.claimant_id, TABLE.c.claimed_at, TABLE.c.amount, outcome.label("outcome")
    ).where(TABLE.c.period_id == period_id)
