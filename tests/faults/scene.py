"""Where faults happen: a PostgreSQL and a Kafka of their own, and two copies of issuance behind them."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from deploy.local.postgres import SUPERUSER, password, postgres_server
from deploy.local.processes import ServerHandle, free_port
from deploy.local.servers import Servers, find_or_start_servers
from services.issuance.app import CONTEXT
from shared.auditing import audit
from shared.bus.topics import Topics
from shared.clock import SystemClock
from shared.database import create_engine, create_owner_engine
from shared.http.local_issuer import LocalIssuer
from shared.settings import CONTEXTS, Settings
from shared.store.migrate import migrate
from tests.faults.crowd import Claimant, Crowd
from tests.faults.disk import Disk, small_disk
from tests.faults.stepped import STEP_FILE
from tests.faults.wire import Wire, wire_to
from tests.integration.issuance.office import Office
from tests.service_processes import ServiceProcess, without_servers

CLAIMANTS = 8
HEALED_WITHIN_S = 60.0
"""After any fault heals, the services are ready and nothing lags within this time (P7)."""
_LISTS = ("/v1/vouchers", "/v1/period-plans", "/v1/claimants/{claimant}/annual-totals")
_POLL_S = 0.1
_SMALL_DISK_MB = 160
"""PostgreSQL's files of a new scene take some 70 MB of it."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a fault test acts on."""

    settings: Settings
    postgres: ServerHandle
    kafka: ServerHandle
    copies: tuple[ServiceProcess, ServiceProcess]
    claimants: tuple[Claimant, ...]
    officer: str
    """A token that may read every list."""
    wire: Wire | None = None
    """Between the copies and PostgreSQL, where there is one; the test itself has a connection of its own."""
    disk: Disk | None = None
    """Where PostgreSQL's files are, where that can be filled."""
    step_file: Path | None = None
    """Where the copies find how far their clocks are off, where they can be."""

    def step_clocks(self, seconds: float) -> None:
        """Have the copies' clocks differ so much from the machine's from now on."""
        assert self.step_file is not None
        replacement = self.step_file.with_suffix(".new")
        replacement.write_text(str(seconds))
        replacement.replace(self.step_file)

    async def writer_of(self, period_id: str) -> ServiceProcess:
        """Name the copy that writes a period."""
        ((address,),) = await self.rows("SELECT address FROM period_writers WHERE period_id = $1", period_id)
        (writer,) = [copy for copy in self.copies if copy.url == address]
        return writer

    async def crowd(
        self, *, quota: int, opened: timedelta = timedelta(), lasts: timedelta = timedelta(days=30)
    ) -> Crowd:
        """Have a period of `quota` fen, opened so long ago; the claimants wait for the start."""
        engine = create_engine(self.settings.application_url("issuance"))
        try:
            office = Office(engine)
            office.clock.at = SystemClock().now() - opened
            period_id = await office.open_period(quota, days=lasts / timedelta(days=1))
        finally:
            await engine.dispose()
        return Crowd(self.claimants, tuple(copy.url for copy in self.copies), period_id, quota)

    async def until_log_has(self, name: str, period_id: str) -> None:
        """Return when the log tells something of a period; TimeoutError after half a minute."""
        async with asyncio.timeout(30):
            while not await self.rows(_TOLD, f"cxq.issuance.{name}.%", period_id):  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(_POLL_S)

    async def healed(self) -> None:
        """Return when every copy is whole and every reader has the last event; fails, saying why, where P7 breaks."""
        waits_for = ""
        try:
            async with asyncio.timeout(HEALED_WITHIN_S), httpx.AsyncClient(timeout=10) as client:
                for look in self._signs_of_health(client):
                    while waits_for := await look():  # noqa: ASYNC110 (nobody tells)
                        await asyncio.sleep(_POLL_S)
        except TimeoutError:
            pytest.fail(f"not healed within {HEALED_WITHIN_S:.0f} s: {waits_for}")

    def _signs_of_health(self, client: httpx.AsyncClient) -> Iterator[Callable[[], Awaitable[str]]]:
        """Give questions in the order in which they are to be asked; each answers with what is missing yet."""
        for copy in self.copies:
            yield partial(_ailment, client, copy.url)
        yield self._lag
        for path in _LISTS:
            yield partial(self._stale, client, self.copies[0].url + path.format(claimant=self.claimants[0].claimant_id))

    async def _lag(self) -> str:
        ((head, published),) = await self.rows(_LAG)
        return "" if head == published else f"the relay has published {published} of {head}"

    async def _stale(self, client: httpx.AsyncClient, url: str) -> str:
        ((head, _),) = await self.rows(_LAG)
        headers = {"Authorization": f"Bearer {self.officer}"}
        answer = await client.get(url, params={"min_position": head}, headers=headers)
        return "" if answer.status_code == httpx.codes.OK else f"{url}: {answer.text}"

    async def assert_sound(self, crowd: Crowd) -> None:
        """Wait until all is healed, then audit everything and compare what the crowd was told with the log."""
        await self.healed()
        report = await audit(self.settings, [CONTEXT])
        assert report.clean, [finding for finding in report.findings if finding.breached]
        crowd.assert_lawful(await self.rows(_CLAIMED, crowd.period_id))

    async def rows(self, statement: str, *arguments: object) -> list[Any]:
        """Read from issuance's database as its owner."""
        engine = create_owner_engine(self.settings.owner_url("issuance"))
        try:
            async with engine.connect() as connection:
                raw = await connection.get_raw_connection()
                driver = raw.driver_connection
                assert driver is not None
                return list(await driver.fetch(statement, *arguments))
        finally:
            await engine.dispose()


