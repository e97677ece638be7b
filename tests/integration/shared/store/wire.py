"""A wire between a service and PostgreSQL that can be cut, or go silent, at a chosen word."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

type Fault = Literal["none", "cut before it arrives", "cut before the answer", "silence"]


@dataclass(slots=True)
class Wire:
    """Passes bytes on; when the service says `word`, does what `fault` says, once."""

    url: str
    fault: Fault = "none"
    word: bytes = b"COMMIT;"
    faults: int = 0
    _held: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        """Connect one client to the server and pass on what they say."""
        server = urlsplit(self.url)
        server_in, server_out = await asyncio.open_connection(server.hostname, server.port)
        self._held += [client_out, server_out]
        silent = asyncio.Event()
        back = asyncio.create_task(self._answers(server_in, client_out, silent))
        with suppress(ConnectionError):
            while chunk := await client_in.read(65_536):
                if self.word in chunk and self.fault != "none":
                    fault, self.fault = self.fault, "none"
                    self.faults += 1
                    if fault == "cut before it arrives":
                        break
                    silent.set()
                    server_out.write(chunk)
                    if fault == "cut before the answer":
                        await back  # one answer has come and was kept
                        break
                    continue
                server_out.write(chunk)
                await server_out.drain()
        back.cancel()
        client_out.transport.abort()
        server_out.transport.abort()

    async def _answers(
        self, server_in: asyncio.StreamReader, client_out: asyncio.StreamWriter, silent: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while chunk := await server_in.read(65_536):
                if silent.is_set():
                    return
                client_out.write(chunk)
                await client_out.drain()

    def close(self) -> None:
        """Hang up on everybody."""
        for writer in self._held:
            writer.transport.abort()


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[tuple[Wire, str]]:
    """Lay a wire to a database and say the URL at its near end."""
    wire = Wire(url)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    parts = urlsplit(url)
    try:
        yield wire, parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl()
    finally:
        server.close()
        wire.close()
        await server.wait_closed()
