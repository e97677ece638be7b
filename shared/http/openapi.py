"""The OpenAPI document: FastAPI's, completed by what the edge itself asks, answers and refuses."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from shared.context import BoundedContext
from shared.http.language import LANGUAGES
from shared.http.openapi_links import add_links
from shared.http.policy import PUBLIC
from shared.http.problems import PROBLEM_JSON, TYPE_PREFIX, Catalogue, Entry
from shared.http.routes import OPERATION, Operation

API_VERSION = "1.0.0"
SCHEME = "bearer"
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_ALWAYS = ("too-many-requests", "not-acceptable", "malformed-request", "internal", "busy", "timed-out")
_TOKEN = ("not-authenticated", "token-invalid", "token-expired", "not-allowed", "keys-unavailable")
_BODY = ("malformed-json", "media-type-unsupported", "body-too-large", "invalid")
_KEY = ("idempotency-key-required", "idempotency-key-malformed", "key-reused", "key-in-progress", "outcome-unknown")
_VERSION = ("precondition-required", "etag-malformed", "version-stale")

_STRING = {"type": "string"}
_RULE: dict[str, Any] = {
    "type": "object",
    "description": "所依据的规定 · The rule that refused",
    "required": ["article"],
    "properties": {"pack": _STRING, "parameter": _STRING, "article": _STRING, "quote": _STRING},
}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457：出了什么问题、依据哪条规定、如何补救 · What is wrong, by which rule, and what to do",
    "required": ["type", "title", "status", "detail", "instance", "code", "errors", "remedy", "trace_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": _STRING,
        "status": {"type": "integer"},
        "detail": _STRING,
        "instance": {"type": "string", "format": "uri-reference"},
        "code": {"type": "string", "description": "稳定的代码 · Stable code"},
        "errors": {
            "type": "array",
            "description": (
                "全部理由；多于一条时各有依据与补救 · Every reason; of several each has its rule and its remedy"
            ),
            "items": {
                "type": "object",
                "required": ["pointer", "code", "message", "value"],
                "properties": {
                    "pointer": _STRING,
                    "code": _STRING,
                    "message": _STRING,
                    "value": {},
                    "rule": _RULE,
                    "remedy": _STRING,
                },
            },
        },
        "rule": _RULE,
        "remedy": _STRING,
        "trace_id": _STRING,
    },
}


def operations(context: BoundedContext) -> Iterator[Operation]:
    """List a context's operations; TypeError for a route that no `router_for` made, because nothing guards it."""
    for router in context.routers:
        for route in router.routes:
            if not isinstance(route, Operation):
                raise TypeError(f"{context.name}: {getattr(route, 'path', route)} is not a route of router_for")
            yield route


def build_openapi(app: FastAPI, context: BoundedContext, catalogue: Catalogue) -> dict[str, Any]:
    """Write the document; KeyError names a problem code that no catalogue explains."""
    document = get_openapi(
        title=context.title,
        version=API_VERSION,
        openapi_version="3.1.0",
        summary="北京科技创新券 · Beijing science and technology innovation vouchers",
        description=(
            "错误以 RFC 9457 应答，文字默认中文，`Accept-Language: en` 为英文。金额以分计。\n\n"
            "Errors are RFC 9457 documents, in Chinese, or in English by `Accept-Language: en`. Money is whole fen."
        ),
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in context.tags.items()],
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = PROBLEM_SCHEMA
    components["securitySchemes"] = {
        SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "OAuth 2.0 访问令牌（at+jwt），角色在 role 声明中 · Access token with a `role` claim",
        }
    }
    components["examples"] = {
        name: example for entry in catalogue.values() for name, example in examples_of(entry).items()
    }
    by_id = {route.operation_id: route for route in operations(context)}
    for item in document["paths"].values():
        for described in item.values():
            route = by_id.get(described.get("operationId"))
            described.pop(OPERATION, None)
            if route is not None:
                _complete(described, route, context, catalogue, schemas)
            elif isinstance(described, dict):
                described.get("responses", {}).pop("422", None)
    add_links(document["paths"], tuple(by_id.values()), schemas)
    return document


