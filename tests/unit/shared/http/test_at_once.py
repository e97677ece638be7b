"""What is answered at once is written as the server writes any answer; whatever is not whole or not free is served."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from shared.http.at_once import AT_ONCE, AtOnceProtocol, Headers, Reply, lines_of

HEADERS = [(b"content-type", b"text/plain"), (b"x-more", b"a: b"), (b"content-length", b"7")]
DEFAULTS = [(b"date", b"Mon, 02 Mar 2026 01:00:00 GMT"), (b"server", b"ours")]
KNOCK = b"POST /door HTTP/1.1\r\nHost: us\r\nX-Who: me\r\nContent-Length: 5\r\n\r\nknock"
OTHER = b"GET /other HTTP/1.1\r\nHost: us\r\n\r\n"


class Wire(asyncio.Transport):
    """A connection on which everything that is written is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Know two addresses and nothing else."""
        return ("127.0.0.1", 80) if name in {"sockname", "peername"} else default

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        """Nothing comes by itself."""

    def resume_reading(self) -> None:
        """Nothing comes by itself."""


class House:
    """A server with one connection, a door at `/door`, and an app that says for what it was asked."""

    def __init__(
        self, *, reply: Reply | None = None, fails: bool = False, is_late: bool = False, **config: Any
    ) -> None:
        self.reply, self.fails, self.is_late, self.config = reply, fails, is_late, config
        self.knocked: list[tuple[dict[bytes, bytes], bytes]] = []
        self.served: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def door(
        self, target: bytes, address: str, headers: Headers, body: bytes
    ) -> Reply | Coroutine[object, object, Reply] | None:
        """Answer, if there is an answer."""
        assert (target.rpartition(b"/")[2], address) == (b"door", "127.0.0.1")
        self.knocked.append((dict(headers), body))
        if self.fails:
            raise RuntimeError("the door is stuck")
        return self.late() if self.is_late else self.reply

    async def late(self) -> Reply:
        """Answer when it may, if there is an answer."""
        await self.may_answer.wait()
        if self.reply is None:
            raise RuntimeError("there is none")
        return self.reply

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell path and body."""
        body, more = b"", True
        while more:
            message: Message = await receive()
            if message["type"] != "http.request":
                return
            body, more = body + message["body"], message["more_body"]
        await self.may_answer.wait()
        self.served.append(f"{scope['method']} {scope['path']} {body.decode()}")
        told = b"served %d" % len(self.served)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8")]})
        await send({"type": "http.response.body", "body": told})

    def connected(self, protocol: type[HttpToolsProtocol] = AtOnceProtocol, app: ASGIApp | None = None) -> Any:
        """Open a connection; what goes over it is `transport.written`."""
        config = uvicorn.Config(
            app or self.app, log_config=None, interface="asgi3", lifespan="off", http=protocol, **self.config
        )
        config.load()
        state = ServerState()
        state.default_headers = DEFAULTS
        doors: Mapping[tuple[bytes, bytes], Any] = {(b"POST", b"door"): self.door}
        made = protocol(config, state, {AT_ONCE: doors}, asyncio.get_running_loop())
        made.connection_made(Wire())
        return made

    async def heard(self, connection: Any, *parts: bytes, answers: int = 1) -> bytes:
        """Send parts one after the other, and give everything that is written until so many answers are out."""
        for part in parts:
            connection.data_received(part)
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            while connection.transport.written.count(b"HTTP/1.1 ") < answers:  # noqa: ASYNC110 (it is a plain text)
                await asyncio.sleep(0)
        written: bytes = connection.transport.written
        return written


REPLY = Reply(409, lines_of(HEADERS), b"too bad")


async def test_an_answer_at_once_is_written_as_the_server_writes_any() -> None:
    async def told(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 409, "headers": HEADERS})
        await send({"type": "http.response.body", "body": REPLY.body})

    house = House(reply=REPLY)
    at_once = await house.heard(house.connected(), KNOCK)
    as_ever = await house.heard(house.connected(HttpToolsProtocol, told), KNOCK)
    assert at_once == as_ever
    assert (house.knocked, house.served) == (
        [({b"host": b"us", b"x-who": b"me", b"content-length": b"5"}, b"knock")],
        [],
    )
    assert REPLY.headers() == HEADERS


