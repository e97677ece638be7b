"""What periods have left, for whoever asks and whoever listens: one look for all of a process."""

import asyncio
from contextlib import suppress
from typing import Annotated, cast

from fastapi import Depends, FastAPI, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from services.issuance.api.class_models import class_views
from services.issuance.api.period_models import RemainingQuota
from services.issuance.api.quota_lane import LAST_PART, QuotaDoor, QuotaLane
from services.issuance.api.visibility import PeriodId
from services.issuance.domain.classes import common
from services.issuance.remaining_quota import (
    TICK_S,
    Listener,
    LiveQuota,
    Look,
    Remaining,
    TooManyListenersError,
    look_at,
)
from shared.http.desk import read_only
from shared.http.edge import Edge
from shared.http.models import Money
from shared.http.problems import ProblemError
from shared.http.reading import MinPosition
from shared.http.seconds import monotonic_seconds
from shared.runtime import Runtime

SLOW_S = 5.0
"""How long a listener may leave a message untaken; after that it is let go, and may come again."""
_RETRY_S = "30"
_BEHIND_S = 2.0


def open_live_quota(app: FastAPI, edge: Edge) -> None:
    """Give an app what its periods have left (`Live`), and the short way to it."""
    app.state.live_quota = _made(edge.runtime)
    app.state.end_streams = app.state.live_quota.close
    door = QuotaDoor(edge, app.state.live_quota)
    app.state.at_once[b"GET", LAST_PART] = door.at_once
    app.add_middleware(QuotaLane, edge=edge, door=door)


async def live_quota_of(request: Request) -> LiveQuota:
    """Give the one of this process."""
    return cast("LiveQuota", request.app.state.live_quota)


Live = Annotated[LiveQuota, Depends(live_quota_of)]
"""The type of a handler's parameter that gives it what periods have left."""


async def look_of(live: Live, period_id: PeriodId, min_position: MinPosition = None) -> Look:
    """Give the look of this tick, or of one up to two seconds from now that has reached a position (`behind` else).

    A period that this tick does not know may have been approved since: the next tick is asked too.
    """
    until = monotonic_seconds() + _BEHIND_S
    if period_id not in (await live.look()).periods:
        await asyncio.sleep(TICK_S)
    while (look := await live.look()).as_of < (min_position or 0):
        if monotonic_seconds() >= until:
            raise ProblemError("behind", value=look.as_of, limit=min_position, headers={"Retry-After": "1"})
        await asyncio.sleep(TICK_S)
    return look


Looked = Annotated[Look, Depends(look_of)]
"""The type of a handler's parameter that gives it what periods have left in this tick."""


def _made(runtime: Runtime) -> LiveQuota:
    async def read() -> Look:
        async with read_only(runtime.engine) as connection:
            return await look_at(connection, runtime.clock.now())

    return LiveQuota(read, _written, monotonic_seconds)


def _written(look: Look, state: Remaining) -> bytes:
    view = RemainingQuota(
        period_id=state.period_id,
        quota=Money.of(state.quota),
        remaining=Money.of(state.remaining),
        common=Money.of(common(state.remaining - state.owed, state.parts)),
        classes=class_views(state.classes, state.parts),
        claims=state.claims,
        owed=Money.of(state.owed),
        waiting=state.waiting,
        paused=state.paused,
        closed=state.closed,
        as_of=look.as_of,
        server_time=look.at,
    )
    return view.model_dump_json().encode()


class QuotaStream(StreamingResponse):
    """Tells a listener what a period has left, now and whenever it changes, until its time is over or it is gone.

    ProblemError `too-many-listeners` when there is no room. A listener may name the event it heard last
    (`Last-Event-ID`): every message is the whole state, so that there is nothing to catch up on. The framework's own
    streams of events wait for every listener and ping each one by itself; here one message goes out to all.
    """

    media_type = "text/event-stream"

    def __init__(self, live: LiveQuota, look: Look, period_id: str, *, slow_s: float = SLOW_S) -> None:
        super().__init__(())
        self._live, self._look, self._period_id, self._slow_s = live, look, period_id, slow_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI gives it)
        """Serve one listener."""
        try:
            listener = self._live.listen(self._look, self._period_id)
        except TooManyListenersError:
            raise ProblemError("too-many-listeners", headers={"Retry-After": _RETRY_S}) from None
        leaving = asyncio.create_task(_until_gone(receive, listener))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await _tell(listener, send, self._slow_s)
        finally:
            self._live.leave(listener)
            leaving.cancel()
            with suppress(asyncio.CancelledError):
                await leaving


async def _tell(listener: Listener, send: Send, slow_s: float) -> None:
    while True:
        await listener.woken.wait()
        listener.woken.clear()
        if listener.over:
            break
        message, listener.message = listener.message, None
        if message is not None:
            try:
                async with asyncio.timeout(slow_s):
                    await send({"type": "http.response.body", "body": message, "more_body": True})
            except TimeoutError:
                return  # too slow: nothing more can be sent, not even the end
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive, listener: Listener) -> None:
    """End a listener that has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.end()
