"""Requests that are answered at once: from what arrived in one piece, without a task of their own.

Where a service has an answer at hand and thousands ask for it, what serves any request costs more than the answer:
a task, the messages of ASGI, a check of every header. Here the server asks the app first. Whatever needs more than a
look into memory, or did not arrive whole, is served as ever.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, NamedTuple, cast

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from shared.http.patience import PatientProtocol

AT_ONCE = "cxq.at_once"
"""Under this name the state of a lifespan holds an app's doors (`AtOnce`), by method and last part of the target."""

_log = structlog.get_logger(__name__)


class Reply(NamedTuple):
    """A whole answer; `lines` are its headers as they go over the wire, the length of the body among them."""

    status: int
    lines: bytes
    body: bytes

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Give the headers one by one."""
        pairs = (line.partition(b": ") for line in self.lines.splitlines())
        return [(name, value) for name, _, value in pairs]


def lines_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write headers as they go over the wire."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


_WORDS = b"Internal Server Error"
_FAILED = Reply(500, lines_of([(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"21")]), _WORDS)
"""What the server says for an app that failed to."""


type Headers = list[tuple[bytes, bytes]]
type AtOnce = Callable[[bytes, str, Headers, bytes], Reply | Coroutine[object, object, Reply] | None]
"""Answers a request by its target, the address it came from, its headers and its whole body, or begins to; None, and
nothing has happened, where it is served as ever."""


class _Cycle:
    """An answer that is under way, as far as the server asks for it; `disconnected` when nobody waits any more."""

    message_event = asyncio.Event()  # nobody waits for a message of a request that is whole

    def __init__(self) -> None:
        self.response_complete = self.disconnected = False
        self.keep_alive = True


class AtOnceProtocol(PatientProtocol):
    """The server's protocol for a connection, with a door for what is answered at once."""

    _defaults: tuple[list[tuple[bytes, bytes]], bytes] = [], b""
    """The headers that the server adds, as they are and as they were written last; new ones every second."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        is_noted = self.access_log and self.access_logger.isEnabledFor(logging.INFO)
        is_plain = self.limit_concurrency is None and not is_noted and not self.root_path
        self._doors: Mapping[tuple[bytes, bytes], AtOnce] = self.app_state.get(AT_ONCE, {}) if is_plain else {}
        self._door: AtOnce | None = None
        """Where the request that is being read may be answered."""
        self._held = b""

    def data_received(self, data: bytes) -> None:
        """Read what has arrived; a request that is not whole by then is served as ever, and may take its time."""
        super().data_received(data)
        if self._door is not None:
            self._let_in()

    def on_headers_complete(self) -> None:
        """Hold a request that may be answered at once until its body is here."""
        door = self._doors.get((self.parser.get_method(), self.url.rpartition(b"/")[2])) if self._doors else None
        if door is None or not self._is_free():
            super().on_headers_complete()
        else:
            self._door, self._held = door, b""
            self._head_is_whole()

    def on_body(self, body: bytes) -> None:
        """Keep the body of a request that is held."""
        if self._door is None:
            super().on_body(body)
        else:
            self._held += body

    def on_message_complete(self) -> None:
        """Answer a request that is whole, or have it served."""
        if self._door is not None:
            reply = self._replied(self._door)
            if reply is not None:
                self._door = None
                self._answer(reply)
                return
            self._let_in()
        super().on_message_complete()

    def _is_free(self) -> bool:
        """Tell whether an answer could go out now: none before it is under way, and the connection stays."""
        return (
            self._is_idle()
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def _answer(self, reply: Reply | Coroutine[object, object, Reply]) -> None:
        """Answer now, or in a task when the answer is there."""
        if isinstance(reply, Reply):
            self.transport.write(self._written(reply))
            self.on_response_complete()
            return
        cycle = _Cycle()
        self.cycle = cast("RequestResponseCycle", cycle)
        task = self.loop.create_task(self._answer_later(cycle, reply))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    async def _answer_later(self, cycle: _Cycle, coming: Coroutine[object, object, Reply]) -> None:
        try:
            reply = await coming
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 (as the server does: the caller is told)
            _log.exception("at_once.failed")
            reply, cycle.keep_alive = _FAILED, False
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        cycle.response_complete = True
        if cycle.disconnected or self.transport.is_closing():
            return
        self.transport.write(self._written(reply, stays=cycle.keep_alive))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _replied(self, door: AtOnce) -> Reply | Coroutine[object, object, Reply] | None:
        try:
            return door(self.url, self.client[0] if self.client else "unknown", self.headers, self._held)
        except Exception:  # noqa: BLE001 (what is served as ever has its own answer to every failure)
            _log.exception("at_once.failed")
            return None

    def _let_in(self) -> None:
        """Begin to serve the request that is held as any other."""
        self._door = None
        if not self.transport.is_closing():
            super().on_headers_complete()
            if self._held:
                super().on_body(self._held)

    def _written(self, reply: Reply, *, stays: bool = True) -> bytes:
        """Write an answer as the server writes any."""
        given = self.server_state.default_headers
        if AtOnceProtocol._defaults[0] is not given:
            AtOnceProtocol._defaults = given, lines_of(given)
        end = b"\r\n" if stays else b"connection: close\r\n\r\n"
        return b"".join((STATUS_LINE[reply.status], self._defaults[1], reply.lines, end, reply.body))
