"""D1: reading a period's remaining quota ÷ the no-op GET."""

from bench.gates import caught_up, pass_gates
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import CONNECTIONS, stage

GOAL = Goal(id="D1", what="remaining-quota/noop", target=2.5)


async def measure() -> Ratio:
    """Let quota reads and no-ops take turns, once some claims have been made."""
    async with stage() as here:
        await here.press_claims(seconds=1.0)
        await caught_up(here)

        async def quota() -> float:
            return (await here.press_get(f"/v1/periods/{here.period_id}/remaining-quota")).rate(200)

        async def noops() -> float:
            return (await here.press_get("/noop")).rate(200)

        ratio = await interleaved(quota, noops, rounds=5)
        await pass_gates(here)
    print(f"quota reads/s {ratio.numerator}, no-ops/s {ratio.denominator}, over {CONNECTIONS} connections each")
    return ratio
