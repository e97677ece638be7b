"""C1: median time from a claim's answer until it can be read in the read model ÷ a bare Kafka round trip."""

import asyncio
import secrets
import time
from collections import defaultdict
from statistics import median
from typing import Any

import asyncpg
import httpx

from bench.gates import pass_gates
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import AMOUNT, Stage, stage
from shared.bus.kafka import TopicPartition, new_consumer, new_producer
from shared.bus.topics import Topics

GOAL = Goal(id="C1", what="visible/kafka-round-trip", target=1.5, at_least=False)
_CLAIMS = 60
_LIMIT_S = 5.0


async def measure() -> Ratio:
    """Let single claims, each watched until it is visible, and single records take turns."""
    async with stage() as here:
        topic = f"{here.settings.topic_prefix}.bench"
        async with Topics(here.settings) as topics:
            await topics.create(topic, 1)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{here.served.port}", timeout=10) as client:

            async def visible() -> float:
                return median([await _visible_after(here, client, number) for number in range(_CLAIMS)])

            async def round_trip() -> float:
                return await _round_trip(here, topic)

            ratio = await interleaved(visible, round_trip, rounds=5)
            parts = await _parts(here, client)
        await pass_gates(here)
    above, below = ratio.numerator, ratio.denominator
    print(f"ms until visible {1000 * above.median:.1f} [{1000 * above.low:.1f}..{1000 * above.high:.1f}]", end=", ")
    print(f"ms a Kafka round trip {1000 * below.median:.1f} [{1000 * below.low:.1f}..{1000 * below.high:.1f}]")
    print(f"of which, in ms after the claim's answer: {parts}")
    return ratio


async def _visible_after(here: Stage, client: httpx.AsyncClient, number: int) -> float:
    """Claim, then ask for the claimant's vouchers at the claim's position: the answer comes when it can be read."""
    claimed, answered = await _claim(here, client, number)
    headers = {"Authorization": f"Bearer {here.claimants[number].token}"}
    position = claimed.headers["event-position"]
    while time.perf_counter() - answered < _LIMIT_S:
        listed = await client.get("/v1/vouchers", params={"min_position": position, "limit": 1}, headers=headers)
        if listed.status_code == httpx.codes.OK:
            return time.perf_counter() - answered
    raise RuntimeError(f"a claim was not visible within {_LIMIT_S:.0f} s")


async def _claim(here: Stage, client: httpx.AsyncClient, number: int) -> tuple[httpx.Response, float]:
    """Claim, and say when the answer was there."""
    claimant, key = here.claimants[number], f"c1-{secrets.token_hex(8)}"
    headers = {"Authorization": f"Bearer {claimant.token}", "Idempotency-Key": key}
    body = {"period_id": here.period_id, "amount": {"amount": AMOUNT}}
    claimed = await client.post("/v1/claims", json=body, headers=headers)
    answered = time.perf_counter()
    claimed.raise_for_status()
    here.acknowledged[key] = claimed.headers["location"]
    return claimed, answered


async def _parts(here: Stage, client: httpx.AsyncClient) -> str:
    """Watch some claims from outside: when they are in the topic, and when in the table of the read model."""
    topic, seconds = here.settings.topic("issuance"), defaultdict[str, float](float)
    consumer = new_consumer(here.settings.kafka_bootstrap, "bench", auto_offset_reset="none")
    database = await asyncpg.connect(here.settings.owner_url("issuance"))
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(here.settings.topic_partitions)]
        ends = await consumer.end_offsets(places)
        consumer.assign(places)
        for place, end in ends.items():
            consumer.seek(place, end)
        for number in range(_CLAIMS):
            fetch = asyncio.create_task(consumer.getone())
            claimed, answered = await _claim(here, client, number)
            read = asyncio.create_task(_in_table(database, claimed.headers["location"].rpartition("/")[2]))
            await fetch
            seconds["in the topic"] += time.perf_counter() - answered
            await read
            seconds["in the read model"] += time.perf_counter() - answered
    finally:
        await consumer.stop()
        await database.close()
    return ", ".join(f"{part} {1000 * total / _CLAIMS:.1f}" for part, total in seconds.items())


async def _in_table(database: "asyncpg.Connection[Any]", voucher_id: str) -> None:
    """Ask for a voucher's row until it is there."""
    async with asyncio.timeout(_LIMIT_S):
        while not await database.fetchval("SELECT true FROM voucher_balances WHERE voucher_id = $1", voucher_id):
            pass


async def _round_trip(here: Stage, topic: str) -> float:
    """Produce one record with acks=all and wait until a consumer has it; the median of many."""
    bootstrap = here.settings.kafka_bootstrap
    producer = new_producer(bootstrap, "bench", acks="all", enable_idempotence=True, linger_ms=0)
    consumer = new_consumer(bootstrap, "bench", auto_offset_reset="none")
    await producer.start()
    await consumer.start()
    try:
        place = TopicPartition(topic, 0)
        end = (await consumer.end_offsets([place]))[place]
        consumer.assign([place])
        consumer.seek(place, end)  # at once, or aiokafka looks for a place to begin by itself
        times = []
        async with asyncio.timeout(_LIMIT_S * _CLAIMS):
            for _ in range(_CLAIMS):
                began = time.perf_counter()
                fetch = asyncio.create_task(consumer.getone())
                await producer.send_and_wait(topic, b"x" * 500, partition=0)
                await fetch
                times.append(time.perf_counter() - began)
        return median(times)
    finally:
        await consumer.stop()
        await producer.stop()
