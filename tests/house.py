"""Pytest fixture: all five services at work, started and looked after by `cxq up`, on the run's own servers."""

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.local.house import House
from deploy.local.processes import Recipe, ServerProcess, free_port, is_port_free
from deploy.local.servers import Servers
from shared.bus.topics import Topics
from shared.settings import CONTEXTS, Settings
from tests.contexts import drop_contexts
from tests.service_processes import environment_of, is_ready

_STOP_LIMIT_S = 40.0


def free_ports(number: int) -> int:
    """Find so many free ports in a row and give the first."""
    while True:
        first = free_port()
        if all(map(is_port_free, range(first, first + number))):
            return first


@pytest.fixture(scope="session")
async def house(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Five services under a prefix of their own; data that a test leaves must not disturb the next one."""
    folder = tmp_path_factory.mktemp("house")
    settings = Settings(
        env="dev",
        rate_burst=1_000_000,  # thousands of generated requests come from one caller
        rate_per_second=1_000_000,
        state_dir=folder,
        postgres_url=SecretStr(servers.postgres_url),
        kafka_bootstrap=servers.kafka_bootstrap,
        database_prefix=f"h_{secrets.token_hex(4)}",
        topic_prefix=f"h-{secrets.token_hex(4)}",
        trace_endpoint="console",  # so that spans are among what may not give anything away
    )
    first = free_ports(len(CONTEXTS))
    ports = {context: first + place for place, context in enumerate(CONTEXTS)}
    process = _up(settings, folder, ports)
    try:
        await asyncio.to_thread(process.start)
        await asyncio.to_thread(process.wait_until_ready)
        urls = {context: f"http://127.0.0.1:{port}" for context, port in ports.items()}
        yield House(settings, urls, folder, servers)
    finally:
        await asyncio.to_thread(process.stop)
        async with Topics(settings) as topics:
            for context in CONTEXTS:
                await topics.delete(settings.topic(context))
        await drop_contexts(settings, *CONTEXTS)


def _up(settings: Settings, folder: Path, ports: dict[str, int]) -> ServerProcess:
    first = min(ports.values())
    return ServerProcess(
        Recipe(
            name="cxq up",
            command=[sys.executable, "-m", "services.cli", "up", "--only-services", "--first-port", str(first)],
            port=first,
            log=folder / "up.log",
            record=folder / "up.process.json",
            is_ready=lambda _pid: all(map(is_ready, ports.values())),
            stop_signal=signal.SIGTERM,
            stop_limit_s=_STOP_LIMIT_S,
            environment=environment_of(settings) | {"PATH": os.environ.get("PATH", os.defpath)},
        )
    )
