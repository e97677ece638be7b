"""How an operation is declared, and what is checked before its handler sees a request."""

import json
import re
import unicodedata
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.params import Form
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from shared.http.edge import edge_of, visit_of
from shared.http.policy import PUBLIC
from shared.http.problems import ProblemError

OPERATION = "x-cxq-operation"
"""Where `openapi_extra` carries an operation's rules; the document shows them as parameters and answers."""
IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._:~-]{8,128}")
_ETAG = re.compile(r'"(\d{1,9})"')
_JSON_TYPES = {"application/json"}
_JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRules:
    """What an operation asks of its requests, and the problem codes of its own that it may answer with.

    `known_as` says under which other names answers tell what a parameter of its path asks for.
    """

    idempotent: bool
    if_match: bool = False
    codes: tuple[str, ...] = ()
    known_as: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def operation(
    *,
    idempotent: bool = True,
    if_match: bool = False,
    codes: tuple[str, ...] = (),
    known_as: Mapping[str, tuple[str, ...]] | None = None,
) -> dict[str, Any]:
    """Give the `openapi_extra` of a route: does it need an Idempotency-Key, an If-Match; which refusals are its own."""
    rules = OperationRules(idempotent=idempotent, if_match=if_match, codes=codes, known_as=known_as or {})
    return {OPERATION: rules}


def router_for(context: str, *, tag: str) -> APIRouter:
    """Start a router of a context: paths under `/v1`, every operation checked as `Operation` says."""
    return APIRouter(prefix="/v1", tags=[tag], route_class=Operation, generate_unique_id_function=_named(context))


def _named(context: str) -> Callable[[APIRoute], str]:
    def refuse_unnamed(route: APIRoute) -> str:
        if route.operation_id is None:
            raise TypeError(f"{context}: {route.path} needs an operation_id, a verb and a noun")
        return route.operation_id

    return refuse_unnamed


