"""Finds PostgreSQL and Kafka, or starts them: from the environment, by Docker, or as child processes of our own.

`python -m deploy.local.servers --state DIR` runs them in the foreground until Ctrl-C.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

from deploy.local.docker_engine import engine_answers, forget_volumes, kafka_container, postgres_container
from deploy.local.fetching import user_cache
from deploy.local.kafka import kafka_server
from deploy.local.postgres import SUPERUSER, password, postgres_server
from deploy.local.probes import assert_durable, kafka_answers
from deploy.local.problems import FREE_SPACE_BYTES_MIN, ServerProblem, explained_disk_errors
from deploy.local.processes import ServerHandle, end_recorded, free_port, is_port_free, sole_use

_NOTES: Final = "servers.json"


class Origin(StrEnum):
    """Where the servers come from."""

    ENVIRONMENT = "environment"
    DOCKER = "docker"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Servers:
    """A PostgreSQL and a Kafka that answer; the handles are there when we started them ourselves."""

    postgres_url: str
    """`postgresql://user:password@host:port`, a superuser's, without a database."""
    kafka_bootstrap: str
    origin: Origin
    postgres: ServerHandle | None = None
    kafka: ServerHandle | None = None

    def environment(self) -> dict[str, str]:
        """The settings under which our processes find these servers."""
        return {"CXQ_POSTGRES_URL": self.postgres_url, "CXQ_KAFKA_BOOTSTRAP": self.kafka_bootstrap}


@dataclass(slots=True)
class _Notes:
    """What a run leaves for the next one on the same folder: who keeps the data, and on which ports it was served."""

    origin: Origin
    postgres_port: int = 0
    kafka_port: int = 0
    controller_port: int = 0


@dataclass(frozen=True, slots=True)
class _Choices:
    keep: bool
    cache: Path
    ports: Mapping[str, int | None] = field(default_factory=dict)


@contextmanager
def find_or_start_servers(
    state_dir: Path,
    *,
    keep: bool = True,
    postgres_port: int | None = None,
    kafka_port: int | None = None,
    cache_dir: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    say: Callable[[str], None] = lambda _line: None,
) -> Iterator[Servers]:
    """Yield servers that answer and are durable, and end those that were started when the block is left.

    In this order: `CXQ_POSTGRES_URL` with `CXQ_KAFKA_BOOTSTRAP`; a Docker engine that answers; child processes. A
    folder that holds data goes on with the way it was made; `CXQ_SERVERS=docker` or `local` chooses for a new one. The
    data is under `state_dir` and serves the next run too, unless `keep` is false: then it is removed at the end. Both
    servers start side by side. They don't hear the terminal's Ctrl-C, end with this process however it ends, and may be
    asked for from any thread.

    Raises:
        ServerProblem: why there are none, in one sentence, with what to do about it.
    """
    if (given := _from_environment(environ)) is not None:
        yield given
        return
    folder = state_dir.absolute() / "servers"
    with ExitStack() as stack:
        # Around the start alone: what the caller's block raises is the caller's.
        with explained_disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _check_space(folder)
            stack.enter_context(sole_use(folder))
            if not keep:
                stack.callback(_remove, folder)
            choices = _Choices(keep, cache_dir or user_cache(), {"postgres": postgres_port, "kafka": kafka_port})
            started: list[ServerHandle] = []
            try:
                servers = _start(folder, _notes(folder, choices, environ), choices, started, say)
            except BaseException:
                _side_by_side(*(server.kill for server in started))
                raise
        try:
            yield servers
        finally:
            _side_by_side(*(server.stop for server in started))


def forget(state_dir: Path) -> None:
    """Remove the servers' data under `state_dir`; raises `ServerProblem` while a run is using it."""
    folder = state_dir.absolute() / "servers"
    if folder.exists():
        with explained_disk_errors(folder), sole_use(folder):
            _remove(folder)


def _from_environment(environ: Mapping[str, str]) -> Servers | None:
    postgres_url, bootstrap = environ.get("CXQ_POSTGRES_URL"), environ.get("CXQ_KAFKA_BOOTSTRAP")
    if not postgres_url and not bootstrap:
        return None
    if not postgres_url or not bootstrap:
        missing = "CXQ_KAFKA_BOOTSTRAP" if postgres_url else "CXQ_POSTGRES_URL"
        raise ServerProblem(f"Only one of the two servers is named: {missing} is not set.", "Set both or neither.")
    postgres_url = postgres_url.rstrip("/")
    assert_durable(postgres_url)
    if not kafka_answers(bootstrap):
        raise ServerProblem(
            f"Kafka does not answer at {bootstrap}.", "Check CXQ_KAFKA_BOOTSTRAP and that the server runs."
        )
    return Servers(postgres_url, bootstrap, Origin.ENVIRONMENT)


def _check_space(folder: Path) -> None:
    if shutil.disk_usage(folder).free < FREE_SPACE_BYTES_MIN:
        raise ServerProblem(
            f"The disk that holds {folder} has less than {FREE_SPACE_BYTES_MIN // 1024**2} MB left.",
            "Free some space, then start again.",
        )


