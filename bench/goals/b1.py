"""B1: rebuild, events a second from Kafka to a swapped, indexed table ÷ bare aiokafka `getmany` of the same topic."""

import asyncio
import time
from collections.abc import Awaitable

from bench.gates import caught_up, pass_gates
from bench.history import write_history
from bench.ratio import Goal, Ratio, Spread, interleaved
from bench.stage import Stage, stage
from services.issuance.app import CONTEXT
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES
from shared.bus.kafka import TopicPartition, new_consumer
from shared.projections.rebuild import rebuild

GOAL = Goal(id="B1", what="rebuild/getmany", target=1.0)
EVENTS = 60_000
_SILENCE_S = 30.0


async def measure() -> Ratio:
    """Let rebuilds and bare reads take turns over a log of 60,000 claims."""
    rebuilding: list[float] = []
    reading: list[float] = []
    async with stage() as here:
        await write_history(here, EVENTS)
        await caught_up(here)
        ratio = await interleaved(
            lambda: _noting_cpu(rebuilt(here), rebuilding), lambda: _noting_cpu(read_topic(here), reading), rounds=5
        )  # fmt: skip
        await pass_gates(here)
    print(f"events/s rebuilt {ratio.numerator}, records/s read {ratio.denominator}; digests equal each time")
    print(f"CPU time of this process in µs: an event rebuilt {Spread.of(rebuilding)}, a record read"
          f" {Spread.of(reading)}; what PostgreSQL and Kafka use is not in it")  # fmt: skip
    return ratio


async def _noting_cpu(arm: Awaitable[float], spent: list[float]) -> float:
    """Have an arm run, and note what CPU time this process spent on each event."""
    began = time.process_time()
    rate = await arm
    spent.append((time.process_time() - began) / EVENTS * 1e6)
    return rate


async def rebuilt(here: Stage) -> float:
    """Rebuild the balances of all vouchers; events a second. RuntimeError when the tables differ."""
    report = await rebuild(here.settings, CONTEXT, VOUCHER_BALANCES, lambda *_: None)
    if report.rows_different or report.digest_before != report.digest_after:
        raise RuntimeError(f"the rebuilt table differs from the live one in {report.rows_different} rows")
    return report.rate


async def read_topic(here: Stage) -> float:
    """Read the whole topic of issuance and throw it away; records a second."""
    topic = here.settings.topic("issuance")
    # aiokafka as it comes, without our small buffers: the bare read has every advantage.
    generous = {"max_partition_fetch_bytes": 1 << 20, "fetch_max_bytes": 50 << 20}
    consumer = new_consumer(here.settings.kafka_bootstrap, "bench", auto_offset_reset="none", **generous)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(here.settings.topic_partitions)]
        wanted, seen = sum((await consumer.end_offsets(partitions)).values()), 0
        consumer.assign(partitions)
        # At once, with nothing awaited in between: else aiokafka looks for a place to begin by itself, and may win.
        for partition in partitions:
            consumer.seek(partition, 0)
        began = time.perf_counter()
        async with asyncio.timeout(_SILENCE_S):
            while seen < wanted:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    seen += len(records)
        return seen / (time.perf_counter() - began)
    finally:
        await consumer.stop()
