"""E2: the memory of the service after many claims ÷ after a hundred thousand."""

import time

from bench.gates import caught_up, pass_gates
from bench.machine import resident_bytes
from bench.ratio import Goal, Ratio
from bench.stage import Stage, stage

GOAL = Goal(id="E2", what="memory-many/memory-100k", target=1.1, at_least=False)
_FEW = 100_000
_MANY = 600_000
_LIMIT_S = 110.0
_AT_ONCE_S = 5.0
_LAG_S = 300.0


async def measure() -> Ratio:
    """Claim over HTTP, and see what the process that answers holds of memory after each hundred thousand."""
    steps: list[tuple[int, int]] = []
    async with stage() as here:
        began = time.perf_counter()
        claimed, due = 0, _FEW
        while claimed < _FEW or (claimed < _MANY and time.perf_counter() - began < _LIMIT_S):
            claimed += (await here.press_claims(seconds=_AT_ONCE_S)).statuses[201]
            if claimed >= due:
                steps.append((claimed, _held(here)))
                due += _FEW
        if steps[-1][0] < claimed:
            steps.append((claimed, _held(here)))
        await caught_up(here, _LAG_S)
        await pass_gates(here)
    told = ", ".join(f"{held / 2**20:.0f} after {claims:,}" for claims, held in steps)
    print(f"MiB of memory of the service: {told} claims over HTTP")
    print(f"The many are {claimed:,} claims, and not the 10 million of the goal: that is what fits in minutes")
    return Ratio.of([(steps[-1][1], steps[0][1])])


def _held(here: Stage) -> int:
    return resident_bytes(here.served.pid)
