"""A context's database with an empty log, as the service sees it and as its owner sees it."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import SystemClock
from shared.database import create_engine, create_owner_engine
from shared.settings import Settings
from shared.store.execution import Commands
from tests.contexts import fresh_contexts
from tests.integration.shared.store.projects import CONTEXT


@pytest.fixture(scope="module")
async def settings(postgres_url: str) -> AsyncIterator[Settings]:
    async with fresh_contexts(postgres_url, CONTEXT) as found:
        yield found


@pytest.fixture(scope="module")
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    pool = create_engine(settings.application_url(CONTEXT), pool_size=20)
    yield pool
    await pool.dispose()


@pytest.fixture(scope="module")
async def owner(settings: Settings) -> AsyncIterator[AsyncEngine]:
    pool = create_owner_engine(settings.owner_url(CONTEXT))
    yield pool
    await pool.dispose()


@pytest.fixture(scope="module")
def commands(engine: AsyncEngine) -> Commands:
    return Commands(engine, CONTEXT, SystemClock(), lambda: None)
