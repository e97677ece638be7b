"""A wire between the services and PostgreSQL that can be cut, or fall silent in either direction."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

type Direction = Literal["asked", "answered"]
"""Towards the server, and back."""

_CHUNK = 65_536
_NAME = b"application_name\x00"


@dataclass(eq=False)
class Line:
    """One connection through the wire; `user` is the application name it gave when it began."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    user: str = ""
    silent: set[Direction] = field(default_factory=set)
    said: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something was swallowed by a silent direction."""

    def cut(self) -> None:
        """Reset it on both sides, as a firewall that forgets does."""
        for end in (self.client, self.server):
            end.transport.abort()

    def fall_silent(self, *directions: Direction) -> None:
        """Let nothing through in these directions, not even the end of the connection."""
        self.silent |= set(directions)

    async def carry(self, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes one way until that side ends."""
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                if direction == "asked" and not self.user and _NAME in chunk:
                    self.user = chunk.partition(_NAME)[2].partition(b"\x00")[0].decode()
                if direction in self.silent:
                    self.said.set()
                    continue
                writer.write(chunk)
                await writer.drain()
        if not self.silent:
            writer.transport.abort()


@dataclass
class Wire:
    """A port that leads to a server."""

    port: int
    lines: set[Line]

    def of(self, user: str) -> list[Line]:
        """Give the connections of an application."""
        return [line for line in self.lines if line.user == user]

    def hurt(self, user: str, how: Callable[[Line], None]) -> list[Line]:
        """Do something to every connection that an application has now; later ones are whole."""
        chosen = self.of(user)
        for line in chosen:
            how(line)
        return chosen


@asynccontextmanager
async def wire_to(host: str, port: int) -> AsyncIterator[Wire]:
    """Lay a wire to a server for the length of the block."""
    wire = Wire(port=0, lines=set())

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection(host, port)
        except OSError:
            writer.transport.abort()
            return
        line = Line(client=writer, server=to_server)
        wire.lines.add(line)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(line.carry("asked", reader, to_server))
                both.create_task(line.carry("answered", from_server, writer))
        finally:
            line.cut()
            wire.lines.discard(line)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        for line in list(wire.lines):
            line.cut()
        await asyncio.sleep(0)
