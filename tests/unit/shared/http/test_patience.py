"""Who sends or reads as if it never would is hung up on; who is merely slow is served."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from shared.http.at_once import AT_ONCE, AtOnceProtocol, Headers, Reply
from shared.http.patience import HEAD_BYTES_MAX, HEAD_S, SILENT_S, UNREAD_S

ASK = b"GET /short HTTP/1.1\r\nHost: us\r\nContent-Length: 0\r\n\r\n"
LATE = ASK.replace(b"short", b"late")
DOOR = ASK.replace(b"short", b"door")
KEEP_ALIVE_S = 5.0
BIT_S = 0.01


class Timer:
    """Something to be done when its time has come."""

    def __init__(self, at: float, act: Callable[[], object]) -> None:
        self.at, self.act = at, act

    def cancel(self) -> None:
        """Let it be."""
        self.act = lambda: None


class Watch:
    """A loop whose time passes by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def call_later(self, delay: float, act: Callable[[], object]) -> Timer:
        """Take down what is to be done."""
        self.timers.append(Timer(self.now + delay, act))
        return self.timers[-1]

    def create_task(self, work: Any) -> Any:
        """Begin at once."""
        return asyncio.get_running_loop().create_task(work)

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        while due := [timer for timer in self.timers if timer.at <= until]:
            timer = min(due, key=lambda one: one.at)
            self.now = timer.at
            self.timers.remove(timer)
            timer.act()
        self.now = until


class Wire(asyncio.Transport):
    """A connection that keeps what is written; `unread` of it cannot be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.unread, self.closed, self.aborted = b"", 0, False, False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Know two addresses and nothing else."""
        return ("127.0.0.1", 80) if name in {"sockname", "peername"} else default

    def write(self, data: Any) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def pause_reading(self) -> None:
        """Nothing comes by itself."""

    def resume_reading(self) -> None:
        """Nothing comes by itself."""


class Visit:
    """A connection to a server whose app answers at once, or, at `/late`, when it may; time passes by hand."""

    def __init__(self) -> None:
        self.watch, self.wire, self.may_answer = Watch(), Wire(), asyncio.Event()
        config = uvicorn.Config(
            self.app, log_config=None, interface="asgi3", lifespan="off", timeout_keep_alive=int(KEEP_ALIVE_S)
        )
        config.load()
        doors = {AT_ONCE: {(b"GET", b"door"): self.door}}
        self.server: Any = AtOnceProtocol(config, ServerState(), doors, self.watch)
        self.server.connection_made(self.wire)

    async def app(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["path"] == "/late":
            await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"short"})

    def door(self, _target: bytes, _address: str, _headers: Headers, _body: bytes) -> Reply:
        """Answer without the app."""
        return Reply(200, b"content-length: 4\r\n", b"door")

    async def says(self, *parts: bytes, pause: float = 0.0) -> None:
        """Send parts one after the other, unless the server has hung up."""
        for part in parts:
            if not self.wire.closed:
                self.server.data_received(part)
            for _ in range(5):
                await asyncio.sleep(0)  # the app answers without waiting for anything
            self.watch.passes(pause)

    def is_waited_for(self, seconds: float) -> bool:
        """Tell whether the server hangs up after so long, and not before."""
        self.watch.passes(seconds - BIT_S)
        was_open = not self.wire.closed
        self.watch.passes(2 * BIT_S)
        return was_open and self.wire.closed


async def test_who_says_nothing_is_hung_up_on() -> None:
    assert Visit().is_waited_for(SILENT_S)


@pytest.mark.parametrize(("first", "answer"), [(b"", b""), (ASK, b"short"), (DOOR, b"door")])
@pytest.mark.parametrize("bits", [1, 10])
async def test_a_head_that_trickles_has_no_more_time_than_one_that_stops(
    first: bytes, answer: bytes, bits: int
) -> None:
    visit = Visit()
    trickle = [ASK[place : place + 1] for place in range(9, 9 + bits)]
    await visit.says(first + ASK[:9], *trickle, pause=HEAD_S / 20)
    assert visit.wire.written.endswith(answer)
    assert visit.is_waited_for(HEAD_S - (1 + bits) * HEAD_S / 20)


