"""Rates, waiting, and cursors: limits that hold without a server."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pydantic import SecretStr

from shared.bus.readable import News
from shared.http import waiting as waiting_module
from shared.http.commands import Presented
from shared.http.cursors import Cursors
from shared.http.limits import _CALLERS_MAX, Buckets
from shared.http.models import Money
from shared.http.problems import ProblemError
from shared.http.waiting import preferred_wait, wait_for
from shared.settings import Settings


class Seconds:
    """Seconds moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills_again() -> None:
    seconds = Seconds()
    buckets = Buckets(seconds, burst=3, per_second=2.0)
    assert [buckets.take("a").granted for _ in range(4)] == [True, True, True, False]
    refused = buckets.take("a")
    assert refused.headers()["Retry-After"] == "1"
    assert refused.headers()["RateLimit-Remaining"] == "0"
    assert buckets.take("b").granted
    seconds.now = 0.5
    assert [buckets.take("a").granted for _ in range(2)] == [True, False]
    seconds.now = 1000.0
    assert [buckets.take("a").granted for _ in range(4)] == [True, True, True, False]


def test_buckets_forget_those_who_were_away_longest() -> None:
    buckets = Buckets(Seconds(), burst=1, per_second=0.001)
    buckets.take("regular")
    for number in range(_CALLERS_MAX):
        buckets.take(f"passer-by {number}")
    assert len(buckets._levels) == _CALLERS_MAX
    assert buckets.take("regular").granted


def test_an_allowance_says_the_same_in_each_of_its_forms() -> None:
    seconds = Seconds()
    buckets = Buckets(seconds, burst=3, per_second=2.0)
    for number in range(3):
        seconds.now += 0.1
        given = buckets.take("a")
        assert given.granted
        told = {name.lower(): value for name, value in given.headers().items()}
        assert {name.decode(): value.decode() for name, value in given.raw_headers()} == told
        assert given.lines() == "".join(f"{name}: {value}\r\n" for name, value in told.items())
        assert told["ratelimit-remaining"] == str(2 - number)


@pytest.mark.parametrize(("per_second", "reset", "retry"), [(2.0, "1", "1"), (0.5, "2", "2"), (0.3, "4", "4")])
def test_who_has_to_wait_is_told_how_many_whole_seconds(per_second: float, reset: str, retry: str) -> None:
    buckets = Buckets(Seconds(), burst=1, per_second=per_second)
    assert buckets.take("a").headers()["RateLimit-Reset"] == reset
    assert buckets.take("a").headers()["Retry-After"] == retry


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ([], 0),
        (["wait=5"], 5),
        (['respond-async, wait="3"'], 3),
        (["respond-async", "wait = 4"], 4),
        (["wait=99999"], 10),
        (["wait=-1"], 0),
        (["wait=abc"], 0),
    ],
)
def test_a_preference_to_wait_is_read_and_bounded(prefer: list[str], seconds: int) -> None:
    assert preferred_wait(prefer) == seconds


async def test_waiting_ends_with_the_time_given() -> None:
    asked = 0

    async def never() -> None:
        nonlocal asked
        asked += 1

    assert await wait_for(never, 0.1, News()) is None
    assert asked > 1


async def test_waiting_ends_with_the_news_of_the_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_module, "_LOOK_AGAIN_S", 60.0)
    news, outcome = News(), Presented(body=Money.of(1))
    happened = False

    async def look() -> Presented | None:
        return outcome if happened else None

    waiting = asyncio.create_task(wait_for(look, 60.0, news))
    await asyncio.sleep(0)
    happened = True
    news.tell()
    async with asyncio.timeout(10):  # looking again without news would take longer
        assert await waiting is outcome


def test_a_cursor_comes_back_with_its_values_and_types() -> None:
    values = ["vch_1", 5, True, date(2026, 3, 2), datetime(2026, 3, 2, 1, tzinfo=UTC), Decimal("1.50")]
    cursors = Cursors(Settings(env="dev"))
    assert cursors.read("list", cursors.write("list", values)) == values


def test_a_cursor_of_another_secret_list_or_hand_is_refused() -> None:
    mine = Cursors(Settings(env="dev"))
    cursor = mine.write("list", [5])
    theirs = Cursors(Settings(env="dev", cursor_secret=SecretStr("other")))
    for reader, bound_to, text in (
        (theirs, "list", cursor),
        (mine, "another", cursor),
        (mine, "list", cursor[:-1]),
        (mine, "list", ""),
        (mine, "list", "é"),
        (mine, "list", "A" * 5),
    ):
        with pytest.raises(ProblemError, match="cursor-malformed"):
            reader.read(bound_to, text)
