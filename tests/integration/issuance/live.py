"""Settings of tests whose service does its background work, with a topic of its own on a real Kafka."""

from collections.abc import AsyncIterator

import pytest

from shared.bus.topics import Topics
from shared.settings import Settings
from tests.contexts import fresh_contexts
from tests.integration.issuance.conftest import MIGRATIONS
from tests.integration.issuance.office import CONTEXT


@pytest.fixture(scope="module")
async def settings(
    postgres_url: str, kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Settings]:
    state = tmp_path_factory.mktemp("state")
    async with fresh_contexts(postgres_url, CONTEXT, location=MIGRATIONS, kafka_bootstrap=kafka_bootstrap) as found:
        at_work = found.model_copy(update={"state_dir": state})
        yield at_work
        async with Topics(at_work) as topics:
            await topics.delete(at_work.topic(CONTEXT))
