"""A connection whose other side sends or reads as if it never would is given up: it costs a place that others want."""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

SILENT_S = 60.0
"""How long nothing at all may come over a connection that was made and has asked for nothing yet."""
HEAD_S = 10.0
"""How long the head of a request may take from its first byte to its last, however it trickles."""
HEAD_BYTES_MAX = 64 * 1024
"""How much of a head is waited for in all; what came with the first reading is not counted."""
UNREAD_S = 20.0
"""How long an answer may lie unread when no more of it can be sent."""
_TOO_LARGE = b"content-type: text/plain; charset=utf-8\r\ncontent-length: 31\r\nconnection: close\r\n\r\n"
_WORDS = b"Request Header Fields Too Large"


class PatientProtocol(HttpToolsProtocol):
    """The server's protocol for a connection, with an end to its patience.

    The server by itself waits for a head without end in time and size, and keeps what nobody reads. For a body the app
    waits as long as an answer may take; between two requests the server has its `timeout_keep_alive`.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._last_head: object = None
        """The headers of the last request whose head was whole; others than these are of one that is being read."""
        self._head_bytes = 0
        self._silence: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a first request, but not for ever."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._silence = self.loop.call_later(SILENT_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._heard()
        self._read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what has arrived, and see to it that a head which has begun comes to its end."""
        head = self.headers
        super().data_received(data)
        if self.headers is not self._last_head:
            self._head_goes_on(len(data) if self.headers is head else 0)
        elif self._silence is None and self.timeout_keep_alive_task is None and self._is_idle():
            self._silence = self.loop.call_later(HEAD_S, self._give_up)  # what came was no request

    def on_headers_complete(self) -> None:
        """Serve a request whose head is whole."""
        self._head_is_whole()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Begin to wait for somebody to read."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(UNREAD_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: somebody reads."""
        self._read()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection, also where it cannot end by itself because its last answer lies unread."""
        super().timeout_keep_alive_handler()
        if self._unread is None and self.transport.get_write_buffer_size():
            self._unread = self.loop.call_later(UNREAD_S, self.transport.abort)

    def _head_is_whole(self) -> None:
        """Be content with a head."""
        self._last_head = self.headers
        if self._silence is not None:
            self._heard()

    def _head_goes_on(self, more: int) -> None:
        """Wait for the rest of a head, from when the first of it came; send away who never ends."""
        if not more:
            self._head_bytes = 0
            self._heard()
            self._silence = self.loop.call_later(HEAD_S, self._give_up)
        self._head_bytes += more
        if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            if self._is_idle():
                self.transport.write(STATUS_LINE[431] + _TOO_LARGE + _WORDS)
            self.transport.close()

    def _give_up(self) -> None:
        """Hang up, unless an answer is under way, which is waited for first."""
        self._silence = None
        if not self._is_idle():
            self._silence = self.loop.call_later(HEAD_S, self._give_up)
        elif not self.transport.is_closing():
            self.transport.close()

    def _is_idle(self) -> bool:
        """Tell whether no answer is under way."""
        last = cast("RequestResponseCycle | None", self.cycle)
        return last is None or last.response_complete

    def _heard(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
