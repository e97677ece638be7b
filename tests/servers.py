"""Pytest fixtures: one PostgreSQL and one Kafka for the whole run, started when the first test asks for them."""

import re
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from deploy.local.servers import Servers, find_or_start_servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The run's own servers, in a folder that no other run uses; a run without servers fails."""
    with (
        tempfile.TemporaryDirectory(prefix="cxq-test-") as folder,
        find_or_start_servers(Path(folder), keep=False) as found,
    ):
        yield found


@pytest.fixture(scope="session")
def postgres_url(servers: Servers) -> str:
    """The server as its administrator, without a database: `postgresql://user:password@host:port`."""
    return servers.postgres_url


@pytest.fixture(scope="session")
def kafka_bootstrap(servers: Servers) -> str:
    """The broker's `host:port`."""
    return servers.kafka_bootstrap


@asynccontextmanager
async def fresh_database(admin_url: str, name_prefix: str) -> AsyncIterator[str]:
    """Yield the URL of a new, empty database whose name starts with `name_prefix`, and drop it afterwards."""
    name = f"{name_prefix}_{secrets.token_hex(6)}"
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise ValueError(f"{name_prefix} does not start a PostgreSQL name of lower-case letters")
    await _administer(admin_url, f"CREATE DATABASE {name}")
    try:
        yield f"{admin_url}/{name}"
    finally:
        await _administer(admin_url, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(admin_url: str, statement: str) -> None:
    connection = await asyncpg.connect(f"{admin_url}/postgres", timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
