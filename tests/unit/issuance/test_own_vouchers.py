"""Who asks for vouchers while others are being answered is asked for together, and nobody waits for a dead database."""

import asyncio
from collections.abc import Awaitable
from typing import Any, cast

import asyncpg
import pytest

from services.issuance import own_vouchers
from services.issuance.own_vouchers import Newest, OwnVouchers
from shared.store.execution import StoreBusyError


class Database:
    """Answers each question with one voucher of the claimant, when it is let, and notes who was asked for together."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.let = asyncio.Event()
        self.error: Exception | None = None
        self.opened, self.hung_up = 0, 0

    async def connect(self) -> "asyncpg.Connection[Any]":
        """Open a connection, which is this."""
        self.opened += 1
        return cast("asyncpg.Connection[Any]", self)

    def is_closed(self) -> bool:
        """Tell that it is open."""
        return False

    def terminate(self) -> None:
        """Hang up."""
        self.hung_up += 1

    async def fetch(self, _statement: str, claimants: list[str], many: list[int], *_of: str) -> list[dict[str, Any]]:
        """Answer; the last claimant of each batch has no voucher."""
        self.batches.append(claimants)
        await self.let.wait()
        if self.error is not None:
            raise self.error
        reached = [[-1, 9, 0], [0, 8, 8], [1, 9, len(many)]]
        return [
            {"number": number, "reached": reached if number == 1 else None, "voucher_id": name if number == 1 else None}
            for number, name in enumerate(claimants, start=1)
        ]


async def _until(found: list[Any], count: int) -> None:
    async with asyncio.timeout(5):
        while len(found) < count:  # noqa: ASYNC110 (nothing tells)
            await asyncio.sleep(0)


async def _within[T](asking: Awaitable[T]) -> T:
    """Wait for an answer, and not for ever."""
    async with asyncio.timeout(5):
        return await asking


async def test_who_asks_meanwhile_is_asked_for_together_and_everybody_gets_their_own() -> None:
    database = Database()
    own = OwnVouchers(database.connect, "topic")
    first = asyncio.create_task(own.newest("a", 51))
    await _until(database.batches, 1)
    others = [asyncio.create_task(own.newest(name, 51)) for name in ("b", "c")]
    await asyncio.sleep(0)
    database.let.set()
    answers = await asyncio.gather(first, *others)
    assert database.batches == [["a"], ["b", "c"]]
    assert [[row["voucher_id"] for row in answer.rows] for answer in answers] == [["a"], ["b"], []]
    # The partition that is behind holds the position back: 1 and 2 are what it had applied.
    assert [answer.as_of for answer in answers] == [1, 2, 2]
    assert database.opened == 1
    await own.close()
    assert database.hung_up == 1


async def test_one_statement_reads_for_so_many_and_so_much_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_vouchers, "_AT_ONCE", 3)
    monkeypatch.setattr(own_vouchers, "_ROWS_AT_ONCE", 100)
    database = Database()
    database.let.set()
    own = OwnVouchers(database.connect, "topic")
    asking = [own.newest(name, many) for name, many in zip("abcdefg", (10, 10, 10, 10, 50, 50, 201), strict=True)]
    assert len(await asyncio.gather(*asking)) == 7
    assert database.batches == [["a", "b", "c"], ["d", "e"], ["f"], ["g"]]
    await own.close()


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.QueryCanceledError("slow"),
        asyncpg.InterfaceError("closed"),
        ConnectionResetError(),
        TimeoutError(),
        KeyError(1),
    ],
)
async def test_when_the_database_does_not_answer_everybody_is_told_at_once_and_the_next_ask_anew(
    error: Exception,
) -> None:
    database = Database()
    database.error = error
    own = OwnVouchers(database.connect, "topic")
    first = asyncio.create_task(own.newest("a", 51))
    await _until(database.batches, 1)
    waiting = asyncio.create_task(own.newest("b", 51))
    await asyncio.sleep(0)
    database.let.set()
    told = await _within(asyncio.gather(first, waiting, return_exceptions=True))
    assert [type(each) for each in told] == [StoreBusyError, StoreBusyError]
    assert database.batches == [["a"]]
    assert database.hung_up == 1
    database.error = None
    assert await own.newest("c", 51) == Newest(
        [{"number": 1, "reached": [[-1, 9, 0], [0, 8, 8], [1, 9, 1]], "voucher_id": "c"}], 1
    )
    assert database.opened == 2
    await own.close()


async def test_a_caller_who_has_gone_leaves_the_others_their_answers() -> None:
    database = Database()
    own = OwnVouchers(database.connect, "topic")
    gone, stays = (asyncio.create_task(own.newest(name, 51)) for name in ("a", "b"))
    await _until(database.batches, 1)
    gone.cancel()
    database.let.set()
    await asyncio.wait([gone])
    assert (await _within(stays)).as_of == 2
    await own.close()


async def test_who_comes_when_too_many_wait_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_vouchers, "_WAITING_MAX", 1)
    database = Database()
    own = OwnVouchers(database.connect, "topic")
    first = asyncio.create_task(own.newest("a", 51))
    await _until(database.batches, 1)
    second = asyncio.create_task(own.newest("b", 51))
    await asyncio.sleep(0)
    with pytest.raises(StoreBusyError):
        await own.newest("c", 51)
    database.let.set()
    await asyncio.gather(first, second)
    await own.close()


async def test_who_waits_when_the_service_stops_is_sent_away() -> None:
    database = Database()
    own = OwnVouchers(database.connect, "topic")
    asking = [asyncio.create_task(own.newest("a", 51))]
    await _until(database.batches, 1)
    asking.append(asyncio.create_task(own.newest("b", 51)))
    await asyncio.sleep(0)
    await own.close()
    told = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(each) for each in told] == [StoreBusyError, StoreBusyError]
    assert database.hung_up == 1
