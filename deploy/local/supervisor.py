"""`make run`: finds or starts the servers, then five services, looks after them, and stops everything in order."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from subprocess import Popen
from types import FrameType
from typing import Final

from deploy.local.notes import service_record, write_notes
from deploy.local.ports import assert_ports_free
from deploy.local.problems import ServerProblem, explained_disk_errors
from deploy.local.processes import Recipe, ServerProcess, run_to_end, sole_use, spawn, tree
from deploy.local.saying import say
from deploy.local.servers import Servers, find_or_start_servers
from services.commands.environment import ROOT, write_environment
from shared.settings import CONTEXTS, Settings

_LOOK_S: Final = 0.1
_STOP_LIMIT_S: Final = 15.0
_PAUSE_MIN_S: Final = 0.2
_PAUSE_MAX_S: Final = 30.0
_SETTLED_S: Final = 30.0
_MIGRATION_LIMIT_S: Final = 120.0
_INTERRUPTED: Final = 130
_OWN_CHOICE: Final = {"CXQ_LOG_LEVEL"}
"""What a later command chooses for itself, however this run was started."""
_FOR_THE_TERMINAL: Final = ("TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LANG", "LC_ALL", "HOME")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is to do: `opens` loads the sample register and plays the demonstration, `stays` goes on after it."""

    state_dir: Path
    first_port: int
    opens: bool
    stays: bool

    @property
    def ports(self) -> dict[str, int]:
        """The port of each service."""
        return {context: self.first_port + place for place, context in enumerate(CONTEXTS)}

    @property
    def urls(self) -> dict[str, str]:
        """The address of each service."""
        return {context: f"http://127.0.0.1:{port}" for context, port in self.ports.items()}


def run(plan: Plan, say: Callable[[str], None] = say) -> int:
    """Carry out the plan and give the exit code: 0, 1 when the demonstration failed, 130 when it was stopped before.

    Stopped by SIGINT, SIGTERM or SIGHUP, it ends what it started, services before servers; further signals are heard
    and do not hurry it. Killed with SIGKILL, it takes everything with it as well.

    Raises:
        ServerProblem: what is missing, in one sentence, with what to do about it.
    """
    folder = plan.state_dir.absolute()
    with _stopped_by_signals(say), explained_disk_errors(folder), ExitStack() as stack:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        stack.enter_context(sole_use(folder))
        for context in CONTEXTS:
            # A killed run's service may still be on its way out.
            _service(context, plan, {}).end_orphan()
        assert_ports_free(plan.ports)
        servers = stack.enter_context(find_or_start_servers(folder, say=say))
        say(f"✓ PostgreSQL and Kafka answer ({servers.origin.value})")
        environment = _environment(folder, servers)
        write_environment(folder, {name: environment[name] for name in environment if name not in _OWN_CHOICE})
        write_notes(folder, plan.urls, servers.origin)
        run_to_end(
            "The migration",
            _cxq("migrate"),
            log=folder / "logs" / "migrate.log",
            environment=_process_environment(environment),
            limit_s=_MIGRATION_LIMIT_S,
        )
        say("✓ Five databases are at the newest schema")
        services = [Attended(_service(context, plan, environment), say) for context in CONTEXTS]
        stack.callback(_stop, services)
        for service in services:
            service.process.start()
        for service in services:
            service.process.wait_until_ready()
        say("✓ Five services are ready")
        ours = [server for server in (servers.postgres, servers.kafka) if isinstance(server, ServerProcess)]
        return _attend(plan, [*(Attended(server, say) for server in ours), *services], stack)
    return 0 if plan.stays else _INTERRUPTED