class Operation(APIRoute):
    """A route that checks token, rate, role, Accept, Content-Type, Idempotency-Key and If-Match, in this order."""

    @property
    def rules(self) -> OperationRules:
        """What this operation asks of its requests; by default a POST needs an Idempotency-Key."""
        declared = (self.openapi_extra or {}).get(OPERATION)
        return declared if declared is not None else OperationRules(idempotent="POST" in (self.methods or ()))

    @property
    def takes_form(self) -> bool:
        """Whether the body is a multipart form."""
        return self.body_field is not None and isinstance(self.body_field.field_info, Form)

    @property
    def answers_json(self) -> bool:
        """Whether the answer is JSON; a download, whose class of response says so, is not."""
        chosen = self.response_class
        return isinstance(chosen, DefaultPlaceholder) or issubclass(chosen, JSONResponse)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the checks in front of FastAPI's own handling."""
        answer = super().get_route_handler()

        async def admit_and_answer(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            await self._admit(strict)
            if self.body_field is not None and await strict.body() and not self.takes_form:
                await strict.json()  # read here, because FastAPI would turn what is wrong with it into a plain 400
            return await answer(strict)

        return admit_and_answer

    async def _admit(self, request: Request) -> None:
        edge, visit = edge_of(request), visit_of(request)
        visit.operation = self.operation_id or ""
        allowed = edge.context.policy[visit.operation]
        if allowed != PUBLIC:
            try:
                visit.caller = await edge.verifier.caller(request.headers.get("authorization"))
            except ProblemError as problem:
                _take_one(request, visit.address)
                raise problem from None
        _take_one(request, visit.caller.principal if visit.caller else visit.address)
        if visit.caller is not None and visit.caller.role not in allowed:
            raise ProblemError(
                "not-allowed",
                limit=sorted(allowed),
                headers={"WWW-Authenticate": 'Bearer realm="cxq", error="insufficient_scope"'},
            )
        if self.answers_json:
            _check_accept(request)
        if self.body_field is not None:
            _check_media_type(request, wants_form=self.takes_form)
        if self.rules.idempotent:
            _check_key(request)
        if self.rules.if_match:
            if_match_of(request)


def _take_one(request: Request, bucket: str) -> None:
    visit_of(request).allowance = allowance = edge_of(request).buckets.take(bucket)
    if not allowance.granted:
        raise ProblemError("too-many-requests")


def _check_accept(request: Request) -> None:
    accept = request.headers.get("accept", "*/*") or "*/*"
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        refused = any(re.fullmatch(r"q=0(\.0{0,3})?", parameter) for parameter in parameters)
        if media in {"*/*", "application/*", "application/json", "application/problem+json"} and not refused:
            return
    raise ProblemError("not-acceptable")


def _check_media_type(request: Request, *, wants_form: bool) -> None:
    wanted = "multipart/form-data" if wants_form else _JSON
    declared = request.headers.get("content-type")
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    if declared is None and not has_body and not wants_form:
        return  # validation says what is missing
    message = Message()
    message["content-type"] = declared or ""
    charset = message.get_content_charset("utf-8")
    media = message.get_content_type() if declared else ""
    fits = media == "multipart/form-data" if wants_form else media in _JSON_TYPES and charset in {"utf-8", "us-ascii"}
    if not fits:
        raise ProblemError("media-type-unsupported", limit=wanted)


def _check_key(request: Request) -> None:
    given = request.headers.getlist("idempotency-key")
    if not given or not given[0]:
        raise ProblemError("idempotency-key-required")
    if len(given) > 1 or IDEMPOTENCY_KEY.fullmatch(given[0]) is None:
        raise ProblemError("idempotency-key-malformed")


def if_match_of(request: Request) -> int:
    """Read the version a caller has decided on; ProblemError when it is missing or malformed."""
    given = request.headers.getlist("if-match")
    if not given:
        raise ProblemError("precondition-required")
    version = _ETAG.fullmatch(given[0].strip())
    if len(given) > 1 or version is None:
        raise ProblemError("etag-malformed")
    return int(version[1])


class StrictRequest(Request):
    """A request whose JSON is JSON (RFC 8259): no NaN, no repeated names, texts in NFC without control characters."""

    async def json(self) -> Any:
        """Read the body; ProblemError `malformed-json`, or `invalid` for a text that cannot be kept."""
        if not hasattr(self, "_strict"):
            self._strict = strict_json(await self.body())
        return self._strict


def strict_json(body: bytes) -> Any:
    """Read JSON strictly; ProblemError says where it is not JSON, or which text cannot be kept."""
    try:
        text = body.decode("utf-8")
        content = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_without_twins)
        return _tidy(content, "#")
    except json.JSONDecodeError as error:
        raise ProblemError("malformed-json", value=error.pos) from error
    except UnicodeDecodeError as error:
        raise ProblemError("malformed-json", value=error.start) from error
    except (ValueError, RecursionError) as error:
        raise ProblemError("malformed-json", value=0) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is said twice")
    return found


def _tidy(value: Any, pointer: str) -> Any:
    match value:
        case str():
            return _tidy_text(value, pointer)
        case list():
            return [_tidy(part, f"{pointer}/{number}") for number, part in enumerate(value)]
        case dict():
            return {_tidy_text(name, pointer): _tidy(part, f"{pointer}/{name}") for name, part in value.items()}
        case float() if value in {float("inf"), float("-inf")}:
            raise ValueError("a number is too large")
        case _:
            return value


def _tidy_text(text: str, pointer: str) -> str:
    if any(unicodedata.category(sign) in {"Cc", "Cs"} and sign not in "\t\n\r" for sign in text):
        raise UnprintableTextError(pointer.encode("utf-8", "replace").decode())
    return unicodedata.normalize("NFC", text)


class UnprintableTextError(Exception):
    """A text has control characters or half a character; `pointer` says where."""

    def __init__(self, pointer: str) -> None:
        super().__init__(pointer)
        self.pointer = pointer
