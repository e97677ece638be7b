"""One scene for all faults: each test leaves it healed, and the next one would notice if it did not."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from tests.faults.scene import Scene, cramped_scene, scene, servers_for, strained_scene


@pytest.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    async with servers_for(tmp_path_factory.mktemp("faults")) as found:
        yield found


@pytest.fixture(scope="session")
async def stage(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with scene(servers, tmp_path_factory.mktemp("stage")) as found:
        yield found


@pytest.fixture(scope="module")
async def strained(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """Copies behind a wire that can be hurt, on clocks that can be stepped."""
    async with strained_scene(servers, tmp_path_factory.mktemp("strained")) as found:
        yield found


@pytest.fixture(scope="module")
async def cramped(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """Copies whose PostgreSQL has a small disk."""
    async with cramped_scene(servers, tmp_path_factory.mktemp("cramped")) as found:
        yield found