async def test_an_answer_that_has_to_be_waited_for_is_written_alike_and_is_a_task_of_the_server() -> None:
    house = House(reply=REPLY, is_late=True)
    connection = house.connected()
    house.may_answer.clear()
    connection.data_received(KNOCK)
    await asyncio.sleep(0)
    assert (connection.transport.written, len(connection.tasks)) == (b"", 1)
    house.may_answer.set()
    late = await house.heard(connection)
    assert late == await House(reply=REPLY).heard(house.connected(), KNOCK)
    await asyncio.sleep(0)
    assert (connection.tasks, connection.server_state.total_requests) == (set(), 1)
    assert await house.heard(connection, OTHER, answers=2)


async def test_nothing_overtakes_an_answer_that_has_to_be_waited_for() -> None:
    house = House(reply=REPLY, is_late=True)
    connection = house.connected()
    house.may_answer.clear()
    connection.data_received(KNOCK + KNOCK + OTHER)
    await asyncio.sleep(0)
    assert (connection.transport.written, len(house.knocked)) == (b"", 1)
    house.may_answer.set()
    written = await house.heard(connection, answers=3)
    assert house.served == ["POST /door knock", "GET /other "]
    assert [written.index(text) for text in (b"too bad", b"served 1", b"served 2")] == sorted(
        written.index(text) for text in (b"too bad", b"served 1", b"served 2")
    )


@pytest.mark.parametrize(
    "hang_up",
    [
        lambda connection: connection.connection_lost(None),
        lambda connection: connection.connection_lost(ConnectionResetError()),
        lambda connection: connection.transport.close(),
    ],
    ids=["gone", "cut off", "closing"],
)
async def test_nobody_is_told_who_has_hung_up_before_the_answer(hang_up: Callable[[Any], None]) -> None:
    house = House(reply=REPLY, is_late=True)
    connection = house.connected()
    house.may_answer.clear()
    connection.data_received(KNOCK)
    await asyncio.sleep(0)
    hang_up(connection)
    house.may_answer.set()
    async with asyncio.timeout(5):
        while connection.tasks:  # noqa: ASYNC110 (it is a plain set)
            await asyncio.sleep(0)
    assert connection.transport.written == b""


async def test_an_answer_that_had_to_be_waited_for_waits_for_who_reads_slowly() -> None:
    house = House(reply=REPLY, is_late=True)
    connection = house.connected()
    house.may_answer.clear()
    connection.data_received(KNOCK)
    connection.pause_writing()
    house.may_answer.set()
    await _turns()
    assert connection.transport.written == b""
    connection.resume_writing()
    assert (await house.heard(connection)).endswith(b"too bad")


async def test_a_server_that_stops_gives_the_answer_that_is_under_way_and_ends_the_connection() -> None:
    house = House(reply=REPLY, is_late=True)
    connection = house.connected()
    house.may_answer.clear()
    connection.data_received(KNOCK)
    await asyncio.sleep(0)
    connection.shutdown()
    assert not connection.transport.closed
    house.may_answer.set()
    written = await house.heard(connection)
    assert b"\r\nconnection: close\r\n\r\ntoo bad" in written
    assert connection.transport.closed


async def test_an_answer_that_fails_is_told_as_the_server_tells_it() -> None:
    async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("the app is stuck")

    house = House(reply=None, is_late=True)
    at_once = await house.heard(house.connected(), KNOCK)
    as_ever = await house.heard(house.connected(HttpToolsProtocol, failing), KNOCK)
    assert at_once.startswith(b"HTTP/1.1 500 ")
    assert at_once == as_ever


async def test_a_connection_goes_on_after_an_answer_at_once() -> None:
    house = House(reply=REPLY)
    connection = house.connected()
    await house.heard(connection, KNOCK + KNOCK, answers=2)
    assert connection.timeout_keep_alive_task is not None
    written = await house.heard(connection, OTHER, answers=3)
    assert [written.count(text) for text in (b"too bad", b"served 1")] == [2, 1]
    assert written.endswith(b"served 1")
    assert connection.server_state.total_requests == 3


async def test_new_headers_of_the_server_are_sent_from_then_on() -> None:
    house = House(reply=REPLY)
    connection = house.connected()
    await house.heard(connection, KNOCK)
    connection.server_state.default_headers = [(b"date", b"Mon, 02 Mar 2026 01:00:01 GMT")]
    written = await house.heard(connection, KNOCK, answers=2)
    assert [written.count(b"01:00:00 GMT"), written.count(b"01:00:01 GMT")] == [1, 1]


