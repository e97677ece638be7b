"""What no answer can beat: a raw ASGI app that says the same to everybody, and reads nothing of what is asked."""

from starlette.types import ASGIApp, Receive, Scope, Send

_BODY = b'{"code":"quota-exhausted"}'
_HEADERS = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(_BODY)).encode())]


def create() -> ASGIApp:
    """Make the app that uvicorn runs beside the service; claims get 409 from it, whatever is read 200."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 (that it does not read is the point)
        if scope["type"] != "http":
            return
        status = 409 if scope["method"] == "POST" else 200
        await send({"type": "http.response.start", "status": status, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _BODY})

    return app
