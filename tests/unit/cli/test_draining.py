"""A service that is told to stop does not wait for streams that have no end."""

import asyncio
import socket
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI
from starlette.responses import StreamingResponse

from services.commands.draining import DrainingServer

PATIENCE_S = 20
"""How long the server would wait for its last answers."""


async def _stopped_with_a_listener(app: FastAPI, server: DrainingServer) -> bytes:
    """Serve, let somebody listen, stop, and give all that was heard."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        async with asyncio.timeout(PATIENCE_S / 2):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            writer.write(b"GET /stream HTTP/1.1\r\nHost: service\r\n\r\n")
            await reader.readuntil(b"first")
            server.should_exit = True
            heard = await reader.read()
            await serving
        writer.close()
        assert app.state.left
        return heard


async def test_streams_are_ended_in_order_and_the_stop_does_not_wait_for_them() -> None:
    app, over = FastAPI(), asyncio.Event()
    app.state.left = False
    app.state.end_streams = over.set

    async def endless() -> AsyncIterator[bytes]:
        yield b"first"
        await over.wait()
        app.state.left = True
        yield b"last"

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(endless())

    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=PATIENCE_S)
    heard = await _stopped_with_a_listener(app, DrainingServer(app, config))
    assert b"last" in heard
    assert heard.endswith(b"0\r\n\r\n")
