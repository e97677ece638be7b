"""Claims while PostgreSQL starts again in the opening second, stands still, or has no room left on its disk."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import asyncpg

from deploy.local.processes import tree
from shared.clock import SystemClock
from tests.faults.crowd import AMOUNT
from tests.faults.scene import Scene

PLENTY = AMOUNT * 1_000_000
BEFORE = timedelta(seconds=5)
"""So long before its opening a period is there; somebody must come early enough to be sent away."""


@contextmanager
def standing_still(stage: Scene, *titles: str) -> Iterator[None]:
    """Stop processes of PostgreSQL by the beginnings or parts of their titles, as a disk does that does not answer."""
    stopped = [pid for pid in tree(stage.postgres.pid) if any(title in _title(pid) for title in titles)]
    assert stopped, f"PostgreSQL has no process like {titles}"
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def _title(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


async def the_writers(stage: Scene) -> list[str]:
    """Give how PostgreSQL's processes of the writers' connections are marked: by the port at their other end."""
    ports = await stage.rows("SELECT client_port FROM pg_stat_activity WHERE application_name = 'cxq-issuance-intake'")
    return [f"({row['client_port']})" for row in ports]


async def test_a_database_that_starts_again_in_the_opening_second_costs_nobody_a_voucher(stage: Scene) -> None:
    crowd = await stage.crowd(quota=PLENTY, opened=-BEFORE)
    async with crowd.claiming():
        await crowd.noticed("period-not-open-yet")
        await crowd.more(1, within=10)
        await asyncio.to_thread(stage.postgres.kill)
        await asyncio.to_thread(stage.postgres.restart)
        await crowd.more(100)
    early = await stage.rows(_EARLY, crowd.period_id)
    assert [row["place"] for row in early] == [], "granted before the opening"
    await stage.assert_sound(crowd)


async def test_a_database_that_is_down_at_the_opening_serves_in_order_as_soon_as_it_is_back(stage: Scene) -> None:
    opens_at = SystemClock().now() + BEFORE + timedelta(seconds=1)
    crowd = await stage.crowd(quota=PLENTY, opened=-BEFORE)
    async with crowd.claiming():
        await crowd.noticed("period-not-open-yet")
        await asyncio.to_thread(stage.postgres.kill)
        await crowd.noticed("busy")
        while SystemClock().now() < opens_at:  # noqa: ASYNC110 (a clock tells nobody)
            await asyncio.sleep(0.01)
        await asyncio.to_thread(stage.postgres.restart)
        await crowd.more(100)
    assert [row["place"] for row in await stage.rows(_EARLY, crowd.period_id)] == [], "granted before the opening"
    await stage.assert_sound(crowd)


async def test_a_writer_of_the_disk_that_stands_still_in_the_background_stops_no_claim(stage: Scene) -> None:
    crowd = await stage.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(20)
        with standing_still(stage, "postgres: walwriter", "postgres: checkpointer", "postgres: background writer"):
            await crowd.more(100, within=15)
        await crowd.more(20)
    assert not crowd.seen["ReadTimeout"], crowd.seen
    await stage.assert_sound(crowd)


async def test_a_batch_that_waits_for_the_disk_is_answered_in_time_and_counts_once(stage: Scene) -> None:
    crowd = await stage.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(40)
        with standing_still(stage, *await the_writers(stage)):
            await crowd.noticed("outcome-unknown")
            await crowd.noticed("busy")
        await crowd.more(60, within=15)
    assert not crowd.seen["ReadTimeout"], f"somebody waited in vain: {crowd.seen}"
    await stage.assert_sound(crowd)


async def test_a_database_that_stands_still_altogether_is_waited_for_and_nothing_is_lost(stage: Scene) -> None:
    crowd = await stage.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(40)
        stage.postgres.pause()
        try:
            await crowd.noticed("outcome-unknown")
            await crowd.noticed("busy")
        finally:
            stage.postgres.resume()
        await crowd.more(60, within=15)
    assert not crowd.seen["ReadTimeout"], f"somebody waited in vain: {crowd.seen}"
    await stage.assert_sound(crowd)


async def test_a_disk_without_room_for_the_tables_refuses_for_the_time_being_and_loses_nothing(cramped: Scene) -> None:
    assert cramped.disk is not None
    crowd = await cramped.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(40)
        cramped.disk.fill(leave=1 << 20)
        await crowd.noticed("busy", within=60)
        crowd.seen.clear()
        await crowd.noticed("busy", within=15)
        cramped.disk.empty()
        await crowd.more(60)
    assert "No space left on device" in cramped.disk.said()
    assert not crowd.seen["ReadTimeout"], f"somebody waited in vain: {crowd.seen}"
    await cramped.assert_sound(crowd)


async def test_a_disk_without_room_for_the_journal_ends_the_server_and_loses_nothing(cramped: Scene) -> None:
    assert cramped.disk is not None
    crowd = await cramped.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(40)
        cramped.disk.fill(leave=8 << 20)
        with suppress(asyncpg.PostgresError, OSError):
            await cramped.rows("SELECT pg_switch_wal()")
        await crowd.noticed("busy", "outcome-unknown", within=60)
        cramped.disk.empty()
        await asyncio.to_thread(cramped.postgres.restart)
        await crowd.more(60)
    assert "PANIC" in cramped.disk.said()
    assert not crowd.seen["ReadTimeout"], f"somebody waited in vain: {crowd.seen}"
    await cramped.assert_sound(crowd)


_EARLY = """
SELECT (c.data->>'place')::int AS place FROM events c
JOIN events p ON p.type LIKE 'cxq.issuance.period-proposed.%' AND p.data->>'period_id' = c.data->>'period_id'
WHERE c.type LIKE 'cxq.issuance.voucher-claimed.%' AND c.data->>'period_id' = $1
    AND c.recorded_at < (p.data->>'opens_at')::timestamptz
"""
