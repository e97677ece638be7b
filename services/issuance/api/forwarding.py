"""A claim that came to an instance which does not write its period goes on to the one that does."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import httpx
import structlog

from services.issuance.intake.ownership import HeldElsewhereError
from services.issuance.waiting_room.tokens import ENTRY_TOKEN
from shared.http.edge import Visit
from shared.http.language import CONTENT_LANGUAGE
from shared.store.execution import Answer, IdempotencyKey, OutcomeUnknownError, StoreBusyError

FORWARDED = "CXQ-Forwarded"
"""Marks a claim that was sent on once: nobody sends it on again."""
_KEPT = ("Content-Type", "ETag", "Location", "Event-Position", "Retry-After", "Content-Language", "Vary")
_REPLAYED = "Idempotency-Replayed"
_ANSWER_LIMIT_S = 3.0
_PROBE_LIMIT_S = 0.4
_AGAIN_FOR_S = 2.5
"""How long a period may be without a writer before its claims are sent away."""
_PAUSE_S = 0.05
_BUSY = 503
_UNANSWERED = "the writer of the period was asked and has not answered"
_NOT_SENT = (httpx.ConnectTimeout, httpx.PoolTimeout)

_log = structlog.get_logger(__name__)


class Forwarding:
    """Sends claims on to the writer of their period, and has this instance become the writer when that one is gone."""

    def __init__(self, take_over: Callable[[str], Awaitable[None]]) -> None:
        self._take_over = take_over
        self._client: httpx.AsyncClient | None = None

    async def settle(
        self,
        decide: Callable[[], Awaitable[Answer]],
        *,
        visit: Visit,
        key: IdempotencyKey,
        path: str,
        token: str,
        entry_token: str,
    ) -> Answer:
        """Have a claim decided here or where its period is written; StoreBusyError when nobody writes it for too long.

        OutcomeUnknownError where it was sent on and no answer came: it may have been granted there. A claim that was
        sent on already (`visit.forwarded`) is decided here or not at all.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + _AGAIN_FOR_S
        is_out = False
        while True:
            try:
                return await decide()
            except StoreBusyError as busy:
                if is_out:
                    raise OutcomeUnknownError(_UNANSWERED) from busy
                raise
            except HeldElsewhereError as held:
                if visit.forwarded or loop.time() > until:
                    nowhere = StoreBusyError("the period has no writer at the moment")
                    raise (OutcomeUnknownError(_UNANSWERED) if is_out else nowhere) from held
                try:
                    answer = (
                        await self._ask(held.address, visit, key, path, token, entry_token) if held.address else None
                    )
                    if answer is not None and not (is_out and answer.status == _BUSY):
                        return answer
                except httpx.ConnectError:
                    pass  # it is gone, and its lock goes with it
                except httpx.TransportError as error:
                    is_out = is_out or not isinstance(error, _NOT_SENT)
                    await self._take_over_from(held)
            await asyncio.sleep(_PAUSE_S)

    async def _ask(
        self, address: str, visit: Visit, key: IdempotencyKey, path: str, token: str, entry_token: str
    ) -> Answer:
        """Ask the writer; httpx.TransportError when no answer comes."""
        headers = {
            "Authorization": token,
            "Idempotency-Key": key.key,
            "Content-Type": "application/json",
            "Accept-Language": CONTENT_LANGUAGE[visit.language],
            "X-Request-Id": visit.request_id,
            FORWARDED: "1",
            **({"traceparent": visit.traceparent} if visit.traceparent else {}),
            **({ENTRY_TOKEN: entry_token} if entry_token else {}),
        }
        response = await self._connected().post(
            f"{address}{path}",
            content=key.payload.partition(b"\n")[2],
            headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()],  # as they came
        )
        kept = {name: response.headers[name] for name in _KEPT if name in response.headers}
        return Answer(
            status=response.status_code,
            headers=kept,
            body=response.content,
            replayed=_REPLAYED in response.headers,
        )

    async def _take_over_from(self, held: HeldElsewhereError) -> None:
        """Become the writer where the one that has not answered does not answer at all any more."""
        if not await self._answers(held.address):
            _log.warning("period.writer_gone", period_id=held.period_id)
            with suppress(StoreBusyError):  # the next round says why it cannot
                await self._take_over(held.period_id)

    async def _answers(self, address: str) -> bool:
        try:
            await self._connected().get(f"{address}/health/live", timeout=_PROBE_LIMIT_S)
        except httpx.TransportError:
            return False
        return True

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            limits = httpx.Limits(max_connections=256, max_keepalive_connections=64)
            times = httpx.Timeout(_ANSWER_LIMIT_S, connect=0.5)
            self._client = httpx.AsyncClient(
                timeout=times, limits=limits, trust_env=False
            )  # by no proxy: tokens go with it
        return self._client

    async def close(self) -> None:
        """Close its connections."""
        if self._client is not None:
            await self._client.aclose()
