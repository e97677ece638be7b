"""A8: WAL syncs for each claim at saturation; a count, not a time."""

import sqlalchemy as sa

from bench.gates import pass_gates
from bench.ratio import Goal, Ratio
from bench.stage import Stage, stage
from shared.database import create_owner_engine

GOAL = Goal(id="A8", what="wal-syncs/claim", target=0.02, at_least=False)
_ROUNDS = 5
_SYNCS = "SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'"


async def measure() -> Ratio:
    """Count syncs of the whole server while claims are pressed, the relay and the projections included."""
    counts: list[tuple[float, float]] = []
    acknowledged = 0
    async with stage() as here:
        await here.press_claims(seconds=1.0)
        for _ in range(_ROUNDS):
            before = await _syncs(here)
            tally = await here.press_claims()
            counts.append((await _syncs(here) - before, tally.statuses[201]))
            acknowledged += tally.statuses[201]
        await pass_gates(here, acknowledged)
    ratios = sorted(syncs / claims for syncs, claims in counts)
    syncs, claims = counts[_ROUNDS // 2]
    print(f"{sum(c for _, c in counts):.0f} claims, {sum(s for s, _ in counts):.0f} WAL syncs of all parts together")
    return Ratio(
        numerator=syncs, denominator=claims, value=ratios[_ROUNDS // 2], low=ratios[0], high=ratios[-1], rounds=_ROUNDS
    )


async def _syncs(here: Stage) -> float:
    """Read the counter once every backend has reported."""
    engine = create_owner_engine(here.settings.owner_url("issuance"))
    try:
        async with engine.connect() as connection:
            await connection.execute(sa.text("SELECT pg_stat_force_next_flush()"))
            return float((await connection.execute(sa.text(_SYNCS))).scalar_one() or 0)
    finally:
        await engine.dispose()
