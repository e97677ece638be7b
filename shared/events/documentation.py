"""Writes what partners and other teams read of the events: AsyncAPI and JSON Schemas under `docs/events/`.

`python -m shared.events.documentation` writes; `--check` writes nothing, and exits 1 when a file is not what the code
says.
"""

import argparse
import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from shared.bus.envelope import CONTENT_TYPE, Envelope, schema_of
from shared.events.codec import CATALOGUE
from shared.events.definition import EVENT_TYPES, UPCASTERS, EventType

FOLDER = Path(__file__).parents[2] / "docs" / "events"
_PROMISE = (
    "Every event of every context, in the order of its log: at least once, in order for each key, recognisable by `id`"
    " and `position`. Money is in fen, days are in Asia/Shanghai, instants in UTC."
)
_PROMISE_ZH = (
    "所有事件按日志顺序发布：至少一次、同一 key 有序，可用 `id` 与 `position` 去重。"
    "金额单位为分，日期为北京时间，时刻为 UTC。"
)
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def documents(folder: Path = FOLDER) -> dict[str, str]:
    """Write every document, by its path below `folder`.

    The schema of a version that is no longer written has no class to be made from: it stays as it was committed.
    Raises FileNotFoundError when one is missing.
    """
    schemas = {kind.stored: _schema(kind) for kind in EVENT_TYPES.values()}
    schemas |= {old: json.loads((folder / _path(old)).read_text(encoding="utf-8")) for old in UPCASTERS}
    return {
        "asyncapi.json": _text(_asyncapi(schemas)),
        **{_path(stored): _text(schema) for stored, schema in sorted(schemas.items())},
    }


def drift(folder: Path = FOLDER) -> list[str]:
    """Name the files that are missing, left over, or not what the code says."""
    wanted = documents(folder)
    found = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.json")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def _path(stored: str) -> str:
    return f"schemas/{stored}.json"


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _schema(kind: EventType) -> dict[str, Any]:
    """Describe a payload; fields that later versions add are allowed, as our own readers allow them."""
    described = msgspec.json.schema(kind.cls)
    parts: dict[str, Any] = described["$defs"]
    own = parts.pop(kind.cls.__name__)
    return {
        "$schema": _DIALECT,
        "$id": schema_of(kind.stored),
        **own,
        "description": _sentence(kind.cls),
        **({"$defs": parts} if parts else {}),
    }


def _asyncapi(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "科技创新券：事件 · Innovation vouchers: events",
            "version": "1",
            "description": f"{_PROMISE}\n\n{_PROMISE_ZH}",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": CONTENT_TYPE.decode(),
        "channels": {_context(module): _channel(module, schemas) for module in CATALOGUE},
        "operations": {f"publish{_context(module).title()}": _operation(_context(module)) for module in CATALOGUE},
        "components": {
            "messages": {_name(stored): _message(stored, schema) for stored, schema in sorted(schemas.items())},
            "schemas": {"Envelope": _envelope()},
        },
    }


def _context(module: object) -> str:
    return str(getattr(module, "__name__", "")).rpartition(".")[2]


def _channel(module: object, schemas: Mapping[str, Any]) -> dict[str, Any]:
    context = _context(module)
    mine = sorted(stored for stored in schemas if stored.split(".")[1] == context)
    return {
        "address": f"cxq.{context}.v1",
        "description": _sentence(module),
        "messages": {_name(stored): {"$ref": f"#/components/messages/{_name(stored)}"} for stored in mine},
        "bindings": {"kafka": {"topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": -1}}},
    }


def _operation(context: str) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{context}"},
        "summary": f"The relay of {context} publishes its log",
    }


def _message(stored: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    kind = EVENT_TYPES.get(stored)
    return {
        "name": stored,
        "title": schema["title"],
        "summary": schema["description"],
        **({} if kind else {"tags": [{"name": "no longer written", "description": f"now {UPCASTERS[stored][0]}"}]}),
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/Envelope"},
                {
                    "properties": {
                        "type": {"const": stored},
                        "dataschema": {"const": schema_of(stored)},
                        "data": {"$ref": f"./{_path(stored)}"},
                    }
                },
            ]
        },
        "bindings": {"kafka": {"key": {"type": "string", "description": _key(kind)}}},
    }


def _key(kind: EventType | None) -> str:
    return f"the owner: `{kind.key}`" if kind else "the owner"


def _envelope() -> dict[str, Any]:
    parts: dict[str, Any] = msgspec.json.schema(Envelope)["$defs"]
    own: dict[str, Any] = parts.pop("Envelope")
    own["properties"] |= {
        "specversion": {"const": "1.0"},
        "datacontenttype": {"const": "application/json"},
    }
    return {**own, "description": inspect.cleandoc(Envelope.__doc__ or "")}


def _name(stored: str) -> str:
    """Name a message: `VoucherClaimed`, and `ContractCompletedV1` for a version that is no longer written."""
    if (kind := EVENT_TYPES.get(stored)) is not None:
        return kind.cls.__name__
    name, _, version = stored.rpartition(".v")
    return "".join(word.title() for word in name.rpartition(".")[2].split("-")) + f"V{version}"


def _sentence(described: object) -> str:
    return " ".join((inspect.getdoc(described) or "").split())


def main() -> int:
    """Write the documents, or with `--check` compare them."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is out of date")
    differing = drift()
    if arguments.parse_args().check:
        for name in differing:
            sys.stderr.write(f"docs/events/{name} is out of date: run `python -m shared.events.documentation`\n")
        return 1 if differing else 0
    wanted = documents()
    for name in differing:
        path = FOLDER / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name], encoding="utf-8")
        else:
            path.unlink()
        sys.stdout.write(f"docs/events/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
