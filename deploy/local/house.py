"""The running house as its visitors find it: five services, their clock, and tokens for whoever knocks."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Self

import httpx
from pydantic import SecretStr

from deploy.local.notes import read_notes, service_record
from deploy.local.processes import end_recorded
from deploy.local.servers import Servers
from services.commands.environment import ROOT, read_environment
from shared.clock import development_clock
from shared.http.local_issuer import LocalIssuer
from shared.settings import CONTEXTS, Settings

_READY_LIMIT_S = 60.0
_POLL_S = 0.05


class CommandError(Exception):
    """A command of `cxq` failed; the message has the command, its exit code and what it said."""


@dataclass(frozen=True)
class House:
    """Five services that `cxq up` runs; `urls` are their addresses by context (`http://127.0.0.1:8101`)."""

    settings: Settings
    urls: Mapping[str, str]
    state_dir: Path
    servers: Servers
    """Where PostgreSQL and Kafka are; without handles, because the supervisor holds those."""

    @classmethod
    def at(cls, state_dir: Path) -> Self:
        """Find the house that runs on a state folder; FileNotFoundError when none has ever been up."""
        folder = state_dir.absolute()
        urls, origin = read_notes(folder)
        kept = {name.removeprefix("CXQ_").lower(): value for name, value in read_environment(folder).items()}
        settings = Settings(**kept)  # type: ignore[arg-type]  # texts, which pydantic reads as from the environment
        servers = Servers(settings.postgres_url.get_secret_value(), settings.kafka_bootstrap, origin)
        return cls(settings, urls, folder, servers)

    @cached_property
    def _issuer(self) -> LocalIssuer:
        return LocalIssuer(self.settings)

    def now(self) -> datetime:
        """Tell the time of the services."""
        return development_clock(self.settings).now()

    def advance(self, by: timedelta) -> datetime:
        """Move the clock of all services forward and tell the new time."""
        return development_clock(self.settings).advance(by)

    def token(self, role: str, principal: str, party: str | None = None) -> str:
        """Sign an access token for a principal in a role, acting for `party` if given."""
        return self._issuer.issue(role, principal, party)

    def kill(self, context: str) -> None:
        """End a service's process with SIGKILL and return when it is gone; the supervisor starts it again."""
        record = service_record(self.state_dir, context)
        end_recorded(record, signal.SIGKILL, limit_s=10.0)

    async def wait_ready(self, *contexts: str) -> None:
        """Return when these services (all, if none is named) take commands; TimeoutError after a minute."""
        async with httpx.AsyncClient(timeout=5) as client, asyncio.timeout(_READY_LIMIT_S):
            for context in contexts or CONTEXTS:
                while not await self._is_ready(client, context):  # noqa: ASYNC110 (it tells nobody)
                    await asyncio.sleep(_POLL_S)

    async def command(self, *arguments: str) -> str:
        """Carry out `cxq …` in a process of its own and give its answer; CommandError when it fails."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.cli",
            *arguments,
            stdout=PIPE,
            stderr=PIPE,
            cwd=ROOT,
            env=os.environ | self._environment(),
        )
        answer, complaint = await process.communicate()
        if process.returncode != 0:
            said = (complaint or answer).decode().strip().rpartition("\n")[2]
            raise CommandError(f"cxq {' '.join(arguments)} ended with {process.returncode}: {said}")
        return answer.decode()

    def _environment(self) -> dict[str, str]:
        chosen = {name: getattr(self.settings, name) for name in self.settings.model_fields_set}
        return {
            f"CXQ_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in chosen.items()
        }

    async def _is_ready(self, client: httpx.AsyncClient, context: str) -> bool:
        try:
            answer = await client.get(f"{self.urls[context]}/health/ready")
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK
