"""A server that ends the streams it serves before it waits for its last answers."""

import socket

import uvicorn
from fastapi import FastAPI


class DrainingServer(uvicorn.Server):
    """Serves an app; at the end it calls what the app keeps as `app.state.end_streams`, if it has any streams.

    A stream has no end of its own that a graceful stop could wait for: without this every stop would last as long as it
    may, and cut the listeners off.
    """

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then stop in good order."""
        end_streams = getattr(self._app.state, "end_streams", None)
        if end_streams is not None:
            end_streams()
        await super().shutdown(sockets=sockets)
