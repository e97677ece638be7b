"""E1: the CPU time of a durable claim, all processes, until it can be read everywhere ÷ the CPU time of N."""

from collections import defaultdict

from bench.gates import caught_up, pass_gates
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import CONNECTIONS, stage

GOAL = Goal(id="E1", what="cpu-claim/cpu-noop", target=0.75, at_least=False)


async def measure() -> Ratio:
    """Let claims and no-ops take turns; what the servers do of themselves meanwhile is counted with the claims."""
    used: defaultdict[str, float] = defaultdict(float)
    claimed = 0
    async with stage() as here:

        async def claims() -> float:
            nonlocal claimed
            before = here.cpu()
            tally = await here.press_claims()
            await caught_up(here)
            spent = {part: seconds - before[part] for part, seconds in here.cpu().items()}
            for part, seconds in spent.items():
                used[part] += seconds
            claimed += tally.statuses[201]
            return 1e6 * sum(spent.values()) / tally.statuses[201]

        async def noops() -> float:
            before = here.cpu()["service"]
            tally = await here.press_get("/noop")
            return 1e6 * (here.cpu()["service"] - before) / tally.statuses[200]

        ratio = await interleaved(claims, noops, rounds=5)
        await pass_gates(here)
    parts = ", ".join(f"{part} {1e6 * seconds / claimed:.0f}" for part, seconds in used.items())
    print(f"µs of CPU a claim {ratio.numerator} ({parts}), µs of CPU a no-op {ratio.denominator}", end="")
    print(f", over {CONNECTIONS} connections each")
    return ratio
