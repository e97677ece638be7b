"""Operations are found by their method and the fixed parts of their path, and they are the ones the framework finds."""

import re
from importlib import import_module
from typing import Any

import pytest
from starlette.routing import Match

from shared.context import BoundedContext
from shared.http.finding import OperationIndex
from shared.http.openapi import operations
from shared.http.routes import router_for
from shared.settings import CONTEXTS

ELSEWHERE = (
    "/",
    "/v1",
    "/v1/",
    "/v1/nothing",
    "/v2/periods",
    "/health/ready",
    "/v1/periods//plan",
    "//periods",
    "/v1/%2e",
)


def _scope(method: str, path: str, **more: Any) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "headers": [], **more}


def _one_by_one(context: BoundedContext, scope: dict[str, Any]) -> object:
    """Find as the framework does."""
    for route in operations(context):
        match, found = route.matches(scope)
        if match is Match.FULL:
            return found["route"]
    return None


def _found(index: OperationIndex, scope: dict[str, Any]) -> object:
    match, found = index.matches(scope)
    assert match in {Match.FULL, Match.NONE}
    return found.get("route")


@pytest.mark.parametrize("name", CONTEXTS)
def test_every_operation_is_found_at_once_and_is_the_one_the_framework_finds(name: str) -> None:
    context: BoundedContext = import_module(f"services.{name}.app").CONTEXT
    index = OperationIndex(operations(context))
    for route in operations(context):
        path = re.sub(r"\{\w+\}", "abc_1", route.path)
        for method in route.methods or ():
            scope = _scope(method, path)
            assert _found(index, scope) is _one_by_one(context, scope) is not None
            assert index.matches(scope)[1]["path_params"] == route.matches(scope)[1]["path_params"]
            for other in (f"{path}/", f"{path}/more", path.removesuffix("1")):
                assert _found(index, _scope(method, other)) is _one_by_one(context, _scope(method, other))
        assert _found(index, _scope("PATCH", path)) is None
    for path in ELSEWHERE:
        assert _found(index, _scope("GET", path)) is _one_by_one(context, _scope("GET", path)) is None


def test_of_two_that_fit_the_one_declared_first_is_found() -> None:
    router = router_for("issuance", tag="things")
    for operation_id, path in (
        ("first", "/things/mine"),
        ("second", "/things/{thing_id}"),
        ("third", "/things/{name}"),
    ):
        router.get(path, operation_id=operation_id)(lambda: None)
    index = OperationIndex(router.routes)
    assert [getattr(_found(index, _scope("GET", f"/v1/things/{name}")), "operation_id") for name in ("mine", "x")] == [  # noqa: B009
        "first",
        "second",
    ]


def test_what_stands_below_a_prefix_or_spans_parts_is_left_to_the_framework() -> None:
    router = router_for("issuance", tag="things")
    router.get("/files/{path:path}", operation_id="getFile")(lambda: None)
    router.get("/{kind}/all", operation_id="listAll")(lambda: None)
    router.get("/things", operation_id="listThings")(lambda: None)
    index = OperationIndex(router.routes)
    assert _found(index, _scope("GET", "/v1/things")) is not None
    assert _found(index, _scope("GET", "/base/v1/things", root_path="/base")) is None
    assert _found(index, _scope("GET", "/v1/files/a")) is None
    assert _found(index, _scope("GET", "/v1/things/all")) is None
    assert _found(index, {"type": "websocket", "path": "/v1/things", "headers": []}) is None
