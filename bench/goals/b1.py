"""B1: rebuild, events a second from Kafka to a swapped, indexed table ÷ bare aiokafka `getmany` of the same topic."""

import time

from bench.gates import drained
from bench.history import caught_up, write_history
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import Stage, stage
from deploy.local.probes import assert_durable
from services.issuance.app import CONTEXT
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES
from shared.bus.kafka import TopicPartition, new_consumer
from shared.projections.rebuild import rebuild

GOAL = Goal(id="B1", what="rebuild/getmany", target=1.0)
EVENTS = 30_000


async def measure() -> Ratio:
    """Let rebuilds and bare reads take turns over a log of 30,000 claims."""
    async with stage() as here:
        await write_history(here, EVENTS)
        await drained(here)
        await caught_up(here, VOUCHER_BALANCES.consumer)

        async def rebuilt() -> float:
            report = await rebuild(here.settings, CONTEXT, VOUCHER_BALANCES, lambda *_: None)
            if report.rows_different or report.digest_before != report.digest_after:
                raise RuntimeError(f"the rebuilt table differs from the live one in {report.rows_different} rows")
            return report.rate

        async def bare() -> float:
            return await read_topic(here)

        ratio = await interleaved(rebuilt, bare, rounds=3)
        assert_durable(here.servers.postgres_url)
    print(
        f"gates passed: digests equal; {ratio.numerator:.0f} events/s rebuilt, {ratio.denominator:.0f} records/s read"
    )
    return ratio


async def read_topic(here: Stage) -> float:
    """Read the whole topic of issuance and throw it away; records a second."""
    topic = here.settings.topic("issuance")
    # aiokafka as it comes, without our small buffers: the bare read has every advantage.
    generous = {"max_partition_fetch_bytes": 1 << 20, "fetch_max_bytes": 50 << 20}
    consumer = new_consumer(here.settings.kafka_bootstrap, "bench", **generous)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(here.settings.topic_partitions)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        wanted, seen, began = sum(ends.values()), 0, time.perf_counter()
        while seen < wanted:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                seen += len(records)
        return seen / (time.perf_counter() - began)
    finally:
        await consumer.stop()
