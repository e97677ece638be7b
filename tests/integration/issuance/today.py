"""Fixtures of tests whose service and office share one clock: it starts today and stands still until it is moved.

Tokens are not as patient as such a clock: a test moves it by minutes or days, not by years.
"""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import SystemClock
from tests.integration.issuance.office import Office, StandingClock


@pytest.fixture(scope="module")
def clock() -> StandingClock:
    """The clock of the service and of the office."""
    return StandingClock(at=SystemClock().now())


@pytest.fixture
async def office(engine: AsyncEngine, clock: StandingClock) -> AsyncIterator[Office]:
    clock.at = SystemClock().now()
    opened = Office(engine, clock=clock)
    yield opened
    await opened.close()
