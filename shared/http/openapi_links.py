"""What a client can do next, as links of the OpenAPI document: an answer names the ids and versions others ask for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.http.routes import Operation

_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class _Shown:
    """An answer that shows one thing: its `status`, and by which expression each parameter it tells is found.

    `own` are the parameters that name the thing itself; each holds for paths that begin so ("" for all paths).
    """

    status: str
    told: Mapping[str, str]
    own: Mapping[str, str]


def add_links(paths: Mapping[str, Any], routes: Sequence[Operation], schemas: Mapping[str, Any]) -> None:
    """Add to each answer that shows a thing a link to every operation on it, `If-Match` from its ETag included.

    An answer shows a thing when it has just been made (201) or was asked for by its id. Its id is its first field, and
    whatever the paths below it call that; `known_as` says under which other names an operation knows it.
    """
    for source in routes:
        (method,) = source.methods or {""}
        answers = paths[source.path][method.lower()]["responses"]
        shown = _shown(source, answers, routes, schemas)
        if shown is None:
            continue
        links = {str(target.operation_id): _link(target, shown) for target in _about(source, shown, routes)}
        if links:
            answers[shown.status]["links"] = links


def _shown(
    source: Operation, answers: Mapping[str, Any], routes: Sequence[Operation], schemas: Mapping[str, Any]
) -> _Shown | None:
    is_read = "GET" in (source.methods or ()) and source.path.endswith("}")
    status = "200" if is_read else "201"
    fields = _fields(answers, status, schemas)
    if not fields:
        return None
    asked = _PARAMETER.findall(source.path)
    told = {name: f"$request.path.{name}" for name in asked}
    if is_read:
        own = {asked[-1]: source.path}
    else:
        below = re.compile(re.escape(source.path) + r"/\{(\w+)\}(/|$)")
        own = {found[1]: found[0].rstrip("/") for route in routes if (found := below.match(route.path))}
        told |= {name: f"$response.body#/{name if name in fields else fields[0]}" for name in own}
    first = fields[0]
    if first in own or (first.endswith("_id") and first not in asked):
        told.setdefault(first, f"$response.body#/{first}")
        own |= {first: ""}
    return _Shown(status, told, own)


def _about(source: Operation, shown: _Shown, routes: Sequence[Operation]) -> Iterator[Operation]:
    """List the operations whose path the answer can fill, and that concern what it shows."""
    for target in routes:
        wanted = [_told_as(name, target, shown) for name in _PARAMETER.findall(target.path)]
        if target is source or not wanted or None in wanted:
            continue
        if any(name in shown.own and target.path.startswith(shown.own[name]) for name in wanted if name):
            yield target


def _told_as(name: str, target: Operation, shown: _Shown) -> str | None:
    """Say under which name an answer tells a parameter of an operation."""
    return next((each for each in (name, *target.rules.known_as.get(name, ())) if each in shown.told), None)


def _link(target: Operation, shown: _Shown) -> dict[str, Any]:
    names = _PARAMETER.findall(target.path)
    parameters = {f"path.{name}": shown.told[_told_as(name, target, shown) or name] for name in names}
    if target.rules.if_match and _told_as(names[-1], target, shown) in shown.own:
        parameters["header.If-Match"] = "$response.header.ETag"
    return {"operationId": target.operation_id, "parameters": parameters}


def _fields(answers: Mapping[str, Any], status: str, schemas: Mapping[str, Any]) -> list[str]:
    """Name the fields of a JSON answer in order; none for what is no such answer."""
    content = answers.get(status, {}).get("content", {}).get("application/json", {})
    named = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return list(schemas.get(named, {}).get("properties", {}))
