"""The ordinary claim, answered without a web framework in its way; every other request takes the ordinary way.

Whatever is not spelt in the one ordinary manner steps aside, before anything has been decided: its answer, above all
its problem, is written by the same route as ever. Both ways lead to the same intake and write the same bytes.
"""

import asyncio
from typing import Literal

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.issuance.api.forwarding import FORWARDED
from services.issuance.api.intake_desk import CLAIMS, IntakeDesk
from shared.http.edge import Edge, Visit, writer_for
from shared.http.failures import problem_of
from shared.http.lanes import ACCEPTED, caller_of, said_once
from shared.http.limits import JSON_BYTES_MAX
from shared.http.middleware import meet, note_answer, send_answer
from shared.http.models import AMOUNT_FEN_MAX
from shared.http.problems import PROBLEM_JSON
from shared.http.routes import IDEMPOTENCY_KEY
from shared.kernel.ids import is_id
from shared.store.execution import Answer, IdempotencyKey

OPERATION = "claimVoucher"
_FORWARDED = FORWARDED.lower().encode()
_ONCE = (b"authorization", b"idempotency-key", b"content-type", b"accept", b"accept-language", b"x-request-id",
         b"traceparent", b"content-length", b"entry-token", _FORWARDED)  # fmt: skip
"""The headers that matter to a claim."""
_JSON_TYPES = {b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"}
_STEPS_ASIDE = {b"transfer-encoding", b"expect", b"content-encoding"}


class _Amount(msgspec.Struct, forbid_unknown_fields=True):
    amount: int
    currency: Literal["CNY"] = "CNY"


class _Claim(msgspec.Struct, forbid_unknown_fields=True):
    period_id: str
    amount: _Amount


_decoder = msgspec.json.Decoder(_Claim)


class ClaimLane:
    """Meets claims before everything else does."""

    def __init__(self, app: ASGIApp, edge: Edge, desk: IntakeDesk) -> None:
        self._app, self._edge, self._desk = app, edge, desk
        self._allowed = edge.context.policy[OPERATION]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an ordinary claim; let everything else pass."""
        if (
            scope["type"] != "http"
            or scope["path"] != CLAIMS
            or scope["method"] != "POST"
            or scope["query_string"]
            or self._edge.runtime.tracing.is_on
        ):
            await self._app(scope, receive, send)
            return
        head = _ordinary(scope["headers"])
        caller = await caller_of(self._edge, head[b"authorization"]) if head is not None else None
        if head is None or caller is None or caller.role not in self._allowed:
            await self._app(scope, receive, send)
            return
        messages, body = await _whole(receive)
        claim = _read(body)
        allowance = self._edge.buckets.take(caller.principal) if claim is not None else None
        if claim is None or allowance is None or not allowance.granted:
            await self._app(scope, _again(messages, receive), send)
            return
        began = asyncio.get_running_loop().time()
        visit = meet(
            self._edge,
            scope,
            request_id=head[b"x-request-id"].decode("latin-1"),
            traceparent=head[b"traceparent"].decode("latin-1"),
            accept_language=head[b"accept-language"].decode("latin-1"),
        )
        visit.caller, visit.operation, visit.headers = caller, OPERATION, allowance.headers()
        visit.forwarded = bool(head[_FORWARDED])
        key = IdempotencyKey(
            principal=caller.principal,
            operation=OPERATION,
            key=head[b"idempotency-key"].decode("latin-1"),
            payload=_canonical(claim, body),
        )
        answer = await self._decided(visit, key, claim, head)
        await send_answer(send, answer, visit)
        seconds = asyncio.get_running_loop().time() - began
        note_answer(self._edge, visit, method="POST", path=CLAIMS, route=CLAIMS, status=answer.status, seconds=seconds)

    async def _decided(self, visit: Visit, key: IdempotencyKey, claim: _Claim, head: dict[bytes, bytes]) -> Answer:
        token, entry_token = head[b"authorization"].decode("latin-1"), head[b"entry-token"].decode("latin-1")
        try:
            return await self._desk.claim(
                visit, key, claim.period_id, claim.amount.amount, token=token, entry_token=entry_token
            )
        except Exception as error:  # noqa: BLE001 (as in the outermost layer: every failure has its document)
            problem = problem_of(error, writer_for(self._edge, visit, CLAIMS))
            headers = {"Content-Type": PROBLEM_JSON, **problem.headers}
            return Answer(status=problem.status, headers=headers, body=problem.body)


def _ordinary(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes] | None:
    """Read the headers of a request that says everything once and in the ordinary way; None for any other."""
    head = said_once(headers, _ONCE, _STEPS_ASIDE)
    if (
        head is None
        or head[b"content-type"] not in _JSON_TYPES
        or head[b"accept"] not in ACCEPTED
        or not head[b"authorization"]
        or IDEMPOTENCY_KEY.fullmatch(head[b"idempotency-key"].decode("latin-1")) is None
    ):
        return None
    return head


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


def _read(body: bytes) -> _Claim | None:
    """Read a body; None unless it is a claim that leaves nothing to complain about."""
    if len(body) > JSON_BYTES_MAX or b"\\" in body:
        return None
    try:
        claim = _decoder.decode(body)
    except msgspec.DecodeError:
        return None
    is_said_once = (
        body.count(b'"period_id"') == 1 and body.count(b'"amount"') == 2 and body.count(b'"currency"') <= 1  # noqa: PLR2004
    )
    if not is_said_once or not is_id(claim.period_id, "prd") or not 0 <= claim.amount.amount <= AMOUNT_FEN_MAX:
        return None
    return claim


def _canonical(claim: _Claim, body: bytes) -> bytes:
    """Write what was asked as the ordinary way writes it (`canonical_payload`), so that a key knows its request."""
    currency = ',"currency":"CNY"' if b'"currency"' in body else ""
    asked = f'{{"amount":{{"amount":{claim.amount.amount}{currency}}},"period_id":"{claim.period_id}"}}'
    return f'["POST","{CLAIMS}",[]]\n{asked}'.encode()


def _again(messages: list[Message], receive: Receive) -> Receive:
    """Let messages that were read be read once more."""
    unread = iter(messages)

    async def receive_again() -> Message:
        return next(unread, None) or await receive()

    return receive_again
