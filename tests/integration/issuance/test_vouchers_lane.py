"""A claimant's ordinary look at its vouchers takes a shorter way to the same answer, byte for byte."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.issuance import own_vouchers
from services.issuance.own_vouchers import Newest, OwnVouchers, reading_connector
from services.issuance.projections.voucher_balances import TABLE, VOUCHER_BALANCES
from shared.clock import SystemClock
from shared.http.local_issuer import LocalIssuer
from shared.projections.projection import Rows
from shared.projections.rows import save_rows
from shared.settings import Settings
from shared.store.tables import consumer_positions, relay_positions
from shared.store.transaction import read_log
from tests.integration.issuance.office import CONTEXT, Office
from tests.integration.issuance.serving import visiting

ROUNDABOUT = {"Accept": "application/json;q=1"}
"""An `Accept` that means the same, spelt so that the look takes the ordinary way."""
_OWN = {"ratelimit-remaining", "ratelimit-reset"}
"""What differs from one request to the next."""


@dataclass
class House:
    """Issuance over HTTP, with two companies: the one has three vouchers, the other none."""

    client: httpx.AsyncClient
    settings: Settings
    rich: str
    poor: str
    position: int

    async def look(
        self, claimant_id: str, query: str = "", *, roundabout: bool, path: str = "/v1/vouchers", **headers: str
    ) -> httpx.Response:
        """Look at a company's vouchers by either way."""
        token = LocalIssuer(self.settings).issue("claimant", f"user-of-{claimant_id}", claimant_id)
        given = {"Authorization": f"Bearer {token}", "X-Request-Id": "same-request"} | headers
        return await self.client.get(path + query, headers=given | (ROUNDABOUT if roundabout else {}))


@pytest.fixture(scope="module")
async def house(settings: Settings, engine: AsyncEngine, owner: AsyncEngine) -> AsyncIterator[House]:
    """Have vouchers claimed and the read model follow, up to the log's end in one partition and not in the other."""
    office = Office(engine)
    office.clock.at = SystemClock().now()
    rich, poor = await office.register(), await office.register()
    period_id = await office.open_period(12_000_000)
    for amount in (100, 200, 300):
        office.clock.at += timedelta(seconds=1)
        await office.claim(period_id, rich, amount)
    await office.close()
    async with owner.begin() as connection:
        log = await read_log(connection, CONTEXT, after=0, limit=1000)
        rows: Rows = {}
        VOUCHER_BALANCES.fold(rows, log)
        await save_rows(connection, VOUCHER_BALANCES.table, rows)
        position = log[-1].position
        await _reach(connection, settings.topic(CONTEXT), position)
    async with visiting(settings) as client:
        yield House(client, settings, rich, poor, position)


