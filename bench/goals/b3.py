"""B3: rebuild ÷ one upsert for each event, the way a naive projection would do it."""

import time

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from bench.gates import drained
from bench.history import caught_up, write_history
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import stage
from deploy.local.probes import assert_durable
from services.issuance.app import CONTEXT
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES
from shared.database import create_owner_engine
from shared.projections.rebuild import rebuild
from shared.store.transaction import read_log

GOAL = Goal(id="B3", what="rebuild/upsert-per-event", target=200)
EVENTS = 30_000
_SAMPLE = 1_500


async def measure() -> Ratio:
    """Let rebuilds and a stretch of single upserts take turns over a log of 30,000 claims."""
    async with stage() as here:
        await write_history(here, EVENTS)
        await drained(here)
        await caught_up(here, VOUCHER_BALANCES.consumer)
        engine = create_owner_engine(here.settings.owner_url("issuance"))
        table = VOUCHER_BALANCES.table.to_metadata(sa.MetaData(), name="bench_upserts")
        async with engine.begin() as connection:
            await connection.run_sync(table.create)
            events = await read_log(connection, "issuance", after=2, limit=_SAMPLE)

        async def rebuilt() -> float:
            return (await rebuild(here.settings, CONTEXT, VOUCHER_BALANCES, lambda *_: None)).rate

        async def one_by_one() -> float:
            began, done = time.perf_counter(), 0
            for event in events:
                for key in VOUCHER_BALANCES.rows[type(event.data)](event.data):
                    row = VOUCHER_BALANCES.evolve(None, event, key)
                    async with engine.begin() as connection:
                        statement = insert(table).values(row or {})
                        names = [column.name for column in table.primary_key]
                        await connection.execute(statement.on_conflict_do_update(index_elements=names, set_=row or {}))
                    done += 1
            return done / (time.perf_counter() - began)

        try:
            ratio = await interleaved(rebuilt, one_by_one, rounds=3)
            assert_durable(here.servers.postgres_url)
        finally:
            await engine.dispose()
    print(f"{ratio.numerator:.0f} events/s rebuilt, {ratio.denominator:.0f} upserts/s one by one")
    return ratio
