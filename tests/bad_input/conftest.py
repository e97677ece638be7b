"""The doors of a running house."""

from collections.abc import AsyncIterator

import httpx
import pytest

from deploy.local.house import House
from tests.bad_input.door import Door


@pytest.fixture(scope="session")
async def door(house: House) -> AsyncIterator[Door]:
    async with httpx.AsyncClient(timeout=10) as client:
        yield Door(house, client)
