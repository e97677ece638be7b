"""The ordinary claim, answered without a web framework in its way; every other request takes the ordinary way.

Whatever is not spelt in the one ordinary manner steps aside, before anything has been decided: its answer, above all
its problem, is written by the same route as ever. Both ways lead to the same intake and write the same bytes.
"""

import asyncio
from collections.abc import Coroutine
from datetime import datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.issuance.api.intake_desk import IntakeDesk
from services.issuance.api.ordinary_claims import (
    CLAIMS,
    FORWARDED_NAME,
    OPERATION,
    TARGET,
    Wanted,
    is_claim,
    ordinary,
    wanted,
)
from shared.http.at_once import Headers, Reply
from shared.http.edge import Edge, Visit, writer_for
from shared.http.failures import problem_of
from shared.http.identity import Caller
from shared.http.lanes import caller_of, text_of
from shared.http.limits import JSON_BYTES_MAX, Allowance
from shared.http.middleware import SERVICE_LIMIT_S, meet, note_answer, reply_of
from shared.http.problems import PROBLEM_JSON, ProblemError
from shared.http.seconds import monotonic_seconds
from shared.store.execution import Answer, IdempotencyKey

_DIGITS_MAX = len(str(JSON_BYTES_MAX))


class ClaimDoor:
    """Answers ordinary claims: what can be told from memory at once, every other when it has been decided."""

    def __init__(self, edge: Edge, desk: IntakeDesk) -> None:
        self._edge, self._desk = edge, desk
        self.allowed = edge.context.policy[OPERATION]

    def at_once(
        self, target: bytes, _address: str, headers: Headers, body: bytes
    ) -> Reply | Coroutine[object, object, Reply] | None:
        """Take a claim of somebody who is verified without waiting; None, and nothing has happened, for any other."""
        asked = wanted(body) if target == TARGET else None
        head = ordinary(headers) if asked is not None and not self._edge.runtime.tracing.is_on else None
        if asked is None or head is None:
            return None
        now = self._edge.runtime.clock.now()
        caller = self._edge.verifier.at_hand(head[b"authorization"], now)
        return self.answer(head, asked, caller, now) if caller is not None and caller.role in self.allowed else None

    def answer(
        self, head: dict[bytes, bytes], asked: Wanted, caller: Caller, now: datetime
    ) -> Reply | Coroutine[object, object, Reply] | None:
        """Answer a claim of somebody who may make it; None, and nothing has happened, for who asks too often."""
        reply = self._desk.sold_out.reply(head, asked, caller, now)
        if reply is not None:
            return reply
        allowance = self._edge.buckets.take(caller.principal)
        return self._claimed(head, asked, caller, allowance) if allowance.granted else None

    async def _claimed(self, head: dict[bytes, bytes], asked: Wanted, caller: Caller, allowance: Allowance) -> Reply:
        began = monotonic_seconds()
        visit = meet(
            self._edge,
            {},
            request_id=text_of(head, b"x-request-id"),
            traceparent=text_of(head, b"traceparent"),
            accept_language=text_of(head, b"accept-language"),
        )
        visit.caller, visit.operation, visit.allowance = caller, OPERATION, allowance
        visit.forwarded = bool(head.get(FORWARDED_NAME))
        key = IdempotencyKey(caller.principal, OPERATION, text_of(head, b"idempotency-key"), asked.payload)
        answer = await self._decided(visit, key, asked, head)
        reply = reply_of(answer, visit)
        seconds = monotonic_seconds() - began
        note_answer(self._edge, visit, method="POST", path=CLAIMS, route=CLAIMS, status=answer.status, seconds=seconds)
        return reply

    async def _decided(self, visit: Visit, key: IdempotencyKey, asked: Wanted, head: dict[bytes, bytes]) -> Answer:
        token, entry_token = text_of(head, b"authorization"), text_of(head, b"entry-token")
        try:
            return await self._desk.claim(
                visit, key, asked.period_id, asked.amount, token=token, entry_token=entry_token
            )
        except Exception as error:  # noqa: BLE001 (as in the outermost layer: every failure has its document)
            problem = problem_of(error, writer_for(self._edge, visit, CLAIMS))
            headers = {"Content-Type": PROBLEM_JSON, **problem.headers}
            return Answer(status=problem.status, headers=headers, body=problem.body)


class ClaimLane:
    """Meets claims before everything else in the app does: those that the server could not bring to the door itself."""

    def __init__(self, app: ASGIApp, edge: Edge, door: ClaimDoor) -> None:
        self._app, self._edge, self._door = app, edge, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an ordinary claim; let everything else pass."""
        if not is_claim(scope) or self._edge.runtime.tracing.is_on:
            await self._app(scope, receive, send)
            return
        head = ordinary(scope["headers"])
        caller = await caller_of(self._edge, head[b"authorization"]) if head is not None else None
        if head is None or caller is None or caller.role not in self._door.allowed or _announces_too_much(head):
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(SERVICE_LIMIT_S):
                messages, body = await _whole(receive)
        except TimeoutError:
            await self._app(scope, _too_late, send)
            return
        asked = wanted(body)
        now = self._edge.runtime.clock.now()
        coming = self._door.answer(head, asked, caller, now) if asked is not None else None
        if coming is None:
            await self._app(scope, _again(messages, receive), send)
            return
        reply = coming if isinstance(coming, Reply) else await coming
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers()})
        await send({"type": "http.response.body", "body": reply.body})


def _announces_too_much(head: dict[bytes, bytes]) -> bool:
    """Tell whether a body will be too long, or says no length that could be read: nobody waits for such a one here."""
    length = head.get(b"content-length", b"0")
    return not length.isdigit() or len(length) > _DIGITS_MAX or int(length) > JSON_BYTES_MAX


async def _whole(receive: Receive) -> tuple[list[Message], bytes]:
    """Read a body to its end, or as far as it may go; empty where the caller has gone."""
    messages, body = [await receive()], b""
    while True:
        last = messages[-1]
        if last["type"] != "http.request":
            return messages, b""
        body += last.get("body", b"")
        if not last.get("more_body") or len(body) > JSON_BYTES_MAX:
            return messages, body
        messages.append(await receive())


def _again(messages: list[Message], receive: Receive) -> Receive:
    """Let messages that were read be read once more."""
    unread = iter(messages)

    async def receive_again() -> Message:
        return next(unread, None) or await receive()

    return receive_again


async def _too_late() -> Message:
    """Say, in the place of a body that did not come in time, what the outermost layer says of it."""
    raise ProblemError("timed-out", headers={"Retry-After": "1"})