def _complete(
    described: dict[str, Any],
    route: Operation,
    context: BoundedContext,
    catalogue: Catalogue,
    schemas: Mapping[str, Any],
) -> None:
    allowed = context.policy[route.operation_id or ""]
    described["security"] = [] if allowed == PUBLIC else [{SCHEME: sorted(allowed)}]
    if route.rules.idempotent:
        described.setdefault("parameters", []).append(
            _header(
                "Idempotency-Key",
                "每次操作一个键，重试不变 · One key per operation, the same to retry",
                "6f1c1b9e-1f0e-4d0a-9a35-8d2f1c0b7a11",
            )
        )
    if route.rules.if_match:
        described.setdefault("parameters", []).append(
            _header("If-Match", "上次读到的 ETag · The ETag you read last", '"3"')
        )
    for content in described.get("requestBody", {}).get("content", {}).values():
        content.setdefault("example", example_of(content["schema"], schemas))
    for status, answer in described["responses"].items():
        if answer.get("description") == "Successful Response":
            answer["description"] = "成功 · Done"
        for media, content in answer.get("content", {}).items():
            if status.startswith("2") and media == "application/json" and content.get("schema"):
                content.setdefault("example", example_of(content["schema"], schemas))
    described["responses"].pop("422", None)
    for status, entries in sorted(_by_status(_codes(route, context), catalogue).items()):
        described["responses"][str(status)] = {
            "description": "；".join(dict.fromkeys(f"{entry.title['zh']} · {entry.title['en']}" for entry in entries)),
            "content": {
                PROBLEM_JSON: {
                    "schema": _PROBLEM,
                    "examples": {
                        name: {"$ref": f"#/components/examples/{name}"}
                        for entry in entries
                        for name in examples_of(entry)
                    },
                }
            },
        }


def _header(name: str, description: str, example: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
        "example": example,
    }


def _codes(route: Operation, context: BoundedContext) -> list[str]:
    name = route.operation_id or ""
    codes = [*_ALWAYS, *(() if context.policy[name] == PUBLIC else _TOKEN)]
    codes += ["duty-missing"] if context.duties is not None and name in context.duties.of_operations else []
    if route.body_field is not None:
        codes += _BODY
    elif route.dependant.query_params:
        codes += ["invalid"]
    if "{" in route.path or route.rules.if_match:
        codes += ["not-found"]
    codes += _KEY if route.rules.idempotent else ()
    codes += _VERSION if route.rules.if_match else ()
    names = {field.name for field in _query_fields(route.dependant)}
    codes += ["behind"] if "min_position" in names else []
    codes += ["cursor-malformed"] if "cursor" in names else []
    return list(dict.fromkeys([*codes, *(("invalid",) if names else ()), *route.rules.codes]))


def _query_fields(dependant: Any) -> Iterator[Any]:
    yield from dependant.query_params
    for inner in dependant.dependencies:
        yield from _query_fields(inner)


def _by_status(codes: Sequence[str], catalogue: Catalogue) -> dict[int, list[Entry]]:
    found: dict[int, list[Entry]] = {}
    for code in codes:
        entry = catalogue[code]
        found.setdefault(entry.status_for(), []).append(entry)
    return found


def examples_of(entry: Entry) -> dict[str, dict[str, Any]]:
    """Make the examples of a problem code, one in each language, by the name they have in the document."""
    return {
        f"{entry.code}-{language}": {
            "summary": entry.title[language],
            "value": {
                "type": TYPE_PREFIX + entry.code,
                "title": entry.title[language],
                "status": entry.status_for(),
                "detail": entry.sentence(language, value="…", limit="…"),
                "instance": "/v1/…",
                "code": entry.code,
                "errors": [],
                "remedy": entry.remedy[language],
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            },
        }
        for language in LANGUAGES
    }


_BY_FORMAT = {
    "date": "2026-11-22",
    "date-time": "2026-11-22T08:00:00Z",
    "binary": "(文件 · file)",
    "uuid": "6f1c1b9e-1f0e-4d0a-9a35-8d2f1c0b7a11",
}


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """Make an example of a schema: its own where it has one, else put together from its fields' examples."""
    own = [schema[key] for key in ("example", "const") if key in schema]
    own += [schema[key][0] for key in ("examples", "enum") if schema.get(key)]
    if "$ref" in schema and not own:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    own += [example_of(schema[key][0], schemas) for key in ("anyOf", "oneOf", "allOf") if schema.get(key)]
    return own[0] if own else _made_up(schema, schemas)


def _made_up(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            return {name: example_of(inner, schemas) for name, inner in schema.get("properties", {}).items()}
        case "array":
            return [example_of(schema["items"], schemas)] if schema.get("items") else []
        case "integer" | "number":
            return schema.get("default", schema.get("minimum", 1))
        case "boolean":
            return schema.get("default", True)
        case "null":
            return None
        case _:
            return schema.get("default") or _BY_FORMAT.get(schema.get("format", ""), "…")
