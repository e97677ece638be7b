"""The containers run the same parts as a development machine, with as little power as they can do with."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.docker_engine import KAFKA_IMAGE, POSTGRES_IMAGE
from shared.settings import CONTEXTS, PORTS, Settings

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PARTS: dict[str, dict[str, Any]] = COMPOSE["services"]


def locked(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    found = (re.match(r"([A-Za-z0-9._-]+)(?:\[.*?\])?==([^ ;]+)", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


def required(extra: str | None = None) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return {re.split(r"[\[<>=~! ]", each)[0] for each in wanted}


@pytest.mark.parametrize("name", PARTS)
def test_no_part_has_more_power_than_it_needs(name: str) -> None:
    part = PARTS[name]
    assert part["read_only"] is True
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]
    assert part["user"] not in {"root", "0", "0:0"}
    assert any(mount.startswith("/tmp:") for mount in part["tmpfs"])  # noqa: S108 - a mount, not a file
    assert not part.get("privileged")


@pytest.mark.parametrize("name", PARTS)
def test_only_this_machine_reaches_a_published_port(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in PARTS[name].get("ports", []))


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_service_stands_where_it_stands_on_a_development_machine(context: str) -> None:
    part = PARTS[context]
    assert part["command"][:2] == ["serve", context]
    assert part["ports"] == [f"127.0.0.1:{PORTS[context]}:8000"]


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_service_starts_after_the_migration_and_without_the_administrators_password(context: str) -> None:
    part = PARTS[context]
    assert part["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert part["env_file"] == ["deploy/compose/services.env"]
    assert part["environment"]["CXQ_POSTGRES_URL"] == "postgresql://postgres:5432"


def test_the_migration_starts_when_both_servers_answer_and_runs_once() -> None:
    migrate = PARTS["migrate"]
    assert migrate["command"] == ["migrate"]
    assert migrate["restart"] == "no"
    assert migrate["depends_on"] == {name: {"condition": "service_healthy"} for name in ("postgres", "kafka")}


def test_whatever_is_waited_for_to_be_healthy_says_whether_it_is() -> None:
    assert all("healthcheck" in PARTS[name] for name in PARTS if name != "migrate")


def test_the_servers_are_the_same_versions_as_on_a_development_machine() -> None:
    assert PARTS["postgres"]["image"] == POSTGRES_IMAGE
    assert PARTS["kafka"]["image"] == KAFKA_IMAGE


def test_an_acknowledged_commit_survives_a_power_cut_in_containers_too() -> None:
    assert {"--fsync=on", "--synchronous_commit=on", "--full_page_writes=on"} <= set(PARTS["postgres"]["command"])
    assert "postgres:/var/lib/postgresql" in PARTS["postgres"]["volumes"]


def test_no_secret_stands_in_the_compose_file_and_every_example_is_a_known_setting() -> None:
    examples = list((ROOT / "deploy" / "compose").glob("*.env.example"))
    assert {f"deploy/compose/{file.name.removesuffix('.example')}" for file in examples} == {
        name for part in PARTS.values() for name in part.get("env_file", [])
    }
    names = {line.partition("=")[0] for file in examples for line in file.read_text().splitlines() if "=" in line[:40]}
    known = {f"CXQ_{name.upper()}" for name in Settings.model_fields} | {"POSTGRES_PASSWORD"}
    assert names
    assert names <= known
    assert not any("PASSWORD" in name for part in PARTS.values() for name in part.get("environment", {}))


def test_the_image_holds_what_runs_and_nothing_of_the_tests_or_of_a_development_machine() -> None:
    runtime, everything = locked("requirements-runtime.lock"), locked("requirements.lock")
    assert required() <= runtime.keys()
    assert runtime.keys().isdisjoint((required("local") | required("test")) - required())
    assert {name: everything.get(name) for name in runtime} == runtime


def test_the_image_takes_only_packages_with_a_committed_checksum_and_no_address() -> None:
    text = (ROOT / "requirements-runtime.lock").read_text()
    assert text.count("==") <= text.count("--hash=sha256:")
    assert "://" not in text
    assert "--require-hashes" in (ROOT / "Dockerfile").read_text()


def test_the_image_is_sent_everything_it_copies() -> None:
    copies = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    sources = [source for copy in copies for source in copy.split()[:-1]]
    assert sources
    for source in sources:
        assert any(source == place or source.startswith(f"{place}/") for place in allowed), source
        assert (ROOT / source).exists(), source
