"""The servers that are started on a machine without any: durable, kept, found again, and gone when they should be."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.local.postgres import postgres_server
from deploy.local.probes import assert_durable, kafka_answers, postgres_answers
from deploy.local.problems import ServerProblem
from deploy.local.processes import ServerProcess, free_port, process_table, tree
from deploy.local.servers import Origin, Servers, find_or_start_servers, forget
from tests.servers import fresh_database

LOCAL = {"CXQ_SERVERS": "local"}


def eventually(condition: Callable[[], bool], limit_s: float = 20) -> bool:
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


async def ask(servers: Servers, statement: str) -> object:
    connection = await asyncpg.connect(f"{servers.postgres_url}/postgres", timeout=10)
    try:
        return await connection.fetchval(statement, timeout=10)
    finally:
        await connection.close()


async def write_to_both(servers: Servers, fact: str) -> None:
    await ask(servers, "CREATE TABLE IF NOT EXISTS facts (fact text)")
    await ask(servers, f"INSERT INTO facts VALUES ('{fact}')")
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=servers.kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("facts", 1, 1)])  # type: ignore[no-untyped-call]
    await admin.close()
    producer: Any = AIOKafkaProducer(bootstrap_servers=servers.kafka_bootstrap, acks="all")  # type: ignore[no-untyped-call]
    await producer.start()
    await producer.send_and_wait("facts", fact.encode())
    await producer.stop()


async def read_from_both(servers: Servers) -> tuple[list[str], list[str]]:
    connection = await asyncpg.connect(f"{servers.postgres_url}/postgres", timeout=10)
    rows = [row["fact"] for row in await connection.fetch("SELECT fact FROM facts")]
    await connection.close()
    where: dict[str, Any] = {"bootstrap_servers": servers.kafka_bootstrap, "auto_offset_reset": "earliest"}
    consumer: Any = AIOKafkaConsumer("facts", **where)  # type: ignore[no-untyped-call]
    await consumer.start()
    records = [(await asyncio.wait_for(consumer.getone(), 20)).value.decode() for _ in rows]
    await consumer.stop()
    return rows, records


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("kept")
    yield folder
    forget(folder)


@pytest.fixture(scope="module")
def running(state: Path) -> Iterator[Servers]:
    with find_or_start_servers(state, environ=LOCAL) as servers:
        yield servers


async def test_an_acknowledged_commit_survives_a_power_cut_by_the_settings_in_force(running: Servers) -> None:
    assert running.origin is Origin.LOCAL
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        assert await ask(running, f"SHOW {name}") == "on"
    assert await ask(running, "SHOW server_version_num") >= "180000"  # type: ignore[operator]
    assert await ask(running, "SHOW max_connections") == "300"
    assert await ask(running, "SHOW listen_addresses") == "127.0.0.1"


async def test_a_wrong_password_is_not_let_in(running: Servers) -> None:
    port = running.postgres_url.rpartition(":")[2]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://postgres:guess@127.0.0.1:{port}/postgres", timeout=10)


async def test_a_server_that_may_lose_commits_is_refused(running: Servers) -> None:
    await ask(running, "ALTER ROLE postgres SET synchronous_commit = off")
    try:
        with pytest.raises(ServerProblem, match="synchronous_commit = off") as refused:
            assert_durable(running.postgres_url)
        assert refused.value.remedy == "Set synchronous_commit = on."
    finally:
        await ask(running, "ALTER ROLE postgres RESET synchronous_commit")


async def test_the_broker_keeps_topics_for_ever_and_makes_none_that_nobody_asked_for(running: Servers) -> None:
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=running.kafka_bootstrap)
    await admin.start()
    broker = ConfigResource(ConfigResourceType.BROKER, "1")  # type: ignore[no-untyped-call]
    (answer,) = await admin.describe_configs([broker])
    await admin.close()
    settings = {name: value for name, value, *_ in answer.resources[0][4]}
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["log.retention.ms"] == "-1"
    assert settings["log.retention.bytes"] == "-1"
    assert settings["group.initial.rebalance.delay.ms"] == "0"
    assert settings["offsets.topic.num.partitions"] == "4"


async def test_servers_killed_at_once_come_back_on_the_same_ports_with_what_they_acknowledged(running: Servers) -> None:
    assert running.postgres is not None
    assert running.kafka is not None
    await write_to_both(running, "acknowledged")
    families = tree(running.postgres.pid) + tree(running.kafka.pid)
    assert len(families) > 2
    running.postgres.kill()
    running.kafka.kill()
    assert process_table().keys().isdisjoint(families)
    assert not postgres_answers(running.postgres_url)
    assert not kafka_answers(running.kafka_bootstrap)
    running.kafka.restart()
    running.postgres.restart()
    assert await read_from_both(running) == (["acknowledged"], ["acknowledged"])


async def test_a_paused_server_is_silent_and_a_resumed_one_answers(running: Servers) -> None:
    assert running.postgres is not None
    connection = await asyncpg.connect(f"{running.postgres_url}/postgres")
    running.postgres.pause()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(question := asyncio.ensure_future(connection.fetchval("SELECT 1"))), 0.3)
    running.postgres.resume()
    assert await asyncio.wait_for(question, 10) == 1
    await connection.close()


async def test_a_second_run_on_the_same_data_is_refused_while_the_first_one_lives(
    running: Servers, state: Path
) -> None:
    with (
        pytest.raises(ServerProblem, match=rf"is in use by another run \(process {os.getpid()}\)"),
        find_or_start_servers(state, environ=LOCAL),
    ):
        pass
    assert await ask(running, "SELECT 1") == 1


def test_servers_named_by_the_environment_are_used_and_left_running(running: Servers, tmp_path: Path) -> None:
    with find_or_start_servers(tmp_path, environ=running.environment()) as found:
        assert found == Servers(running.postgres_url, running.kafka_bootstrap, Origin.ENVIRONMENT)
    assert list(tmp_path.iterdir()) == []
    assert postgres_answers(running.postgres_url)
    assert kafka_answers(running.kafka_bootstrap)


def test_one_named_server_without_the_other_is_refused(running: Servers, tmp_path: Path) -> None:
    with (
        pytest.raises(ServerProblem, match="CXQ_KAFKA_BOOTSTRAP is not set"),
        find_or_start_servers(tmp_path, environ={"CXQ_POSTGRES_URL": running.postgres_url}),
    ):
        pass


async def test_a_fresh_database_is_empty_and_gone_afterwards(running: Servers) -> None:
    async with fresh_database(running.postgres_url, "cxq_test") as url:
        name = url.rpartition("/")[2]
        assert await ask(running, f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == 1
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        await connection.close()
    assert await ask(running, f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == 0


def _serve(state: Path) -> tuple[subprocess.Popen[str], Servers]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CXQ_")} | LOCAL
    runner = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-m", "deploy.local.servers", "--state", str(state)],
        stdout=subprocess.PIPE,
        env=environment,
        cwd=Path(__file__).parents[4],
        text=True,
    )
    assert runner.stdout is not None
    settings = dict(
        runner.stdout.readline().removeprefix("export ").strip().partition("=")[::2] for _ in ("postgres", "kafka")
    )
    return runner, Servers(settings["CXQ_POSTGRES_URL"], settings["CXQ_KAFKA_BOOTSTRAP"], Origin.LOCAL)


async def test_a_run_that_is_killed_takes_its_servers_along_and_the_next_one_has_its_data(tmp_path: Path) -> None:
    runner, servers = _serve(tmp_path)
    with runner:
        await write_to_both(servers, "kept")
        family = tree(runner.pid)
        assert len(family) > 3
        runner.kill()
    assert eventually(lambda: process_table().keys().isdisjoint(family))

    runner, servers = _serve(tmp_path)
    with runner:
        assert await read_from_both(servers) == (["kept"], ["kept"])
        family = tree(runner.pid)
        runner.send_signal(signal.SIGINT)
        assert runner.wait(20) == 0
    assert process_table().keys().isdisjoint(family)
    assert sorted(file.name for file in (tmp_path / "servers").glob("*.process.json")) == []


def test_what_a_killed_run_left_is_forgotten_with_whatever_still_runs_on_it(prepared: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-a", str(prepared.parent), str(tmp_path / "servers")], check=True)  # noqa: S603, S607 - it keeps owners
    server = _started(tmp_path / "servers" / "postgres")
    family = tree(server.pid)
    forget(tmp_path)
    assert process_table().keys().isdisjoint(family)
    assert not (tmp_path / "servers").exists()
    server.kill()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared") / "postgres"
    postgres_server(folder, free_port())
    return folder


@pytest.fixture
def postgres_folder(prepared: Path, tmp_path: Path) -> Path:
    subprocess.run(["cp", "-a", str(prepared.parent), str(tmp_path / "servers")], check=True)  # noqa: S603, S607 - it keeps owners
    return tmp_path / "servers" / "postgres"


def test_data_of_another_major_version_is_refused(postgres_folder: Path) -> None:
    (postgres_folder / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(ServerProblem, match=r"was made by PostgreSQL 17, and this is PostgreSQL 18\.") as refused:
        postgres_server(postgres_folder, free_port())
    assert "make clean" in refused.value.remedy


def test_a_folder_that_is_no_data_folder_is_refused_and_left_alone(postgres_folder: Path) -> None:
    (postgres_folder / "data" / "PG_VERSION").unlink()
    with pytest.raises(ServerProblem, match="is not a whole PostgreSQL data folder"):
        postgres_server(postgres_folder, free_port())
    assert (postgres_folder / "data" / "base").is_dir()


def _started(folder: Path) -> ServerProcess:
    server = postgres_server(folder, free_port())
    server.start()
    try:
        server.wait_until_ready()
    except BaseException:
        server.kill()
        raise
    return server


def test_data_that_was_half_made_when_its_run_was_killed_is_made_anew(postgres_folder: Path) -> None:
    unfinished = postgres_folder / "data.unfinished"
    (postgres_folder / "data").rename(unfinished)
    (unfinished / "PG_VERSION").unlink()
    _started(postgres_folder).stop()
    assert not unfinished.exists()


def test_a_lock_left_by_a_killed_server_whose_process_id_went_to_another_program_is_no_obstacle(
    postgres_folder: Path,
) -> None:
    # Of the server's own user: only then does PostgreSQL take the other program for a server.
    owner = (postgres_folder / "data").stat().st_uid if os.geteuid() == 0 else None
    other = subprocess.Popen(["/bin/sleep", "600"], user=owner)
    try:
        (postgres_folder / "data" / "postmaster.pid").write_text(f"{other.pid}\n{postgres_folder / 'data'}\n1\n5432\n")
        _started(postgres_folder).stop()
    finally:
        other.kill()
        other.wait()


def test_a_missing_password_is_said_before_the_server_starts(postgres_folder: Path) -> None:
    (postgres_folder.parent / "postgres.password").unlink()
    with pytest.raises(ServerProblem, match="The password of the kept data is missing"):
        postgres_server(postgres_folder, free_port())


def test_a_port_that_is_asked_for_and_taken_is_named_and_nothing_is_left_running(tmp_path: Path) -> None:
    before = tree(os.getpid())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ServerProblem, match=f"Kafka could not start: port {port} of 127.0.0.1 is used"),
            find_or_start_servers(tmp_path, kafka_port=port, environ=LOCAL, keep=False),
        ):
            pass
    assert set(tree(os.getpid())) <= set(before)
    assert not (tmp_path / "servers").exists()
