"""Classes over REST: planned, refused with reasons, and told to everybody with what each has left (art. 12)."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.deadlines import IN_LINE
from services.issuance.projections.period_board import PERIOD_BOARD
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES
from shared.projections.projection import Rows
from shared.projections.rows import load_rows, save_rows
from shared.store.transaction import read_log
from tests.integration.issuance.office import CONTEXT, Office, StandingClock
from tests.integration.issuance.serving import Call
from tests.integration.issuance.today import clock, office

__all__ = ["clock", "office"]

FACE = 1_000_000
HOUR = timedelta(hours=1)
LI: dict[str, Any] = {"role": "officer", "principal": "officer-li"}
WANG: dict[str, Any] = {"role": "approver", "principal": "officer-wang"}


def _fen(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "CNY"}


def _plan(clock: StandingClock, classes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": "2026 年第一期",
        "quota": {"amount": 10 * FACE},
        "opens_at": clock.now().isoformat(),
        "closes_at": (clock.now() + 2 * HOUR).isoformat(),
        "classes": classes,
    }


def _teams(clock: StandingClock, **more: Any) -> dict[str, Any]:
    until = (clock.now() + HOUR).isoformat()
    return {"name": "团队", "who": "team", "amount": {"amount": 4 * FACE}, "until": until} | more


HAIDIAN: dict[str, Any] = {"name": "海淀", "who": "district:110108", "amount": {"amount": 3 * FACE}}


async def _opened(call: Call, office: Office, classes: list[dict[str, Any]]) -> str:
    proposed = await call("POST", "/v1/periods", **LI, body=_plan(office.clock, classes))
    assert proposed.status_code == 201, proposed.text
    path = proposed.headers["location"]
    approved = await call("POST", f"{path}/approval", **WANG, version=1)
    assert approved.status_code == 200, approved.text
    assert approved.json()["classes"] == proposed.json()["classes"]
    return str(path)


def _claim(path: str, amount: int) -> dict[str, Any]:
    return {"period_id": path.rpartition("/")[2], "amount": {"amount": amount}}


async def test_classes_that_cannot_be_are_refused_with_all_that_is_wrong_at_once(call: Call, office: Office) -> None:
    late = (office.clock.now() + 3 * HOUR).isoformat()
    wrong = [_teams(office.clock, amount={"amount": 0}, until=late), HAIDIAN | {"who": "district:310104"}, HAIDIAN]
    refused = (await call("POST", "/v1/periods", **LI, body=_plan(office.clock, wrong))).json()
    assert (refused["status"], refused["code"], refused["rule"]["article"]) == (422, "class-named-twice", "12")
    assert [(error["code"], error["pointer"]) for error in refused["errors"]] == [
        ("class-named-twice", "#/classes/2/name"),
        ("class-part-not-positive", "#/classes/0/amount"),
        ("class-ends-outside-period", "#/classes/0/until"),
        ("class-unknown", "#/classes/1/who"),
    ]
    too_much = _plan(office.clock, [_teams(office.clock, amount={"amount": 7 * FACE + 1}), HAIDIAN])
    refused = (await call("POST", "/v1/periods", **LI, body=too_much)).json()
    assert (refused["code"], refused["errors"][0]["pointer"]) == ("class-parts-over-quota", "#/classes")
    assert refused["detail"] == "专有额度合计 100,000.01 元，总额度 100,000.00 元"
    assert refused["remedy"]
    for nonsense in ({"who": "everybody"}, {"name": " "}, {"until": "2026-03-01T09:00:00"}):
        answer = await call("POST", "/v1/periods", **LI, body=_plan(office.clock, [_teams(office.clock) | nonsense]))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), nonsense


async def test_a_plan_shows_its_classes_before_it_is_approved_and_a_plan_without_them_none(
    call: Call, client: httpx.AsyncClient, office: Office
) -> None:
    proposed = await call("POST", "/v1/periods", **LI, body=_plan(office.clock, [HAIDIAN]))
    shown = {"name": "海淀", "who": "district:110108", "quota": _fen(3 * FACE), "remaining": _fen(3 * FACE)}
    assert proposed.json()["classes"] == [shown | {"until": None}]
    path = await _opened(call, office, [])
    assert (await client.get(path)).json()["classes"] == []
    left = (await client.get(f"{path}/remaining-quota")).json()
    assert (left["classes"], left["common"]) == ([], left["remaining"])


async def test_what_each_class_and_everybody_has_left_is_told_and_follows_the_clock(
    call: Call, client: httpx.AsyncClient, office: Office
) -> None:
    path = await _opened(call, office, [_teams(office.clock), HAIDIAN])
    team, stranger = await office.register("team"), await office.register()

    async def left(position: str | None = None) -> tuple[int, int, list[int]]:
        told = (await client.get(f"{path}/remaining-quota", params={"min_position": position or 0})).json()
        rests = [each["remaining"]["amount"] for each in told["classes"]]
        return told["remaining"]["amount"], told["common"]["amount"], rests

    assert await left() == (10 * FACE, 3 * FACE, [4 * FACE, 3 * FACE])
    won = await call("POST", "/v1/claims", party=team, body=_claim(path, FACE))
    assert won.status_code == 201, won.text
    assert await left(won.headers["event-position"]) == (9 * FACE, 3 * FACE, [3 * FACE, 3 * FACE])
    refused = (await call("POST", "/v1/claims", party=stranger, body=_claim(path, 3 * FACE + 1))).json()
    assert (refused["status"], refused["code"]) == (409, "quota-exhausted")
    assert refused["detail"] == "申领 30,000.01 元，本周期剩余中可供领取的为 30,000.00 元"
    rehearsed = await call("POST", "/v1/claims?dry_run=true", party=stranger, body=_claim(path, 3 * FACE + 1))
    assert (rehearsed.status_code, rehearsed.json()["code"]) == (409, "quota-exhausted")
    assert rehearsed.json()["detail"] == refused["detail"]
    office.clock.at += HOUR
    async with asyncio.timeout(10):
        while await left() != (9 * FACE, 6 * FACE, [0, 3 * FACE]):  # noqa: ASYNC110 (an answer is a tick old at most)
            await asyncio.sleep(0.05)
    shown = (await client.get(path)).json()["classes"]
    assert shown == (await client.get(f"{path}/remaining-quota")).json()["classes"]
    rehearsed = await call("POST", "/v1/claims?dry_run=true", party=stranger, body=_claim(path, 3 * FACE + 1))
    assert (rehearsed.status_code, rehearsed.json()["remaining_quota"]["amount"]) == (200, 6 * FACE - 1)
    won = await call("POST", "/v1/claims", party=stranger, body=_claim(path, 4 * FACE))
    assert won.status_code == 201, won.text
    assert await left(won.headers["event-position"]) == (5 * FACE, 2 * FACE, [0, 3 * FACE])


async def test_the_list_of_periods_shows_what_classes_have_left_and_until_when(
    call: Call, client: httpx.AsyncClient, office: Office, engine: AsyncEngine
) -> None:
    path = await _opened(call, office, [_teams(office.clock), HAIDIAN])
    plain = await _opened(call, office, [])

    async def listed(where: str = path, *, plans: bool = False) -> list[dict[str, Any]]:
        async with engine.begin() as connection:
            rows: Rows = {}
            PERIOD_BOARD.fold(rows, await read_log(connection, CONTEXT, after=0, limit=10_000))
            await save_rows(connection, PERIOD_BOARD.table, rows)
            assert await load_rows(connection, PERIOD_BOARD.table, rows) == rows
        found = await call("GET", "/v1/period-plans", **LI) if plans else await client.get("/v1/periods")
        (own,) = [item for item in found.json()["items"] if item["period_id"] == where.rpartition("/")[2]]
        shown: list[dict[str, Any]] = own["classes"]
        assert shown == (await client.get(where)).json()["classes"]
        return shown

    before = await listed()
    assert [(each["name"], each["who"], each["remaining"]["amount"]) for each in before] == [
        ("团队", "team", 4 * FACE),
        ("海淀", "district:110108", 3 * FACE),
    ]
    assert (before[0]["until"] is None, before[1]["until"]) == (False, None)
    assert await listed(plain) == []
    won = await call("POST", "/v1/claims", party=await office.register("team"), body=_claim(path, FACE))
    assert won.status_code == 201, won.text
    assert [each["remaining"]["amount"] for each in await listed()] == [3 * FACE, 3 * FACE]
    office.clock.at += HOUR  # its time is over, and nobody has written that down yet
    assert [each["remaining"]["amount"] for each in await listed()] == [0, 3 * FACE]
    await office.wait_until(office.clock.at)
    assert [each["remaining"]["amount"] for each in await listed(plans=True)] == [0, 3 * FACE]


async def test_after_the_close_the_figures_say_what_became_of_each_part(
    call: Call, client: httpx.AsyncClient, office: Office, engine: AsyncEngine
) -> None:
    path = await _opened(call, office, [_teams(office.clock), HAIDIAN])
    team, neighbour = await office.register("team"), await office.register(district="110108")
    for party, amount in ((team, FACE), (neighbour, 4 * FACE)):
        won = await call("POST", "/v1/claims", party=party, body=_claim(path, amount))
        assert won.status_code == 201, won.text
    await office.wait_until(office.clock.now() + HOUR)
    await office.wait_until(office.clock.now() + HOUR + IN_LINE)
    async with engine.begin() as connection:
        rows: Rows = {}
        VOUCHER_BALANCES.fold(rows, await read_log(connection, CONTEXT, after=0, limit=10_000))
        await save_rows(connection, VOUCHER_BALANCES.table, rows)
    figures = (await client.get(f"{path}/figures")).json()
    assert [
        (each["name"], *(each[what]["amount"] // FACE for what in ("quota", "issued", "released", "remaining")))
        for each in figures["classes"]
    ] == [("团队", 4, 1, 3, 0), ("海淀", 3, 3, 0, 0)]
    assert (figures["issued"]["amount"], figures["remaining"]["amount"]) == (5 * FACE, 5 * FACE)
