"""C4: how fast the relay drains what an outage of the broker has piled up ÷ the peak rate of claims."""

import time

from bench.gates import backlog, caught_up, drained, pass_gates
from bench.history import write_history
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import stage

GOAL = Goal(id="C4", what="relay-drain/claims", target=4.0)
_WRITTEN = 20_000


async def measure() -> Ratio:
    """Let claims and drains take turns; the broker is stopped (SIGSTOP) while the backlog is written.

    The outage is short, so that the rate of the drain is measured, and not the pauses between attempts to connect.
    """
    async with stage() as here:
        broker = here.servers.kafka
        if broker is None:
            raise RuntimeError("C4 stops the broker, so it has to be ours: unset CXQ_KAFKA_BOOTSTRAP")
        waiting = []

        async def drain() -> float:
            await caught_up(here)
            broker.pause()
            try:
                await write_history(here, _WRITTEN)
                waiting.append(await backlog(here))
            finally:
                broker.resume()
            began = time.perf_counter()
            await drained(here)
            rate = waiting[-1] / (time.perf_counter() - began)
            await caught_up(here)
            return rate

        async def claims() -> float:
            return (await here.press_claims()).rate(201)

        ratio = await interleaved(drain, claims, rounds=3)
        await pass_gates(here)
    print(f"events/s drained {ratio.numerator}, of {min(waiting)} or more that waited; claims/s {ratio.denominator}")
    return ratio
