"""A contracts office whose deadlines come due by a clock that the test moves."""

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from shared.database import create_engine
from tests.contexts import fresh_contexts
from tests.integration.shared.procedures.waiting import NAME, Desk


@pytest.fixture(scope="module")
async def shared_desk(postgres_url: str) -> AsyncIterator[Desk]:
    async with fresh_contexts(postgres_url, NAME) as settings:
        engine = create_engine(settings.application_url(NAME))
        yield Desk(engine)
        await engine.dispose()


@pytest.fixture
async def desk(shared_desk: Desk) -> Desk:
    """A desk with nothing on it."""
    async with shared_desk.engine.begin() as connection:
        await connection.execute(sa.text("DELETE FROM deadlines"))
    return Desk(shared_desk.engine)
