"""One process that brings everything up, looks after it, and takes everything with it when it goes."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import get_args

import asyncpg
import pytest

from deploy.local.house import House
from deploy.local.notes import service_record
from deploy.local.processes import free_port, process_table, spawn, tree
from deploy.local.sample.loading import load_sample
from deploy.local.sample.register import ProviderKind, SampleRegister, load_sample_register
from services.commands.environment import ROOT, read_environment
from shared.settings import CONTEXTS

UP_LIMIT_S = 120
DOWN_LIMIT_S = 60


class Run:
    """A `cxq up` of a test, on a state folder and ports of its own."""

    def __init__(self, state: Path, first_port: int) -> None:
        self.state, self.first_port = state, first_port
        self._output = state.parent / f"output-{first_port}"
        self._output.touch()
        # Bound to this process: a run of tests that is killed leaves nobody behind.
        self.process = spawn(
            [sys.executable, "-m", "services.cli", "up", "--only-services", "--first-port", str(first_port)],
            log=self._output,
            death_signal=signal.SIGINT,
            environment={
                "HOME": os.environ["HOME"],
                "PYTHONPATH": str(ROOT),
                "CXQ_STATE_DIR": str(state),
                "CXQ_SERVERS": "local",
            },
        )

    @property
    def said(self) -> str:
        return self._output.read_text()

    def wait_until_up(self) -> None:
        assert eventually(lambda: "Five services are ready" in self.said or self.process.poll() is not None, UP_LIMIT_S)
        assert self.process.poll() is None, self.said

    def pid_of(self, context: str) -> int:
        pid: int = json.loads(service_record(self.state, context).read_text())["pid"]
        return pid

    def pid_of_server(self, name: str) -> int:
        pid: int = json.loads((self.state / "servers" / f"{name}.process.json").read_text())["pid"]
        return pid

    def is_whole(self, context: str) -> bool:
        """Tell whether every part of a service is at its work."""
        connection = HTTPConnection("127.0.0.1", self.first_port + CONTEXTS.index(context), timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return json.loads(connection.getresponse().read())["degraded"] is False
        except OSError:
            return False
        finally:
            connection.close()

    def answers(self, context: str, path: str = "/health/ready") -> int:
        connection = HTTPConnection("127.0.0.1", self.first_port + CONTEXTS.index(context), timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def end(self) -> None:
        for pid in reversed(tree(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def eventually(condition: Callable[[], bool], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def free_ports() -> int:
    """The first of five ports in a row on which nothing listens."""
    while True:
        first = free_port()
        with_probes = [socket.socket() for _ in CONTEXTS]
        try:
            for place, probe in enumerate(with_probes):
                probe.bind(("127.0.0.1", first + place))
        except OSError:
            continue
        else:
            return first
        finally:
            for probe in with_probes:
                probe.close()


def kill_and_see_it_back(run: Run, server: str) -> None:
    former = run.pid_of_server(server)
    os.kill(former, signal.SIGKILL)
    assert eventually(lambda: run.pid_of_server(server) != former, UP_LIMIT_S), run.said
    assert eventually(lambda: all(run.is_whole(context) for context in CONTEXTS), UP_LIMIT_S), run.said


@contextmanager
def running(state: Path, first_port: int) -> Iterator[Run]:
    run = Run(state, first_port)
    try:
        yield run
    finally:
        run.end()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "state"


def test_everything_comes_up_is_kept_up_goes_down_and_comes_back_on_the_same_data(state: Path) -> None:
    first_port = free_ports()
    with running(state, first_port) as run:
        run.wait_until_up()
        assert [run.answers(context) for context in CONTEXTS] == [200] * 5
        environment = read_environment(state)
        assert environment["CXQ_ENV"] == "dev"
        family = tree(run.process.pid)
        assert len(family) > len(CONTEXTS)

        # A second run on the same folder is refused in one sentence.
        with running(state, free_ports()) as second:
            assert second.process.wait(DOWN_LIMIT_S) == 3
            assert "is in use by another run" in second.said.splitlines()[-1]
            assert "Traceback" not in second.said

        # A service that is killed is started again, and that is said.
        killed = run.pid_of("issuance")
        os.kill(killed, signal.SIGKILL)
        assert eventually(lambda: run.answers("issuance") == 200 and run.pid_of("issuance") != killed, UP_LIMIT_S)
        assert "issuance ended unexpectedly" in run.said

        # So are PostgreSQL and Kafka, on their data, and everybody finds them again.
        kill_and_see_it_back(run, "kafka")
        kill_and_see_it_back(run, "postgres")
        assert all(f"{server} ended unexpectedly" in run.said for server in ("Kafka", "PostgreSQL"))
        family = [*family, *tree(run.process.pid)]

        # The sample register is loaded once, whoever forgets that it was.
        house, sample = House.at(state), small_sample()
        loaded = asyncio.run(load_sample(house, sample))
        assert loaded.counts == {"companies and teams": 3, "providers": 2, "facilities": 4, "services": 8, "experts": 3}
        before = asyncio.run(facts_of_the_registry(house))
        assert asyncio.run(load_sample(house, sample)) == loaded
        (state / "sample.json").unlink()
        assert asyncio.run(load_sample(house, sample)) == loaded
        assert asyncio.run(facts_of_the_registry(house)) == before
        offset = json.loads(cxq(state, "clock", "show", "--json"))["offset_seconds"]

        # The clock is moved once, for this run and the next ones.
        moved = cxq(state, "clock", "advance", "15d", "--json")
        assert round(json.loads(moved)["offset_seconds"] - offset, 3) == 15 * 86_400

        # Two Ctrl-C: the second one changes nothing, and nothing is left.
        run.process.send_signal(signal.SIGINT)
        assert eventually(lambda: "Stopping …" in run.said, DOWN_LIMIT_S)
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(DOWN_LIMIT_S) == 0
        assert eventually(lambda: process_table().keys().isdisjoint(family), DOWN_LIMIT_S)
        assert "Still stopping …" in run.said
        assert "Traceback" not in run.said

    with running(state, first_port) as again:
        again.wait_until_up()
        assert read_environment(state)["CXQ_POSTGRES_URL"] == environment["CXQ_POSTGRES_URL"]
        kept = json.loads(cxq(state, "clock", "show", "--json"))["offset_seconds"]
        assert round(kept - offset, 3) == 15 * 86_400
        assert json.loads(cxq(state, "migrate", "--json")) == {context: [] for context in CONTEXTS}
        family = tree(again.process.pid)

        # Killed without a chance to say anything, it takes everything with it as well.
        again.process.send_signal(signal.SIGKILL)
        assert eventually(lambda: process_table().keys().isdisjoint(family), DOWN_LIMIT_S)

    forget = subprocess.run(  # noqa: S603 (ourselves)
        [sys.executable, "-m", "deploy.local.forgetting", str(state)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "is forgotten" in forget.stdout
    assert not state.exists()


def test_a_busy_port_is_one_sentence_that_names_it_and_who_has_it(tmp_path: Path) -> None:
    first_port = free_ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", first_port + 2))
        other.listen()
        with running(tmp_path / "state", first_port) as run:
            assert run.process.wait(DOWN_LIMIT_S) == 3
            (said,) = run.said.splitlines()
    assert f"Port {first_port + 2}, which contracts needs" in said
    assert f"(process {os.getpid()})" in said
    assert "FIRST_PORT" in said


def small_sample() -> SampleRegister:
    """Two companies, a team, a provider of each kind, and two facilities of each provider."""
    whole = load_sample_register()
    providers = tuple(
        next(each for each in whole.providers if each.kind == kind) for kind in get_args(ProviderKind.__value__)
    )
    facilities = tuple(facility for each in providers for facility in whole.facilities_of(each.credit_code)[:2])
    return SampleRegister(
        companies=whole.companies[:2], teams=whole.teams[:1], providers=providers, facilities=facilities
    )


async def facts_of_the_registry(house: House) -> int:
    """How many events the registry's log holds."""
    connection = await asyncpg.connect(house.settings.owner_url("registry"), timeout=10)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM events"))
    finally:
        await connection.close()


def cxq(state: Path, *arguments: str) -> str:
    """A command from another terminal, which is told nothing but the folder."""
    done = subprocess.run(  # noqa: S603 (ourselves)
        [sys.executable, "-m", "services.cli", *arguments],
        cwd=ROOT,
        env={"PATH": os.defpath, "CXQ_STATE_DIR": str(state)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
