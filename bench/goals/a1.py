"""A1: durable, authenticated claims a second ÷ the FastAPI no-op GET of the same app, broker and relay running."""

from bench.gates import caught_up, pass_gates, survive_kill
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import CONNECTIONS, stage

GOAL = Goal(id="A1", what="claims/noop", target=2.0)


async def measure() -> Ratio:
    """Let claims and no-ops take turns; then kill PostgreSQL and the service amid claims, and look what is left."""
    used = dict.fromkeys(("service", "worker", "PostgreSQL", "Kafka"), 0.0)
    claimed = 0
    async with stage() as here:

        async def claims() -> float:
            nonlocal claimed
            before = here.cpu()
            tally = await here.press_claims()
            await caught_up(here)  # or the no-ops would pay for what the claims have left to do
            for part, seconds in here.cpu().items():
                used[part] += seconds - before[part]
            claimed += tally.statuses[201]
            return tally.rate(201)

        async def noops() -> float:
            return (await here.press_get("/noop")).rate(200)

        ratio = await interleaved(claims, noops, rounds=5)
        await survive_kill(here)
        await pass_gates(here)
    print(f"claims/s {ratio.numerator}, no-ops/s {ratio.denominator}, over {CONNECTIONS} connections each")
    parts = ", ".join(f"{part} {1e6 * seconds / claimed:.0f}" for part, seconds in used.items())
    print(f"CPU for each claim until it can be read everywhere, in µs: {parts}")
    return ratio
