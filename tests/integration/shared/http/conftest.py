"""A service in front of a fresh store, and callers with tokens."""

from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import Clock, clock_of
from shared.database import create_owner_engine
from shared.http.application import build_app
from shared.http.local_issuer import LocalIssuer
from shared.settings import Settings
from tests.contexts import fresh_contexts
from tests.integration.shared.http.service import CONTEXT, SERVICE, StoreRuntime, visiting

type Headers = dict[str, str]
type Claimant = Callable[..., Headers]
"""Gives the headers of a request by a claimant: a token, and a fresh idempotency key."""


@pytest.fixture(scope="module")
async def settings(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Settings]:
    state: Path = tmp_path_factory.mktemp("state")
    async with fresh_contexts(postgres_url, CONTEXT) as found:
        yield found.model_copy(update={"state_dir": state})


@pytest.fixture(scope="module")
def clock(settings: Settings) -> Clock:
    return clock_of(settings)


@pytest.fixture(scope="module")
def app(settings: Settings, clock: Clock) -> FastAPI:
    return build_app(SERVICE, settings, runtime=StoreRuntime(SERVICE, settings, clock))


@pytest.fixture(scope="module")
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with visiting(app) as found:
        yield found


@pytest.fixture(scope="module")
async def owner(settings: Settings) -> AsyncIterator[AsyncEngine]:
    pool = create_owner_engine(settings.owner_url(CONTEXT))
    yield pool
    await pool.dispose()


@pytest.fixture(scope="module")
def issuer(settings: Settings) -> LocalIssuer:
    return LocalIssuer(settings)


@pytest.fixture(scope="module")
def claimant(issuer: LocalIssuer) -> Claimant:
    numbers = count(1)

    def headers(principal: str = "user-1", party: str = "clm_1", role: str = "claimant", **others: str) -> Headers:
        return {
            "Authorization": f"Bearer {issuer.issue(role, principal, party)}",
            "Idempotency-Key": f"test-key-{next(numbers)}",
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in others.items()},
        }

    return headers
