"""D1: reading a period's remaining quota ÷ the no-op GET."""

from bench.gates import pass_gates
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import stage

GOAL = Goal(id="D1", what="remaining-quota/noop", target=2.5)


async def measure() -> Ratio:
    """Let quota reads and no-ops take turns."""
    async with stage() as here:

        async def quota() -> float:
            return (await here.press_get(f"/v1/periods/{here.period_id}")).rate(200)

        async def noops() -> float:
            return (await here.press_get("/noop")).rate(200)

        ratio = await interleaved(quota, noops, rounds=5)
        await pass_gates(here)
    print(f"{ratio.numerator:.0f} quota reads/s, {ratio.denominator:.0f} no-ops/s")
    return ratio