async def test_a_head_that_comes_in_time_is_served_and_the_next_one_has_its_own_time() -> None:
    visit = Visit()
    for number in range(1, 4):
        await visit.says(ASK[:9], ASK[9:], pause=HEAD_S * 0.45)
        assert visit.wire.written.count(b"short") == number
        assert not visit.wire.closed
    assert visit.is_waited_for(KEEP_ALIVE_S - HEAD_S * 0.45)


async def test_at_the_door_a_request_leaves_no_timer_behind_but_that_of_an_idle_connection() -> None:
    visit = Visit()
    await visit.says(DOOR, DOOR)
    visit.watch.timers = [timer for timer in visit.watch.timers if timer.act.__name__ != "<lambda>"]
    assert [timer.at for timer in visit.watch.timers] == [KEEP_ALIVE_S]


@pytest.mark.parametrize(("room", "status"), [(0, b"200"), (1, b"431")])
async def test_a_head_without_end_is_refused_before_it_fills_the_memory(room: int, status: bytes) -> None:
    visit = Visit()
    begun = ASK[:-2] + b"X-More: "
    await visit.says(begun, *[b"x" * 1024] * (HEAD_BYTES_MAX // 1024), b"x" * room, b"\r\n\r\n")
    assert visit.wire.written.startswith(b"HTTP/1.1 " + status)
    assert visit.wire.closed is (status == b"431")


async def test_a_body_that_comes_with_the_next_head_is_not_counted_as_one() -> None:
    visit = Visit()
    body = b"x" * (HEAD_BYTES_MAX + 1)
    post = b"POST /short HTTP/1.1\r\nHost: us\r\nContent-Length: %d\r\n\r\n" % len(body)
    await visit.says(post[:20], post[20:] + body + ASK[:9], ASK[9:])
    assert visit.wire.written.count(b"short") == 2


async def test_what_is_no_request_keeps_no_connection() -> None:
    visit = Visit()
    await visit.says(ASK, b"\r\n", b"\r\n", pause=1.0)
    assert (visit.wire.written.count(b"short"), visit.wire.closed) == (1, False)
    assert visit.is_waited_for(HEAD_S - 2.0)


async def test_an_answer_that_takes_longer_is_given_before_anybody_hangs_up() -> None:
    visit = Visit()
    await visit.says(LATE + ASK[:9], pause=3.5 * HEAD_S)
    assert not visit.wire.closed
    visit.may_answer.set()
    await asyncio.gather(*visit.server.tasks)
    assert visit.wire.written.endswith(b"short")
    assert visit.is_waited_for(HEAD_S / 2)


async def test_who_never_reads_is_cut_off_and_who_reads_in_time_is_not() -> None:
    visit = Visit()
    await visit.says(LATE)
    for _ in range(3):
        visit.server.pause_writing()
        visit.watch.passes(UNREAD_S - BIT_S)
        visit.server.resume_writing()
    visit.watch.passes(2 * UNREAD_S)
    assert not visit.wire.aborted
    visit.server.pause_writing()
    visit.server.transport.close()
    visit.watch.passes(UNREAD_S)
    assert visit.wire.aborted
    visit.server.connection_lost(None)
    visit.may_answer.set()
    await asyncio.gather(*visit.server.tasks)


@pytest.mark.parametrize("unread", [0, 1])
async def test_an_idle_connection_ends_though_its_last_answer_lies_unread(unread: int) -> None:
    visit = Visit()
    visit.wire.unread = unread
    await visit.says(ASK)
    assert visit.is_waited_for(KEEP_ALIVE_S)
    visit.watch.passes(UNREAD_S)
    assert visit.wire.aborted is (unread > 0)


async def test_nothing_is_waited_for_on_a_connection_that_is_lost() -> None:
    visit = Visit()
    await visit.says(ASK + ASK[:9])
    visit.server.pause_writing()
    visit.server.connection_lost(None)
    visit.wire.closed = False
    visit.watch.passes(2 * SILENT_S)
    assert (visit.wire.closed, visit.wire.aborted) == (False, False)
