"""A store and a topic of its own for every test."""

from collections.abc import AsyncIterator

import pytest

from shared.database import create_engine, create_owner_engine
from tests.contexts import fresh_contexts
from tests.integration.shared.bus.log_and_topic import CONTEXT, Log


@pytest.fixture
async def log(postgres_url: str, kafka_bootstrap: str) -> AsyncIterator[Log]:
    async with fresh_contexts(postgres_url, CONTEXT, kafka_bootstrap=kafka_bootstrap) as settings:
        engine = create_engine(settings.application_url(CONTEXT), pool_size=4)
        owner = create_owner_engine(settings.owner_url(CONTEXT))
        try:
            yield Log(settings, engine, owner)
        finally:
            await engine.dispose()
            await owner.dispose()
