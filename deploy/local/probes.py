"""Whether servers answer, and with which promises; each probe may be called inside and outside an event loop."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.problems import ServerProblem

DURABLE: Final = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""PostgreSQL's settings under which an acknowledged commit survives a power cut."""

_ANSWER_LIMIT_S: Final = 5.0


def postgres_answers(postgres_url: str) -> bool:
    """Whether the server at `postgres_url` (no database in it) lets us in."""
    with suppress(ServerProblem):
        _apart(lambda: _durability(postgres_url))
        return True
    return False


def assert_durable(postgres_url: str) -> None:
    """Raise `ServerProblem` unless the server at `postgres_url` answers and keeps every commit it acknowledges."""
    for name, found in _apart(lambda: _durability(postgres_url)).items():
        if found != DURABLE[name]:
            raise ServerProblem(
                f"PostgreSQL runs with {name} = {found}, so a commit that it acknowledged could be lost.",
                f"Set {name} = {DURABLE[name]}.",
            )


def kafka_answers(bootstrap: str) -> bool:
    """Whether a broker at `bootstrap` takes requests and has been let into its cluster."""
    # The port first: the client complains in the log of whoever asks when it finds nobody there.
    first = urlsplit(f"//{bootstrap.partition(',')[0]}")
    try:
        socket.create_connection((first.hostname or "127.0.0.1", first.port or 9092), timeout=_ANSWER_LIMIT_S).close()
    except OSError:
        return False
    return _apart(lambda: _has_brokers(bootstrap))


async def _durability(postgres_url: str) -> dict[str, str]:
    try:
        connection = await asyncpg.connect(f"{postgres_url}/postgres", timeout=_ANSWER_LIMIT_S)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise ServerProblem(
            f"PostgreSQL does not answer: {str(error) or type(error).__name__}.",
            "Check CXQ_POSTGRES_URL and that the server runs.",
        ) from error
    try:
        rows = await connection.fetch("select name, setting from pg_settings where name = any($1)", list(DURABLE))
        return {row["name"]: row["setting"] for row in rows}
    finally:
        await connection.close()


async def _has_brokers(bootstrap: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(_ANSWER_LIMIT_S * 1000))
    try:
        await admin.start()  # type: ignore[no-untyped-call]
        return bool((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()  # type: ignore[no-untyped-call]


def _apart[T](question: Callable[[], Coroutine[Any, Any, T]]) -> T:
    # In a thread of its own, so that it does not matter whether the caller's thread runs an event loop.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(lambda: asyncio.run(question())).result()
