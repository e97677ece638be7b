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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose documents are up to date."""
    (tmp_path / "schemas").mkdir()
    for old in UPCASTERS:  # of these nothing but the file is left
        shutil.copy(FOLDER / "schemas" / f"{old}.json", tmp_path / "schemas")
    for name, text in documents(tmp_path).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


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
def test_a_golden_event_has_exactly_the_fields_of_its_schema(folder: Path, stored: str) -> None:
    schema = json.loads((folder / f"schemas/{stored}.json").read_text(encoding="utf-8"))
    payload = golden(stored)["payload"]
    assert schema["$id"] == schema_of(stored)
    assert set(schema["required"]) <= payload.keys() <= schema["properties"].keys()
    assert schema["description"]


def test_every_event_version_is_a_message_of_its_contexts_channel(folder: Path) -> None:
    described = json.loads((folder / "asyncapi.json").read_text(encoding="utf-8"))
    assert described["asyncapi"] == "3.0.0"
    listed = {
        described["components"]["messages"][reference["$ref"].rpartition("/")[2]]["name"]: channel["address"]
        for channel in described["channels"].values()
        for reference in channel["messages"].values()
    }
    assert listed == {stored: f"cxq.{stored.split('.')[1]}.v1" for stored in EVENT_TYPES.keys() | UPCASTERS.keys()}


def test_every_reference_leads_somewhere(folder: Path) -> None:
    described = json.loads((folder / "asyncapi.json").read_text(encoding="utf-8"))

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
            assert (folder / reference).is_file()
        return bool(reference) + sum(follow(part) for part in node.values())

    assert follow(described) > 2 * len(EVENT_TYPES)
