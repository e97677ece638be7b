"""Claims while services, PostgreSQL and Kafka are killed, stopped and started again."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT

import httpx

from services.commands.environment import ROOT
from shared.bus.topics import Topics
from tests.faults.crowd import AMOUNT
from tests.faults.scene import Scene
from tests.service_processes import environment_of

PLENTY = AMOUNT * 1_000_000
SERVICE_ANSWERS_WITHIN_S = 4.0 + 4.0
"""A service answers, if only with 503, within 4 s; a machine that starts other processes may take as long again."""


async def test_services_killed_in_the_middle_of_claims_lose_none(stage: Scene) -> None:
    crowd = await stage.crowd(quota=PLENTY)
    first, second = stage.copies
    async with crowd.claiming():
        await crowd.more(60)
        await first.kill()
        await crowd.more(60)
        await first.start()
        await first.wait_until_ready()
        await second.kill()
        await crowd.more(60)
        await second.start()
        await second.wait_until_ready()
    assert any(name.endswith("Error") for name in crowd.seen), f"nobody noticed the kill: {crowd.seen}"
    await stage.assert_sound(crowd)


async def test_the_quota_ends_at_its_last_fen_though_its_writer_is_killed_on_the_way(stage: Scene) -> None:
    claims = 1_500
    crowd = await stage.crowd(quota=AMOUNT * claims)
    async with crowd.claiming():
        await crowd.more(60)
        writer = await stage.writer_of(crowd.period_id)
        await writer.kill()
        await crowd.more(1, within=2.0)  # the other copy has the period within two seconds
        await writer.start()
        await crowd.sold_out()
    await writer.wait_until_ready()
    await stage.assert_sound(crowd)
    assert len(crowd.granted) == claims


async def test_a_killed_database_loses_no_acknowledged_claim(stage: Scene) -> None:
    crowd = await stage.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(50)
        await asyncio.to_thread(stage.postgres.kill)
        await crowd.noticed("busy", "outcome-unknown")
        await asyncio.to_thread(stage.postgres.restart)
        await crowd.more(50)
    await stage.assert_sound(crowd)


async def test_claims_go_on_without_a_broker_and_are_published_when_it_is_back(stage: Scene) -> None:
    crowd = await stage.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(20)
        await asyncio.to_thread(stage.kafka.kill)
        await crowd.more(100, within=15)
        await asyncio.to_thread(stage.kafka.restart)
        await crowd.more(20)
    assert not crowd.seen, "nobody who claims should notice the broker"
    await stage.assert_sound(crowd)


async def test_claims_go_on_while_the_broker_is_silent(stage: Scene) -> None:
    crowd = await stage.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(20)
        stage.kafka.pause()
        try:
            await crowd.more(100, within=15)
        finally:
            stage.kafka.resume()
        await crowd.more(20)
    assert not crowd.seen, "nobody who claims should notice the broker"
    await stage.assert_sound(crowd)


async def test_a_writer_that_falls_silent_is_relieved_and_writes_nothing_when_it_wakes_up(stage: Scene) -> None:
    crowd = await stage.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(50)
        frozen = await stage.writer_of(crowd.period_id)
        frozen.pause()
        try:
            await crowd.more(100, within=15)
            await crowd.noticed("ReadTimeout")  # those who were at the frozen copy have gone to the other one
            await crowd.more(20)
        finally:
            frozen.resume()
        await crowd.more(20)
    await stage.assert_sound(crowd)


async def test_the_whole_log_of_kafka_is_lost_and_published_again_while_claims_go_on(stage: Scene) -> None:
    crowd = await stage.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(50)
        async with Topics(stage.settings) as topics:
            await topics.delete(stage.settings.topic("issuance"))
        await crowd.more(50)
        republishing = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.cli", "republish", "issuance",
            env=environment_of(stage.settings), cwd=ROOT, stdout=PIPE, stderr=STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(60):
            said, _ = await republishing.communicate()
        assert republishing.returncode == 0, said.decode()
        assert "the topic holds the log up to position" in said.decode()
    assert not crowd.seen, "nobody who claims should notice what happens in Kafka"
    await stage.assert_sound(crowd)


async def test_services_started_before_their_servers_wait_for_them(stage: Scene) -> None:
    for copy in stage.copies:
        await copy.stop()
    await asyncio.gather(asyncio.to_thread(stage.postgres.stop), asyncio.to_thread(stage.kafka.stop))
    first, second = stage.copies
    try:
        await first.start()
        await second.start()
        async with httpx.AsyncClient(timeout=20) as client, asyncio.timeout(60):
            while not await _lives(client, first.url):  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.1)
            assert (await client.get(f"{first.url}/health/ready")).status_code == 503
            headers = {"Authorization": f"Bearer {stage.claimants[0].token}", "Idempotency-Key": "before-the-servers"}
            body = {"period_id": "prd_01jq8v5x0000000000000000aa", "amount": {"amount": AMOUNT}}
            early = await client.post(f"{first.url}/v1/claims", json=body, headers=headers)
            assert (early.status_code, early.json()["code"]) == (503, "busy")
            assert early.headers["retry-after"]
            assert early.elapsed.total_seconds() < SERVICE_ANSWERS_WITHIN_S
    finally:
        await asyncio.gather(asyncio.to_thread(stage.postgres.restart), asyncio.to_thread(stage.kafka.restart))
    await stage.healed()
    crowd = await stage.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(20)
    await stage.assert_sound(crowd)


async def _lives(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/health/live")).status_code == 200
    except httpx.TransportError:
        return False


async def test_a_rolling_restart_under_load_costs_nothing_but_connections(stage: Scene) -> None:
    crowd = await stage.crowd(quota=PLENTY)
    async with crowd.claiming():
        for copy in stage.copies:
            await crowd.more(30)
            await copy.stop()
            await copy.start()
            await copy.wait_until_ready()
        await crowd.more(30)
    lost = {"ConnectError", "ReadError", "WriteError", "RemoteProtocolError", "by-key issued", "by-key not_seen"}
    assert crowd.seen.keys() <= lost, crowd.seen
    await stage.assert_sound(crowd)


async def test_twenty_copies_of_one_claim_at_both_services_make_one_voucher(stage: Scene) -> None:
    crowd = await stage.crowd(quota=PLENTY)
    async with httpx.AsyncClient(timeout=10) as client, asyncio.timeout(30):
        claimant, key = stage.claimants[0], "twenty-copies"

        async def until_answered(url: str) -> httpx.Response:
            while True:
                answer = await crowd.claim(client, url, claimant, key)
                if answer.status_code == 201:
                    return answer
                assert answer.json()["code"] in {"key-in-progress", "busy"}, answer.text
                assert answer.headers["retry-after"]

        urls = [copy.url for copy in stage.copies] * 10
        answers = await asyncio.gather(*map(until_answered, urls))
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    claimed = await stage.rows(
        "SELECT count(*) FROM events WHERE type LIKE 'cxq.issuance.voucher-claimed.%' AND data->>'period_id' = $1",
        crowd.period_id,
    )
    assert claimed[0][0] == 1
