"""C4: how fast the relay drains what an outage of the broker has piled up ÷ the peak rate of claims."""

import time

from bench.gates import drained
from bench.history import write_history
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import stage

GOAL = Goal(id="C4", what="relay-drain/claims", target=4.0)
_BACKLOG = 10_000


async def measure() -> Ratio:
    """Let claims and drains take turns; the broker is stopped (SIGSTOP) while the backlog is written."""
    async with stage() as here:
        broker = here.servers.kafka
        if broker is None:
            raise RuntimeError("C4 stops the broker, so it needs one of its own: unset CXQ_KAFKA_BOOTSTRAP")

        async def drain() -> float:
            await drained(here)
            broker.pause()
            try:
                await write_history(here, _BACKLOG)
            finally:
                broker.resume()
            began = time.perf_counter()
            await drained(here)
            return _BACKLOG / (time.perf_counter() - began)

        async def claims() -> float:
            return (await here.press_claims()).rate(201)

        ratio = await interleaved(drain, claims, rounds=3)
        await drained(here)
    print(
        f"{ratio.numerator:.0f} events/s drained, {ratio.denominator:.0f} claims/s; the relay ends level with the log"
    )
    return ratio
