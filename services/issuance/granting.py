"""Granting vouchers beside the line of claims: the same rows are held, and written, in the same order."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.claimants import read_standings
from services.issuance.domain.arrivals import Year
from services.issuance.domain.claimant import Claimant
from services.issuance.tables import allowances, claimants
from shared.events.issuance.vouchers import VoucherClaimed
from shared.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Claimants and what their years hold, in fen; neither changes before the transaction ends."""

    claimants: dict[str, Claimant]
    counted: dict[Year, int]


async def hold(connection: AsyncConnection, claimant_ids: Collection[str], day: date) -> Standing:
    """Read claimants and their year, and keep both as they are; who is not registered is left out."""
    names = sorted(claimant_ids)
    share = sa.select(claimants.c.claimant_id).where(claimants.c.claimant_id.in_(names))
    await connection.execute(share.order_by(claimants.c.claimant_id).with_for_update(read=True))
    years = sa.select(allowances).where(allowances.c.claimant_id.in_(names), allowances.c.year == day.year)
    held = await connection.execute(years.order_by(allowances.c.claimant_id).with_for_update())
    driver = (await connection.get_raw_connection()).driver_connection
    standings = await read_standings(cast("asyncpg.Connection[Any]", driver), names)
    return Standing(
        claimants={name: claimant for name, (claimant, _) in standings.items()},
        counted={(row.claimant_id, row.year): row.reserved + row.spent for row in held},
    )


async def write_vouchers(tx: Transaction, facts: Sequence[VoucherClaimed]) -> None:
    """Reserve the allowances, and write vouchers into the log and into the hands of who holds them."""
    if not facts:
        return
    added: dict[Year, int] = {}
    for fact in facts:
        year = fact.claimant_id, fact.year
        added[year] = added.get(year, 0) + fact.amount
    ceilings = {(fact.claimant_id, fact.year): fact.allowance for fact in facts}
    rows = [
        {"claimant_id": claimant_id, "year": year, "ceiling": ceilings[claimant_id, year], "reserved": fen}
        for (claimant_id, year), fen in sorted(added.items())
    ]
    statement = insert(allowances).values(rows)
    more = {
        "reserved": allowances.c.reserved + statement.excluded.reserved,
        "ceiling": statement.excluded.ceiling,
    }
    key = [allowances.c.claimant_id, allowances.c.year]
    await tx.connection.execute(statement.on_conflict_do_update(index_elements=key, set_=more))
    for fact in facts:
        tx.append(f"voucher-{fact.voucher_id}", 0, [fact])
