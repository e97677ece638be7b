"""One scene for all faults: each test leaves it healed, and the next one would notice if it did not."""

from collections.abc import AsyncIterator

import pytest

from tests.faults.scene import Scene, scene


@pytest.fixture(scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with scene(tmp_path_factory.mktemp("faults")) as found:
        yield found
