"""Contracts over HTTP: who may do what, what is answered, what is refused and why."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import pytest

from services.contracts.app import CONTEXT
from shared.events.contracts import VoucherUse
from shared.http.application import build_app
from shared.http.local_issuer import LocalIssuer
from shared.http.policy import Role
from shared.kernel.money import yuan
from shared.runtime import Runtime
from tests.integration.contracts.office import APRIL_30, JUNE_10, MARCH_2, MARCH_5, MARCH_10, Office, Pair

CLOCKWORK = count(1)


@dataclass(slots=True)
class Desk:
    """A caller at the office's door."""

    client: httpx.AsyncClient
    token: str
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        """Read something."""
        return await self.client.get(f"/v1{path}", params=query, headers=self._headers({}))

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Ask for something, under a fresh key unless one is given."""
        fresh = {"Idempotency-Key": f"key-{next(CLOCKWORK):08}"}
        return await self.client.post(f"/v1{path}", json=body, headers=self._headers(fresh | headers))

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} | {k.replace("_", "-"): v for k, v in more.items()}


@dataclass(slots=True)
class Doors:
    """The office's application and tokens for it."""

    office: Office
    client: httpx.AsyncClient
    issuer: LocalIssuer

    def claimant(self, pair: Pair) -> Desk:
        """Come as the claimant of a pair."""
        return self._desk(Role.CLAIMANT, "company", pair.claimant_id)

    def provider(self, pair: Pair) -> Desk:
        """Come as the provider of a pair."""
        return self._desk(Role.PROVIDER, "institute", pair.provider_id)

    def role(self, role: Role) -> Desk:
        """Come in a role of the office's own."""
        return self._desk(role, f"a-{role}", None)

    def _desk(self, role: Role, principal: str, party: str | None) -> Desk:
        return Desk(self.client, self.issuer.issue(role, f"{principal}-{party}", party))


@pytest.fixture
async def doors(office: Office) -> AsyncIterator[Doors]:
    office.clock.set_to(MARCH_2)
    issuer = LocalIssuer(office.settings, office.clock)
    async with Runtime(CONTEXT, office.settings, office.clock) as runtime:
        app = build_app(CONTEXT, office.settings, runtime=runtime)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://contracts") as client:
            yield Doors(office, client, issuer)


def proposal(pair: Pair, **changes: Any) -> dict[str, Any]:
    return {
        "provider_id": pair.provider_id,
        "service_id": pair.service_id,
        "planned_amount": {"amount": yuan(120_000)},
        "title": "热稳定性测试",
        "description": "测量三种配方的分解温度",
        "declarations": {"no_statutory_testing": True, "no_municipal_funding": True},
    } | changes


def submission(project_id: str, *uses: VoucherUse, **changes: Any) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "amount": {"amount": yuan(120_000)},
        "signed_on": "2026-03-05",
        "starts_on": "2026-03-10",
        "ends_on": "2026-04-30",
        "vouchers": [{"voucher_id": use.voucher_id, "amount": {"amount": use.amount}} for use in uses],
        "voucher_clause": True,
        "document_digest": "ab" * 32,
    } | changes


YES = {"claimant_verified": True, "project_verified": True}


async def test_a_project_goes_from_proposal_to_confirmation(doors: Doors) -> None:
    pair = await doors.office.meet()
    proposed = await doors.claimant(pair).post("/projects", proposal(pair))
    assert proposed.status_code == 201, proposed.text
    project = proposed.json()
    assert project["state"] == "proposed"
    assert project["title"] == "热稳定性测试"
    assert proposed.headers["location"] == f"/v1/projects/{project['project_id']}"
    assert proposed.headers["etag"] == '"1"'
    assert int(proposed.headers["event-position"]) > 0

    doors.office.clock.set_to(MARCH_5)
    path = f"/projects/{project['project_id']}"
    confirmed = await doors.provider(pair).post(f"{path}/confirmation", YES, If_Match='"1"')
    assert confirmed.status_code == 200, confirmed.text
    assert confirmed.json() == project | {"state": "confirmed", "confirmed_on": "2026-03-05"}
    for desk in (doors.claimant(pair), doors.provider(pair), doors.role(Role.OFFICER), doors.role(Role.AUDITOR)):
        seen = await desk.get(path)
        assert seen.json() == confirmed.json()
        assert seen.headers["etag"] == confirmed.headers["etag"] == '"2"'


