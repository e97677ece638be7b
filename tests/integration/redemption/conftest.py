"""One redemption service for the module's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.redemption.app import CONTEXT
from shared.http.application import build_app
from shared.http.local_issuer import LocalIssuer
from shared.runtime import Runtime
from tests.contexts import fresh_contexts
from tests.integration.redemption.office import Case, Office, completed_case
from tests.standing import StandingClock


@pytest.fixture(scope="session")
async def office(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """The service, without its background."""
    async with fresh_contexts(postgres_url, "redemption", location=Path(CONTEXT.folder / "migrations")) as fresh:
        settings = fresh.model_copy(update={"state_dir": tmp_path_factory.mktemp("redemption")})
        clock = StandingClock()
        async with Runtime(CONTEXT, settings, clock) as runtime:
            app = build_app(CONTEXT, settings, runtime=runtime)
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://redemption") as client:
                yield Office(runtime, client, LocalIssuer(settings, clock), clock)


@pytest.fixture
async def case(office: Office) -> Case:
    """A contract completed on 2 March 2026, its redemption awaited."""
    office.clock.instant = StandingClock().instant
    return await completed_case(office)
