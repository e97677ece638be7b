"""The line of claims with a crash at each of its steps in turn, while the period is handed over between two offices."""

import asyncio
from collections.abc import Iterator, Mapping

import pytest
import structlog.testing

from tests.simulation.company import Company
from tests.simulation.soundness import assert_sound
from tests.simulation.world import STEPS, World

FACE = 1_000_000
CRASHES = (
    "lost before",
    "lost after",
    "hangs",
    "falls silent",
    "connection ends",
    "office stops",
    "office leaves",
    "another takes over",
)
"""What ends a connection, a process, or an office's part in the period."""
HANDED_OVER = {6: "another takes over", 22: "another takes over"}
"""The period goes to the other office twice, so that its hand-over is among the steps."""
SEED = 1


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Every failure is meant, and there are hundreds."""
    with structlog.testing.capture_logs():
        yield


async def lived(script: Mapping[int, str]) -> World:
    """Live through the seed with just these faults: four companies, each under two keys, and money for three claims."""
    world = World(SEED, quota=3 * FACE, companies=4, weather=(), faults=0, script=script)
    claims = [Company(world, company, f"key-{number}", FACE) for number in range(2) for company in world.companies]
    try:
        async with asyncio.timeout(10):
            await asyncio.gather(*(claim.claim() for claim in claims))
        await world.close()
        assert_sound(world)
        assert len(world.tables.claimed()) == 3, "money was left though more was asked for"
    except BaseException as error:
        error.add_note(f"script {dict(script)}, last steps {world.steps[-20:]}")
        raise
    return world


@pytest.mark.parametrize("crash", CRASHES)
async def test_a_crash_at_any_step_costs_nobody_anything(crash: str) -> None:
    steps = (await lived(HANDED_OVER)).steps
    for number, where in enumerate(steps):
        world = await lived({**HANDED_OVER, number: crash})
        assert world.steps[: number + 1] == steps[: number + 1], "a run is to be had again by its seed"
        assert world.seen[f"{crash} at {where}"]
    assert set(steps) >= STEPS - RARE, f"never crashed at {STEPS - RARE - set(steps)}"


@pytest.mark.parametrize("crash", CRASHES)
async def test_a_second_crash_while_the_first_is_got_over_costs_nobody_anything(crash: str) -> None:
    for first in CRASHES:
        for number in range(5, 18, 2):
            world = await lived({4: first, number: crash})
            assert len(world.steps) > number, "the second crash never came"


RARE = frozenset({"answers"})
"""Asked for only where a key is known already: that comes of crashes, and of no run without one."""
