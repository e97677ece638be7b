"""Entries and draws over REST: what claimants, the office and everybody are told (art. 12)."""

import hashlib
from datetime import timedelta
from typing import Any

import httpx

from services.issuance.draw_verification import against, read_draw, read_lots
from shared.http.local_issuer import LocalIssuer
from shared.kernel.ids import new_id
from shared.settings import Settings
from tests.integration.issuance.office import Office
from tests.integration.issuance.serving import Call
from tests.integration.issuance.today import clock, office

__all__ = ["clock", "office"]

FACE = 1_000_000
LI: dict[str, Any] = {"role": "officer", "principal": "officer-li"}
WANG: dict[str, Any] = {"role": "approver", "principal": "officer-wang"}
MINUTES = timedelta(minutes=2)


def _plan(office: Office, quota: int, *, opens_in: timedelta = timedelta(), **entries: Any) -> dict[str, Any]:
    opens_at = office.clock.now() + opens_in
    return {
        "name": "2026 年第三期",
        "quota": {"amount": quota},
        "opens_at": opens_at.isoformat(),
        "closes_at": (opens_at + timedelta(hours=1)).isoformat(),
        "entries": entries,
    }


async def _approved(call: Call, plan: dict[str, Any]) -> str:
    proposed = await call("POST", "/v1/periods", **LI, body=plan)
    assert proposed.status_code == 201, proposed.text
    path = proposed.headers["location"]
    approved = await call("POST", f"{path}/approval", **WANG, version=1)
    assert approved.status_code == 200, approved.text
    return str(path)


async def _enter(call: Call, path: str, party: str, amount: int = FACE, **more: Any) -> httpx.Response:
    body = {"amount": {"amount": amount}, **more}
    return await call("POST", f"{path}/entries", principal=f"user-of-{party}", party=party, body=body)


async def test_a_claimant_sees_its_entry_who_is_before_it_and_takes_it_back_and_nobody_else_does(
    call: Call, office: Office
) -> None:
    path = await _approved(call, _plan(office, FACE, reserve_list=True))
    winner, first, second, other = [await office.register() for _ in range(4)]
    await office.claim(path.rpartition("/")[2], winner, FACE)
    assert (await _enter(call, path, first, 2 * FACE)).status_code == 201
    made = await _enter(call, path, second, or_less=True)
    assert (made.status_code, made.headers["etag"], made.headers["location"]) == (201, '"1"', f"{path}/entries/mine")
    entry_id = made.json()["entry_id"]
    own = (await call("GET", f"{path}/entries/mine", party=second)).json()
    assert (own["entry_id"], own["way"], own["stage"], own["place"]) == (entry_id, "reserve", "waiting", 2)
    assert own["ahead"] == {"entries": 1, "amount": {"amount": 2 * FACE, "currency": "CNY"}}
    live = (await call("GET", f"{path}/remaining-quota")).json()
    while not live["waiting"]:  # a tick old at most
        live = (await call("GET", f"{path}/remaining-quota")).json()
    assert (live["waiting"], live["owed"]["amount"]) == (2, 0)
    assert (await call("GET", f"{path}/entries/mine", party=other)).status_code == 404
    assert (await call("POST", f"/v1/entries/{entry_id}/withdrawal", party=other)).status_code == 404
    withdrawn = await call("POST", f"/v1/entries/{entry_id}/withdrawal", party=second)
    assert (withdrawn.status_code, withdrawn.json()["stage"]) == (200, "withdrawn")
    again = await call("POST", f"/v1/entries/{entry_id}/withdrawal", party=second)
    assert (again.status_code, again.json()["code"]) == (409, "entry-not-in-this-state")
    figures = (await call("GET", path.replace("/periods/", "/period-plans/"), **LI)).json()["entry_figures"]
    assert [(one["way"], one["stage"], one["entries"]) for one in figures] == [
        ("reserve", "waiting", 1),
        ("reserve", "withdrawn", 1),
    ]


async def test_an_entry_that_is_refused_is_told_every_reason_with_its_article(call: Call, office: Office) -> None:
    path = await _approved(call, _plan(office, FACE, reserve_list=True))
    party = await office.register()
    refused = (await _enter(call, path, party, 5_000_001)).json()
    assert [error["code"] for error in refused["errors"]] == ["face-value-out-of-range"]
    refused = (await _enter(call, path, party)).json()
    assert (refused["code"], refused["status"], refused["rule"]["article"]) == ("quota-not-exhausted", 409, "12")
    stranger = await _enter(call, f"/v1/periods/{new_id('prd', office.clock.now())}", party)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "not-found")