async def test_a_confirmation_says_that_both_were_checked(doors: Doors) -> None:
    pair = await doors.office.meet()
    path = f"/projects/{await doors.office.propose(pair)}/confirmation"
    for half in ({"claimant_verified": True}, YES | {"project_verified": False}):
        assert (await doors.provider(pair).post(path, half, If_Match='"1"')).status_code == 422


async def test_a_project_is_declined_with_its_reason_in_words(doors: Doors) -> None:
    pair = await doors.office.meet()
    path = f"/projects/{await doors.office.propose(pair)}"
    refusal = {"reason": "capacity-exhausted", "explanation": "机时已排满"}
    declined = await doors.provider(pair).post(f"{path}/refusal", refusal, If_Match='"1"')
    assert declined.status_code == 200, declined.text
    assert declined.json()["declined"] == refusal | {"on": "2026-03-02"}
    assert (await doors.claimant(pair).get(path)).json() == declined.json()
    again = await doors.provider(pair).post(f"{path}/confirmation", YES, If_Match='"2"')
    assert (again.status_code, again.json()["code"]) == (409, "project-already-decided")
    stale = await doors.provider(pair).post(f"{path}/confirmation", YES, If_Match='"1"')
    assert stale.status_code == 412
    assert (await doors.provider(pair).post(f"{path}/confirmation", YES)).status_code == 428


async def test_what_is_not_yours_does_not_exist(doors: Doors) -> None:
    pair, other = await doors.office.meet(), await doors.office.meet()
    project_id = await doors.office.agree(pair)
    contract_id = await doors.office.submit(pair, project_id, doors.office.voucher())
    for path in (f"/projects/{project_id}", f"/contracts/{contract_id}"):
        for stranger in (doors.claimant(other), doors.provider(other), doors.role(Role.CLAIMANT)):
            assert (await stranger.get(path)).status_code == 404
        assert (await doors.role(Role.EXPERT).get(path)).status_code == 403
    completion = {"ended_on": "2026-04-30", "invoiced": {"amount": 1}, "paid": {"amount": 1}}
    stranger = doors.provider(other)
    assert (await stranger.post(f"/projects/{project_id}/confirmation", YES, If_Match='"1"')).status_code == 404
    assert (await stranger.post(f"/contracts/{contract_id}/completion", completion, If_Match='"1"')).status_code == 404
    use = doors.office.voucher()
    assert (await stranger.post("/contracts", submission(project_id, use))).status_code == 404
    for unknown in ("prj_x", "ctr_00000000000000000000000000", "prj_" + "0" * 26):
        assert (await doors.role(Role.OFFICER).get(f"/projects/{unknown}")).status_code == 404
    assert (await doors.claimant(pair).post("/contracts", submission(project_id, use))).status_code == 403


async def test_every_reason_of_a_refusal_is_answered_in_both_languages(doors: Doors) -> None:
    pair = await doors.office.meet()
    false = {"no_statutory_testing": False, "no_municipal_funding": False}
    body = proposal(pair, provider_id="prv_nobody", declarations=false)
    refused = await doors.claimant(pair).post("/projects", body)
    problem = refused.json()
    assert refused.status_code == 422
    assert [error["code"] for error in problem["errors"]] == [
        "provider-not-listed",
        "service-not-offered",
        "statutory-testing-excluded",
        "funded-project-excluded",
    ]
    assert problem["rule"]["article"] == "10(2)"
    assert problem["remedy"] == "请从公示名单中选择开放单位"
    english = await doors.claimant(pair).post("/projects", body, Accept_Language="en")
    assert english.json()["remedy"] == "Choose a provider from the public list"


async def test_a_contract_is_accepted_and_registered_later(doors: Doors) -> None:
    pair = await doors.office.meet()
    project_id, use = await doors.office.agree(pair), doors.office.voucher()
    doors.office.clock.set_to(MARCH_10)
    accepted = await doors.provider(pair).post("/contracts", submission(project_id, use))
    assert accepted.status_code == 202, accepted.text
    contract = accepted.json()
    assert contract["state"] == "submitted"
    assert accepted.headers["location"] == f"/v1/contracts/{contract['contract_id']}"
    await doors.office.commit(contract["contract_id"], use)
    seen = await doors.claimant(pair).get(f"/contracts/{contract['contract_id']}")
    assert seen.json() == contract | {
        "state": "registered",
        "registered_on": "2026-03-10",
        "valid_until": "2026-06-10",
    }