async def _reach(connection: AsyncConnection, topic: str, position: int) -> None:
    """Say that everything was published, and that all of it but a later event of one partition was applied."""
    published = {-1: position + 5, 0: position, 1: position + 5}
    await connection.execute(
        sa.insert(relay_positions),
        [{"partition": part, "position": at, "next_offset": 1} for part, at in published.items()],
    )
    applied = {"consumer": VOUCHER_BALANCES.consumer, "topic": topic, "position": position, "next_offset": 1}
    await connection.execute(sa.insert(consumer_positions), [applied | {"partition": part} for part in (0, 1)])


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note who has taken the short way."""
    looks: list[str] = []
    newest = OwnVouchers.newest

    async def noted(self: OwnVouchers, claimant_id: str, many: int) -> Newest:
        looks.append(claimant_id)
        return await newest(self, claimant_id, many)

    monkeypatch.setattr(OwnVouchers, "newest", noted)
    return looks


def _told(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in _OWN)
    return answer.status_code, headers, answer.content


@pytest.mark.parametrize("query", ["", "?limit=3", "?limit=2", "?limit=1", "?limit=200", "?limit=2&min_position=1"])
async def test_both_ways_give_the_same_answer(house: House, taken: list[str], query: str) -> None:
    for claimant_id in (house.rich, house.poor):
        short = await house.look(claimant_id, query, roundabout=False)
        assert taken == [claimant_id]
        long = await house.look(claimant_id, query, roundabout=True)
        assert taken == [claimant_id]
        assert short.status_code == 200
        assert _told(short) == _told(long)
        taken.clear()


async def test_what_the_short_way_shows_is_ones_own_the_newest_first_up_to_where_the_model_stands(house: House) -> None:
    page = (await house.look(house.rich, roundabout=False)).json()
    assert [item["amount"]["amount"] for item in page["items"]] == [300, 200, 100]
    assert page["as_of"] == house.position
    assert (await house.look(house.poor, roundabout=False)).json()["items"] == []


async def test_a_cursor_of_one_way_is_good_for_the_other(house: House) -> None:
    first = await house.look(house.rich, "?limit=2", roundabout=False)
    last = await house.look(house.rich, f"?limit=2&cursor={first.json()['next_cursor']}", roundabout=True)
    assert [item["amount"]["amount"] for item in last.json()["items"]] == [100]
    followed = first.headers["Link"].partition("<")[2].partition(">")[0]
    assert (await house.look(house.rich, path=followed, roundabout=True)).json() == last.json()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?limit=0", 422), ("?limit=201", 422), ("?limit=x", 422), ("?limit=02", 200), ("?limit=1&limit=2", 200),
        ("?state=claimed", 200), ("?state=nonsense", 422), ("?cursor=nonsense", 400), ("?min_position=-1", 422),
        ("?min_position=9223372036854775808", 422), ("?limit=%zz", 422), ("?nobody=asked", 200),
    ],
)  # fmt: skip
async def test_what_is_not_an_ordinary_look_is_told_the_same_as_ever(house: House, query: str, status: int) -> None:
    answers = [await house.look(house.rich, query, roundabout=way) for way in (False, True)]
    assert answers[0].status_code == status, answers[0].text
    assert _told(answers[0]) == _told(answers[1])


async def test_who_asks_for_what_is_not_there_yet_is_told_how_far_it_is(house: House) -> None:
    query = f"?min_position={house.position + 1}"
    answers = await asyncio.gather(*(house.look(house.rich, query, roundabout=way) for way in (False, True)))
    assert answers[0].json()["code"] == "behind"
    assert _told(answers[0]) == _told(answers[1])


async def test_a_look_that_names_the_position_it_has_reached_is_answered_at_once(
    house: House, taken: list[str]
) -> None:
    answer = await house.look(house.rich, f"?min_position={house.position}", roundabout=False)
    assert (answer.status_code, taken) == (200, [house.rich])


@pytest.mark.parametrize("token", ["Bearer not-a-token", "Bearer ", "Basic dXNlcjpwYXNz", ""])
async def test_a_token_that_is_not_ours_is_told_the_same_on_both_ways(house: House, token: str) -> None:
    answers = [await house.look(house.rich, roundabout=way, Authorization=token) for way in (False, True)]
    assert answers[0].status_code == 401
    assert _told(answers[0]) == _told(answers[1])


async def test_a_claimants_token_without_a_claimant_has_no_vouchers_on_either_way(house: House) -> None:
    token = f"Bearer {LocalIssuer(house.settings).issue('claimant', 'user-of-nobody', None)}"
    answers = [await house.look(house.rich, roundabout=way, Authorization=token) for way in (False, True)]
    assert answers[0].json()["items"] == []
    assert _told(answers[0]) == _told(answers[1])


async def test_an_officer_sees_everybodys_as_ever(house: House, taken: list[str]) -> None:
    token = f"Bearer {LocalIssuer(house.settings).issue('officer', 'officer-li', None)}"
    answer = await house.look(house.rich, roundabout=False, Authorization=token)
    assert (len(answer.json()["items"]), taken) == (3, [])


async def test_both_ways_take_from_one_bucket(house: House) -> None:
    rates = {"rate_burst": 4, "rate_per_second": 0.001}
    async with visiting(house.settings.model_copy(update=rates)) as client:
        narrow = replace(house, client=client)
        taken = [await narrow.look(house.rich, roundabout=way) for way in (False, True, False, True)]
        assert [answer.headers["ratelimit-remaining"] for answer in taken] == ["3", "2", "1", "0"]
        refused = [await narrow.look(house.rich, roundabout=way) for way in (False, True)]
    assert refused[0].json()["code"] == "too-many-requests"
    assert _told(refused[0]) == _told(refused[1])


async def test_many_who_look_at_once_each_see_their_own(house: House) -> None:
    names = [house.rich, house.poor] * 100
    answers = await asyncio.gather(*(house.look(name, roundabout=False) for name in names))
    assert {answer.status_code for answer in answers} == {200}
    for name, answer in zip(names, answers, strict=True):
        assert [item["claimant_id"] for item in answer.json()["items"]] == ([name] * 3 if name == house.rich else [])


async def test_a_connection_that_was_cut_costs_nobody_an_answer(
    house: House, owner: AsyncEngine, taken: list[str]
) -> None:
    await house.look(house.rich, roundabout=False)
    async with owner.begin() as connection:
        name = {"name": f"cxq-{CONTEXT}-own-vouchers"}
        cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = :name"
        assert (await connection.execute(sa.text(cut), name)).scalar_one() == 1
    answers = [await house.look(house.rich, roundabout=False) for _ in range(3)]
    assert [len(answer.json()["items"]) for answer in answers] == [3, 3, 3]
    assert len(taken) == 4


async def test_a_look_goes_by_index_from_the_start(settings: Settings) -> None:
    connection = await reading_connector(settings, CONTEXT)()
    try:
        plan = await connection.fetch(f"EXPLAIN {own_vouchers._NEWEST}", ["clm"], [51], "consumer", "topic")
    finally:
        await connection.close()
    said = "\n".join(line for (line,) in plan)
    assert f"on {TABLE.name}_claimant_id_idx" in said
    assert "Seq Scan" not in said


async def test_the_connection_for_looks_writes_nothing(settings: Settings) -> None:
    connection = await reading_connector(settings, CONTEXT)()
    try:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute(f"DELETE FROM {TABLE.name}")
    finally:
        await connection.close()
