"""`cxq verify-draw`: 0 held as told, 1 not, 2 unreadable; by the published seed alone, and without servers."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Cxq

SEED = "5eed" * 16
NAMES = [f"ent_{number:026d}" for number in range(5)]


def _lots() -> list[dict[str, Any]]:
    """Draw the lots by the published words: SHA-256 of "seed:entry_id", the smallest first."""
    order = sorted(NAMES, key=lambda name: hashlib.sha256(f"{SEED}:{name}".encode()).hexdigest())
    return [
        {"lot": lot, "entry_id": name, "amount": {"amount": lot * 100, "currency": "CNY"}, "outcome": "served"}
        for lot, name in enumerate(order, start=1)
    ]


def _draw(**changed: Any) -> dict[str, Any]:
    return {
        "period_id": "prd_1",
        "commitment": hashlib.sha256(SEED.encode()).hexdigest(),
        "draws_until": "2026-03-01T01:10:00Z",
        "seed": SEED,
        "entries": 5,
        "asked": {"amount": 1_500, "currency": "CNY"},
        "drawn_at": "2026-03-01T01:10:01Z",
    } | changed


def _files(folder: Path, draw: dict[str, Any], *pages: list[dict[str, Any]]) -> list[str]:
    written = []
    for number, content in enumerate([draw, *({"items": page, "has_more": False} for page in pages)]):
        file = folder / f"{number}.json"
        file.write_text(json.dumps(content))
        written.append(str(file))
    return written


def test_a_draw_held_by_its_seed_is_as_told_however_its_pages_come(cxq: Cxq, tmp_path: Path) -> None:
    lots = _lots()
    said = cxq("verify-draw", *_files(tmp_path, _draw(), lots[3:], lots[:3]))
    assert (said.code, said.told) == (0, "")
    assert said.answer.strip() == "as told: the draw of prd_1, 5 lots by the seed that lay fast"
    told = cxq("verify-draw", *_files(tmp_path, _draw(), lots), "--json")
    assert json.loads(told.answer) == {"period_id": "prd_1", "held_as_told": True, "against": []}


def _swapped() -> list[dict[str, Any]]:
    first, second, *others = _lots()
    return [second | {"lot": 1}, first | {"lot": 2}, *others]


@pytest.mark.parametrize(
    ("draw", "lots", "why"),
    [
        (_draw(seed="0dd5" * 16), _lots(), "the seed is not the one that lay fast"),
        (_draw(asked={"amount": 1_499, "currency": "CNY"}), _lots(), "the entries come to 1500"),
        (_draw(), _lots()[:4], "these are 4 lots"),
        (_draw(), [*_lots()[:4], _lots()[3]], "or not the lots 1 to 5"),
        (_draw(), [*_lots()[:4], _lots()[3] | {"lot": 5, "amount": {"amount": 500}}], "an entry has two lots"),
        (_draw(), _swapped(), "by the seed it is"),
        (_draw(seed=None, entries=None, asked=None), [], "it has not been held yet"),
    ],
)
def test_what_speaks_against_a_draw_is_said(
    cxq: Cxq, tmp_path: Path, draw: dict[str, Any], lots: list[dict[str, Any]], why: str
) -> None:
    said = cxq("verify-draw", *_files(tmp_path, draw, lots))
    assert (said.code, said.answer.splitlines()[0]) == (1, "NOT AS TOLD")
    assert why in said.answer


def test_what_is_no_answer_of_the_service_is_unreadable(cxq: Cxq, tmp_path: Path) -> None:
    draw, page = _files(tmp_path, _draw(), _lots())
    swapped = cxq("verify-draw", page, draw)
    assert (swapped.code, swapped.answer) == (2, "")
    assert "is not what the service answers" in swapped.told
    missing = cxq("verify-draw", draw, str(tmp_path / "nowhere"))
    assert missing.code == 2
    assert "nowhere: No such file or directory" in missing.told
