"""Servers that fall silent, die and come back: nothing is lost, and nothing has to be done about it."""

import asyncio

from deploy.local.servers import Servers
from shared.supervision import State
from tests.integration.shared.bus.log_and_topic import OWNERS, Log, chained, eventually, running, state
from tests.integration.shared.bus.seen import seen


async def test_a_broker_that_falls_silent_holds_up_nobody_and_gets_everything_in_order_later(
    log: Log, servers: Servers
) -> None:
    assert servers.kafka is not None
    async with running(relay := log.relay()):
        await log.append(OWNERS)
        await eventually(log.drained)
        servers.kafka.pause()
        try:
            async with asyncio.timeout(15):
                await log.append(OWNERS * 3)
            await state(relay, State.RETRYING)
            assert not await log.drained()
        finally:
            servers.kafka.resume()
        await eventually(log.drained, within=60)
        await state(relay, State.RUNNING)
    assert set(await log.in_topic()) == set(range(1, 49))
    assert chained(await log.records())


async def test_a_killed_broker_gets_everything_in_order_when_it_is_back(log: Log, servers: Servers) -> None:
    assert servers.kafka is not None
    model = await seen(log)
    async with running(relay := log.relay(), consumer := model.consumer()):
        await log.append(OWNERS)
        await model.caught_up()
        await asyncio.to_thread(servers.kafka.kill)
        try:
            await log.append(OWNERS)
            await state(relay, State.RETRYING)
            await state(consumer, State.RETRYING)
            assert consumer.progress.detail == "the broker does not answer"
        finally:
            await asyncio.to_thread(servers.kafka.restart)
        await eventually(log.drained, within=60)
        await model.caught_up(within=60)
        await state(relay, State.RUNNING)
        await state(consumer, State.RUNNING)
    assert set(await log.in_topic()) == set(range(1, 25))
    assert chained(await log.records())


async def test_a_killed_database_is_followed_again_when_it_is_back(log: Log, servers: Servers) -> None:
    assert servers.postgres is not None
    model = await seen(log, "park")
    async with running(relay := log.relay(), model.consumer()):
        await log.append(OWNERS)
        await model.caught_up()
        await asyncio.to_thread(servers.postgres.kill)
        try:
            await state(relay, State.RETRYING)
        finally:
            await asyncio.to_thread(servers.postgres.restart)
        await log.engine.dispose()
        await log.append(OWNERS)
        await eventually(log.drained, within=60)
        await model.caught_up(within=60)
    assert await model.parked() == []
    assert set(await log.in_topic()) == set(range(1, 25))
    assert chained(await log.records())
