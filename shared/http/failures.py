"""From exceptions to problems: every way a request can fail has one document, and a 500 is always a bug."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from shared.http.edge import writer_of
from shared.http.language import Language
from shared.http.limits import BodyTooLargeError
from shared.http.problems import Catalogue, Detail, Problem, ProblemError, Writer
from shared.http.routes import UnprintableTextError
from shared.kernel.refusal import Refused
from shared.store.execution import (
    KeyFencedError,
    KeyInProgressError,
    KeyReusedError,
    OutcomeUnknownError,
    StoreBusyError,
    classified,
)
from shared.store.transaction import StaleVersionError, UnknownSubjectError
from shared.telemetry import is_confidential

_log = structlog.get_logger(__name__)
_RETRY = {"Retry-After": "1"}
_CODES: Mapping[type[Exception], tuple[str, Mapping[str, str]]] = {
    UnknownSubjectError: ("not-found", {}),
    StaleVersionError: ("version-stale", {}),
    KeyReusedError: ("key-reused", {}),
    KeyFencedError: ("key-fenced", {}),
    KeyInProgressError: ("key-in-progress", _RETRY),
    StoreBusyError: ("busy", _RETRY),
    OutcomeUnknownError: ("outcome-unknown", _RETRY),
}
_STATUS_CODES = {
    400: "malformed-request",
    401: "not-authenticated",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    413: "body-too-large",
    415: "media-type-unsupported",
}
_PLACES = {"query": "query:", "header": "header:", "path": "path:", "cookie": "cookie:"}


def problem_of(error: Exception, writer: Writer) -> Problem:
    """Write the problem of an exception; one that nobody expected is `internal`, and is logged with its trace."""
    told = classified(error) if isinstance(error, DBAPIError) else error
    if isinstance(told, Refused):
        return writer.of_refusal(told)
    problem = _protocol_error(told, writer)
    if problem is None:
        _log.error("request.failed", exc_info=told)
        problem = ProblemError("internal")
    return writer.of_code(
        problem.code, errors=problem.errors, value=problem.value, limit=problem.limit, headers=problem.headers
    )


def _protocol_error(error: Exception, writer: Writer) -> ProblemError | None:
    """Say an exception as a problem of the protocol; None for one that nobody expected."""
    match error:
        case ProblemError():
            return error
        case RequestValidationError():
            return ProblemError("invalid", errors=details(error.errors(), writer.catalogue, writer.language))
        case UnprintableTextError():
            code = "text_unprintable"
            message = writer.catalogue.validation(code, writer.language, {}, "")
            return ProblemError("invalid", errors=[Detail(pointer=error.pointer, code=code, message=message)])
        case BodyTooLargeError():
            return ProblemError("body-too-large", limit=error.limit, headers={"Connection": "close"})
        case HTTPException() if error.status_code in _STATUS_CODES:
            return ProblemError(_STATUS_CODES[error.status_code], headers=error.headers)
    code, headers = _CODES.get(type(error), ("", {}))
    return ProblemError(code, headers=headers) if code else None


def details(errors: Sequence[Any], catalogue: Catalogue, language: Language) -> list[Detail]:
    """Say what validation found: where (a pointer), what (the validator's code), in the caller's language."""
    return [
        Detail(
            pointer=pointer_of(error["loc"]),
            code=error["type"],
            message=catalogue.validation(error["type"], language, error.get("ctx") or {}, error["msg"]),
            value=_shown(error),
        )
        for error in errors
    ]


def pointer_of(location: Sequence[str | int]) -> str:
    """Write a place as a pointer: `#/amount/currency` into the body, `query:limit` and the like outside of it."""
    place, *steps = location or ("body",)
    if place in _PLACES:
        return _PLACES[str(place)] + ".".join(str(step) for step in steps)
    return "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _shown(error: Mapping[str, Any]) -> object:
    """Give the value back that was wrong, unless it may be about a person or is more than one value."""
    value = error.get("input")
    if isinstance(value, (dict, list, bytes)) or any(is_confidential(str(step)) for step in error["loc"]):
        return None
    return value


def answer_failures(app: FastAPI) -> None:
    """Have every exception answered with its problem."""

    async def answer(request: Request, error: Exception) -> Response:
        return problem_of(error, writer_of(request)).response()

    handled: list[type[Exception] | int] = [
        Refused,
        ProblemError,
        RequestValidationError,
        UnprintableTextError,
        HTTPException,
        DBAPIError,
        ResponseValidationError,
        *_CODES,
    ]
    for kind in handled:
        app.add_exception_handler(kind, answer)