async def test_one_key_submits_one_contract(doors: Doors) -> None:
    pair = await doors.office.meet()
    body = submission(await doors.office.agree(pair), doors.office.voucher())
    doors.office.clock.set_to(MARCH_10)
    desk = doors.provider(pair)
    first = await desk.post("/contracts", body, Idempotency_Key="the-same-key")
    again = await desk.post("/contracts", body, Idempotency_Key="the-same-key", Prefer="wait=5")
    assert first.status_code == again.status_code == 202
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    assert (await desk.post("/contracts", body)).json()["code"] == "voucher-in-another-contract"


async def _contract_of(doors: Doors, project_id: str) -> str:
    """Wait until the office has a contract of a project, and give its id."""
    async with asyncio.timeout(10):
        while True:
            async with doors.office.owner.connect() as connection:
                found = await connection.exec_driver_sql(
                    "SELECT data->>'contract_id' FROM events WHERE type LIKE 'cxq.contracts.contract-submitted%%'"
                    " AND data->>'project_id' = $1",
                    (project_id,),
                )
                if row := found.first():
                    return str(row[0])


async def test_who_waits_is_told_that_the_contract_is_registered(doors: Doors) -> None:
    pair = await doors.office.meet()
    project_id, use = await doors.office.agree(pair), doors.office.voucher()
    doors.office.clock.set_to(MARCH_10)
    waiting = asyncio.create_task(
        doors.provider(pair).post("/contracts", submission(project_id, use), Prefer="wait=10")
    )
    contract_id = await _contract_of(doors, project_id)
    await doors.office.commit(contract_id, use)
    registered = await waiting
    assert registered.status_code == 201, registered.text
    assert registered.json()["state"] == "registered"
    assert registered.headers["location"] == f"/v1/contracts/{contract_id}"
    assert registered.headers["etag"] == '"2"'


async def test_who_waits_is_told_issuances_reasons(doors: Doors) -> None:
    pair = await doors.office.meet()
    project_id, use = await doors.office.agree(pair), doors.office.voucher()
    doors.office.clock.set_to(MARCH_10)
    waiting = asyncio.create_task(
        doors.provider(pair).post("/contracts", submission(project_id, use), Prefer="wait=10")
    )
    contract_id = await _contract_of(doors, project_id)
    await doors.office.refuse(contract_id, "registration-too-late", "voucher-unknown")
    refused = await waiting
    assert refused.status_code == 422, refused.text
    assert [error["code"] for error in refused.json()["errors"]] == ["registration-too-late", "voucher-unknown"]
    desk = doors.provider(pair)
    reasons = (await desk.get(f"/contracts/{contract_id}")).json()["rejected"]["reasons"]
    assert [(reason["code"], reason["title"], bool(reason["remedy"])) for reason in reasons] == [
        ("registration-too-late", "创新券已过登记期限", True),
        ("voucher-unknown", "没有这张创新券", True),
    ]
    in_english = {"Authorization": f"Bearer {desk.token}", "Accept-Language": "en"}
    english = await desk.client.get(f"/v1/contracts/{contract_id}", headers=in_english)
    assert english.json()["rejected"]["reasons"][1]["title"] == "There is no such voucher"


async def test_a_share_above_half_says_what_the_contract_bears(doors: Doors) -> None:
    pair = await doors.office.meet()
    project_id = await doors.office.agree(pair)
    doors.office.clock.set_to(MARCH_10)
    body = submission(project_id, doors.office.voucher(), amount={"amount": yuan(99_999)})
    refused = await doors.provider(pair).post("/contracts", body)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, "voucher-share-exceeded")
    assert problem["detail"] == "创新券面额合计 50,000.00 元，本合同最多可用 49,999.50 元"
    assert problem["rule"] == {
        "pack": "beijing-2023",
        "parameter": "contract_share_max",
        "article": "12",
        "quote": "使用创新券支付额不得超过同一服务合同实际发生金额的 50%",
    }


