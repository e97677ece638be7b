"""What the open-loop generator makes of answers, late or broken off."""

import asyncio
import time

import pytest

from bench import door
from bench.door import Call, Door
from bench.load import post
from tests.unit.bench.test_load import GRANTED, answering

REPLAYED = GRANTED.replace(b"location", b"idempotency-replayed: true\r\nlocation")
EXHAUSTED = b'HTTP/1.1 409 Conflict\r\ncontent-length: 32\r\n\r\n{"x":1,"code":"quota-exhausted"}'


def call(due: float, client: int) -> Call:
    return Call(due=due, client=client, wire=post("/v1/claims", b"{}", token="t", key=f"key-{due}").wire)


async def played(port: int, *calls: Call) -> Door:
    opened = Door(port)
    await opened.gather(1)
    await opened.open(calls, time.perf_counter())
    return opened


async def test_an_answer_says_what_became_of_a_call() -> None:
    calls = [call(0.0, 0), call(0.01, 0), call(0.02, 0)]
    async with answering([GRANTED], [REPLAYED], [EXHAUSTED]) as (port, heard):
        await played(port, *calls)
    assert [one.status for one in calls] == [201, 201, 409]
    assert [one.replayed for one in calls] == [False, True, False]
    assert [one.location for one in calls] == ["/v1/vouchers/vch_1", "/v1/vouchers/vch_1", ""]
    assert [one.code for one in calls] == ["", "", "quota-exhausted"]
    assert heard == [one.wire for one in calls]


async def test_nobody_waits_for_the_answer_to_somebody_else() -> None:
    together = asyncio.Barrier(2)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        await together.wait()
        writer.write(GRANTED)
        await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    calls = [call(0.0, 0), call(0.0, 0)]
    try:
        await played(server.sockets[0].getsockname()[1], *calls)
    finally:
        server.close()
    assert [one.status for one in calls] == [201, 201]


async def test_a_time_begins_when_the_call_was_due() -> None:
    late = call(-1.0, 0)
    async with answering([GRANTED]) as (port, _):
        found = await played(port, late)
    assert found.late >= 1.0
    assert late.seconds >= 1.0


async def test_where_the_server_hung_up_the_call_goes_out_once_more() -> None:
    calls = [call(0.0, 0)]
    async with answering([], [GRANTED]) as (port, heard):
        found = await played(port, *calls)
    assert calls[0].status == 201
    assert found.resent == 1
    assert heard == [calls[0].wire] * 2


async def test_a_call_that_is_hung_up_on_twice_has_no_answer() -> None:
    calls = [call(0.0, 0)]
    async with answering([], [], [GRANTED]) as (port, heard):
        await played(port, *calls)
    assert calls[0].status == 0
    assert len(heard) == 2


async def test_when_it_is_over_nothing_goes_out_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_PATIENCE_S", 0.1)
    heard: list[bytes] = []
    hung_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n{}"))
        await reader.read()  # silent until the other side hangs up
        hung_up.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    calls = [call(0.0, 0)]
    try:
        found = await played(server.sockets[0].getsockname()[1], *calls)
        async with asyncio.timeout(5):
            await hung_up.wait()
        for _ in range(10):
            await asyncio.sleep(0)
    finally:
        server.close()
    assert (calls[0].status, found.resent, heard) == (0, 0, [calls[0].wire])
