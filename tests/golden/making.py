"""Makes golden files for event types that have none: `python -m tests.golden.making`; existing ones are never touched.

A file holds `type` and `payload`; that of a version no longer written also says what it is read as, and is written by
hand when the new version is made, before the old class is gone.
"""

import json
import sys
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, TypeAliasType, get_args, get_origin, get_type_hints

from shared.events.codec import encode
from shared.events.definition import EVENT_TYPES, EventType

FOLDER = Path(__file__).parent / "events"
DAY = date(2026, 3, 2)
INSTANT = datetime(2026, 3, 2, 1, 30, 0, 123456, tzinfo=UTC)


def golden(stored: str) -> dict[str, Any]:
    """Read a golden file; FileNotFoundError when there is none."""
    content: dict[str, Any] = json.loads((FOLDER / f"{stored}.json").read_text(encoding="utf-8"))
    return content


def sample(kind: EventType) -> Any:
    """Make an event of a type with a value in every field."""
    return _instance(kind.cls)


def _instance(cls: type[Any]) -> Any:
    hints = get_type_hints(cls)
    return cls(
        **{field.name: _value(field.name, hints[field.name], number) for number, field in enumerate(fields(cls))}
    )


def _value(name: str, kind: Any, number: int) -> Any:
    if isinstance(kind, TypeAliasType):
        kind = kind.__value__
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if get_origin(kind) is tuple:
        return (_value(name, get_args(kind)[0], number),)
    if get_args(kind):  # a field that may be empty is filled here
        return _value(name, get_args(kind)[0], number)
    if is_dataclass(kind):
        return _instance(kind)  # type: ignore[arg-type]
    plain: dict[Any, Any] = {bool: True, int: 1_000 + number, str: f"{name}-值", date: DAY, datetime: INSTANT}
    return plain[kind]


def main() -> None:
    """Write what is missing, and say which."""
    FOLDER.mkdir(exist_ok=True)
    for stored, kind in sorted(EVENT_TYPES.items()):
        path = FOLDER / f"{stored}.json"
        if not path.exists():
            content = {"type": stored, "payload": json.loads(encode(sample(kind)))}
            path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            sys.stdout.write(f"{path.name}\n")


if __name__ == "__main__":
    main()