_CLAIMED = (
    "SELECT data->>'voucher_id' AS voucher_id, data->>'claimant_id' AS claimant_id,"
    " (data->>'amount')::bigint AS amount, (data->>'place')::int AS place FROM events"
    " WHERE type LIKE 'cxq.issuance.voucher-claimed.%' AND data->>'period_id' = $1 ORDER BY position"
)
_TOLD = "SELECT FROM events WHERE type LIKE $1 AND data->>'period_id' = $2"
_LAG = (
    "SELECT log_head.position, coalesce((SELECT position FROM relay_positions WHERE partition = -1), 0) FROM log_head"
)


async def _ailment(client: httpx.AsyncClient, url: str) -> str:
    try:
        answer = await client.get(f"{url}/health/ready")
    except httpx.TransportError as error:
        return f"{url}: {type(error).__name__}"
    whole = answer.status_code == httpx.codes.OK and not answer.json()["degraded"]
    return "" if whole else f"{url}: {answer.text}"


class _Earlier:
    """Two hours ago: a token is older than any step of the clock, which else would make it one of the future."""

    def now(self) -> datetime:
        """Give the instant."""
        return SystemClock().now() - timedelta(hours=2)


@asynccontextmanager
async def servers_for(folder: Path) -> AsyncIterator[Servers]:
    """Start the servers; those named in the environment are others' and are not hurt."""
    with find_or_start_servers(folder, keep=False, environ=without_servers(os.environ)) as servers:
        yield servers


@asynccontextmanager
async def scene(servers: Servers, folder: Path) -> AsyncIterator[Scene]:
    """Set the scene and take it down: two copies of issuance with databases and topics of their own."""
    settings = await _prepared(servers, folder)
    copies = (ServiceProcess("issuance", "a", settings), ServiceProcess("issuance", "b", settings))
    async with _played(servers, settings, copies) as found:
        yield found


@asynccontextmanager
async def strained_scene(servers: Servers, folder: Path) -> AsyncIterator[Scene]:
    """Set a scene whose copies reach PostgreSQL through a wire that can be hurt, on clocks that can be stepped."""
    settings = await _prepared(servers, folder)
    address = urlsplit(servers.postgres_url)
    assert address.hostname is not None
    assert address.port is not None
    step_file = folder / "step-of-the-clocks"
    async with wire_to(address.hostname, address.port) as wire:
        through = address.netloc.rpartition(":")[0] + f":{wire.port}"
        behind = settings.model_copy(update={"postgres_url": SecretStr(address._replace(netloc=through).geturl())})
        more = {STEP_FILE: str(step_file)}
        copies = (
            ServiceProcess("issuance", "c", behind, module="tests.faults.stepped", more=more),
            ServiceProcess("issuance", "d", behind, module="tests.faults.stepped", more=more),
        )
        async with _played(servers, settings, copies) as found:
            yield replace(found, wire=wire, step_file=step_file)


@asynccontextmanager
async def cramped_scene(kafka: Servers, folder: Path) -> AsyncIterator[Scene]:
    """Set a scene whose PostgreSQL is another one, on a small disk that can be filled."""
    with small_disk(folder / "disk", megabytes=_SMALL_DISK_MB) as disk:
        port = free_port()
        postgres = postgres_server(disk.folder / "postgres", port)
        postgres.start()
        try:
            postgres.wait_until_ready()
            url = f"postgresql://{SUPERUSER}:{password(disk.folder / 'postgres')}@127.0.0.1:{port}"
            servers = replace(kafka, postgres_url=url, postgres=postgres)
            async with scene(servers, folder) as found:
                yield replace(found, disk=disk)
        finally:
            postgres.stop()


async def _prepared(servers: Servers, folder: Path) -> Settings:
    settings = Settings(
        env="dev",
        state_dir=folder,
        postgres_url=SecretStr(servers.postgres_url),
        kafka_bootstrap=servers.kafka_bootstrap,
        database_prefix=f"f_{secrets.token_hex(4)}",
        topic_prefix=f"f-{secrets.token_hex(4)}",
    )
    await migrate(settings, "issuance", CONTEXT.folder / "migrations")
    async with Topics(settings) as topics:
        for context in CONTEXTS:
            await topics.create(settings.topic(context), settings.topic_partitions)
    return settings


@asynccontextmanager
async def _played(
    servers: Servers, settings: Settings, copies: tuple[ServiceProcess, ServiceProcess]
) -> AsyncIterator[Scene]:
    assert servers.postgres is not None
    assert servers.kafka is not None
    issuer = LocalIssuer(settings, _Earlier())
    try:
        for copy in copies:
            await copy.start()
        claimants = await registered(settings, issuer, CLAIMANTS)
        for copy in copies:
            await copy.wait_until_ready()
        yield Scene(
            settings=settings,
            postgres=servers.postgres,
            kafka=servers.kafka,
            copies=copies,
            claimants=claimants,
            officer=issuer.issue("officer", "officer-li"),
        )
    finally:
        for copy in copies:
            await copy.stop()


async def registered(settings: Settings, issuer: LocalIssuer, number: int) -> tuple[Claimant, ...]:
    """Register so many companies, each with a token of its own."""
    engine = create_engine(settings.application_url("issuance"))
    try:
        office = Office(engine)
        office.clock.at = SystemClock().now()
        ids = [await office.register() for _ in range(number)]
    finally:
        await engine.dispose()
    return tuple(
        Claimant(claimant_id, issuer.issue("claimant", f"user-of-{claimant_id}", claimant_id)) for claimant_id in ids
    )
