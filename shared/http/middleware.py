"""The outermost layer, pure ASGI: request ids, limits, time, headers, the access log, and no naked 500."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.answer_meters import ANSWERS
from shared.http.at_once import Reply, lines_of
from shared.http.edge import Edge, Visit, note_visit, writer_for
from shared.http.failures import problem_of
from shared.http.language import language_of
from shared.http.limits import body_limit, limited
from shared.http.problems import ProblemError
from shared.http.waiting import preferred_wait
from shared.kernel.ids import new_id
from shared.store.execution import Answer

SERVICE_LIMIT_S = 4.0
"""How long an answer may take to begin; what a caller prefers to wait comes on top."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,128}")
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
_LINES = lines_of(_RAW_HEADERS).decode()
_QUIET = ("/health/", "/metrics", "/docs")
_access = structlog.get_logger("access")
_access_lines = logging.getLogger("access")


class EdgeMiddleware:
    """Meets every request first and sees every answer last."""

    def __init__(self, app: ASGIApp, edge: Edge) -> None:
        self._app, self._edge = app, edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; whatever happens inside, the caller gets an answer we have written."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        visit = meet(
            self._edge,
            scope,
            request_id=headers.get("x-request-id", ""),
            traceparent=headers.get("traceparent", ""),
            accept_language=headers.get("accept-language", ""),
        )
        note_visit(scope, visit)
        began = self._seconds()
        answered = _Answered(send, visit)
        content_type = headers.get("content-type", "")
        counted = limited(receive, body_limit(content_type), headers.get("content-length", ""))
        with structlog.contextvars.bound_contextvars(request_id=visit.request_id, trace_id=visit.trace_id):
            try:
                _check_text(scope)
                await self._in_time(scope, counted, answered, headers)
            except Exception as error:  # noqa: BLE001 (nobody outside this layer could answer with a problem)
                await self._answer_failure(error, scope, receive, answered, visit)
            finally:
                note_answer(
                    self._edge,
                    visit,
                    method=scope["method"],
                    path=scope["path"],
                    route=getattr(scope.get("route"), "path", ""),
                    status=answered.status,
                    seconds=self._seconds() - began,
                )

    async def _in_time(self, scope: Scope, receive: Receive, answered: "_Answered", headers: Headers) -> None:
        limit = SERVICE_LIMIT_S + preferred_wait(headers.getlist("prefer"))
        try:
            async with asyncio.timeout(limit) as clock:
                answered.on_start = lambda: clock.reschedule(None)  # a stream that has begun may go on
                await self._app(scope, receive, answered)
        except TimeoutError:
            if not clock.expired():
                raise
            raise ProblemError("timed-out", headers={"Retry-After": "1"}) from None
        finally:
            answered.on_start = _nothing

    async def _answer_failure(
        self, error: Exception, scope: Scope, receive: Receive, answered: "_Answered", visit: Visit
    ) -> None:
        problem = problem_of(error, writer_for(self._edge, visit, scope["path"]))
        if answered.status:
            return  # the answer has begun: all that is left is to end it, and the log says why
        await problem.response()(scope, receive, answered)

    @staticmethod
    def _seconds() -> float:
        return asyncio.get_running_loop().time()


def meet(
    edge: Edge,
    scope: Mapping[str, Any],
    *,
    request_id: str = "",
    traceparent: str = "",
    accept_language: str = "",
    now: datetime | None = None,
) -> Visit:
    """Note a request as it came; what it says of itself is taken where it has the right form.

    `now` is the present instant, for who has asked for it already.
    """
    now = now or edge.runtime.clock.now()
    known = request_id if request_id and _REQUEST_ID.fullmatch(request_id) else new_id("req", now)
    parent = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    client = scope.get("client")
    return Visit(
        known,
        parent[1] if parent else known,
        parent[0] if parent else None,
        language_of(accept_language),
        now,
        str(client[0]) if client else "unknown",
    )


@lru_cache(maxsize=256)
def _lowered(name: str) -> bytes:
    return name.lower().encode()


def raw_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Write the headers of an answer as they go over the wire."""
    return [(_lowered(name), value.encode("latin-1")) for name, value in headers.items()]


def completed(headers: list[tuple[bytes, bytes]], visit: Visit, length: int) -> list[tuple[bytes, bytes]]:
    """Complete an answer's own headers by those every answer has; `length` is that of its body."""
    allowed = visit.allowance.raw_headers() if visit.allowance is not None else ()
    return [
        *headers,
        *allowed,
        (b"x-request-id", visit.request_id.encode()),
        (b"content-length", b"%d" % length),
        *_RAW_HEADERS,
    ]


def completed_lines(lines: str, visit: Visit, length: int) -> bytes:
    """Complete an answer's own headers as `completed` does, but in lines."""
    allowed = visit.allowance.lines() if visit.allowance is not None else ""
    return f"{lines}{allowed}x-request-id: {visit.request_id}\r\ncontent-length: {length}\r\n{_LINES}".encode("latin-1")


def reply_of(answer: Answer, visit: Visit) -> Reply:
    """Write an answer whole, as `send_answer` sends it."""
    lines = "".join([f"{name.lower()}: {value}\r\n" for name, value in answer.headers.items()])
    if answer.replayed:
        lines += "idempotency-replayed: true\r\n"
    return Reply(answer.status, completed_lines(lines, visit, len(answer.body)), answer.body)


async def send_answer(send: Send, answer: Answer, visit: Visit) -> None:
    """Send an answer from outside the framework, with the headers every answer has."""
    headers = completed(raw_headers(answer.headers), visit, len(answer.body))
    if answer.replayed:
        headers.append((b"idempotency-replayed", b"true"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def note_answer(edge: Edge, visit: Visit, *, method: str, path: str, route: str, status: int, seconds: float) -> None:
    """Count an answer and its time, and write the line of the access log; `path` decides only how loud it is."""
    ANSWERS.note(edge.context.name, visit.operation or "none", status, seconds)
    loudness = logging.DEBUG if path.startswith(_QUIET) else logging.INFO
    if not _access_lines.isEnabledFor(loudness):
        return
    _access.log(
        loudness,
        "request",
        request_id=visit.request_id,
        trace_id=visit.trace_id,
        method=method,
        route=route,
        operation=visit.operation,
        status=status,
        ms=round(seconds * 1000, 1),
        principal=visit.caller.principal if visit.caller else None,
        role=visit.caller.role.value if visit.caller else None,
    )


class _Answered:
    """The way out: adds the headers every answer has, and remembers the status."""

    def __init__(self, send: Send, visit: Visit) -> None:
        self._send, self._visit = send, visit
        self.status = 0
        self.on_start: Callable[[], None] = _nothing

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.on_start()
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers["X-Request-Id"] = self._visit.request_id
            if self._visit.allowance is not None:
                for name, value in self._visit.allowance.headers().items():
                    headers.setdefault(name, value)
        await self._send(message)


def _nothing() -> None:
    """Nobody waits for the answer to begin."""


def _check_text(scope: Scope) -> None:
    """Refuse addresses whose text no database could compare with: broken UTF-8 and NUL."""
    try:
        query = parse_qsl(
            scope["query_string"].decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50
        )
    except ValueError as error:
        raise ProblemError("malformed-request") from error
    texts = [scope["path"], *(part for pair in query for part in pair)]
    if any("\x00" in text or "\ufffd" in text or not text.isprintable() for text in texts):
        raise ProblemError("malformed-request")
