"""The appraisal service with a fresh database, its clock in the test's hands, and people who sign in."""

from collections.abc import AsyncIterator

import pytest

from services.appraisal.app import CONTEXT
from tests.integration.registry.house import House, open_house


@pytest.fixture(scope="module")
async def house(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(CONTEXT, postgres_url, tmp_path_factory.mktemp("state")) as opened:
        yield opened
