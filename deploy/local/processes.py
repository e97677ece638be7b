"""Child processes that are started apart from the terminal, found again, and ended without leaving anything behind."""

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from deploy.local.problems import ServerProblem, explain_ending, written_since

_EXEC_BOUND = Path(__file__).with_name("exec_bound.py")
_POLL_S = 0.02
_START_LIMIT_S = 60.0
_FAREWELL_LIMIT_S = 2.0
_PORT_MIN = 15_000
_PORT_MAX = 32_000

# The kernel sends the death signal when the *thread* that forked ends, so one thread that lives as long as this process
# forks for everybody.
_FORKING_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forks-servers")


class ServerHandle(Protocol):
    """One running server, and the blows that a fault test may deal it."""

    @property
    def pid(self) -> int:
        """The process id of the server itself; raises `ServerProblem` when it is not running."""
        ...

    def kill(self) -> None:
        """End it at once, as a power cut would, and return when it is gone."""
        ...

    def pause(self) -> None:
        """Stop it from running without ending it."""
        ...

    def resume(self) -> None:
        """Let a paused server go on."""
        ...

    def restart(self) -> None:
        """Start it again on the same port and the same data, ending it in good order first if it still runs."""
        ...

    def stop(self) -> None:
        """End it in good order and return when nothing of it is left."""
        ...


@dataclass(frozen=True, slots=True)
class SystemUser:
    """Whom a child runs as; `capability` is what it keeps to walk through folders closed to that user, if anything."""

    uid: int
    gid: int
    capability: int = -1


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that is needed to start one server again and again."""

    name: str
    command: Sequence[str]
    port: int
    log: Path
    record: Path
    is_ready: Callable[[int], bool]
    stop_signal: signal.Signals
    stop_limit_s: float
    user: SystemUser | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    start_again_after: str | None = None
    """Words in the log of an ended start which mean that the same start succeeds a moment later."""


def spawn(
    command: Sequence[str],
    *,
    log: Path | None,
    death_signal: signal.Signals,
    user: SystemUser | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in its own session; it gets `death_signal` when this process dies.

    Its output is added to `log`; without a log it goes where ours goes.
    """
    who = user or SystemUser(-1, -1)
    bound = (os.getpid(), int(death_signal), who.uid, who.gid, who.capability)
    # -I and -S: nothing of the caller's Python settings reaches the launcher, and it starts in a few milliseconds.
    launcher = [sys.executable, "-I", "-S", str(_EXEC_BOUND), *map(str, bound), *command]

    def fork() -> subprocess.Popen[bytes]:
        with log.open("ab") if log else nullcontext() as output:
            return subprocess.Popen(
                launcher,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if log else None,
                cwd="/",
                env={"PATH": os.defpath, **(environment or {})},
                start_new_session=True,
            )

    return _FORKING_THREAD.submit(fork).result()


def run_to_end(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    user: SystemUser | None = None,
    environment: Mapping[str, str] | None = None,
    limit_s: float = 60.0,
) -> None:
    """Run a short preparing command and wait for it; raises `ServerProblem` when it fails or takes over `limit_s`."""
    offset = log.stat().st_size if log.exists() else 0
    child = spawn(command, log=log, death_signal=signal.SIGKILL, user=user, environment=environment)
    try:
        code = child.wait(limit_s)
    except subprocess.TimeoutExpired as late:
        raise ServerProblem(f"{name} did not end within {limit_s:.0f} s.", f"Its whole log is {log}.") from late
    finally:
        if child.poll() is None:
            _end_tree(child.pid)
            child.wait()
    if code != 0:
        raise explain_ending(name, log, offset)


