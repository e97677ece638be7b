"""A claimant's ordinary look at its own vouchers, answered without a web framework in its way.

Whatever is not asked in the one ordinary manner, or cannot be answered at once, steps aside to the route of the same
operation; both write the same bytes.
"""

import asyncio
import re

from starlette.types import ASGIApp, Receive, Scope, Send

from services.issuance.api.visibility import claimant_of
from services.issuance.api.vouchers import LIMIT, written
from services.issuance.own_vouchers import Newest, OwnVouchers
from shared.http.commands import JSON
from shared.http.cursors import Cursors
from shared.http.edge import Edge
from shared.http.identity import Caller
from shared.http.lanes import ACCEPTED, caller_of, said_once, text_of
from shared.http.middleware import meet, note_answer, send_answer
from shared.http.policy import Role
from shared.http.reading import LIMIT_MAX, ListAsked, page_json
from shared.store.execution import Answer, StoreBusyError

OPERATION = "listVouchers"
VOUCHERS = "/v1/vouchers"
_QUERY = re.compile(rb"(?:limit=([1-9][0-9]{0,2}))?(?:(?:^|(?<=[0-9])&)min_position=(0|[1-9][0-9]{0,17}))?")
_STEPS_ASIDE = {b"content-length", b"transfer-encoding", b"expect"}
"""What announces a body."""


class VouchersLane:
    """Meets claimants who look at their vouchers before everything else does."""

    def __init__(self, app: ASGIApp, edge: Edge, own: OwnVouchers) -> None:
        self._app, self._edge, self._own = app, edge, own
        self._allowed, self._cursors = edge.context.policy[OPERATION], Cursors(edge.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an ordinary look; let everything else pass."""
        if (
            scope["type"] != "http"
            or scope["path"] != VOUCHERS
            or scope["method"] != "GET"
            or self._edge.runtime.tracing.is_on
        ):
            await self._app(scope, receive, send)
            return
        limit, position = _page_asked_for(scope["query_string"])
        head = said_once(scope["headers"], _STEPS_ASIDE) if limit else None
        caller = await self._caller(head) if head is not None else None
        if head is None or caller is None or not self._edge.buckets.has_one(caller.principal):
            await self._app(scope, receive, send)
            return
        began = asyncio.get_running_loop().time()
        visit = meet(
            self._edge,
            scope,
            request_id=text_of(head, b"x-request-id"),
            traceparent=text_of(head, b"traceparent"),
            accept_language=text_of(head, b"accept-language"),
        )
        newest = await self._newest(caller, limit, position)
        allowance = self._edge.buckets.take(caller.principal) if newest is not None else None
        if newest is None or allowance is None or not allowance.granted:
            await self._app(scope, receive, send)
            return
        visit.caller, visit.operation, visit.allowance = caller, OPERATION, allowance
        await send_answer(send, self._written(newest, caller, limit), visit)
        seconds = asyncio.get_running_loop().time() - began
        note_answer(self._edge, visit, method="GET", path=VOUCHERS, route=VOUCHERS, status=200, seconds=seconds)

    async def _caller(self, head: dict[bytes, bytes]) -> Caller | None:
        """Give the claimant who asks; whoever else it is, the ordinary way knows what to say."""
        if head.get(b"accept", b"") not in ACCEPTED or not head.get(b"authorization"):
            return None
        caller = await caller_of(self._edge, head[b"authorization"])
        is_one = caller is not None and caller.role is Role.CLAIMANT and caller.role in self._allowed
        return caller if is_one else None

    async def _newest(self, caller: Caller, limit: int, position: int) -> Newest | None:
        """Read a page and one voucher more; None where one has to wait for `position`, or be told why there is none."""
        try:
            newest = await self._own.newest(claimant_of(caller), limit + 1)
        except StoreBusyError:
            return None
        return newest if newest.as_of >= position else None

    def _written(self, newest: Newest, caller: Caller, limit: int) -> Answer:
        headers, next_cursor = {"Content-Type": JSON}, None
        if len(newest.rows) > limit:
            asked = ListAsked(operation=OPERATION, path=VOUCHERS, principal=caller.principal)
            next_cursor = self._cursors.write(asked.bound_to, [newest.rows[limit - 1]["voucher_id"]])
            headers["Link"] = asked.link(limit, next_cursor)
        body = page_json([written(row) for row in newest.rows[:limit]], next_cursor, newest.as_of)
        return Answer(status=200, headers=headers, body=body)


def _page_asked_for(query: bytes) -> tuple[int, int]:
    """Read how many vouchers are asked for, and as of which position at least; a limit of 0 is no ordinary question."""
    found = _QUERY.fullmatch(query)
    if found is None:
        return 0, 0
    limit = int(found[1] or LIMIT)
    return (limit if limit <= LIMIT_MAX else 0), int(found[2] or 0)
