"""Periods over REST: who may plan, who may see, and what the public is told of hours and money (art. 4, 12)."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.deadlines import IN_LINE
from services.issuance.projections.period_board import PERIOD_BOARD
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES
from shared.kernel.ids import new_id
from shared.projections.projection import Rows
from shared.projections.rows import save_rows
from shared.store.transaction import read_log
from tests.integration.issuance.office import CONTEXT, NINE_IN_MARCH, Office, StandingClock
from tests.integration.issuance.serving import Call
from tests.integration.issuance.today import clock, office

__all__ = ["clock", "office"]

FACE = 5_000_000
TEN = NINE_IN_MARCH + timedelta(hours=1)
TOMORROW = NINE_IN_MARCH + timedelta(days=1)
MOMENT = timedelta(microseconds=1)
WHY = {"reason": "系统维护，预计两小时后恢复"}
LI: dict[str, Any] = {"role": "officer", "principal": "officer-li"}
ZHAO: dict[str, Any] = {"role": "officer", "principal": "officer-zhao"}
WANG: dict[str, Any] = {"role": "approver", "principal": "officer-wang"}


def _plan(clock: StandingClock, *, opens_in: timedelta = timedelta(minutes=1), **more: Any) -> dict[str, Any]:
    opens_at = clock.now() + opens_in
    return {
        "name": "2026 年第一期",
        "quota": {"amount": 4 * FACE},
        "opens_at": opens_at.isoformat(),
        "closes_at": (opens_at + timedelta(minutes=5)).isoformat(),
        **more,
    }


async def _proposed(call: Call, plan: dict[str, Any]) -> str:
    proposed = await call("POST", "/v1/periods", **LI, body=plan)
    assert proposed.status_code == 201, proposed.text
    return proposed.headers["location"]


async def _approved(call: Call, plan: dict[str, Any]) -> str:
    path = await _proposed(call, plan)
    approved = await call("POST", f"{path}/approval", **WANG, version=1)
    assert approved.status_code == 200, approved.text
    return path


def _claim(path: str, amount: int = FACE) -> dict[str, Any]:
    return {"period_id": path.rpartition("/")[2], "amount": {"amount": amount}}


async def test_a_plan_may_ask_for_less_than_the_measures_give_and_is_refused_more_with_article_and_limit(
    call: Call, office: Office
) -> None:
    last_day = (office.clock.now() + timedelta(days=9)).date().isoformat()
    own: dict[str, Any] = {
        "face_value_max": {"amount": 3_000_000},
        "registration_days": 10,
        "registration_last_day": last_day,
    }
    proposed = await call("POST", "/v1/periods", **LI, body=_plan(office.clock, **own))
    assert proposed.status_code == 201, proposed.text
    shown = proposed.json()
    assert (shown["face_value_max"]["amount"], shown["registration_days"], shown["validity_months"]) == (
        3_000_000,
        10,
        3,
    )
    assert (shown["registration_last_day"], shown["validity_last_day"]) == (last_day, None)
    loose: dict[str, Any] = {"face_value_max": {"amount": 5_000_001}, "registration_days": 16, "validity_months": 0}
    refused = (await call("POST", "/v1/periods", **LI, body=_plan(office.clock, **loose))).json()
    assert (refused["status"], refused["code"]) == (422, "face-value-cap-out-of-range")
    assert (refused["rule"]["article"], refused["rule"]["parameter"]) == ("12", "face_value_max")
    assert [(error["code"], error["pointer"], error["value"]) for error in refused["errors"]] == [
        ("face-value-cap-out-of-range", "#/face_value_max", 5_000_001),
        ("registration-days-out-of-range", "#/registration_days", 16),
        ("validity-out-of-range", "#/validity_months", 0),
    ]
    assert "15" in refused["errors"][1]["message"]


async def test_only_officers_plan_and_pause_and_only_the_office_sees_a_plan_that_was_not_announced(
    call: Call, client: httpx.AsyncClient, office: Office
) -> None:
    path = await _proposed(call, _plan(office.clock))
    plan_path = path.replace("/periods/", "/period-plans/")
    for public in (path, f"{path}/figures", f"{path}/remaining-quota", f"{path}/remaining-quota/events"):
        assert (await client.get(public)).status_code == 404
    assert (await client.get(plan_path)).status_code == 401
    assert (await call("GET", plan_path, party="clm_1")).status_code == 403
    for role in ("officer", "approver", "auditor"):
        seen = await call("GET", plan_path, role=role)
        assert (seen.status_code, seen.json()["authors"], seen.headers["etag"]) == (200, ["officer-li"], '"1"')
    for act, body in (("plan", _plan(office.clock)), ("withdrawal", WHY), ("pause", WHY), ("resumption", WHY)):
        for role in ("claimant", "provider", "approver", "auditor"):
            answer = await call("POST", f"{path}/{act}", role=role, version=1, body=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")
    unknown = f"/v1/periods/{new_id('prd', office.clock.now())}"
    for act, body in (("plan", _plan(office.clock)), ("withdrawal", WHY), ("pause", WHY), ("resumption", WHY)):
        assert (await call("POST", f"{unknown}/{act}", **LI, version=1, body=body)).status_code == 404
    assert (await call("GET", unknown.replace("/periods/", "/period-plans/"), **LI)).status_code == 404


async def test_an_announced_period_counts_down_by_the_servers_clock_to_the_millisecond(
    call: Call, client: httpx.AsyncClient, office: Office
) -> None:
    plan = _plan(office.clock)
    opens_at = datetime.fromisoformat(plan["opens_at"])
    path = await _approved(call, plan)

    async def shown(at: datetime) -> tuple[str, int | None]:
        office.clock.at = at
        period = (await client.get(path)).json()
        assert datetime.fromisoformat(period["server_time"]) == at
        return period["phase"], period["opens_in_ms"]

    assert await shown(opens_at - timedelta(seconds=30)) == ("approved", 30_000)
    assert await shown(opens_at - timedelta(milliseconds=1)) == ("approved", 1)
    assert await shown(opens_at - MOMENT) == ("approved", 1)
    assert await shown(opens_at) == ("open", 0)
    assert await shown(datetime.fromisoformat(plan["closes_at"]) - MOMENT) == ("open", 0)
    assert await shown(datetime.fromisoformat(plan["closes_at"])) == ("closed", None)


async def test_a_change_voids_the_approval_and_the_period_stays_public_until_it_is_approved_again(
    call: Call, client: httpx.AsyncClient, office: Office
) -> None:
    plan = _plan(office.clock)
    path = await _approved(call, plan)
    unseen = await call("POST", f"{path}/plan", **ZHAO, version=1, body=plan | {"quota": {"amount": FACE}})
    assert (unseen.status_code, unseen.json()["code"]) == (412, "version-stale")
    blind = await call("POST", f"{path}/plan", **ZHAO, body=plan)
    assert (blind.status_code, blind.json()["code"]) == (428, "precondition-required")
    changed = await call("POST", f"{path}/plan", **ZHAO, version=3, body=plan | {"quota": {"amount": FACE}})
    assert (changed.status_code, changed.headers["etag"], changed.json()["phase"]) == (200, '"4"', "proposed")
    shown = (await client.get(path)).json()
    assert (shown["phase"], shown["opens_in_ms"], shown["remaining"]["amount"]) == ("proposed", None, FACE)
    assert (await client.get(f"{path}/remaining-quota")).json()["closed"]
    for author in (LI, ZHAO):
        own = await call("POST", f"{path}/approval", **author, version=4)
        assert (own.status_code, own.json()["code"]) == (403, "four-eyes")
    again = await call("POST", f"{path}/approval", **WANG, version=4)
    assert (again.json()["phase"], again.json()["opens_in_ms"]) == ("approved", 60_000)
    office.clock.at = datetime.fromisoformat(plan["opens_at"])
    late = await call("POST", f"{path}/plan", **ZHAO, version=6, body=plan)
    assert (late.status_code, late.json()["code"]) == (409, "period-already-open")
    gone = await call("POST", f"{path}/withdrawal", **LI, version=6, body=WHY)
    assert (gone.status_code, gone.json()["code"]) == (409, "period-already-open")


async def test_a_withdrawn_period_says_why(call: Call, client: httpx.AsyncClient, office: Office) -> None:
    path = await _approved(call, _plan(office.clock))
    withdrawn = await call("POST", f"{path}/withdrawal", **LI, version=3, body=WHY)
    assert (withdrawn.status_code, withdrawn.json()["phase"]) == (200, "withdrawn")
    shown = (await client.get(path)).json()
    assert (shown["phase"], shown["withdrawal_reason"], shown["opens_in_ms"]) == ("withdrawn", WHY["reason"], None)
    assert (await client.get(f"{path}/figures")).json()["code"] == "period-not-closed"
    claimed = await call("POST", "/v1/claims", party=await office.register(), body=_claim(path))
    assert (claimed.status_code, claimed.json()["code"]) == (409, "period-withdrawn")


async def test_a_paused_period_tells_everybody_why_and_refuses_claims_with_a_remedy(
    call: Call, client: httpx.AsyncClient, office: Office
) -> None:
    path = await _approved(call, _plan(office.clock, opens_in=timedelta()))
    claimant_id = await office.register()
    won = await call("POST", "/v1/claims", party=claimant_id, body=_claim(path))
    assert won.status_code == 201, won.text
    empty = await call("POST", f"{path}/pause", **LI, body={"reason": " "})
    assert (empty.status_code, empty.json()["code"]) == (422, "invalid")
    paused = await call("POST", f"{path}/pause", **LI, body=WHY)
    assert (paused.status_code, paused.json()["pause"]["reason"]) == (200, WHY["reason"])
    assert paused.json()["issued"]["amount"] == FACE
    twice = await call("POST", f"{path}/pause", **LI, body=WHY)
    assert (twice.status_code, twice.json()["code"]) == (409, "period-already-paused")
    refused = (await call("POST", "/v1/claims", party=claimant_id, body=_claim(path))).json()
    assert (refused["status"], refused["code"], refused["errors"][0]["value"]) == (409, "period-paused", WHY["reason"])
    assert WHY["reason"] in refused["detail"]
    assert refused["remedy"]
    shown = (await client.get(path)).json()
    assert (shown["phase"], shown["pause"]["reason"]) == ("open", WHY["reason"])
    resumed = await call("POST", f"{path}/resumption", **LI, body={"reason": "已恢复"})
    assert (resumed.status_code, resumed.json()["pause"]) == (200, None)
    (over,) = (await client.get(path)).json()["past_pauses"]
    assert (over["reason"], over["since"]) == (WHY["reason"], shown["pause"]["since"])
    assert (over["resumed_because"], over["until"] >= over["since"]) == ("已恢复", True)
    async with asyncio.timeout(10):
        while (await call("POST", "/v1/claims", party=claimant_id, body=_claim(path))).status_code != 201:  # noqa: ASYNC110 (the writer's copy may be half a second old)
            await asyncio.sleep(0.05)


async def test_what_is_left_is_answered_with_its_position_and_never_older_than_a_tick(
    call: Call, client: httpx.AsyncClient, office: Office
) -> None:
    path = await _approved(call, _plan(office.clock, opens_in=timedelta()))
    first = (await client.get(f"{path}/remaining-quota")).json()
    assert (first["remaining"]["amount"], first["claims"], first["paused"], first["closed"]) == (
        4 * FACE,
        0,
        False,
        False,
    )
    claimed = await call("POST", "/v1/claims", party=await office.register(), body=_claim(path))
    position = int(claimed.headers["event-position"])
    at_once = (await client.get(f"{path}/remaining-quota")).json()
    assert at_once["remaining"]["amount"] == (3 if at_once["as_of"] >= position else 4) * FACE
    seen = (await client.get(f"{path}/remaining-quota", params={"min_position": position})).json()
    assert (seen["remaining"]["amount"], seen["claims"], seen["as_of"] >= position) == (3 * FACE, 1, True)
    assert first["as_of"] < position
    ahead = await client.get(f"{path}/remaining-quota", params={"min_position": seen["as_of"] + 1000})
    assert (ahead.status_code, ahead.json()["code"], ahead.headers["retry-after"]) == (503, "behind", "1")


async def test_a_period_approved_since_the_last_look_is_known_at_once(
    call: Call, client: httpx.AsyncClient, office: Office
) -> None:
    known, path = await _approved(call, _plan(office.clock)), await _proposed(call, _plan(office.clock))
    assert (await client.get(f"{known}/remaining-quota")).status_code == 200
    await call("POST", f"{path}/approval", **WANG, version=1)
    assert (await client.get(f"{path}/remaining-quota")).status_code == 200


async def test_the_short_way_and_the_ordinary_way_answer_alike(
    call: Call, client: httpx.AsyncClient, office: Office
) -> None:
    path = f"{await _approved(call, _plan(office.clock))}/remaining-quota"
    short = await client.get(path)
    ordinary = await client.get(path, headers={"X-Request-Id": "asked-otherwise"})
    assert ordinary.headers["x-request-id"] == "asked-otherwise"
    assert (short.status_code, short.content) == (200, ordinary.content)
    own = {"x-request-id", "ratelimit-remaining", "ratelimit-reset"}
    told = [{name: value for name, value in each.headers.items() if name not in own} for each in (short, ordinary)]
    assert told[0] == told[1]
    assert own <= short.headers.keys()
    for other in ("/v1/periods/prd_nonsense/remaining-quota", path.replace("prd_", "prd_0")):
        assert (await client.get(other)).json()["code"] == "not-found"


async def test_who_listens_hears_how_it_stands_and_every_change(
    call: Call, client: httpx.AsyncClient, office: Office
) -> None:
    path = await _approved(call, _plan(office.clock, opens_in=timedelta()))
    claimant_id = await office.register()
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    headers: list[tuple[int, str]] = []
    gone = asyncio.Event()
    app = client._transport.app  # type: ignore[attr-defined]

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers.append((message["status"], dict(message["headers"])[b"content-type"].decode()))
        elif message["body"].startswith(b"event: "):
            name, data, number = message["body"].decode().strip().split("\n")
            assert name == "event: remaining-quota"
            said = msgspec.json.decode(data.removeprefix("data: "))
            assert number == f"id: {said['as_of']}"
            heard.put_nowait(said)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": f"{path}/remaining-quota/events",
        "raw_path": f"{path}/remaining-quota/events".encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"accept", b"text/event-stream"), (b"last-event-id", b"\xff; drop table quotas")],
        "client": ("127.0.0.1", 1),
        "server": ("issuance", 80),
    }
    listening = asyncio.create_task(app(scope, receive, send))
    async with asyncio.timeout(20):
        first = await heard.get()
        assert headers == [(200, "text/event-stream; charset=utf-8")]
        assert (first["period_id"], first["remaining"]["amount"]) == (path.rpartition("/")[2], 4 * FACE)
        await call("POST", "/v1/claims", party=claimant_id, body=_claim(path))
        assert (await heard.get())["remaining"]["amount"] == 3 * FACE
        await call("POST", f"{path}/pause", **LI, body=WHY)
        assert (await heard.get())["paused"]
        gone.set()
        await listening
    assert heard.empty()


async def _project(engine: AsyncEngine) -> None:
    """Bring the read models up to the log."""
    async with engine.begin() as connection:
        log = await read_log(connection, CONTEXT, after=0, limit=10_000)
        for projection in (VOUCHER_BALANCES, PERIOD_BOARD):
            rows: Rows = {}
            projection.fold(rows, log)
            await save_rows(connection, projection.table, rows)


async def test_a_closed_period_publishes_its_figures_once_they_are_complete(
    call: Call, client: httpx.AsyncClient, office: Office, engine: AsyncEngine
) -> None:
    plan = _plan(office.clock, opens_in=timedelta())
    path = await _approved(call, plan)
    first, second = [await office.register() for _ in range(2)]
    for claimant_id in (first, first, second):
        claimed = await call("POST", "/v1/claims", party=claimant_id, body=_claim(path, 1_000_000))
        assert claimed.status_code == 201, claimed.text
    early = (await client.get(f"{path}/figures")).json()
    assert (early["status"], early["code"]) == (409, "period-not-closed")
    office.clock.at = datetime.fromisoformat(plan["closes_at"])
    waiting = await client.get(f"{path}/figures")  # nobody has written the close down yet
    assert (waiting.status_code, waiting.json()["code"], waiting.headers["retry-after"]) == (503, "behind", "1")
    await office.wait_until(office.clock.at + IN_LINE)
    assert (await client.get(f"{path}/figures")).status_code == 503  # and nobody has counted yet
    await _project(engine)
    figures = (await client.get(f"{path}/figures")).json()
    assert {name: figures[name] for name in ("vouchers", "claimants")} == {"vouchers": 3, "claimants": 2}
    money = {name: figures[name]["amount"] for name in ("quota", "issued", "returned", "remaining")}
    assert money == {"quota": 4 * FACE, "issued": 3_000_000, "returned": 0, "remaining": 4 * FACE - 3_000_000}


async def test_the_board_shows_the_public_what_was_announced_and_the_office_everything(
    call: Call, client: httpx.AsyncClient, office: Office, engine: AsyncEngine
) -> None:
    planned = await _proposed(call, _plan(office.clock))
    announced = await _approved(call, _plan(office.clock))
    void = await _approved(call, _plan(office.clock))
    await call("POST", f"{void}/plan", **ZHAO, version=3, body=_plan(office.clock, name="改期"))
    dropped = await _approved(call, _plan(office.clock))
    await call("POST", f"{dropped}/withdrawal", **LI, version=3, body=WHY)
    paused = await _approved(call, _plan(office.clock))
    await call("POST", f"{paused}/pause", **LI, body=WHY)
    await _project(engine)
    public = {f"/v1/periods/{item['period_id']}": item for item in (await client.get("/v1/periods")).json()["items"]}
    assert planned not in public
    assert [public[path]["phase"] for path in (announced, void, dropped, paused)] == [
        "approved",
        "proposed",
        "withdrawn",
        "approved",
    ]
    assert (public[void]["name"], public[dropped]["withdrawal_reason"]) == ("改期", WHY["reason"])
    assert (public[paused]["pause"]["reason"], public[announced]["pause"]) == (WHY["reason"], None)
    office.clock.at += timedelta(minutes=1)
    again = {f"/v1/periods/{item['period_id']}": item for item in (await client.get("/v1/periods")).json()["items"]}
    assert again[announced]["phase"] == "open"  # by the clock, as nobody has written it down
    plans = (await call("GET", "/v1/period-plans", **LI)).json()["items"]
    by_path = {f"/v1/periods/{item['period_id']}": item for item in plans}
    people = ("proposed_by", "changed_by", "approved_by")
    assert [by_path[planned][name] for name in people] == ["officer-li", None, None]
    assert [by_path[void][name] for name in people] == ["officer-li", "officer-zhao", None]
    assert [by_path[announced][name] for name in people] == ["officer-li", None, "officer-wang"]
