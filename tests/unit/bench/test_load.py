"""What the load generator makes of answers, whole, in pieces or broken off."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bench.load import Request, get, post, press

GRANTED = b"HTTP/1.1 201 Created\r\nlocation: /v1/vouchers/vch_1\r\ncontent-length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\nretry-after: 1\r\n\r\nbusy"


@asynccontextmanager
async def answering(*answers: Sequence[bytes]) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Serve each request the next answer, in its pieces; an answer of no pieces hangs up. Gives port and requests."""
    heard: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0] or 0)
            heard.append(head + await reader.readexactly(length))
            pieces = left.pop(0)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if not pieces:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()
        await server.wait_closed()


async def test_answers_are_counted_by_status_and_granted_claims_kept_by_key() -> None:
    requests = [post("/v1/claims", b"{}", token="t", key=f"key-{n}") for n in range(3)]
    async with answering([GRANTED], [BUSY], [GRANTED.replace(b"vch_1", b"vch_3")]) as (port, heard):
        tally = await press(port, iter(requests), connections=1, seconds=60)
    assert dict(tally.statuses) == {201: 2, 503: 1}
    assert tally.acknowledged == {"key-0": "/v1/vouchers/vch_1", "key-2": "/v1/vouchers/vch_3"}
    assert tally.broke == 0
    assert heard == [request.wire for request in requests]


async def test_an_answer_in_pieces_is_one_answer() -> None:
    async with answering([GRANTED[:30], GRANTED[30:-1], GRANTED[-1:]]) as (port, _):
        tally = await press(port, iter([Request(get("/").wire, "key-0")]), connections=1, seconds=60)
    assert dict(tally.statuses) == {201: 1}
    assert tally.acknowledged == {"key-0": "/v1/vouchers/vch_1"}


async def test_a_claim_whose_answer_breaks_off_is_not_acknowledged() -> None:
    async with answering([GRANTED], []) as (port, heard):
        requests = iter([post("/v1/claims", b"{}", token="t", key=f"key-{n}") for n in range(2)])
        tally = await press(port, requests, connections=1, seconds=60)
    assert len(heard) == 2
    assert dict(tally.statuses) == {201: 1}
    assert list(tally.acknowledged) == ["key-0"]
    assert tally.broke == 1


async def test_the_connections_share_the_requests() -> None:
    async with answering(*[[GRANTED]] * 20) as (port, heard):
        requests = iter([post("/v1/claims", b"{}", token="t", key=f"key-{n}") for n in range(20)])
        tally = await press(port, requests, connections=4, seconds=60)
    assert tally.statuses[201] == len(tally.acknowledged) == len(heard) == 20
