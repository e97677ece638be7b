"""One contracts office for all tests of the module; each test brings its own parties."""

from collections.abc import AsyncIterator

import pytest

from services.contracts.app import CONTEXT
from shared.database import create_engine, create_owner_engine
from tests.contexts import fresh_contexts
from tests.integration.contracts.office import Office


@pytest.fixture(scope="module")
async def office(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with fresh_contexts(postgres_url, CONTEXT.name, location=CONTEXT.folder / "migrations") as found:
        settings = found.model_copy(update={"state_dir": tmp_path_factory.mktemp("state")})
        owner = create_owner_engine(settings.owner_url(CONTEXT.name))
        engine = create_engine(settings.application_url(CONTEXT.name))
        yield Office(settings, engine, owner)
        await engine.dispose()
        await owner.dispose()
