"""The ordinary question for what a period has left, answered without a web framework in its way.

It is asked by everybody who waits for an opening, again and again. Whatever is not asked in the one ordinary manner,
or cannot be answered, steps aside to the route of the same operation; both write the same bytes.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from services.issuance.remaining_quota import LiveQuota
from shared.http.at_once import Headers, Reply
from shared.http.commands import JSON
from shared.http.edge import Edge
from shared.http.middleware import meet, note_answer, reply_of
from shared.http.seconds import monotonic_seconds
from shared.kernel.ids import is_id
from shared.store.execution import Answer, StoreBusyError

OPERATION = "getRemainingQuota"
ROUTE = "/v1/periods/{period_id}/remaining-quota"
_BEFORE, _AFTER = ROUTE.split("{period_id}")
LAST_PART = _AFTER.removeprefix("/").encode()
_ACCEPTED = {b"*/*", b"application/json", b"application/json, text/plain, */*"}
_STEPS_ASIDE = {b"x-request-id", b"traceparent", b"content-length", b"transfer-encoding", b"expect"}
"""What changes an answer or its line in the log, or announces a body."""
_PROXIED = {b"x-forwarded-for", b"x-forwarded-proto"}
"""By these a proxy tells where a request came from, which the server reads before the app does."""


_HEADERS = {"Content-Type": JSON}


class QuotaDoor:
    """Answers ordinary questions for what is left by the look of this tick."""

    def __init__(self, edge: Edge, live: LiveQuota) -> None:
        self._edge, self.live = edge, live

    def at_once(self, target: bytes, address: str, headers: Headers, body: bytes) -> Reply | None:
        """Answer a question; None, and nothing has happened, for any other request, and where nobody has looked yet."""
        path = target.decode("latin-1")
        period_id = asked_for(path, headers) if not body and _PROXIED.isdisjoint(dict(headers)) else None
        look = self.live.latest()
        if period_id is None or look is None or self._edge.runtime.tracing.is_on:
            return None
        written = self.live.written(look, period_id)
        return self.reply(path, address, written) if written is not None else None

    def reply(self, path: str, address: str, written: bytes) -> Reply | None:
        """Write an answer for somebody at an address; None, and nothing has happened, for who asks too often."""
        began = monotonic_seconds()
        allowance = self._edge.buckets.take(address)
        if not allowance.granted:
            return None
        visit = meet(self._edge, {})
        visit.operation, visit.allowance = OPERATION, allowance
        reply = reply_of(Answer(200, _HEADERS, written), visit)
        seconds = monotonic_seconds() - began
        note_answer(self._edge, visit, method="GET", path=path, route=ROUTE, status=200, seconds=seconds)
        return reply


class QuotaLane:
    """Meets questions for what is left before everything else in the app does."""

    def __init__(self, app: ASGIApp, edge: Edge, door: QuotaDoor) -> None:
        self._app, self._edge, self._door = app, edge, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an ordinary question; let everything else pass."""
        is_one = scope["type"] == "http" and scope["method"] == "GET" and not scope["query_string"]
        period_id = asked_for(scope["path"], scope["headers"]) if is_one else None
        if period_id is None or self._edge.runtime.tracing.is_on:
            await self._app(scope, receive, send)
            return
        written, client = await self._written(period_id), scope.get("client")
        address = str(client[0]) if client else "unknown"
        reply = self._door.reply(scope["path"], address, written) if written is not None else None
        if reply is None:
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers()})
        await send({"type": "http.response.body", "body": reply.body})

    async def _written(self, period_id: str) -> bytes | None:
        """Give the answer of this tick; None where the ordinary way has to say why there is none."""
        try:
            return self._door.live.written(await self._door.live.look(), period_id)
        except StoreBusyError:
            return None


def asked_for(path: str, headers: Headers) -> str | None:
    """Name the period that an ordinary question is about; None for any other."""
    if not path.endswith(_AFTER) or not path.startswith(_BEFORE):
        return None
    for name, value in headers:
        if name in _STEPS_ASIDE or (name == b"accept" and value not in _ACCEPTED):
            return None
    period_id = path[len(_BEFORE) : -len(_AFTER)]
    return period_id if is_id(period_id, "prd") else None