class ServerProcess:
    """A server that runs as our own child, or ran as the child of an earlier run that was killed."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._child: subprocess.Popen[bytes] | None = None
        self._log_offset = 0

    @property
    def pid(self) -> int:
        """The process id of the running server; raises `ServerProblem` when it does not run."""
        if self._child is None or self._child.poll() is not None:
            raise ServerProblem(f"{self.recipe.name} does not run.", "Start it again.")
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether the process exists, paused or not."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start it and return at once; raises `ServerProblem` when its port is taken."""
        recipe = self.recipe
        if not is_port_free(recipe.port):
            raise ServerProblem(
                f"{recipe.name} could not start: port {recipe.port} of 127.0.0.1 is used by another program.",
                "Stop that program, or choose another port.",
            )
        self._log_offset = recipe.log.stat().st_size if recipe.log.exists() else 0
        self._child = spawn(
            recipe.command,
            log=recipe.log,
            death_signal=recipe.stop_signal,
            user=recipe.user,
            environment=recipe.environment,
        )
        started = process_table().get(self._child.pid)
        recipe.record.write_text(json.dumps({"pid": self._child.pid, "started": started and started.started}))

    def wait_until_ready(self) -> None:
        """Return when it answers; raises `ServerProblem` when it ends first or is not ready within a minute."""
        deadline = time.monotonic() + _START_LIMIT_S
        while time.monotonic() < deadline:
            if not self.is_running:
                again = self.recipe.start_again_after
                if again is None or again not in written_since(self.recipe.log, self._log_offset):
                    raise explain_ending(self.recipe.name, self.recipe.log, self._log_offset)
                time.sleep(_POLL_S * 10)
                self.start()
            if self.recipe.is_ready(self.pid):
                return
            time.sleep(_POLL_S)
        raise ServerProblem(
            f"{self.recipe.name} was not ready within {_START_LIMIT_S:.0f} s.", f"Its log is {self.recipe.log}."
        )

    def kill(self) -> None:
        """End it and all its children with SIGKILL, and return when they are gone."""
        if self._child is not None and self.is_running:
            _end_tree(self._child.pid)
            self._child.wait()

    def pause(self) -> None:
        """Stop it and all its children with SIGSTOP, the parent first, so that it makes no new ones meanwhile."""
        for pid in tree(self.pid):
            _signal(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it and all its children go on."""
        for pid in reversed(tree(self.pid)):
            _signal(pid, signal.SIGCONT)

    def restart(self) -> None:
        """Start it again on the same port and data, in good order first when it still runs."""
        self.stop()
        self.start()
        self.wait_until_ready()

    def stop(self) -> None:
        """End it in good order, or by force after its limit, and return when nothing of it is left."""
        if self._child is not None and self.is_running:
            below = tree(self._child.pid)[1:]
            with suppress(ServerProblem):  # it may be ending by itself
                self.resume()
            _signal(self._child.pid, self.recipe.stop_signal)
            try:
                self._child.wait(self.recipe.stop_limit_s)
            except subprocess.TimeoutExpired:
                self.kill()
            if not _gone(below, _FAREWELL_LIMIT_S):
                _end(below)
        self.recipe.record.unlink(missing_ok=True)

    def end_orphan(self) -> None:
        """End the server that an earlier run left behind when it was killed, if there is one."""
        end_recorded(self.recipe.record, self.recipe.stop_signal, self.recipe.stop_limit_s)


def end_recorded(record: Path, stop_signal: signal.Signals, limit_s: float) -> None:
    """End the process that `record` names if it still runs, by force after `limit_s`, and remove the record."""
    pid = _recorded_pid(record)
    if pid is not None:
        family = tree(pid)
        for each in reversed(family):
            _signal(each, signal.SIGCONT)
        _signal(pid, stop_signal)
        if not _gone([pid], limit_s) or not _gone(family, _FAREWELL_LIMIT_S):
            _end(family)
    record.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """What the system says of one process; `started` tells it from a later one with the same id."""

    parent: int
    started: str
    name: str


def process_table() -> dict[int, ProcessFacts]:
    """Every process of the machine that has not ended."""
    return _table_from_proc() if Path("/proc/self/stat").exists() else _table_from_ps()


def _table_from_proc() -> dict[int, ProcessFacts]:
    table: dict[int, ProcessFacts] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # The name stands in brackets and may hold anything, so the fields are counted from its end.
                before, _, after = (entry / "stat").read_text().rpartition(")")
                fields = after.split()
                if fields[0] != "Z":
                    table[int(entry.name)] = ProcessFacts(int(fields[1]), fields[19], before.partition("(")[2])
    return table


def _table_from_ps() -> dict[int, ProcessFacts]:
    answer = subprocess.run(
        ["/bin/ps", "-axo", "pid=,ppid=,stat=,lstart=,ucomm="], capture_output=True, text=True, check=True
    )
    table: dict[int, ProcessFacts] = {}
    for line in answer.stdout.splitlines():
        pid, parent, state, *started, name = line.split(maxsplit=8)
        if not state.startswith("Z"):
            table[int(pid)] = ProcessFacts(int(parent), " ".join(started), name.strip())
    return table


def tree(root: int) -> list[int]:
    """The process `root` and everything below it, parents before children; empty when it does not exist."""
    table = process_table()
    found = [root] if root in table else []
    for parent in found:  # grows while it is walked
        found.extend(pid for pid, facts in table.items() if facts.parent == parent)
    return found


def is_port_free(port: int) -> bool:
    """Whether a server could listen on `port` of 127.0.0.1 now."""
    with socket.socket() as probe:
        # As the servers do: connections of an earlier run that linger do not keep the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens, below those that the system lends to outgoing connections.

    A port from that range could be lent away while its server is down, and the server could then not come back to it.
    """
    for _ in range(100):
        port = _PORT_MIN + secrets.randbelow(_PORT_MAX - _PORT_MIN)
        if is_port_free(port):
            return port
    raise ServerProblem("No port of 127.0.0.1 is free.", "Stop some of the programs that listen there.")


@contextmanager
def sole_use(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process alone; raises `ServerProblem` when another live process holds it."""
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            file.seek(0)
            raise ServerProblem(
                f"{folder} is in use by another run (process {file.read().strip() or 'unknown'}).",
                "Stop that run with Ctrl-C, or choose another folder.",
            ) from held
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        # Closing the file lets go of the lock; so does the death of this process, however it comes.
        yield


def _recorded_pid(record: Path) -> int | None:
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        written = json.loads(record.read_text())
        facts = process_table().get(written["pid"])
        if facts is not None and facts.started == written["started"]:
            return int(written["pid"])
    return None


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _end_tree(root: int) -> None:
    _end(tree(root))


def _end(pids: Sequence[int]) -> None:
    for pid in pids:
        _signal(pid, signal.SIGKILL)
    _gone(pids, limit_s=10.0)


def _gone(pids: Sequence[int], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while not process_table().keys().isdisjoint(pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
