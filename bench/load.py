"""A load generator that costs little: keep-alive connections, requests written beforehand, answers barely read."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """What came back: answers by status, and how long each took, in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def rate(self, status: int) -> float:
        """Answers of a status per second."""
        return self.statuses[status] / self.seconds


class _Connection(asyncio.Protocol):
    """Sends the next request when the last one is answered, until told to stop."""

    def __init__(self, requests: Iterator[bytes], tally: Tally, until: float) -> None:
        self._requests, self._tally, self._until = requests, tally, until
        self._buffer = b""
        self._sent = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        request = next(self._requests, None)
        self._sent = time.perf_counter()
        if request is None or self._sent >= self._until:
            self._transport.close()
            return
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length: ")
        length = int(head[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        self._tally.statuses[int(self._buffer[9:12])] += 1
        self._tally.latencies.append(time.perf_counter() - self._sent)
        self._buffer = self._buffer[end + 4 + length :]
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None) if exc is None else self.done.set_exception(exc)


async def press(host: str, port: int, requests: Iterator[bytes], *, connections: int, seconds: float) -> Tally:
    """Send requests over so many connections for so long, and count what comes back; each connection waits its turn."""
    if not host.startswith("127."):
        raise ValueError("load is for this machine only")
    loop, tally = asyncio.get_running_loop(), Tally()
    began = time.perf_counter()
    made = [
        (await loop.create_connection(lambda: _Connection(requests, tally, began + seconds), host, port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for connection in made))
    tally.seconds = time.perf_counter() - began
    return tally


def get(path: str) -> bytes:
    """Write a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, body: bytes, *, token: str, key: str) -> bytes:
    """Write a POST with a token and an idempotency key."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