class Attended:
    """A service or server under care: when its process dies it is started again, after a pause that grows."""

    def __init__(self, process: ServerProcess, say: Callable[[str], None]) -> None:
        self.process, self._say = process, say
        self._pause_s, self._started_at = _PAUSE_MIN_S, time.monotonic()
        self._again_at: float | None = None

    def look(self) -> None:
        """See whether it lives, and do what is due."""
        now = time.monotonic()
        if self._again_at is None and not self.process.is_running:
            if now - self._started_at > _SETTLED_S:
                self._pause_s = _PAUSE_MIN_S
            name = self.process.recipe.name
            self._say(
                f"… {name} ended unexpectedly; it starts again in {self._pause_s:.1f} s ({self.process.recipe.log})"
            )
            self._again_at = now + self._pause_s
            self._pause_s = min(self._pause_s * 2, _PAUSE_MAX_S)
        elif self._again_at is not None and now >= self._again_at:
            self._start_again(now)

    def _start_again(self, now: float) -> None:
        try:
            self.process.start()
        except ServerProblem as problem:
            self._say(f"… {problem}")
            self._again_at = now + self._pause_s
            self._pause_s = min(self._pause_s * 2, _PAUSE_MAX_S)
        else:
            self._again_at, self._started_at = None, now


def _attend(plan: Plan, attended: list[Attended], stack: ExitStack) -> int:
    """Look after them while the opening plays, and afterwards if the plan says so."""
    if plan.opens:
        # In a process of its own, so that what it needs leaves the memory with it.
        command = [sys.executable, "-m", "deploy.local.opening", str(plan.state_dir.absolute())]
        terminal = {name: os.environ[name] for name in _FOR_THE_TERMINAL if name in os.environ}
        opening = spawn(
            [*command, *(["--stays"] if plan.stays else [])],
            log=None,
            death_signal=signal.SIGTERM,
            environment=_process_environment(terminal),
        )
        stack.callback(_end_opening, opening)
        while opening.poll() is None:
            _look_after(attended)
        if not plan.stays:
            return opening.returncode
    while plan.stays:
        _look_after(attended)
    return 0


def _end_opening(opening: Popen[bytes]) -> None:
    """End the opening and the commands that it has just started."""
    for pid in tree(opening.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    opening.wait()


def _look_after(attended: list[Attended]) -> None:
    for each in attended:
        each.look()
    time.sleep(_LOOK_S)


def _stop(services: list[Attended]) -> None:
    with ThreadPoolExecutor(max_workers=len(services)) as pool:
        list(pool.map(lambda service: service.process.stop(), services))


def _service(context: str, plan: Plan, environment: Mapping[str, str]) -> ServerProcess:
    folder, port = plan.state_dir.absolute(), plan.ports[context]
    return ServerProcess(
        Recipe(
            name=context,
            command=_cxq("serve", context, "--port", str(port)),
            port=port,
            log=folder / "logs" / f"{context}.log",
            record=service_record(folder, context),
            is_ready=lambda _pid: _is_ready(port),
            stop_signal=signal.SIGTERM,
            stop_limit_s=_STOP_LIMIT_S,
            environment=_process_environment(environment),
        )
    )


def _cxq(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "services.cli", *arguments]


def _environment(folder: Path, servers: Servers) -> dict[str, str]:
    """Put together the settings of every process of this run: ours, then what we found out."""
    known = {f"CXQ_{name.upper()}" for name in Settings.model_fields}
    given = {name: value for name, value in os.environ.items() if name in known}
    return given | servers.environment() | {"CXQ_ENV": "dev", "CXQ_STATE_DIR": str(folder)}


def _process_environment(settings: Mapping[str, str]) -> dict[str, str]:
    # Two arenas: with one for each thread, memory that was freed stays scattered over all of them.
    return {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "MALLOC_ARENA_MAX": "2", **settings}


def _is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200  # noqa: PLR2004 (HTTP's)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def _stopped_by_signals(say: Callable[[str], None]) -> Iterator[None]:
    """Leave the block at the first signal to stop; later ones are answered and change nothing."""
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        if stopping:
            say("Still stopping …")
            return
        stopping = True
        say("Stopping …")
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except KeyboardInterrupt:
        say("✓ Everything has stopped; the data is kept for the next run")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
