"""An issuing office with a fresh database."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

import services.issuance
from shared.clock import Clock, SystemClock
from shared.database import create_engine, create_owner_engine
from shared.settings import Settings
from tests.contexts import fresh_contexts
from tests.integration.issuance.office import CONTEXT, Office
from tests.integration.issuance.serving import Call, caller, visiting

MIGRATIONS = Path(services.issuance.__file__).parent / "migrations"


@pytest.fixture(scope="module")
async def settings(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Settings]:
    state = tmp_path_factory.mktemp("state")
    async with fresh_contexts(postgres_url, CONTEXT, location=MIGRATIONS) as found:
        yield found.model_copy(update={"state_dir": state})


@pytest.fixture(scope="module")
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    pool = create_engine(settings.application_url(CONTEXT), pool_size=16)
    yield pool
    await pool.dispose()


@pytest.fixture(scope="module")
async def owner(settings: Settings) -> AsyncIterator[AsyncEngine]:
    pool = create_owner_engine(settings.owner_url(CONTEXT))
    yield pool
    await pool.dispose()


@pytest.fixture(scope="module")
def clock() -> Clock:
    """The clock of the service that is visited; a module of tests may have another."""
    return SystemClock()


@pytest.fixture(scope="module")
async def client(settings: Settings, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    async with visiting(settings, clock) as found:
        yield found


@pytest.fixture
def call(client: httpx.AsyncClient, settings: Settings) -> Call:
    return caller(client, settings)


@pytest.fixture
async def office(engine: AsyncEngine) -> AsyncIterator[Office]:
    opened = Office(engine)
    yield opened
    await opened.close()
