"""A service on a real PostgreSQL without a broker: its read models are folded from its own log when a test asks."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from fastapi import FastAPI

from shared.audit import Count
from shared.context import BoundedContext
from shared.database import create_owner_engine
from shared.events.definition import Recorded
from shared.http.application import build_app
from shared.http.local_issuer import LocalIssuer
from shared.http.policy import Role
from shared.procedures.due_list import DueList
from shared.projections.projection import Rows
from shared.projections.rows import save_rows
from shared.runtime import Runtime
from shared.settings import Settings
from shared.store.transaction import read_log
from tests.contexts import fresh_contexts

_KEYS = count(1)


class HandClock:
    """A clock that a test moves."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        """Give the instant set, a moment later each time, so that ids sort."""
        self.instant += timedelta(microseconds=1)
        return self.instant


class StoreRuntime(Runtime):
    """A runtime at work on the store alone."""

    def start_background(self) -> None:
        """Start nothing."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a token."""

    house: "House"
    principal: str
    role: Role

    async def get(self, path: str, **query: Any) -> httpx.Response:
        """Read something."""
        return await self.house.client.get(path, params=query, headers=self._headers())

    async def post(
        self, path: str, body: Any = None, *, version: httpx.Response | None = None, key: str = ""
    ) -> httpx.Response:
        """Ask for something; `version` is the answer whose ETag is decided on."""
        headers = self._headers() | {"Idempotency-Key": key or f"test-key-{next(_KEYS)}"}
        if version is not None:
            headers["If-Match"] = version.headers["etag"]
        return await self.house.client.post(path, json=body, headers=headers)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.house.issuer.issue(self.role, self.principal)}"}


@dataclass(frozen=True, slots=True)
class House:
    """The service, its database and its clock."""

    context: BoundedContext
    settings: Settings
    app: FastAPI
    client: httpx.AsyncClient
    issuer: LocalIssuer
    clock: HandClock

    def person(self, role: Role, principal: str) -> Person:
        """Let somebody sign in."""
        return Person(self, principal, role)

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[Any]:
        """Open a transaction as the database's owner; what it writes is kept."""
        engine = create_owner_engine(self.settings.owner_url(self.context.name))
        try:
            async with engine.begin() as connection:
                yield connection
        finally:
            await engine.dispose()

    async def facts(self) -> list[Any]:
        """Give every fact in the log, in order."""
        async with self.owner() as connection:
            return [event.data for event in await read_log(connection, self.context.name, after=0, limit=10_000)]

    async def project(self, others: Sequence[Recorded[Any]] = ()) -> None:
        """Bring the read models to the head of the log, and to what other contexts told."""
        async with self.owner() as connection:
            log = [*await read_log(connection, self.context.name, after=0, limit=10_000), *others]
            for projection in self.context.projections:
                rows: Rows = {}
                projection.fold(rows, log)
                await connection.execute(sa.delete(projection.table))
                await save_rows(connection, projection.table, rows)

    async def wait(self, by: timedelta) -> int:
        """Let time pass, do what is due, and say how much that was."""
        self.clock.instant += by
        runtime: Runtime = self.app.state.runtime
        due = DueList(
            runtime.engine, self.context.name, self.clock, runtime.measures, self.context.deadlines, lambda: None
        )
        return await due.sweep()

    async def breaches(self) -> dict[str, list[str]]:
        """Run every check of the audit and give what each found."""
        found: dict[str, list[str]] = {}
        async with self.owner() as connection:
            for check in self.context.checks:
                found[check.id] = [breach.found async for breach in check.look(connection, Count())]
        return found


@asynccontextmanager
async def open_house(context: BoundedContext, postgres_url: str, state: Path) -> AsyncIterator[House]:
    """Migrate a fresh database and open the service on it; it is Monday 2026-11-23, nine o'clock in Beijing."""
    clock = HandClock(datetime(2026, 11, 23, 1, 0, tzinfo=UTC))
    async with fresh_contexts(postgres_url, context.name, location=context.folder / "migrations") as fresh:
        settings = fresh.model_copy(update={"state_dir": state})
        app = build_app(context, settings, runtime=StoreRuntime(context, settings, clock))
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://service") as client,
        ):
            yield House(context, settings, app, client, LocalIssuer(settings, clock), clock)
