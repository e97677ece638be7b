"""PostgreSQL is set back to a backup, and Kafka knows what came after: nobody believes it, or tells another story."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import httpx

from services.commands.environment import ROOT
from services.issuance.app import CONTEXT
from tests.faults.crowd import AMOUNT, Crowd
from tests.faults.scene import Scene
from tests.service_processes import environment_of

PLENTY = AMOUNT * 1_000_000
_NOTICED_WITHIN_S = 30.0


async def carried_out(*command: str, env: dict[str, str] | None = None, succeeds: bool = True) -> str:
    """Run a command that must succeed, or fail, and give what it said."""
    process = await asyncio.create_subprocess_exec(*command, env=env, cwd=ROOT, stdout=PIPE, stderr=STDOUT)
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    assert (process.returncode == 0) is succeeds, said.decode()
    return said.decode()


async def cxq(stage: Scene, *arguments: str, succeeds: bool = True) -> str:
    """Run a command of the command line, and give what it said."""
    command = (sys.executable, "-m", "services.cli", *arguments)
    return await carried_out(*command, env=environment_of(stage.settings), succeeds=succeeds)


async def some_claims(stage: Scene, crowd: Crowd) -> None:
    """Have some claims granted and told to everybody."""
    async with crowd.claiming():
        await crowd.more(30)
    await stage.healed()


async def backed_up(stage: Scene) -> tuple[Path, Path]:
    """Copy PostgreSQL's files while it rests; give where they are, and where the copy is."""
    ((name,),) = await stage.rows("SHOW data_directory")
    data = Path(name)
    await asyncio.to_thread(stage.postgres.stop)
    await carried_out("cp", "-a", name, f"{name}-backup")
    await asyncio.to_thread(stage.postgres.restart)
    await stage.healed()
    return data, data.with_name(f"{data.name}-backup")


async def set_back(stage: Scene, data: Path, backup: Path) -> None:
    """Kill PostgreSQL, and start it again on the files of the backup."""
    await asyncio.to_thread(stage.postgres.kill)
    await carried_out("mv", str(data), f"{data}-lost")
    await carried_out("mv", str(backup), str(data))
    await asyncio.to_thread(stage.postgres.restart)


async def halted(stage: Scene, part: str) -> str:
    """Return when a part of a copy has halted, and give what it says."""
    async with httpx.AsyncClient(timeout=5) as client, asyncio.timeout(_NOTICED_WITHIN_S):
        while True:
            for copy in stage.copies:
                try:
                    answer = await client.get(f"{copy.url}/health/ready")
                except httpx.TransportError:
                    continue  # it is still starting
                parts = {each["name"]: each for each in answer.json()["parts"]}
                if parts[part]["state"] == "halted":
                    assert answer.json()["degraded"] is True
                    return str(parts[part]["detail"])
            await asyncio.sleep(0.2)


async def test_a_database_set_back_to_a_backup_tells_and_believes_no_other_story_until_it_is_published_anew(
    stage: Scene,
) -> None:
    kept, lost = [await stage.crowd(quota=PLENTY) for _ in range(2)]
    await some_claims(stage, kept)
    data, backup = await backed_up(stage)
    await some_claims(stage, lost)
    await set_back(stage, data, backup)
    assert "the store was set back" in await halted(stage, "relay")
    for copy in stage.copies:
        await copy.stop()  # whoever starts reads on where the backup stood
    for copy in stage.copies:
        await copy.start()
    for projection in CONTEXT.projections:
        assert "in the topic, is not in the log: the store was set back" in await halted(stage, projection.consumer)
    async with kept.claiming():
        await kept.more(30)  # the store is whole in itself: whoever claims is served, and nobody is told
    ((head, published),) = await stage.rows(_LAG)
    assert published < head
    assert await stage.rows(_SHOWN, lost.period_id) == []
    said = await cxq(stage, "republish", "issuance", "--fresh")
    assert "the topic holds the log up to position" in said
    await stage.assert_sound(kept)
    assert await stage.rows(_CLAIMS, lost.period_id) == await stage.rows(_SHOWN, lost.period_id) == []


async def test_a_read_model_restored_to_another_moment_than_its_log_names_the_command_that_mends_it(
    stage: Scene,
) -> None:
    crowd = await stage.crowd(quota=PLENTY)
    await some_claims(stage, crowd)
    await stage.rows(_APART)
    async with crowd.claiming():
        await crowd.more(30)
    detail = await halted(stage, "projection:voucher_balances")
    assert "position 1000000, which voucher_balances heard as eeeeeeeeeeee, is not in the log" in detail
    refused = await cxq(stage, "rebuild", "issuance", "voucher_balances", succeeds=False)
    assert "voucher_balances was not rebuilt: it has heard events that are lost." in refused
    (remedy,) = re.findall("`cxq ([^`]+)`", detail)
    assert f"cxq {remedy}" in refused
    assert "rows differ from the old table" in await cxq(stage, *remedy.split())
    await stage.assert_sound(crowd)


_LAG = (
    "SELECT log_head.position, coalesce((SELECT position FROM relay_positions WHERE partition = -1), 0) FROM log_head"
)
_APART = """
DO $$ BEGIN
DELETE FROM voucher_balances;
UPDATE consumer_positions SET position = 1000000, hash = repeat('e', 64)
WHERE consumer = 'projection:voucher_balances';
END $$
"""
"""Rows and positions of another moment than the log's, as whoever restores table by table may leave them."""
_CLAIMS = "SELECT FROM events WHERE type LIKE 'cxq.issuance.voucher-claimed.%' AND data->>'period_id' = $1"
_SHOWN = "SELECT FROM voucher_balances WHERE period_id = $1"
