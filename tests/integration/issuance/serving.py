"""Issuance over HTTP on the store alone: no broker belongs to these tests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from itertools import count

import httpx

from services.issuance.app import CONTEXT
from shared.clock import Clock, SystemClock
from shared.http.application import build_app
from shared.http.local_issuer import LocalIssuer
from shared.kernel.calendar import business_date
from shared.runtime import Runtime
from shared.settings import Settings

_KEYS = count(1)
type Call = Callable[..., Awaitable[httpx.Response]]


def today(later: int = 0) -> date:
    """Give the day in Beijing, or one so many days later; asked anew each time, for a run may go through midnight."""
    return business_date(SystemClock().now()) + timedelta(days=later)


class StoreRuntime(Runtime):
    """A runtime without its background."""

    def start_background(self) -> None:
        """Start nothing."""


@asynccontextmanager
async def visiting(settings: Settings, clock: Clock | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Serve issuance and visit it; failures of the service come out as they are."""
    app = build_app(CONTEXT, settings, runtime=StoreRuntime(CONTEXT, settings, clock or SystemClock()))
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://issuance") as client,
    ):
        yield client


def caller(client: httpx.AsyncClient, settings: Settings) -> Call:
    """Make requests as somebody: `role`, `principal` and `party` go into the token."""
    issuer = LocalIssuer(settings)

    async def request(
        method: str,
        path: str,
        *,
        role: str = "claimant",
        principal: str = "user-1",
        party: str | None = None,
        key: str | None = None,
        version: int | None = None,
        body: object = None,
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {issuer.issue(role, principal, party)}"}
        if method == "POST":
            headers["Idempotency-Key"] = key or f"fresh-key-{next(_KEYS)}"
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await client.request(method, path, headers=headers, json=body)

    return request
