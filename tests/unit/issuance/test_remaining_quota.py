"""What periods have left is read once a tick, told to all who listen when it changes, and bounded in everything."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from services.issuance.api.live import QuotaStream
from services.issuance.remaining_quota import (
    HEARTBEAT_S,
    STREAM_S,
    TICK_S,
    Listener,
    LiveQuota,
    Look,
    Remaining,
    TooManyListenersError,
)
from shared.http.problems import ProblemError

PERIOD, OTHER = "prd_1", "prd_2"
AT = datetime(2026, 3, 2, 1, tzinfo=UTC)


class Table:
    """The rows that decide, and a count of how often they were read; seconds pass when somebody says so."""

    def __init__(self, *, slow_s: float = 0.0) -> None:
        self.left = {PERIOD: 100, OTHER: 100}
        self.reads, self.seconds, self.slow_s = 0, 1_000.0, slow_s
        self.broken = self.is_over = False

    async def read(self) -> Look:
        """Look at the rows."""
        self.reads += 1
        await asyncio.sleep(self.slow_s)
        if self.broken:
            raise ConnectionError
        return Look(as_of=self.reads, at=AT, periods={name: _state(name, left) for name, left in self.left.items()})

    async def pause(self, _seconds: float) -> None:
        """Let the teller's pauses pass at once: the seconds are the test's own. The teller ends when that does."""
        await asyncio.sleep(0)
        if self.is_over:
            raise asyncio.CancelledError


def _state(period_id: str, left: int) -> Remaining:
    return Remaining(period_id=period_id, quota=100, remaining=left, claims=100 - left, paused=False, closed=False)


def _write(look: Look, state: Remaining) -> bytes:
    return f"{state.period_id} {state.remaining} as of {look.as_of}".encode()


def _live(table: Table, **more: int) -> LiveQuota:
    return LiveQuota(table.read, _write, lambda: table.seconds, pause=table.pause, **more)


@pytest.fixture
async def table() -> AsyncIterator[Table]:
    """A table whose tellers do not outlive the test, in which not every listener leaves: they would never rest."""
    made = Table()
    yield made
    made.is_over = True
    for _ in range(5):
        await asyncio.sleep(0)


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0)


def _taken(listener: Listener) -> bytes | None:
    message, listener.message = listener.message, None
    listener.woken.clear()
    return message


async def test_however_many_ask_within_a_tick_the_rows_are_read_once(table: Table) -> None:
    live = _live(table)
    looks = await asyncio.gather(*(live.look() for _ in range(1_000)))
    assert (table.reads, {look.as_of for look in looks}) == (1, {1})
    table.seconds += TICK_S * 0.99
    assert (await live.look()).as_of == 1
    table.seconds += TICK_S * 0.01
    assert (await live.look()).as_of == 2


async def test_an_answer_is_written_once_a_look(table: Table) -> None:
    live = _live(table)
    look = await live.look()
    assert live.written(look, PERIOD) == b"prd_1 100 as of 1"
    assert live.written(look, PERIOD) is live.written(look, PERIOD)
    assert live.written(look, "prd_unknown") is None


async def test_what_cannot_be_read_is_told_to_whoever_asks_and_is_read_again_for_the_next(table: Table) -> None:
    live = _live(table)
    table.broken = True
    failed = await asyncio.gather(*(live.look() for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in failed] == [ConnectionError] * 3
    assert table.reads == 1
    table.broken = False
    assert (await live.look()).as_of == 2


async def test_who_joins_hears_how_it_stands_and_then_only_changes_of_the_own_period(table: Table) -> None:
    live = _live(table)
    listener = live.listen(await live.look(), PERIOD)
    assert _taken(listener) == b"event: remaining-quota\ndata: prd_1 100 as of 1\nid: 1\n\n"
    table.left[OTHER] = 1
    for _ in range(3):  # nothing happens to the own period
        reads = table.reads
        table.seconds += TICK_S
        await _until(lambda reads=reads: table.reads > reads)  # type: ignore[misc]
    assert _taken(listener) is None
    table.left[PERIOD] = 99
    table.seconds += TICK_S
    await _until(listener.woken.is_set)
    assert (_taken(listener) or b"").startswith(b"event: remaining-quota\ndata: prd_1 99 ")
    live.leave(listener)


async def test_a_thousand_listeners_cost_one_reading_a_tick_and_one_message(table: Table) -> None:
    live = _live(table)
    look = await live.look()
    crowd = [live.listen(look, PERIOD) for _ in range(1_000)]
    assert live.listeners == 1_000
    assert len({id(_taken(listener)) for listener in crowd}) == 1
    table.left[PERIOD] = 42
    table.seconds += TICK_S
    await _until(lambda: all(listener.woken.is_set() for listener in crowd))
    assert table.reads == 2
    assert len({id(_taken(listener)) for listener in crowd}) == 1
    for listener in crowd:
        live.leave(listener)
    assert live.listeners == 0


async def test_who_joined_after_a_change_was_seen_does_not_keep_it_from_the_others(table: Table) -> None:
    live = _live(table)
    early = live.listen(await live.look(), PERIOD)
    _taken(early)
    table.left[PERIOD] = 7
    table.seconds += TICK_S
    late = live.listen(await live.look(), PERIOD)
    assert b"prd_1 7 " in (_taken(late) or b"")
    await _until(early.woken.is_set)
    assert b"prd_1 7 " in (_taken(early) or b"")
    assert _taken(late) is None


async def test_who_did_not_take_a_message_in_time_finds_only_the_newest(table: Table) -> None:
    live = _live(table)
    listener = live.listen(await live.look(), PERIOD)
    for left in (3, 2, 1):
        table.left[PERIOD] = left
        table.seconds += TICK_S
        await _until(lambda left=left: f"prd_1 {left} ".encode() in (listener.message or b""))  # type: ignore[misc]
    assert b"prd_1 1 " in (_taken(listener) or b"")
    assert _taken(listener) is None


async def test_there_is_room_for_so_many_listeners_and_again_when_one_leaves(table: Table) -> None:
    live = _live(table, listeners_max=2)
    look = await live.look()
    first, _ = live.listen(look, PERIOD), live.listen(look, OTHER)
    with pytest.raises(TooManyListenersError):
        live.listen(look, PERIOD)
    live.leave(first)
    live.leave(first)
    live.listen(look, PERIOD)
    assert live.listeners == 2


async def test_where_nothing_changes_a_heartbeat_keeps_the_line_open(table: Table) -> None:
    live = _live(table)
    listener = live.listen(await live.look(), PERIOD)
    _taken(listener)
    table.seconds += HEARTBEAT_S
    await _until(listener.woken.is_set)
    assert _taken(listener) == b": \n\n"


async def test_while_nothing_can_be_read_listeners_keep_their_line_and_hear_the_news_afterwards(table: Table) -> None:
    live = _live(table)
    listener = live.listen(await live.look(), PERIOD)
    _taken(listener)
    table.broken = True
    table.seconds += HEARTBEAT_S
    await _until(listener.woken.is_set)
    assert _taken(listener) == b": \n\n"
    table.broken, table.left[PERIOD] = False, 5
    table.seconds += TICK_S
    await _until(lambda: b"prd_1 5 " in (listener.message or b""))


async def test_a_stream_is_over_after_five_minutes(table: Table) -> None:
    live = _live(table)
    look = await live.look()
    first = live.listen(look, PERIOD)
    table.seconds += 1
    second = live.listen(look, PERIOD)
    table.seconds += STREAM_S - 1
    await _until(lambda: first.over)
    assert not second.over
    table.seconds += 1
    await _until(lambda: second.over)


async def test_when_the_service_ends_every_stream_does_and_none_begins(table: Table) -> None:
    live = _live(table)
    look = await live.look()
    crowd = [live.listen(look, PERIOD) for _ in range(3)]
    live.close()
    assert all(listener.over and listener.woken.is_set() for listener in crowd)
    with pytest.raises(TooManyListenersError):
        live.listen(look, PERIOD)


async def test_the_rows_are_left_alone_when_nobody_listens_any_more(table: Table) -> None:
    live = _live(table)
    live.leave(live.listen(await live.look(), PERIOD))
    for _ in range(20):
        table.seconds += TICK_S
        await asyncio.sleep(0)
    assert table.reads == 1


class Line:
    """The other end of a stream: takes messages, hangs up, or takes nothing any more."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.hung_up, self.stuck = asyncio.Event(), False

    async def receive(self) -> dict[str, Any]:
        """Say that the listener hung up, once it has."""
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Take a message, or never."""
        if self.stuck and message["type"] == "http.response.body":
            await asyncio.Event().wait()
        self.heard.append(message)


async def _served(live: LiveQuota, line: Line, *, slow_s: float = 5.0) -> Awaitable[None]:
    stream = QuotaStream(live, await live.look(), PERIOD, slow_s=slow_s)
    return asyncio.create_task(stream({"type": "http"}, line.receive, line.send))


async def test_a_listener_that_hangs_up_is_forgotten_at_once(table: Table) -> None:
    live, line = _live(table), Line()
    serving = await _served(live, line)
    await _until(lambda: len(line.heard) == 2)
    start, first = line.heard
    assert dict(start["headers"])[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert first["body"].startswith(b"event: remaining-quota\n")
    line.hung_up.set()
    await serving
    assert live.listeners == 0


async def test_a_listener_that_takes_nothing_is_let_go(table: Table) -> None:
    live, line = _live(table), Line()
    line.stuck = True
    await (await _served(live, line, slow_s=0.01))
    assert (live.listeners, len(line.heard)) == (0, 1)


async def test_a_stream_whose_time_is_over_ends_in_order(table: Table) -> None:
    live, line = _live(table), Line()
    serving = await _served(live, line)
    await _until(lambda: len(line.heard) == 2)
    table.seconds += STREAM_S
    await serving
    assert line.heard[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert live.listeners == 0


async def test_who_finds_no_room_is_told_when_to_come_again_before_the_stream_begins(table: Table) -> None:
    live, line = _live(table, listeners_max=0), Line()
    with pytest.raises(ProblemError) as problem:
        await (await _served(live, line))
    assert (problem.value.code, problem.value.headers, line.heard) == ("too-many-listeners", {"Retry-After": "30"}, [])