async def test_a_contract_is_completed_with_what_it_really_cost(doors: Doors) -> None:
    pair, contract_id, _ = await doors.office.registered()
    doors.office.clock.set_to(APRIL_30)
    path = f"/contracts/{contract_id}"
    body = {
        "ended_on": "2026-04-30",
        "invoiced": {"amount": yuan(90_000)},
        "paid": {"amount": yuan(80_000)},
    }
    assert (await doors.provider(pair).post(f"{path}/completion", body, If_Match='"1"')).status_code == 412
    completed = await doors.provider(pair).post(f"{path}/completion", body, If_Match='"2"')
    assert completed.status_code == 200, completed.text
    assert completed.json()["state"] == "completed"
    assert completed.json()["completed"] == {
        "ended_on": "2026-04-30",
        "invoiced": {"amount": yuan(90_000), "currency": "CNY"},
        "paid": {"amount": yuan(80_000), "currency": "CNY"},
        "actual": {"amount": yuan(80_000), "currency": "CNY"},
        "redeem_by": "2026-06-01",
        "provisional": False,
        "on": "2026-04-30",
    }
    assert (await doors.claimant(pair).get(path)).json() == completed.json()
    doors.office.clock.set_to(JUNE_10)
    again = await doors.provider(pair).post(f"{path}/completion", body, If_Match='"3"')
    assert (again.status_code, again.json()["code"]) == (409, "contract-not-registered")


BROKEN: list[dict[str, Any]] = [
    {"amount": {"amount": 0}},
    {"amount": {"amount": -1}},
    {"amount": {"amount": 1.5}},
    {"amount": {"amount": "12000000"}},
    {"amount": {"amount": 12_000_000, "currency": "USD"}},
    {"amount": 12_000_000},
    {"signed_on": "2026-02-30"},
    {"signed_on": 1772323200},
    {"signed_on": "2026-03-05T00:00:00Z"},
    {"voucher_clause": "true"},
    {"voucher_clause": None},
    {"document_digest": "ab"},
    {"document_digest": "AB" * 32},
    {"vouchers": {"voucher_id": "vch_1"}},
    {"vouchers": [{"voucher_id": "", "amount": {"amount": 1}}]},
    {"vouchers": [{"voucher_id": "vch_1", "amount": {"amount": 1}}] * 51},
    {"project_id": ["prj_1"]},
    {"surprise": 1},
]


@pytest.mark.parametrize("change", BROKEN, ids=[json.dumps(change)[:60] for change in BROKEN])
async def test_a_body_that_is_not_as_described_is_refused(doors: Doors, change: dict[str, Any]) -> None:
    pair = await doors.office.meet()
    body = submission("prj_00000000000000000000000000", doors.office.voucher()) | change
    refused = await doors.provider(pair).post("/contracts", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid"), refused.text


async def test_each_party_lists_its_own_and_the_office_lists_all(doors: Doors) -> None:
    pair, contract_id, _ = await doors.office.registered()
    other = await doors.office.meet()
    other_project = await doors.office.propose(other)
    await doors.office.project_lists()

    (contract,) = (await doors.claimant(pair).get("/contracts")).json()["items"]
    assert contract["contract_id"] == contract_id
    assert contract["state"] == "registered"
    assert contract["vouchers_amount"]["amount"] == yuan(50_000)
    assert contract["valid_until"] == "2026-06-10"
    assert (await doors.claimant(pair).get("/contracts", state="completed")).json()["items"] == []
    (project,) = (await doors.provider(other).get("/projects")).json()["items"]
    assert (project["project_id"], project["state"], project["title"]) == (other_project, "proposed", "热稳定性测试")
    assert (await doors.provider(other).get("/projects", state="confirmed")).json()["items"] == []
    assert (await doors.claimant(other).get("/contracts")).json()["items"] == []
    assert (await doors.role(Role.CLAIMANT).get("/projects")).json()["items"] == []

    everything: list[str] = []
    page = (await doors.role(Role.AUDITOR).get("/projects", limit=2)).json()
    while True:
        everything += [item["project_id"] for item in page["items"]]
        if not page["has_more"]:
            break
        page = (await doors.role(Role.AUDITOR).get("/projects", limit=2, cursor=page["next_cursor"])).json()
    assert len(everything) == len(set(everything))
    assert everything == sorted(everything, reverse=True)
    assert {other_project, project["project_id"]} <= set(everything)


async def test_a_list_that_is_behind_says_so(doors: Doors) -> None:
    pair = await doors.office.meet()
    position = (await doors.claimant(pair).post("/projects", proposal(pair))).headers["event-position"]
    behind = await doors.claimant(pair).get("/projects", min_position=position)
    assert (behind.status_code, behind.json()["code"]) == (503, "behind")
