"""An office at the present instant, for tests of a service that keeps its own clock."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import SystemClock
from tests.integration.issuance.office import Office


@pytest.fixture
async def office(engine: AsyncEngine) -> AsyncIterator[Office]:
    opened = Office(engine)
    opened.clock.at = SystemClock().now()
    yield opened
    await opened.close()
