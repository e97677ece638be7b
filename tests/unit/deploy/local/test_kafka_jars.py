"""Kafka is run only from the jars whose checksums are committed."""

import hashlib
from pathlib import Path

import pytest

from deploy.local.kafka_jars import KAFKA_VERSION, kafka_jars
from deploy.local.problems import ServerProblem

JARS = {"broker.jar": b"the broker", "clients.jar": b"the clients"}


@pytest.fixture
def jar_list(tmp_path: Path) -> Path:
    file = tmp_path / "jars.sha256"
    file.write_text("".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in JARS.items()))
    return file


@pytest.fixture
def cached(tmp_path: Path, jar_list: Path) -> Path:
    digest = hashlib.sha256(jar_list.read_bytes()).hexdigest()
    folder = tmp_path / "cache" / f"kafka-{KAFKA_VERSION}-{digest[:12]}"
    folder.mkdir(parents=True)
    for name, content in JARS.items():
        (folder / name).write_bytes(content)
    return folder


def test_jars_with_the_known_checksums_are_used(cached: Path, jar_list: Path) -> None:
    assert kafka_jars(cached.parent, jar_list) == cached


def test_a_changed_jar_is_refused_by_name(cached: Path, jar_list: Path) -> None:
    (cached / "clients.jar").write_bytes(b"the clients of somebody else")
    with pytest.raises(ServerProblem, match=r"clients\.jar in .* is not the file whose checksum") as refused:
        kafka_jars(cached.parent, jar_list)
    assert str(cached) in refused.value.remedy


def test_a_missing_jar_is_refused_by_name(cached: Path, jar_list: Path) -> None:
    (cached / "broker.jar").unlink()
    with pytest.raises(ServerProblem, match=r"broker\.jar in .* is missing"):
        kafka_jars(cached.parent, jar_list)


def test_a_jar_that_nobody_listed_is_refused_by_name(cached: Path, jar_list: Path) -> None:
    (cached / "kafka-clients-3.8.0.jar").write_bytes(b"an older one")
    with pytest.raises(ServerProblem, match=r"kafka-clients-3\.8\.0\.jar in .* is not on the list"):
        kafka_jars(cached.parent, jar_list)


def test_without_a_network_the_first_fetch_says_so(
    tmp_path: Path, jar_list: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with pytest.raises(ServerProblem, match="could not be fetched from Maven Central"):
        kafka_jars(tmp_path / "empty", jar_list)
    assert [entry.name for entry in (tmp_path / "empty").iterdir()] == ["lock"]
