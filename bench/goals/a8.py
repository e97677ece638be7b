"""A8: WAL syncs for each claim at saturation; a count, not a time."""

import asyncio

import sqlalchemy as sa

from bench.gates import caught_up, pass_gates
from bench.ratio import Goal, Ratio
from bench.stage import CONNECTIONS, Stage, stage
from shared.database import create_owner_engine

GOAL = Goal(id="A8", what="wal-syncs/claim", target=0.02, at_least=False)
_ROUNDS = 3
_SYNCS = "SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'"
_REPORTED_S = 11.0
"""A backend of PostgreSQL that has nothing to do reports what it has counted after ten seconds."""


async def measure() -> Ratio:
    """Count syncs of the whole server while claims are pressed, the relay and the projections included."""
    counts: list[tuple[float, float]] = []
    async with stage() as here:
        await here.press_claims(seconds=1.0)
        before = await _syncs(here)
        for _ in range(_ROUNDS):
            tally = await here.press_claims(seconds=3.0)
            after = await _syncs(here)
            counts.append((after - before, tally.statuses[201]))
            before = after
        await pass_gates(here)
    ratio = Ratio.of(counts)
    print(
        f"claims {ratio.denominator}, WAL syncs of all parts together {ratio.numerator}, over {CONNECTIONS} connections"
    )
    return ratio


async def _syncs(here: Stage) -> float:
    """Read the counter once everything that follows from the claims is done and every backend has reported."""
    await caught_up(here)
    await asyncio.sleep(_REPORTED_S)
    engine = create_owner_engine(here.settings.owner_url("issuance"))
    try:
        async with engine.connect() as connection:
            return float((await connection.execute(sa.text(_SYNCS))).scalar_one() or 0)
    finally:
        await engine.dispose()
