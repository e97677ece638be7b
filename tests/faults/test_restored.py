"""Claims when PostgreSQL is set back to a backup, and Kafka knows what came after: nobody goes on silently (a fork)."""

import asyncio
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


async def carried_out(*command: str, env: dict[str, str] | None = None) -> str:
    """Run a command that must succeed, and give what it said."""
    process = await asyncio.create_subprocess_exec(*command, env=env, cwd=ROOT, stdout=PIPE, stderr=STDOUT)
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def cxq(stage: Scene, *arguments: str) -> str:
    """Run a command of the command line, and give what it said."""
    return await carried_out(sys.executable, "-m", "services.cli", *arguments, env=environment_of(stage.settings))


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


async def the_fork_is_named(stage: Scene) -> None:
    """Return when a copy says that its relay has halted, and why, and calls itself not ready."""
    async with httpx.AsyncClient(timeout=5) as client, asyncio.timeout(_NOTICED_WITHIN_S):
        while True:
            for copy in stage.copies:
                answer = await client.get(f"{copy.url}/health/ready")
                parts = {part["name"]: part for part in answer.json()["parts"]}
                if parts["relay"]["state"] == "halted":
                    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
                    assert "the store was set back" in parts["relay"]["detail"]
                    return
            await asyncio.sleep(0.2)


async def test_a_database_set_back_to_a_backup_tells_nobody_another_story_until_it_is_published_anew(
    stage: Scene,
) -> None:
    kept, lost = [await stage.crowd(quota=PLENTY) for _ in range(2)]
    await some_claims(stage, kept)
    data, backup = await backed_up(stage)
    await some_claims(stage, lost)
    await set_back(stage, data, backup)
    await the_fork_is_named(stage)
    async with kept.claiming():
        await kept.more(30)  # the store is whole in itself: whoever claims is served, and nobody is told
    ((head, published),) = await stage.rows(_LAG)
    assert published < head
    said = await cxq(stage, "republish", "issuance", "--fresh")
    assert "the topic holds the log up to position" in said
    for projection in CONTEXT.projections:
        await stage.rows(_ANEW.format(table=projection.table.name, consumer=projection.consumer))
    await stage.assert_sound(kept)
    assert await stage.rows(_CLAIMS, lost.period_id) == []


_LAG = (
    "SELECT log_head.position, coalesce((SELECT position FROM relay_positions WHERE partition = -1), 0) FROM log_head"
)
_ANEW = """
DO $$ BEGIN
TRUNCATE {table};
DELETE FROM consumer_positions WHERE consumer = '{consumer}';
DELETE FROM parked_events WHERE consumer = '{consumer}';
END $$
"""
"""The read models may have heard the story that is lost (docs/operations.md)."""
_CLAIMS = "SELECT FROM events WHERE type LIKE 'cxq.issuance.voucher-claimed.%' AND data->>'period_id' = $1"
