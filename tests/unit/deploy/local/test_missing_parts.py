"""What a machine lacks is said before anything is started, in one sentence with what to do about it."""

from importlib import util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from deploy.local import servers
from deploy.local.kafka import kafka_server
from deploy.local.postgres import postgres_server
from deploy.local.problems import ServerProblem
from deploy.local.servers import find_or_start_servers


def _empty_wheel(name: str, _package: str | None = None) -> ModuleSpec:
    return ModuleSpec(name, None, origin=f"/nowhere/{name}/__init__.py")


def test_a_wheel_without_java_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", _empty_wheel)
    with pytest.raises(ServerProblem, match="There is no Java for this machine") as refused:
        kafka_server(tmp_path / "kafka", 1, 2, tmp_path)
    assert "start Docker" in refused.value.remedy


def test_a_wheel_without_postgresql_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", _empty_wheel)
    with pytest.raises(ServerProblem, match="There is no PostgreSQL for this machine"):
        postgres_server(tmp_path / "postgres", 1)


def test_a_disk_with_little_room_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "FREE_SPACE_BYTES_MIN", 2**62)
    with (
        pytest.raises(ServerProblem, match=r"has less than .* MB left") as refused,
        find_or_start_servers(tmp_path, environ={"CXQ_SERVERS": "local"}),
    ):
        pass
    assert refused.value.remedy == "Free some space, then start again."


def test_a_wish_for_servers_that_nobody_knows(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerProblem, match="CXQ_SERVERS is podman"),
        find_or_start_servers(tmp_path, environ={"CXQ_SERVERS": "podman"}),
    ):
        pass


def test_a_wish_for_docker_where_no_engine_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with (
        pytest.raises(ServerProblem, match="No Docker engine of this machine answers"),
        find_or_start_servers(tmp_path, environ={"CXQ_SERVERS": "docker"}),
    ):
        pass
