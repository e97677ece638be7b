"""The waiting room over HTTP: its door, its tokens on both ways of a claim, and on the way to another instance."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn

from services.issuance.app import CONTEXT
from shared.clock import SystemClock
from shared.http.application import build_app
from shared.http.local_issuer import LocalIssuer
from shared.kernel.ids import new_id
from shared.settings import Settings
from tests.integration.issuance.doors import FACE, SECOND, Company, period_with_room
from tests.integration.issuance.office import Office
from tests.integration.issuance.present import office
from tests.integration.issuance.serving import StoreRuntime
from tests.integration.issuance.stories import authorised

__all__ = ["office"]

_OWN = {"x-request-id", "ratelimit-remaining", "ratelimit-reset", "content-length", "retry-after"}


@pytest.fixture
async def company(client: httpx.AsyncClient, settings: Settings, office: Office) -> Company:
    return Company(client, settings, await office.register())


@pytest.fixture
async def other(client: httpx.AsyncClient, settings: Settings, office: Office) -> Company:
    return Company(client, settings, await office.register())


def _told(answer: httpx.Response) -> tuple[int, dict[str, str], str]:
    """What an answer says, but for the instants in it."""
    headers = {name: value for name, value in answer.headers.items() if name not in _OWN}
    return answer.status_code, headers, re.sub(r"\d{4}-[0-9T:.+Z-]+(?: [0-9:.]+)?|req_\w+", "…", answer.text)


@pytest.mark.parametrize("roundabout", [False, True], ids=["short way", "ordinary way"])
async def test_a_claim_with_its_own_token_in_its_turn_is_granted_once(
    company: Company, office: Office, *, roundabout: bool
) -> None:
    period_id = await period_with_room(office)
    ticket = await company.ticket(period_id)
    key, token = ticket["ticket_id"], ticket["entry_token"]
    first = await company.claim(period_id, key, token, roundabout=roundabout)
    again = await company.claim(period_id, key, token, roundabout=not roundabout)
    assert (first.status_code, again.status_code) == (201, 201), (first.text, again.text)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert (await company.mine(period_id)).json()["state"] == "used"


async def test_what_is_wrong_with_a_token_reads_the_same_on_both_ways_and_leaves_the_key_free(
    company: Company, other: Company, office: Office
) -> None:
    period_id, elsewhere = await period_with_room(office), await period_with_room(office)
    ticket, foreign = await company.ticket(period_id), await other.ticket(period_id)
    elsewheres = await company.ticket(elsewhere)
    key, token = ticket["ticket_id"], ticket["entry_token"]
    wrong = {
        "missing": (key, None, "entry-token-missing"),
        "empty": (key, "", "entry-token-missing"),
        "nonsense": (key, "nonsense", "entry-token-invalid"),
        "forged": (key, token[:-4] + "AAAA", "entry-token-invalid"),
        "another company's": (foreign["ticket_id"], foreign["entry_token"], "entry-token-invalid"),
        "another company's under one's own key": (key, foreign["entry_token"], "entry-token-invalid"),
        "another period's": (elsewheres["ticket_id"], elsewheres["entry_token"], "entry-token-invalid"),
        "under another key": ("another-key", token, "entry-token-invalid"),
    }
    for name, (used_key, shown, code) in wrong.items():
        answers = [await company.claim(period_id, used_key, shown, roundabout=way) for way in (False, True)]
        assert answers[0].json()["code"] == code, (name, answers[0].text)
        assert answers[0].status_code == 422
        assert answers[0].json()["rule"]["article"] == "15(1)"
        assert answers[0].json()["remedy"]
        assert _told(answers[0]) == _told(answers[1]), name
    assert (await company.colleague().claim(period_id, key, token)).json()["code"] == "entry-token-invalid"
    assert (await company.claim(period_id, key, token)).status_code == 201


async def test_who_is_not_let_in_yet_is_told_how_long_to_wait(company: Company, office: Office) -> None:
    period_id = await period_with_room(office)
    for _ in range(30):
        await Company(company.client, company.settings, await office.register()).ticket(period_id)
    ticket = await company.ticket(period_id)
    admits_from, answers = datetime.fromisoformat(ticket["admits_from"]), []
    for way in (False, True):
        before = admits_from - SystemClock().now()
        answer = await company.claim(period_id, ticket["ticket_id"], ticket["entry_token"], roundabout=way)
        assert (answer.status_code, answer.json()["code"]) == (409, "entry-token-early")
        wait = timedelta(seconds=int(answer.headers["retry-after"]))
        assert admits_from - SystemClock().now() <= wait <= before + 2 * SECOND
        answers.append(answer)
    assert _told(answers[0]) == _told(answers[1])


async def test_before_the_opening_the_opening_is_named_first(company: Company, office: Office) -> None:
    period_id = await period_with_room(office, timedelta(minutes=10))
    ticket = await company.ticket(period_id)
    refused = await company.claim(period_id, ticket["ticket_id"], ticket["entry_token"])
    assert [error["code"] for error in refused.json()["errors"]] == ["period-not-open-yet", "entry-token-early"]
    assert 590 <= int(refused.headers["retry-after"]) <= 600


async def test_a_claim_that_is_only_tried_is_let_in_by_the_same_token(company: Company, office: Office) -> None:
    period_id = await period_with_room(office)
    ticket = await company.ticket(period_id)
    key, token = ticket["ticket_id"], ticket["entry_token"]
    assert (await company.claim(period_id, key, None, dry_run=True)).json()["code"] == "entry-token-missing"
    assert (await company.claim(period_id, key, token, dry_run=True)).status_code == 200
    assert (await company.claim(period_id, key, token)).status_code == 201


async def test_without_a_waiting_room_there_is_no_place_and_no_token_is_asked_for(
    company: Company, office: Office
) -> None:
    period_id = await office.open_period()
    assert (await company.enter(period_id)).json()["code"] == "no-waiting-room"
    assert (await company.mine(period_id)).status_code == 404
    assert (await company.client.get(f"/v1/periods/{period_id}/waiting-room")).status_code == 404
    assert (await company.claim(period_id, "no-room-no-token", "nonsense")).status_code == 201


async def test_the_room_tells_everybody_how_many_wait_and_a_company_its_own_place(
    company: Company, other: Company, office: Office
) -> None:
    period_id = await period_with_room(office, timedelta(minutes=10))
    first, second = await other.ticket(period_id), await company.ticket(period_id)
    room = (await company.client.get(f"/v1/periods/{period_id}/waiting-room")).json()
    assert (room["places"], room["waiting"], room["per_second"], room["closed"]) == (2, 2, 1, False)
    assert (first["place"], first["ahead"], second["place"], second["ahead"]) == (1, 0, 2, 1)
    mine = (await company.mine(period_id)).json()
    assert mine["state"] == "waiting"
    assert 0 < mine["expected_wait_ms"] <= second["expected_wait_ms"] <= 601_000
    changing = {"server_time", "expected_wait_ms"}
    assert {k: v for k, v in mine.items() if k not in changing} == {
        k: v for k, v in second.items() if k not in changing
    }
    colleague = (await company.colleague().mine(period_id)).json()
    assert (colleague["ticket_id"], colleague["entry_token"]) == (second["ticket_id"], None)
    stranger = Company(company.client, company.settings, await office.register())
    assert (await stranger.mine(period_id)).status_code == 404


async def test_one_place_at_a_time_and_the_same_one_to_the_same_key(company: Company, office: Office) -> None:
    period_id = await period_with_room(office, timedelta(minutes=10))
    first = await company.enter(period_id, key="the-same-key")
    again = await company.enter(period_id, key="the-same-key")
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    refused = await company.enter(period_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "ticket-unused")
    assert first.json()["ticket_id"] in refused.json()["detail"]
    assert (await company.colleague().enter(period_id)).json()["code"] == "ticket-unused"


async def test_who_comes_before_the_room_opens_is_told_when_and_may_use_the_same_key(
    company: Company, office: Office
) -> None:
    period_id = await period_with_room(office, timedelta(minutes=10), room_opens_in=5 * SECOND)
    refused = await company.enter(period_id, key="too-early-key")
    assert (refused.status_code, refused.json()["code"]) == (409, "waiting-room-not-open")
    assert int(refused.headers["retry-after"]) in range(1, 6)
    async with asyncio.timeout(10):
        while (given := await company.enter(period_id, key="too-early-key")).status_code != 201:
            assert given.json()["code"] == "waiting-room-not-open"
            await asyncio.sleep(0.05)
    assert given.json()["place"] == 1


async def test_the_period_shows_its_room_and_a_plan_that_was_entered_stays(
    company: Company, settings: Settings, office: Office
) -> None:
    opens_at = office.clock.now() + timedelta(minutes=10)
    plan: dict[str, Any] = {
        "name": "2026 年第一期",
        "quota": {"amount": 1_000_000},
        "opens_at": opens_at.isoformat(),
        "closes_at": (opens_at + timedelta(days=1)).isoformat(),
        "waiting_room": {"opens_at": (opens_at - timedelta(hours=1)).isoformat(), "per_second": 5, "challenge": True},
    }
    issuer = LocalIssuer(settings)

    async def post(path: str, role: str, body: object = None, version: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {issuer.issue(role, f'{role}-{path[-4:]}', None)}"}
        headers |= {"Idempotency-Key": new_id("key", SystemClock().now())} | ({"If-Match": version} if version else {})
        return await company.client.post(path, json=body, headers=headers)

    proposed = await post("/v1/periods", "officer", plan)
    path = f"/v1/periods/{proposed.json()['period_id']}"
    assert proposed.json()["waiting_room"]["per_second"] == 5
    approved = await post(f"{path}/approval", "approver", version=proposed.headers["etag"])
    assert approved.status_code == 200, approved.text
    shown = (await company.client.get(path)).json()["waiting_room"]
    assert (shown["per_second"], shown["challenge"]) == (5, True)
    await company.ticket(proposed.json()["period_id"])
    refused = await post(f"{path}/plan", "officer", plan | {"name": "第二稿"}, approved.headers["etag"])
    assert (refused.status_code, refused.json()["code"]) == (409, "waiting-room-entered")
    late = plan | {"waiting_room": {"opens_at": plan["opens_at"], "per_second": 0}}
    refused = await post("/v1/periods", "officer", late)
    assert [error["pointer"] for error in refused.json()["errors"]] == [
        "#/waiting_room/opens_at",
        "#/waiting_room/per_second",
    ]


@asynccontextmanager
async def _listening(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """An instance that other instances reach."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        own = settings.model_copy(update={"advertised_url": url})
        app = build_app(CONTEXT, own, runtime=StoreRuntime(CONTEXT, own, SystemClock()))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        async with app.router.lifespan_context(app), httpx.AsyncClient(base_url=url) as client:
            serving = asyncio.create_task(server.serve(sockets=[door]))
            try:
                yield client
            finally:
                server.should_exit = True
                await serving


