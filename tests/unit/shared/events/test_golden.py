"""What was once written can be read for ever, and is written again as it was."""

import json
from dataclasses import MISSING, fields, replace
from typing import Any

import pytest

from shared.events.codec import decode, encode, key_of, stored_type
from shared.events.definition import EVENT_TYPES, UPCASTERS
from tests.golden.making import FOLDER, golden, sample

VERSIONS = sorted(EVENT_TYPES.keys() | UPCASTERS.keys())


def _read(content: dict[str, Any]) -> Any:
    return decode(content["type"], json.dumps(content["payload"]))


def test_every_event_version_has_a_golden_file_and_every_golden_file_its_version() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == [f"{stored}.json" for stored in VERSIONS]


@pytest.mark.parametrize("stored", VERSIONS)
def test_a_golden_event_is_read_and_written_again_as_it_was(stored: str) -> None:
    content = golden(stored)
    assert content["type"] == stored
    current = content.get("read_as", content)
    read = _read(content)
    assert stored_type(read) == current["type"]
    assert json.loads(encode(read)) == current["payload"]
    assert read == _read(current)
    assert key_of(read)


@pytest.mark.parametrize("stored", sorted(UPCASTERS))
def test_a_version_no_longer_written_says_what_it_is_read_as(stored: str) -> None:
    assert stored not in EVENT_TYPES
    assert golden(stored)["read_as"]["type"] in EVENT_TYPES


@pytest.mark.parametrize("stored", sorted(EVENT_TYPES))
def test_fields_that_a_later_version_adds_are_passed_over(stored: str) -> None:
    content = golden(stored)
    later = content | {"payload": content["payload"] | {"of_a_later_version": 1}}
    assert _read(later) == _read(content)


@pytest.mark.parametrize("stored", sorted(EVENT_TYPES))
def test_what_was_written_before_a_field_was_added_is_read_without_it(stored: str) -> None:
    content = golden(stored)
    added = {field.name: field.default for field in fields(EVENT_TYPES[stored].cls) if field.default is not MISSING}
    earlier = {name: value for name, value in content["payload"].items() if name not in added}
    assert _read(content | {"payload": earlier}) == replace(_read(content), **added)


@pytest.mark.parametrize("stored", sorted(EVENT_TYPES))
def test_a_golden_file_fills_every_field(stored: str) -> None:
    payload = golden(stored)["payload"]
    assert payload.keys() == json.loads(encode(sample(EVENT_TYPES[stored]))).keys()
    assert None not in payload.values()
    assert [] not in payload.values()
