"""Services as they really run: `cxq serve` in a process of its own, with a port, a log and settings of its own."""

import asyncio
import http.client
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from deploy.local.processes import Recipe, ServerProcess, free_port
from services.commands.environment import ROOT
from shared.settings import Settings

_OK = 200
_STOP_LIMIT_S = 15.0


def environment_of(settings: Settings) -> dict[str, str]:
    """Write settings as the environment variables of a process that is to have them."""
    told = {
        f"CXQ_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in settings.model_dump().items()
        if value is not None
    }
    return {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **told}


class ServiceProcess:
    """One copy of one service; nothing here blocks the event loop."""

    def __init__(
        self,
        context: str,
        copy: str,
        settings: Settings,
        *,
        module: str = "services.cli",
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Have `cxq serve` run by a module, with more variables in its environment."""
        self.context, port = context, free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log: Path = settings.state_dir / f"{context}-{copy}.log"
        self._process = ServerProcess(
            Recipe(
                name=f"{context} {copy}",
                command=[sys.executable, "-m", module, "serve", context, "--port", str(port)],
                port=port,
                log=self.log,
                record=settings.state_dir / f"{context}-{copy}.process.json",
                is_ready=lambda _pid: is_ready(port),
                stop_signal=signal.SIGTERM,
                stop_limit_s=_STOP_LIMIT_S,
                environment={**environment_of(settings), **(more or {})},
            )
        )

    @property
    def is_running(self) -> bool:
        """Whether the process exists, paused or not."""
        return self._process.is_running

    async def start(self) -> None:
        """Start it without waiting for anything."""
        await asyncio.to_thread(self._process.start)

    async def wait_until_ready(self) -> None:
        """Return when it takes commands; ServerProblem after a minute, or at once when it has ended."""
        await asyncio.to_thread(self._process.wait_until_ready)

    async def kill(self) -> None:
        """End it with SIGKILL."""
        await asyncio.to_thread(self._process.kill)

    async def stop(self) -> None:
        """End it in good order, as a rolling restart does."""
        await asyncio.to_thread(self._process.stop)

    def pause(self) -> None:
        """SIGSTOP: it keeps its connections and says nothing."""
        self._process.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self._process.resume()


def is_ready(port: int) -> bool:
    """Whether the service on this port takes commands."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def without_servers(environ: Mapping[str, str]) -> dict[str, str]:
    """Leave out what names servers, so that a test starts its own, which it may hurt."""
    return {name: value for name, value in environ.items() if name not in {"CXQ_POSTGRES_URL", "CXQ_KAFKA_BOOTSTRAP"}}
