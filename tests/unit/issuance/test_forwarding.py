"""A claim that goes on to the writer of its period arrives as it came; nobody says that nothing has happened to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from services.issuance.api import forwarding
from services.issuance.api.awarded import awarded
from services.issuance.api.forwarding import Forwarding
from services.issuance.intake.intake import Intake
from services.issuance.intake.ownership import HeldElsewhereError
from services.issuance.intake.sequencer import Surroundings
from shared.clock import SystemClock
from shared.http.edge import Visit
from shared.http.seconds import monotonic_seconds
from shared.measures.reader import Measures
from shared.store.execution import Answer, IdempotencyKey, OutcomeUnknownError, StoreBusyError

KEY = IdempotencyKey("user-1", "claimVoucher", "a-good-key", b'["POST","/v1/claims",[]]\n{"asked":1}')
TOKEN = "Bearer as-it-came\xa0"
HERE = Answer(status=201, body=b"decided here")


class Writer:
    """An instance that is asked: it answers, breaks off, or is dumb."""

    def __init__(self) -> None:
        self.answers, self.lives = True, True
        self.asked: list[bytes] = []
        self.address = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                is_claim = head.startswith(b"POST ")
                if is_claim:
                    self.asked.append(head + await reader.readexactly(len(b'{"asked":1}')))
                if not (self.answers if is_claim else self.lives):
                    return
                writer.write(b'HTTP/1.1 201 Created\r\ncontent-length: 7\r\netag: "1"\r\nx-own: no\r\n\r\ngranted')
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


class Desk:
    """An instance that does not have the period, until it has taken over."""

    def __init__(self, writer: Writer) -> None:
        self.writer, self.taken_over, self.decided = writer, 0, 0
        self.forwarding = Forwarding(self.take_over)
        self.instead: Exception | None = None
        self.database_is_away = False

    async def take_over(self, _period_id: str) -> None:
        """Become the writer."""
        self.taken_over += 1
        if self.database_is_away:
            raise StoreBusyError("the database does not answer")

    async def decide(self) -> Answer:
        """Decide here, if the period is here."""
        self.decided += 1
        if self.instead is not None and self.writer.asked:
            raise self.instead
        if self.taken_over and not self.database_is_away:
            return HERE
        raise HeldElsewhereError("prd_1", self.writer.address)

    async def settle(self, *, entry_token: str = "", forwarded: bool = False) -> Answer:
        """Have a claim decided."""
        visit = Visit("req_1", "trace-1", None, "en", datetime(2026, 3, 2, tzinfo=UTC), "127.0.0.1")
        visit.forwarded = forwarded
        return await self.forwarding.settle(
            self.decide, visit=visit, key=KEY, path="/v1/claims", token=TOKEN, entry_token=entry_token
        )


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(forwarding, "_AGAIN_FOR_S", 0.2)
    made = Desk(Writer())
    server = await asyncio.start_server(made.writer.serve, "127.0.0.1", 0)
    made.writer.address = "http://127.0.0.1:{1}".format(*server.sockets[0].getsockname())
    yield made
    await made.forwarding.close()
    server.close()


async def test_a_claim_arrives_as_it_came_and_its_answer_comes_back(desk: Desk) -> None:
    answer = await desk.settle(entry_token="caf\xe9")
    assert answer == Answer(status=201, headers={"ETag": '"1"'}, body=b"granted")
    (asked,) = desk.writer.asked
    lines = asked.lower().splitlines()
    for line in (
        b"authorization: bearer as-it-came\xa0",
        b"entry-token: caf\xe9",
        b"idempotency-key: a-good-key",
        b"x-request-id: req_1",
        b"accept-language: en",
        b"cxq-forwarded: 1",
    ):
        assert line in lines
    assert asked.endswith(b'\r\n\r\n{"asked":1}')


async def test_no_proxy_sees_what_instances_tell_each_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await desk.settle()).body == b"granted"


async def test_what_was_sent_on_once_is_not_sent_on_again(desk: Desk) -> None:
    with pytest.raises(StoreBusyError):
        await desk.settle(forwarded=True)
    assert (desk.writer.asked, desk.decided) == ([], 1)


def _breaks_off(desk: Desk) -> None:
    desk.writer.answers = False


def _is_nowhere(desk: Desk) -> None:
    desk.writer.address = "http://127.0.0.1:9"


def _is_unknown(desk: Desk) -> None:
    desk.writer.address = ""


@pytest.mark.parametrize(
    ("what", "error"),
    [(_breaks_off, OutcomeUnknownError), (_is_nowhere, StoreBusyError), (_is_unknown, StoreBusyError)],
)
async def test_nobody_is_told_that_nothing_has_happened_to_a_claim_that_was_sent_on(
    desk: Desk, what: Callable[[Desk], None], error: type[Exception]
) -> None:
    what(desk)
    with pytest.raises(error):
        await desk.settle()
    assert bool(desk.writer.asked) == (error is OutcomeUnknownError)
    assert desk.taken_over == 0


@pytest.mark.parametrize("later", [StoreBusyError("the line is full"), None])
async def test_what_is_heard_later_counts_only_where_it_is_an_answer(desk: Desk, later: Exception | None) -> None:
    desk.writer.answers, desk.writer.lives, desk.instead = False, later is not None, later
    if later is not None:
        with pytest.raises(OutcomeUnknownError):
            await desk.settle()
    else:
        assert await desk.settle() == HERE
    assert (len(desk.writer.asked), desk.taken_over) == (1, 0 if later is not None else 1)


async def test_a_period_that_cannot_be_taken_over_leaves_the_outcome_unknown(desk: Desk) -> None:
    desk.writer.answers, desk.writer.lives, desk.database_is_away = False, False, True
    with pytest.raises(OutcomeUnknownError):
        await desk.settle()
    assert desk.taken_over >= 1


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError(), asyncpg.CannotConnectNowError("starting")])
async def test_who_cannot_take_over_says_that_the_database_is_away(error: Exception) -> None:
    async def connect() -> Any:
        raise error

    async def measures() -> Measures:
        raise AssertionError("nothing is decided")

    around = Surroundings(
        clock=SystemClock(),
        seconds=monotonic_seconds,
        measures=measures,
        connect=connect,
        granted=awarded,
        on_commit=lambda: None,
    )
    intake = Intake(around)
    with pytest.raises(StoreBusyError):
        await intake.take_over("prd_1")
    await intake.close()
