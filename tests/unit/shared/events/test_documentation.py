"""What is written about the events is what the code says."""

import json
import shutil
from pathlib import Path

import pytest

from shared.bus.envelope import schema_of
from shared.events.definition import EVENT_TYPES, UPCASTERS
from shared.events.documentation import FOLDER, documents, drift
from tests.golden.making import golden

OLD = "schemas/cxq.contracts.contract-completed.v1.json"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose documents are up to date, and stay so: nobody writes in it."""
    folder = tmp_path_factory.mktemp("events")
    (folder / "schemas").mkdir()
    for old in UPCASTERS:  # of these nothing but the file is left
        shutil.copy(FOLDER / "schemas" / f"{old}.json", folder / "schemas")
    for name, text in documents(folder).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """The same for one test alone, which may do with it as it likes."""
    return shutil.copytree(written, tmp_path / "events")


def test_documents_that_were_just_written_are_up_to_date(folder: Path) -> None:
    assert drift(folder) == []


def test_a_changed_a_missing_and_a_leftover_document_are_named(folder: Path) -> None:
    (folder / "asyncapi.json").write_text("{}", encoding="utf-8")
    (folder / "schemas/cxq.issuance.voucher-claimed.v1.json").unlink()
    (folder / "schemas/cxq.issuance.voucher-sold.v1.json").write_text("{}", encoding="utf-8")
    assert drift(folder) == [
        "asyncapi.json",
        "schemas/cxq.issuance.voucher-claimed.v1.json",
        "schemas/cxq.issuance.voucher-sold.v1.json",
    ]


def test_the_schema_of_an_old_version_cannot_be_lost(folder: Path) -> None:
    (folder / OLD).unlink()
    with pytest.raises(FileNotFoundError):
        drift(folder)


@pytest.mark.parametrize("stored", sorted(EVENT_TYPES.keys() | UPCASTERS.keys()))
def test_a_golden_event_has_exactly_the_fields_of_its_schema(written: Path, stored: str) -> None:
    schema = json.loads((written / f"schemas/{stored}.json").read_text(encoding="utf-8"))
    payload = golden(stored)["payload"]
    assert schema["$id"] == schema_of(stored)
    assert set(schema["required"]) <= payload.keys() <= schema["properties"].keys()
    assert schema["description"]


def test_every_event_version_is_a_message_of_its_contexts_channel(written: Path) -> None:
    described = json.loads((written / "asyncapi.json").read_text(encoding="utf-8"))
    assert described["asyncapi"] == "3.0.0"
    listed = {
        described["components"]["messages"][reference["$ref"].rpartition("/")[2]]["name"]: channel["address"]
        for channel in described["channels"].values()
        for reference in channel["messages"].values()
    }
    assert listed == {stored: f"cxq.{stored.split('.')[1]}.v1" for stored in EVENT_TYPES.keys() | UPCASTERS.keys()}


def test_every_reference_leads_somewhere(written: Path) -> None:
    described = json.loads((written / "asyncapi.json").read_text(encoding="utf-8"))

    def follow(node: object) -> int:
        if isinstance(node, list):
            return sum(follow(part) for part in node)
        if not isinstance(node, dict):
            return 0
        reference = node.get("$ref", "")
        if reference.startswith("#/"):
            found = described
            for step in reference.removeprefix("#/").split("/"):
                found = found[step]
        elif reference:
            assert (written / reference).is_file()
        return bool(reference) + sum(follow(part) for part in node.values())

    assert follow(described) > 2 * len(EVENT_TYPES)
