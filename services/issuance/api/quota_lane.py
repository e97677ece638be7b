"""The ordinary question for what a period has left, answered without a web framework in its way.

It is asked by everybody who waits for an opening, again and again. Whatever is not asked in the one ordinary manner,
or cannot be answered, steps aside to the route of the same operation; both write the same bytes.
"""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from services.issuance.remaining_quota import LiveQuota
from shared.http.commands import JSON
from shared.http.edge import Edge
from shared.http.middleware import meet, note_answer, send_answer
from shared.kernel.ids import is_id
from shared.store.execution import Answer, StoreBusyError

OPERATION = "getRemainingQuota"
ROUTE = "/v1/periods/{period_id}/remaining-quota"
_BEFORE, _AFTER = ROUTE.split("{period_id}")
_ACCEPTED = {b"*/*", b"application/json", b"application/json, text/plain, */*"}
_STEPS_ASIDE = {b"x-request-id", b"traceparent", b"content-length", b"transfer-encoding", b"expect"}
"""What changes an answer or its line in the log, or announces a body."""


class QuotaLane:
    """Meets questions for what is left before everything else does."""

    def __init__(self, app: ASGIApp, edge: Edge, live: LiveQuota) -> None:
        self._app, self._edge, self._live = app, edge, live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an ordinary question; let everything else pass."""
        period_id = _asked_for(scope)
        if period_id is None or self._edge.runtime.tracing.is_on:
            await self._app(scope, receive, send)
            return
        began = asyncio.get_running_loop().time()
        body = await self._written(period_id)
        visit = meet(self._edge, scope)
        allowance = self._edge.buckets.take(visit.address) if body is not None else None
        if body is None or allowance is None or not allowance.granted:
            await self._app(scope, receive, send)
            return
        visit.operation, visit.allowance = OPERATION, allowance
        await send_answer(send, Answer(status=200, headers={"Content-Type": JSON}, body=body), visit)
        seconds = asyncio.get_running_loop().time() - began
        note_answer(self._edge, visit, method="GET", path=scope["path"], route=ROUTE, status=200, seconds=seconds)

    async def _written(self, period_id: str) -> bytes | None:
        """Give the answer of this tick; None where the ordinary way has to say why there is none."""
        try:
            return self._live.written(await self._live.look(), period_id)
        except StoreBusyError:
            return None


def _asked_for(scope: Scope) -> str | None:
    """Name the period that an ordinary question is about; None for any other request."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope["query_string"]:
        return None
    path: str = scope["path"]
    if not path.endswith(_AFTER) or not path.startswith(_BEFORE):
        return None
    for name, value in scope["headers"]:
        if name in _STEPS_ASIDE or (name == b"accept" and value not in _ACCEPTED):
            return None
    period_id = path[len(_BEFORE) : -len(_AFTER)]
    return period_id if is_id(period_id, "prd") else None
