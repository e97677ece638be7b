"""Settling the ends of many vouchers in two statements, whoever holds them."""

from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa

from services.issuance import ledger
from services.issuance.domain.allowance import posting
from services.issuance.ledger import Settling
from shared.store.transaction import Transaction

_YEARS = "unnest(CAST(:claimants AS text[]), CAST(:years AS smallint[]))"
_HOLD = sa.text(
    f"SELECT FROM allowances a JOIN {_YEARS} AS y (claimant_id, year) USING (claimant_id, year)"
    " ORDER BY claimant_id, year FOR UPDATE OF a"
)
_POST = sa.text(
    "UPDATE allowances a SET reserved = a.reserved + m.reserved, spent = a.spent + m.spent"
    " FROM unnest(CAST(:claimants AS text[]), CAST(:years AS smallint[]), CAST(:reserved AS bigint[]),"
    " CAST(:spent AS bigint[])) AS m (claimant_id, year, reserved, spent)"
    " WHERE a.claimant_id = m.claimant_id AND a.year = m.year"
)


async def settle_many(tx: Transaction, ends: Sequence[Settling]) -> None:
    """Post the ends of many vouchers as `ledger.settle` does, the allowances locked in the order of every transaction.

    Where `return_to_quota` sends money back to its period, each return is an event of that period, in its turn: these
    ends go the single way.
    """
    if not ends:
        return
    if any(tx.measures.on(day).voucher.return_to_quota for day in {end.on for end in ends}):
        await ledger.settle(tx, ends)
        return
    reserved: Counter[tuple[str, int]] = Counter()
    spent: Counter[tuple[str, int]] = Counter()
    for end in ends:
        moved = posting(end)
        reserved[end.claimant_id, end.year] += moved.reserved
        spent[end.claimant_id, end.year] += moved.spent
    owners = sorted(reserved)
    years = {"claimants": [claimant_id for claimant_id, _ in owners], "years": [year for _, year in owners]}
    await tx.connection.execute(_HOLD, years)
    sums = {"reserved": [reserved[owner] for owner in owners], "spent": [spent[owner] for owner in owners]}
    await tx.connection.execute(_POST, years | sums)
