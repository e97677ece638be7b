"""B3: rebuild ÷ one upsert for each event, the way a naive projection would do it."""

import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.gates import caught_up, pass_gates
from bench.goals.b1 import EVENTS, rebuilt
from bench.history import write_history
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import stage
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES
from shared.database import create_owner_engine
from shared.events.definition import Recorded
from shared.store.transaction import read_log

GOAL = Goal(id="B3", what="rebuild/upsert-per-event", target=200)
_SAMPLE = 500


async def measure() -> Ratio:
    """Let rebuilds of a log of 60,000 claims, and a stretch of it in single upserts, take turns."""
    async with stage() as here:
        await write_history(here, EVENTS)
        await caught_up(here)
        engine = create_owner_engine(here.settings.owner_url("issuance"))
        table = VOUCHER_BALANCES.table.to_metadata(sa.MetaData(), name="bench_upserts")
        try:
            async with engine.begin() as connection:
                await connection.execute(
                    sa.text(f'CREATE TABLE "{table.name}" (LIKE "{VOUCHER_BALANCES.table.name}" INCLUDING ALL)')
                )
                events = await read_log(connection, "issuance", after=0, limit=_SAMPLE)
            ratio = await interleaved(
                lambda: rebuilt(here), lambda: _one_by_one(engine, table, events), rounds=3
            )  # fmt: skip
        finally:
            await engine.dispose()
        await pass_gates(here)
    print(f"events/s rebuilt {ratio.numerator}, events/s one by one {ratio.denominator}")
    return ratio


async def _one_by_one(engine: AsyncEngine, table: sa.Table, events: Sequence[Recorded[Any]]) -> float:
    """Write each event's row in a transaction of its own, into an empty table; events a second."""
    names = [column.name for column in table.primary_key]
    async with engine.begin() as connection:
        await connection.execute(sa.text(f'TRUNCATE "{table.name}"'))
    began = time.perf_counter()
    for event in events:
        for key in VOUCHER_BALANCES.touches(event):
            row = VOUCHER_BALANCES.evolve(None, event, key) or {}
            async with engine.begin() as connection:
                statement = insert(table).values(row)
                await connection.execute(statement.on_conflict_do_update(index_elements=names, set_=row))
    return len(events) / (time.perf_counter() - began)
