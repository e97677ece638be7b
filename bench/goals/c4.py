"""C4: how fast the relay drains what an outage of the broker has piled up ÷ the peak rate of claims."""

import asyncio
import time
from collections import defaultdict

from bench.gates import backlog, caught_up, drained, pass_gates
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import stage

GOAL = Goal(id="C4", what="relay-drain/claims", target=4.0)
_WAITING = 20_000
_POLL_S = 0.01


async def measure() -> Ratio:
    """Let claims and drains take turns; the broker is stopped (SIGSTOP) while claims pile up.

    The clock starts when the relay is back at work: the rate of the drain is measured, and not the pauses between its
    attempts to connect.
    """
    async with stage() as here:
        broker = here.servers.kafka
        if broker is None:
            raise RuntimeError("C4 stops the broker, so it has to be ours: unset CXQ_KAFKA_BOOTSTRAP")
        waiting: list[int] = []
        spent: defaultdict[str, float] = defaultdict(float)

        async def drain() -> float:
            await caught_up(here)
            broker.pause()
            try:
                while await backlog(here) < _WAITING:
                    await here.press_claims()
                waiting.append(await backlog(here))
            finally:
                broker.resume()
            before = here.cpu()
            while (left := await backlog(here)) == waiting[-1]:  # noqa: ASYNC110 (another process does it)
                await asyncio.sleep(_POLL_S)
            began = time.perf_counter()
            await drained(here)
            rate = left / (time.perf_counter() - began)
            await caught_up(here)
            for part, seconds in here.cpu().items():
                spent[part] += seconds - before[part]
            return rate

        async def claims() -> float:
            return (await here.press_claims()).rate(201)

        ratio = await interleaved(drain, claims, rounds=3)
        await pass_gates(here)
    print(f"events/s drained {ratio.numerator}, of {min(waiting)} or more that waited; claims/s {ratio.denominator}")
    shares = (f"{part} {1e6 * seconds / sum(waiting):.0f}" for part, seconds in spent.items())
    print(f"µs of CPU an event, published and applied by every read model: {', '.join(shares)}")
    return ratio
