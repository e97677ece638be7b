"""An open-loop load generator: requests go out when they are due, whether or not earlier ones have been answered."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from bench.load import code_of, location_of, whole_answer

_REPLAYED = b"\r\nidempotency-replayed: true"
_AT_ONCE = 200
_PATIENCE_S = 10.0


@dataclass(slots=True)
class Call:
    """A request that is due so many seconds after the opening, by whom, and what became of it.

    `seconds` are counted from when it was due, so that a late generator does not flatter; `status` 0 is no answer.
    """

    due: float
    client: int
    wire: bytes
    status: int = 0
    seconds: float = 0.0
    code: str = ""
    location: str = ""
    replayed: bool = False
    resent: bool = False


class _Line(asyncio.Protocol):
    """One keep-alive connection, with one request under way at most."""

    def __init__(
        self, answered: Callable[["_Line", Call, bytes, bytes], None], lost: Callable[["_Line"], None]
    ) -> None:
        self._answered, self._lost = answered, lost
        self._buffer = b""
        self.call: Call | None = None
        self.client = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, and does not say so

    def send(self, call: Call) -> None:
        """Send a request; the line has to be idle."""
        self.call = call
        self._transport.write(call.wire)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answer = whole_answer(self._buffer)
        if answer is None or self.call is None:
            return
        head, body, self._buffer = answer
        call, self.call = self.call, None
        self._answered(self, call, head, body)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        self._lost(self)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


@dataclass(slots=True)
class Door:
    """Those who wait at a port of this machine, each with a connection of its own, and what they call in."""

    port: int
    late: float = 0.0
    """By how much a request went out later than it was due, at worst."""
    resent: int = 0
    _lines: set[_Line] = field(default_factory=set)
    _idle: dict[int, list[_Line]] = field(default_factory=dict)
    _dialling: set[asyncio.Task[None]] = field(default_factory=set)
    _open: int = 0
    _opening: float = 0.0
    _is_over: bool = False
    _done: asyncio.Event = field(default_factory=asyncio.Event)

    async def gather(self, clients: int) -> None:
        """Have so many clients connect and wait."""
        for start in range(0, clients, _AT_ONCE):
            ends = min(start + _AT_ONCE, clients)
            lines = await asyncio.gather(*(self._dial() for _ in range(start, ends)))
            for client, line in zip(range(start, ends), lines, strict=True):
                line.client = client
                self._idle[client] = [line]

    async def open(self, calls: Sequence[Call], opening: float) -> None:
        """Send every call when it is due after `opening` (perf_counter); wait for the answers, ten seconds at most."""
        self._opening, self._open = opening, len(calls)
        for call in calls:
            wait = opening + call.due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            self.late = max(self.late, time.perf_counter() - opening - call.due)
            self._send(call)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await self._done.wait()
        self._is_over = True  # what has no answer by now goes out no more, and has none
        for dialling in self._dialling:
            dialling.cancel()
        for line in list(self._lines):
            line.close()

    def _send(self, call: Call) -> None:
        lines = self._idle.get(call.client)
        if lines:
            lines.pop().send(call)
        else:
            task = asyncio.create_task(self._send_anew(call))
            self._dialling.add(task)
            task.add_done_callback(self._dialling.discard)

    async def _send_anew(self, call: Call) -> None:
        try:
            line = await self._dial()
        except OSError:
            self._settled()
            return
        line.client = call.client
        line.send(call)

    async def _dial(self) -> _Line:
        loop = asyncio.get_running_loop()
        made = await loop.create_connection(lambda: _Line(self._answered, self._lost), "127.0.0.1", self.port)
        self._lines.add(made[1])
        return made[1]

    def _answered(self, line: _Line, call: Call, head: bytes, body: bytes) -> None:
        if self._is_over:
            return
        call.seconds = time.perf_counter() - self._opening - call.due
        call.status = int(head[9:12])
        call.replayed = _REPLAYED in head
        if call.status >= 400:
            call.code = code_of(body)
        call.location = location_of(head)
        self._idle.setdefault(line.client, []).append(line)
        self._settled()

    def _lost(self, line: _Line) -> None:
        """Ask once more on a new connection where the server hung up, as every browser does."""
        self._lines.discard(line)
        idle = self._idle.get(line.client, [])
        if line in idle:
            idle.remove(line)
        call, line.call = line.call, None
        if call is None or self._is_over:
            return
        if call.resent:
            self._settled()
            return
        call.resent = True
        self.resent += 1
        self._send(call)

    def _settled(self) -> None:
        self._open -= 1
        if not self._open:
            self._done.set()