@pytest.mark.parametrize("cut", [10, len(KNOCK) - 5, len(KNOCK) - 1])
async def test_what_does_not_arrive_in_one_piece_is_served_and_loses_nothing(cut: int) -> None:
    house = House(reply=REPLY)
    await house.heard(house.connected(), KNOCK[:cut], KNOCK[cut:])
    whole_at_last = cut == 10  # the headers came with the second piece, and so did the body
    assert house.served == ([] if whole_at_last else ["POST /door knock"])


async def test_what_the_door_does_not_answer_is_served() -> None:
    house = House()
    await house.heard(house.connected(), KNOCK)
    assert (len(house.knocked), house.served) == (1, ["POST /door knock"])


async def test_a_door_that_fails_is_passed_by() -> None:
    house = House(reply=REPLY, fails=True)
    await house.heard(house.connected(), KNOCK)
    assert (len(house.knocked), house.served) == (1, ["POST /door knock"])


async def test_nothing_overtakes_an_answer_that_is_under_way() -> None:
    house = House(reply=REPLY)
    connection = house.connected()
    house.may_answer.clear()
    connection.data_received(OTHER + KNOCK)
    await asyncio.sleep(0)
    assert connection.transport.written == b""
    house.may_answer.set()
    written = await house.heard(connection, answers=2)
    assert house.served == ["GET /other ", "POST /door knock"]
    assert written.endswith(b"served 2")


@pytest.mark.parametrize(
    "request_text",
    [
        KNOCK.replace(b"/door", b"/door?"),
        KNOCK.replace(b"/door", b"/doors"),
        KNOCK.replace(b"POST", b"PUT"),
        KNOCK.replace(b"HTTP/1.1", b"HTTP/1.0"),
        KNOCK.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"X-Who: me", b"Connection: keep-alive"),
        KNOCK.replace(b"X-Who: me", b"Connection: close"),
        KNOCK.replace(b"X-Who: me", b"Connection: Upgrade\r\nUpgrade: elsewhere"),
    ],
    ids=["query", "elsewhere", "otherwise", "1.0", "1.0 that stays", "closes", "upgrades"],
)
async def test_what_is_asked_otherwise_never_comes_to_the_door(request_text: bytes) -> None:
    house = House(reply=REPLY)
    connection = house.connected()
    await house.heard(connection, request_text)
    assert (house.knocked, len(house.served)) == ([], 1)


@pytest.mark.parametrize("config", [{"limit_concurrency": 5}, {"root_path": "/x"}])
async def test_a_server_that_counts_or_moves_its_requests_has_no_door(config: dict[str, Any]) -> None:
    house = House(reply=REPLY, **config)
    await house.heard(house.connected(), KNOCK)
    assert (house.knocked, len(house.served)) == ([], 1)


async def test_a_server_that_notes_each_answer_by_itself_has_no_door(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uvicorn.access")
    house = House(reply=REPLY)
    connection = house.connected()
    await house.heard(connection, KNOCK)
    assert (house.knocked, len(house.served)) == ([], 1)
    assert "POST /door" in caplog.text


async def test_nothing_is_begun_on_a_connection_that_is_closing() -> None:
    house = House(reply=REPLY)
    connection = house.connected()
    connection.data_received(KNOCK[:-5] + b"12345 no request")
    await asyncio.sleep(0)
    assert connection.transport.written.count(b"HTTP/1.1 409") == 1
    assert connection.transport.closed
    assert house.served == []


async def test_who_reads_slowly_is_served_as_ever() -> None:
    house = House(reply=REPLY)
    connection = house.connected()
    connection.pause_writing()
    connection.data_received(KNOCK)
    await _turns()
    assert (house.knocked, connection.transport.written) == ([], b"")
    connection.resume_writing()
    assert (await house.heard(connection)).endswith(b"served 1")


async def test_nobody_knocks_on_a_connection_that_is_closing() -> None:
    house = House(reply=REPLY)
    connection = house.connected()
    connection.transport.close()
    connection.data_received(KNOCK)
    await _turns()
    assert house.knocked == []


async def test_a_request_that_turns_out_to_be_none_is_not_begun() -> None:
    house = House(reply=REPLY)
    connection = house.connected()
    head, _, _ = KNOCK.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked").partition(b"knock")
    connection.data_received(head + b"no chunk\r\n")
    await _turns()
    assert connection.transport.written.startswith(b"HTTP/1.1 400 ")
    assert (house.knocked, house.served, connection.tasks) == ([], [], set())


async def _turns() -> None:
    """Let everything that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)
