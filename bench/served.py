"""Issuance as it is run under load: HTTP in one process, its background in another; both may be killed and started."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import SecretStr

from deploy.local.problems import written_since
from deploy.local.processes import free_port, spawn
from shared.http.at_once import AtOnceProtocol
from shared.settings import Settings

_PROTOCOL = f"{AtOnceProtocol.__module__}:{AtOnceProtocol.__name__}"
_HOME = Path(__file__).parents[1]
_READY_S = 60.0
_POLL_S = 0.02
_STOP_S = 20.0
_LOG_SHOWN = 2_000


class Served:
    """One uvicorn for HTTP and one worker for relay, reactions and projections; they end when this process does.

    `alone` is one that does everything in a single process.
    """

    def __init__(self, settings: Settings, folder: Path, *, alone: bool = False) -> None:
        self._settings, self._log, self._alone = settings, folder / "issuance.log", alone
        self._worker_log = folder / "worker.log"
        self.port = free_port()
        self._child: subprocess.Popen[bytes] | None = None
        self._worker: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; LookupError while it does not run."""
        if self._child is None or self._child.poll() is not None:
            raise LookupError("issuance does not run")
        return self._child.pid

    @property
    def worker_pid(self) -> int:
        """The process id of the background; LookupError while it does not run."""
        if self._worker is None or self._worker.poll() is not None:
            raise LookupError("the worker does not run")
        return self._worker.pid

    async def start(self) -> None:
        """Start both and wait until claims are taken; RuntimeError with the end of the log when they are not."""
        command = _uvicorn("bench.app:create", self.port)
        environment = told(self._settings) | {"CXQ_BACKGROUND": str(self._alone)}
        self._child = spawn(command, log=self._log, death_signal=signal.SIGKILL, environment=environment)
        if not self._alone and (self._worker is None or self._worker.poll() is not None):
            worker = [sys.executable, "-m", "services.cli", "worker", "issuance"]
            self._worker = spawn(worker, log=self._worker_log, death_signal=signal.SIGKILL, environment=environment)
        await self.until_ready()

    async def until_ready(self) -> None:
        """Wait until it takes commands."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _READY_S
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as client:
            while loop.time() < until and self._child is not None and self._child.poll() is None:
                if await _says_ok(client, "/health/ready"):
                    return
                await asyncio.sleep(_POLL_S)
        await self.stop()
        raise RuntimeError(f"issuance was not ready; its log ends with:\n{written_since(self._log, 0)[-_LOG_SHOWN:]}")

    async def kill(self) -> None:
        """End both as a power cut would."""
        for process in (self._child, self._worker):
            if process is not None:
                process.kill()
                await asyncio.to_thread(process.wait)

    async def stop(self) -> None:
        """End both in good order, or by force when it takes too long."""
        for process in (self._child, self._worker):
            if process is not None:
                await _ended(process)


def told(settings: Settings) -> dict[str, str]:
    """Write settings as a service of the bench is told them in its environment; it logs warnings only."""
    written = {
        f"CXQ_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in settings.model_dump().items()
    }
    return written | {"CXQ_LOG_LEVEL": "warning"}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another app that is served: where, and by which process."""

    port: int
    pid: int


@asynccontextmanager
async def beside(app: str, folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Neighbour]:
    """Serve another app (`module:factory`) by the same uvicorn; it has to answer `GET /noop`."""
    port, log = free_port(), folder / "beside.log"
    child = spawn(_uvicorn(app, port), log=log, death_signal=signal.SIGKILL, environment=environment)
    try:
        async with asyncio.timeout(_READY_S), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            while not await _says_ok(client, "/noop"):
                if child.poll() is not None:
                    raise RuntimeError(f"{app} ended; its log ends with:\n{written_since(log, 0)[-_LOG_SHOWN:]}")
                await asyncio.sleep(_POLL_S)
        yield Neighbour(port, child.pid)
    finally:
        await _ended(child)


def _uvicorn(app: str, port: int) -> list[str]:
    """Write the command that serves an app; what is compared is served alike."""
    return [
        sys.executable, "-m", "uvicorn", "--factory", app, "--app-dir", str(_HOME),
        "--host", "127.0.0.1", "--port", str(port),
        "--loop", "uvloop", "--http", _PROTOCOL, "--no-access-log", "--log-level", "warning",
    ]  # fmt: skip


async def _says_ok(client: httpx.AsyncClient, path: str) -> bool:
    try:
        return (await client.get(path)).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


async def _ended(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        await asyncio.to_thread(process.wait, _STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        await asyncio.to_thread(process.wait)
