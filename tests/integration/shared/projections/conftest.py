"""An office for each test, with servers that are real."""

from collections.abc import AsyncIterator

import pytest

from shared.bus.topics import Topics
from shared.database import create_engine, create_owner_engine
from tests.contexts import fresh_contexts
from tests.integration.shared.projections.balances import TABLES
from tests.integration.shared.projections.office import NAME, Office


@pytest.fixture
async def office(postgres_url: str, kafka_bootstrap: str) -> AsyncIterator[Office]:
    async with fresh_contexts(postgres_url, NAME, kafka_bootstrap=kafka_bootstrap) as settings:
        owner = create_owner_engine(settings.owner_url(NAME))
        engine = create_engine(settings.application_url(NAME))
        async with owner.begin() as connection:
            await connection.run_sync(TABLES.create_all)
        yield Office(settings, engine, owner)
        await engine.dispose()
        await owner.dispose()
        async with Topics(settings) as topics:
            await topics.delete(settings.topic(NAME))