async def test_an_entry_that_has_ended_says_why_and_what_to_do_in_the_callers_language(
    call: Call, client: httpx.AsyncClient, settings: Settings, office: Office
) -> None:
    now = office.clock.now()
    window = {"opens_at": now.isoformat(), "until": (now + MINUTES).isoformat()}
    path = await _approved(call, _plan(office, FACE, opens_in=2 * MINUTES, window=window))
    first, second = await office.register(), await office.register()
    for party in (first, second):
        assert (await _enter(call, path, party)).json()["reasons"] == []
    await office.wait_until(now + MINUTES)
    (why,) = (await call("GET", f"{path}/entries/mine", party=first)).json()["reasons"]
    assert (why["code"], why["article"], why["value"]) == ("entry-window-oversubscribed", "12", str(2 * FACE))
    assert (why["title"], why["remedy"]) == ("报名金额超过总额度，改为先到先得", "请在周期开放时申领")
    token = LocalIssuer(settings).issue("claimant", "user-1", first)
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    (why,) = (await client.get(f"{path}/entries/mine", headers=headers)).json()["reasons"]
    assert (why["title"], why["remedy"]) == (
        "More was asked for than there is: the race decides",
        "Claim when the period opens",
    )


async def test_a_draw_can_be_done_again_by_anybody_from_what_is_public(call: Call, office: Office) -> None:
    path = await _approved(call, _plan(office, 2 * FACE, draw_minutes=2))
    before = (await call("GET", f"{path}/draw")).json()
    assert (before["seed"], before["entries"], before["drawn_at"]) == (None, None, None)
    shown = (await call("GET", path)).json()["entries"]
    assert (shown["draws_until"], shown["decided"]) == (before["draws_until"], [])
    early = await call("GET", f"{path}/draw/entries")
    assert (early.status_code, early.json()["code"]) == (409, "draw-not-held-yet")
    claim = {"period_id": path.rpartition("/")[2], "amount": {"amount": FACE}}
    quick = await office.register()
    refused = await call("POST", "/v1/claims", party=quick, principal=f"user-of-{quick}", body=claim)
    assert (refused.status_code, refused.json()["code"]) == (409, "period-draws")
    assert refused.json()["rule"]["article"] == "12"
    for _ in range(5):
        assert (await _enter(call, path, await office.register())).status_code == 201
    await office.wait_until(office.clock.now() + MINUTES)
    told = await call("GET", f"{path}/draw")
    whole = await call("GET", f"{path}/draw/entries")
    assert against(read_draw(told.content), read_lots(whole.content)) == []  # as `cxq verify-draw` does
    drawn = told.json()
    assert hashlib.sha256(drawn["seed"].encode()).hexdigest() == before["commitment"] == drawn["commitment"]
    items: list[dict[str, Any]] = []
    cursor = ""
    while len(items) < drawn["entries"]:
        page = (await call("GET", f"{path}/draw/entries?limit=2{cursor}")).json()
        items += page["items"]
        cursor = f"&cursor={page['next_cursor']}"
    names = [item["entry_id"] for item in items]
    assert names == sorted(names, key=lambda name: hashlib.sha256(f"{drawn['seed']}:{name}".encode()).digest())
    assert [(item["lot"], item["outcome"]) for item in items] == [
        (1, "served"),
        (2, "served"),
        (3, "passed_over"),
        (4, "passed_over"),
        (5, "passed_over"),
    ]
    assert "clm_" not in str(items)


async def test_a_period_without_a_draw_has_none_to_show(call: Call, office: Office) -> None:
    path = await _approved(call, _plan(office, FACE, reserve_list=True))
    assert (await call("GET", f"{path}/draw")).status_code == 404
    assert (await call("GET", f"{path}/draw/entries")).status_code == 404


async def test_a_plan_of_entries_that_cannot_be_is_refused_with_where_it_is_wrong(call: Call, office: Office) -> None:
    now = office.clock.now()
    window = {"opens_at": now.isoformat(), "until": (now - MINUTES).isoformat()}
    refused = (await call("POST", "/v1/periods", **LI, body=_plan(office, FACE, window=window, draw_minutes=60))).json()
    assert [(error["code"], error["pointer"]) for error in refused["errors"]] == [
        ("draw-too-long", "#/entries/draw_minutes"),
        ("entry-window-out-of-order", "#/entries/window/until"),
        ("entry-window-over", "#/entries/window/until"),
    ]
    beyond = _plan(office, FACE, draw_minutes=1_441)
    assert (await call("POST", "/v1/periods", **LI, body=beyond)).json()["code"] == "invalid"


async def test_a_plan_that_takes_no_entries_in_any_way_is_a_plan_without_them(call: Call, office: Office) -> None:
    path = await _approved(call, _plan(office, FACE))
    assert (await call("GET", path)).json()["entries"] is None
    refused = await _enter(call, path, await office.register())
    assert (refused.status_code, refused.json()["code"]) == (409, "period-takes-no-entries")


async def test_the_same_key_makes_one_entry(call: Call, office: Office) -> None:
    path = await _approved(call, _plan(office, FACE, opens_in=MINUTES, window=_window(office)))
    party = await office.register()
    body = {"amount": {"amount": FACE}}
    made = [await call("POST", f"{path}/entries", party=party, key="one-entry-only", body=body) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json() == made[1].json()
    assert made[0].json()["way"] == "window"


def _window(office: Office) -> dict[str, str]:
    now = office.clock.now()
    return {"opens_at": now.isoformat(), "until": (now + MINUTES).isoformat()}
