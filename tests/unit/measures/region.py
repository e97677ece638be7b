"""Packs of an invented region, made from ours by giving them other days, other names and a few other values."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from shared.measures.pack import MANIFEST, PACKS

FIRST_DAY, LAST_DAY, NEXT_DAY = date(2025, 1, 1), date(2026, 12, 31), date(2027, 1, 1)
"""The harbour's first rules hold for two years, and others from the day after."""


def write_pack(
    folder: Path, name: str, first_day: date, until: date | None = None, *, values: Mapping[str, Any], **manifest: Any
) -> None:
    """Write a whole pack: our own rules on other days, but for the values given."""
    (folder / name).mkdir(parents=True)
    said = {"pack": name, "title": {"zh": "虚构的规定", "en": "Invented rules"}, "in_force_from": first_day}
    ends = {} if until is None else {"in_force_until": until}
    _write(folder / name / MANIFEST, said | ends | manifest)
    for file in (PACKS / "beijing-2023").glob("*.yaml"):
        if file.name == MANIFEST:
            continue
        rule = yaml.safe_load(file.read_text(encoding="utf-8"))
        (entry,) = rule["values"]
        entry |= {"from": first_day, "value": values.get(file.stem, entry["value"])}
        entry |= {} if until is None else {"until": until}
        _write(folder / name / file.name, rule)


def write_harbour(folder: Path) -> None:
    """Write the region's two packs: half of a contract and twenty days at first, later thirty percent and ten days."""
    earlier = {"contract_share_max": 50, "registration_days": 20}
    later = {"contract_share_max": 30, "registration_days": 10}
    write_pack(folder, "harbour-2025", FIRST_DAY, LAST_DAY, values=earlier)
    write_pack(folder, "harbour-2027", NEXT_DAY, values=later, succeeds="harbour-2025")


def _write(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(yaml.safe_dump(dict(content), allow_unicode=True, sort_keys=False), encoding="utf-8")
