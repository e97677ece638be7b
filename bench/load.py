"""A load generator that costs little: keep-alive connections, requests written beforehand, answers barely read."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

_CREATED = 201
_REFUSED = 409
_CODE = b'"code":"'
_HEAD_ENDS = b"\r\n\r\n"
_LENGTH, _LOCATION = b"\r\ncontent-length: ", b"\r\nlocation: "
"""As uvicorn writes them for every app that is pressed: in small letters, and a length in every answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it goes over the wire; `key` is its Idempotency-Key, if it has one."""

    wire: bytes
    key: str = ""


@dataclass(slots=True)
class Tally:
    """What came back: answers by status, `seconds` for all of them, and connections that `broke` before an answer.

    `acknowledged` names what was created under each idempotency key: the `Location` of every 201; `created_at` says
    when each came, and `began` when the pressing did (perf_counter). `refusals` counts the 409s by their code.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    acknowledged: dict[str, str] = field(default_factory=dict)
    created_at: list[float] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    broke: int = 0
    began: float = 0.0
    seconds: float = 0.0

    def rate(self, status: int) -> float:
        """Answers of a status per second."""
        return self.statuses[status] / self.seconds


class _Connection(asyncio.Protocol):
    """Sends the next request when the last one is answered, until told to stop."""

    def __init__(self, requests: Iterator[Request], tally: Tally, until: float) -> None:
        self._requests, self._tally, self._until = requests, tally, until
        self._buffer = b""
        self._waiting: Request | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, and does not say so
        self._send()

    def _send(self) -> None:
        self._waiting = next(self._requests, None) if time.perf_counter() < self._until else None
        if self._waiting is None:
            self._transport.close()
        else:
            self._transport.write(self._waiting.wire)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        answer = whole_answer(self._buffer)
        if answer is not None:
            head, body, self._buffer = answer
            self._take(head, body)
            self._send()

    def _take(self, head: bytes, body: bytes) -> None:
        status = int(head[9:12])
        self._tally.statuses[status] += 1
        if status == _CREATED and self._waiting is not None:
            self._tally.acknowledged[self._waiting.key] = location_of(head)
            self._tally.created_at.append(time.perf_counter())
        elif status == _REFUSED:
            self._tally.refusals[code_of(body)] += 1

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        self._tally.broke += self._waiting is not None
        if not self.done.done():
            self.done.set_result(None)


def whole_answer(received: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Give head and body of an answer, and what follows it; None until all of it is there."""
    end = received.find(_HEAD_ENDS)
    if end < 0:
        return None
    at = received.index(_LENGTH, 0, end) + len(_LENGTH)
    body = end + len(_HEAD_ENDS)
    after = body + int(received[at : received.index(b"\r", at)])
    return (received[:end], received[body:after], received[after:]) if len(received) >= after else None


def location_of(head: bytes) -> str:
    """Give the `Location` of an answer; empty where there is none."""
    return head.partition(_LOCATION)[2].partition(b"\r")[0].decode()


def code_of(body: bytes) -> str:
    """Give the code of a problem document; empty where there is none."""
    _, _, rest = body.partition(_CODE)
    return rest.partition(b'"')[0].decode()


async def press(
    port: int, requests: Iterator[Request], *, connections: int, seconds: float, tally: Tally | None = None
) -> Tally:
    """Send requests to this machine over so many connections for so long, and count what comes back.

    Each connection waits for its answer before it sends again. A `tally` that is given can be watched meanwhile.
    """
    loop, tally = asyncio.get_running_loop(), tally or Tally()
    tally.began = began = time.perf_counter()
    made = [
        (await loop.create_connection(lambda: _Connection(requests, tally, began + seconds), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for connection in made))
    tally.seconds = time.perf_counter() - began
    return tally


def get(path: str, *, token: str = "") -> Request:
    """Write a GET, with a token if one is given."""
    who = f"Authorization: Bearer {token}\r\n" if token else ""
    return Request(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{who}\r\n".encode())


def post(path: str, body: bytes, *, token: str, key: str) -> Request:
    """Write a POST with a token and an idempotency key."""
    return Form(path, body, token=token).under(key)


class Form:
    """A POST that is written but for its idempotency key, so that many like it cost the generator little."""

    def __init__(self, path: str, body: bytes, *, token: str) -> None:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: "
        rest = f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._before, self._after = head.encode(), rest.encode() + body

    def under(self, key: str) -> Request:
        """Give the request under this key."""
        return Request(b"%b%b%b" % (self._before, key.encode(), self._after), key)