def _notes(folder: Path, choices: _Choices, environ: Mapping[str, str]) -> _Notes:
    kept = _read_notes(folder)
    notes = kept or _Notes(_choose_origin(environ))
    for name in ("postgres", "kafka", "controller"):
        port = choices.ports.get(name) or getattr(notes, f"{name}_port")
        if choices.ports.get(name) is None and not (port and is_port_free(port)):
            port = free_port()
        setattr(notes, f"{name}_port", port)
    (folder / _NOTES).write_text(json.dumps(asdict(notes)))
    return notes


def _read_notes(folder: Path) -> _Notes | None:
    with suppress(FileNotFoundError, ValueError, TypeError, KeyError):
        written = json.loads((folder / _NOTES).read_text())
        return _Notes(**(written | {"origin": Origin(written["origin"])}))
    return None


def _choose_origin(environ: Mapping[str, str]) -> Origin:
    wish = environ.get("CXQ_SERVERS")
    if wish not in (None, "", Origin.DOCKER, Origin.LOCAL):
        raise ServerProblem(f"CXQ_SERVERS is {wish}, which is no way to have servers.", "Set it to docker or local.")
    if wish != Origin.LOCAL and engine_answers():
        return Origin.DOCKER
    if wish == Origin.DOCKER:
        raise ServerProblem("No Docker engine of this machine answers.", "Start one, or set CXQ_SERVERS=local.")
    return Origin.LOCAL


def _start(
    folder: Path, notes: _Notes, choices: _Choices, started: list[ServerHandle], say: Callable[[str], None]
) -> Servers:
    """Start both side by side; `started` holds what runs at any moment, for the caller to end when this fails."""
    start = _start_containers if notes.origin is Origin.DOCKER else _start_processes
    say(f"Starting PostgreSQL and Kafka ({notes.origin.value}) …")
    secret = start(folder, notes, choices, started)
    url = f"postgresql://{SUPERUSER}:{secret}@127.0.0.1:{notes.postgres_port}"
    assert_durable(url)
    postgres, kafka = started
    return Servers(url, f"127.0.0.1:{notes.kafka_port}", notes.origin, postgres, kafka)


def _start_processes(folder: Path, notes: _Notes, choices: _Choices, started: list[ServerHandle]) -> str:
    postgres, kafka = _side_by_side(
        lambda: postgres_server(folder / "postgres", notes.postgres_port),
        lambda: kafka_server(folder / "kafka", notes.kafka_port, notes.controller_port, choices.cache),
    )
    for server in (postgres, kafka):
        started.append(server)
        server.start()
    _side_by_side(postgres.wait_until_ready, kafka.wait_until_ready)
    return password(folder / "postgres")


def _start_containers(folder: Path, notes: _Notes, choices: _Choices, started: list[ServerHandle]) -> str:
    file = folder / "postgres.password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    volumes = _volumes(folder) if choices.keep else (None, None)
    try:
        postgres = postgres_container(notes.postgres_port, file.read_text(), volumes[0])
        started.append(postgres)
        kafka = kafka_container(notes.kafka_port, volumes[1])
        started.append(kafka)
    except Exception as error:
        # The engine's client raises a family of its own, which is not imported where there is no engine.
        raise ServerProblem(
            f"Docker could not start the servers: {str(error)[:300]}.", "Set CXQ_SERVERS=local to go without Docker."
        ) from error
    _side_by_side(postgres.wait_until_ready, kafka.wait_until_ready)
    return file.read_text()


def _volumes(folder: Path) -> tuple[str, str]:
    name = sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return f"cxq-{name}-postgres", f"cxq-{name}-kafka"


def _remove(folder: Path) -> None:
    notes = _read_notes(folder)
    if notes is not None and notes.origin is Origin.DOCKER:
        forget_volumes(_volumes(folder))
    for record in folder.glob("*.process.json"):
        # Left by a killed run, and about to lose its data anyway.
        end_recorded(record, signal.SIGKILL, limit_s=10.0)
    shutil.rmtree(folder)


def _side_by_side[T](*tasks: Callable[[], T]) -> list[T]:
    """Run all of them at once, wait for all, and raise the first exception that one of them raised."""
    if not tasks:
        return []
    with ThreadPoolExecutor(max_workers=len(tasks)) as pool:
        futures = [pool.submit(task) for task in tasks]
    return [future.result() for future in futures]


def main() -> None:
    """Run the servers in the foreground and print the settings under which others find them, until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.servers", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".cxq"), help="folder of the kept data (default: .cxq)")
    parser.add_argument("--forget", action="store_true", help="remove the kept data instead of serving it")
    arguments = parser.parse_args()
    # Asked to end by either signal, it ends the servers on its way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if arguments.forget:
            forget(arguments.state)
        else:
            _serve(arguments.state)
    except ServerProblem as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit(0)


def _serve(state_dir: Path) -> None:
    with find_or_start_servers(state_dir, say=lambda line: print(line, file=sys.stderr)) as servers:
        for name, value in servers.environment().items():
            print(f"export {name}={value}", flush=True)
        while True:
            signal.pause()


if __name__ == "__main__":
    main()