async def test_a_token_travels_with_its_claim_to_the_instance_that_writes_theperiod_with_room(
    settings: Settings, company: Company, other: Company, office: Office
) -> None:
    period_id = await period_with_room(office)
    first, second = await company.ticket(period_id), await other.ticket(period_id)
    async with _listening(settings) as writer:
        granted = await company.at(writer).claim(period_id, first["ticket_id"], first["entry_token"])
        assert granted.status_code == 201, granted.text
        for roundabout in (False, True):
            bare = await other.claim(period_id, second["ticket_id"], None, roundabout=roundabout)
            assert bare.json()["code"] == "entry-token-missing"
        async with asyncio.timeout(10):
            while (sent_on := await _other_claim(other, period_id, second)).status_code != 201:
                assert sent_on.json()["code"] == "entry-token-early"
                await asyncio.sleep(0.1)
        assert sent_on.json()["place"] == 2


async def _other_claim(other: Company, period_id: str, ticket: dict[str, Any]) -> httpx.Response:
    return await other.claim(period_id, ticket["ticket_id"], ticket["entry_token"])


async def test_a_channel_names_its_company_and_nobody_else_may_name_another(
    company: Company, other: Company, settings: Settings, office: Office
) -> None:
    period_id = await period_with_room(office)
    path = f"/v1/periods/{period_id}/waiting-room"
    await office.tell(authorised(company.claimant_id, "bank-clerk", office))
    bank = {"Authorization": f"Bearer {LocalIssuer(settings).issue('channel', 'bank-clerk', None)}"}

    async def ask(claimant_id: str | None, headers: dict[str, str], method: str = "POST") -> httpx.Response:
        named = {} if claimant_id is None else {"claimant_id": claimant_id}
        own = headers | {"Idempotency-Key": new_id("key", SystemClock().now())}
        own_path = path if method == "POST" else f"{path}/ticket"
        return await company.client.request(method, own_path, params=named, headers=own)

    assert (await ask(None, bank)).json()["code"] == "claimant-not-named"
    assert (await ask(other.claimant_id, bank)).json()["code"] == "channel-not-authorised"
    assert (await ask(other.claimant_id, company.headers)).status_code == 404
    assert (await ask(other.claimant_id, company.headers, "GET")).status_code == 404
    taken = await ask(company.claimant_id, bank)
    assert taken.status_code == 201, taken.text
    seen = await ask(company.claimant_id, bank, "GET")
    assert seen.json()["entry_token"] == taken.json()["entry_token"]
    assert (await company.mine(period_id)).json()["entry_token"] is None
    await other.ticket(period_id)
    assert (await ask(other.claimant_id, bank, "GET")).json()["code"] == "channel-not-authorised"
    claimed = await company.client.post(
        "/v1/claims",
        json={"period_id": period_id, "amount": {"amount": FACE}, "claimant_id": company.claimant_id},
        headers=bank | {"Idempotency-Key": taken.json()["ticket_id"], "Entry-Token": taken.json()["entry_token"]},
    )
    assert (claimed.status_code, claimed.json()["claimant_id"]) == (201, company.claimant_id), claimed.text
