"""A1: durable, authenticated claims a second ÷ the FastAPI no-op GET of the same app, broker and relay running."""

from bench.gates import pass_gates
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import stage

GOAL = Goal(id="A1", what="claims/noop", target=2.0)


async def measure() -> Ratio:
    """Let claims and no-ops take turns."""
    acknowledged = 0
    async with stage() as here:

        async def claims() -> float:
            nonlocal acknowledged
            tally = await here.press_claims()
            acknowledged += tally.statuses[201]
            return tally.rate(201)

        async def noops() -> float:
            return (await here.press_get("/noop")).rate(200)

        ratio = await interleaved(claims, noops, rounds=5)
        await pass_gates(here, acknowledged)
    print(f"{ratio.numerator:.0f} claims/s, {ratio.denominator:.0f} no-ops/s")
    return ratio
