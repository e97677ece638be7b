"""E3: the time from start to ready with many events ÷ with none."""

import time

from bench.gates import caught_up, pass_gates
from bench.history import write_history
from bench.ratio import Goal, Ratio, interleaved
from bench.served import Served
from bench.stage import Stage, empty_twin, stage

GOAL = Goal(id="E3", what="start-full/start-empty", target=1.25, at_least=False)
_PORTION = 50_000
_WRITING_S = 60.0
_CLAIMS_MAX = 1_000_000
_LAG_S = 150.0


async def measure() -> Ratio:
    """Let starts of the service, background and all, on a full log and on an empty one take turns."""
    async with stage() as full, empty_twin(full) as empty:
        written, began = 0, time.perf_counter()
        while written < _CLAIMS_MAX and time.perf_counter() - began < _WRITING_S:
            await write_history(full, _PORTION)
            written += _PORTION
        await caught_up(full, _LAG_S)
        await pass_gates(full)
        for here in (full, empty):
            await here.served.stop()
        ratio = await interleaved(lambda: _start(full), lambda: _start(empty), rounds=5)
    print(f"s to ready {ratio.numerator}, on an empty log {ratio.denominator}")
    print(f"The full log had {written:,} claims, one event each, and not the 10 million of the goal:")
    print("that is what can be written in a minute")
    return ratio


async def _start(here: Stage) -> float:
    """Start the whole service in one process, as `cxq serve` does, and say how long it took until it was ready."""
    service = Served(here.settings, here.settings.state_dir, alone=True)
    began = time.perf_counter()
    try:
        await service.start()
        return time.perf_counter() - began
    finally:
        await service.stop()
