"""Commands over HTTP: one key, one effect, one answer; versions; refusals; processes that are waited for."""

import asyncio
from typing import Any

import httpx
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.kernel.money import yuan
from shared.store.tables import events
from tests.integration.shared.http.conftest import Claimant

PROPOSAL: dict[str, Any] = {"planned_amount": {"amount": 1_000_000}, "kind": "testing"}


async def _propose(client: httpx.AsyncClient, claimant: Claimant, party: str = "clm_1") -> httpx.Response:
    answer = await client.post("/v1/projects", json=PROPOSAL, headers=claimant(party=party))
    assert answer.status_code == 201, answer.text
    return answer


async def _events(owner: AsyncEngine) -> int:
    async with owner.connect() as connection:
        return int((await connection.execute(sa.select(sa.func.count()).select_from(events))).scalar_one())


async def test_a_command_answers_with_its_representation_version_position_and_place(
    client: httpx.AsyncClient, claimant: Claimant
) -> None:
    answer = await _propose(client, claimant)
    made = answer.json()
    assert made["claimant_id"] == "clm_1"
    assert answer.headers["ETag"] == '"1"'
    assert int(answer.headers["Event-Position"]) >= 1
    assert answer.headers["Location"] == f"/v1/projects/{made['project_id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Idempotency-Replayed" not in answer.headers


async def test_a_repeated_key_gets_the_same_answer_byte_for_byte(
    client: httpx.AsyncClient, claimant: Claimant, owner: AsyncEngine
) -> None:
    headers = claimant()
    first = await client.post("/v1/projects", json=PROPOSAL, headers=headers)
    before = await _events(owner)
    spelt_otherwise = b'{ "kind": "testing",\n "planned_amount": {"amount": 1000000} }'
    second = await client.post("/v1/projects", content=spelt_otherwise, headers=headers)
    assert second.content == first.content
    assert second.status_code == first.status_code == 201
    for name in ("ETag", "Event-Position", "Location", "Content-Type"):
        assert second.headers[name] == first.headers[name]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert await _events(owner) == before


async def test_twenty_parallel_copies_have_one_effect(
    client: httpx.AsyncClient, claimant: Claimant, owner: AsyncEngine
) -> None:
    headers, before = claimant(), await _events(owner)

    async def insist() -> httpx.Response:
        for _ in range(200):
            answer = await client.post("/v1/projects", json=PROPOSAL, headers=headers)
            if answer.status_code == 201:
                return answer
            assert answer.json()["code"] in {"key-in-progress", "busy"}, answer.text
            assert "Retry-After" in answer.headers
        raise AssertionError("the command was never answered")

    answers = await asyncio.gather(*(insist() for _ in range(20)))
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert await _events(owner) == before + 1


async def test_a_key_is_not_for_another_request(client: httpx.AsyncClient, claimant: Claimant) -> None:
    headers = claimant()
    await client.post("/v1/projects", json=PROPOSAL, headers=headers)
    other = await client.post("/v1/projects", json={**PROPOSAL, "kind": "design"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")


async def test_two_callers_may_use_the_same_key(client: httpx.AsyncClient, claimant: Claimant) -> None:
    mine = claimant()
    first = await client.post("/v1/projects", json=PROPOSAL, headers=mine)
    theirs = claimant("user-2", "clm_2") | {"Idempotency-Key": mine["Idempotency-Key"]}
    second = await client.post("/v1/projects", json=PROPOSAL, headers=theirs)
    assert second.json()["project_id"] != first.json()["project_id"]


async def test_a_command_needs_a_key_of_the_right_form(client: httpx.AsyncClient, claimant: Claimant) -> None:
    headers = claimant()
    del headers["Idempotency-Key"]
    missing = await client.post("/v1/projects", json=PROPOSAL, headers=headers)
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency-key-required")
    short = await client.post("/v1/projects", json=PROPOSAL, headers=headers | {"Idempotency-Key": "1"})
    assert (short.status_code, short.json()["code"]) == (400, "idempotency-key-malformed")


async def test_a_refusal_names_every_reason_the_rule_and_the_remedy(
    client: httpx.AsyncClient, claimant: Claimant
) -> None:
    body = {"planned_amount": {"amount": yuan(60_000)}, "kind": "statutory"}
    answer = await client.post("/v1/projects", json=body, headers=claimant(traceparent=f"00-{'a' * 32}-{'b' * 16}-01"))
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Content-Language"] == "zh-CN"
    rule = {
        "pack": "beijing-2023",
        "parameter": "face_value_max",
        "article": "12",
        "quote": "单张最高限额为 5 万元",
    }
    assert answer.json() == {
        "type": "/problems/project-too-dear",
        "title": "金额超限",
        "status": 422,
        "detail": "60,000.00 元 超过 50,000.00 元",
        "instance": "/v1/projects",
        "code": "project-too-dear",
        "errors": [
            {
                "pointer": "#/planned_amount",
                "code": "project-too-dear",
                "message": "60,000.00 元 超过 50,000.00 元",
                "value": 6_000_000,
                "rule": rule,
                "remedy": "降低金额",
            },
            {
                "pointer": "",
                "code": "statutory-testing",
                "message": "法定检测不在支持范围",
                "value": None,
                "rule": {"article": "9(3)"},
                "remedy": "选择其他服务",
            },
        ],
        "rule": rule,
        "remedy": "降低金额",
        "trace_id": "a" * 32,
    }


async def test_a_refusal_speaks_english_to_those_who_prefer_it(client: httpx.AsyncClient, claimant: Claimant) -> None:
    body = {"planned_amount": {"amount": yuan(60_000)}, "kind": "testing"}
    headers = claimant(Accept_Language="en-GB, zh;q=0.5")
    answer = await client.post("/v1/projects", json=body, headers=headers)
    assert answer.headers["Content-Language"] == "en"
    assert answer.json()["detail"] == "60,000.00 yuan is more than 50,000.00 yuan"
    assert answer.json()["remedy"] == "Ask for less"


async def test_a_refusal_is_an_answer_too_and_is_replayed(client: httpx.AsyncClient, claimant: Claimant) -> None:
    body, headers = {"planned_amount": {"amount": yuan(60_000)}, "kind": "testing"}, claimant()
    first = await client.post("/v1/projects", json=body, headers=headers)
    second = await client.post("/v1/projects", json=body, headers=headers | {"Accept-Language": "en"})
    assert second.content == first.content
    assert second.status_code == 422
    assert second.headers["Content-Type"] == "application/problem+json"
    assert second.headers["Idempotency-Replayed"] == "true"


async def test_a_change_needs_the_version_it_was_decided_on(client: httpx.AsyncClient, claimant: Claimant) -> None:
    project_id = (await _propose(client, claimant)).json()["project_id"]
    address = f"/v1/projects/{project_id}/confirmation"
    missing = await client.post(address, headers=claimant())
    assert (missing.status_code, missing.json()["code"]) == (428, "precondition-required")
    malformed = await client.post(address, headers=claimant(If_Match="W/1"))
    assert (malformed.status_code, malformed.json()["code"]) == (400, "etag-malformed")
    stale = await client.post(address, headers=claimant(If_Match='"7"'))
    assert (stale.status_code, stale.json()["code"]) == (412, "version-stale")
    done = await client.post(address, headers=claimant(If_Match='"1"'))
    assert (done.status_code, done.headers["ETag"], done.json()["confirmed"]) == (200, '"2"', True)
    again = await client.post(address, headers=claimant(If_Match='"2"'))
    assert (again.status_code, again.json()["code"], again.json()["rule"]) == (
        409,
        "project-out-of-turn",
        {"article": "9(2)"},
    )


async def test_a_stale_version_is_not_kept_with_its_key(client: httpx.AsyncClient, claimant: Claimant) -> None:
    project_id = (await _propose(client, claimant)).json()["project_id"]
    headers = claimant(If_Match='"7"')
    await client.post(f"/v1/projects/{project_id}/confirmation", headers=headers)
    corrected = await client.post(f"/v1/projects/{project_id}/confirmation", headers=headers | {"If-Match": '"1"'})
    assert corrected.status_code == 200


async def test_what_belongs_to_another_is_not_found(client: httpx.AsyncClient, claimant: Claimant) -> None:
    project_id = (await _propose(client, claimant)).json()["project_id"]
    stranger = claimant("user-9", "clm_9", If_Match='"1"')
    for answer in (
        await client.get(f"/v1/projects/{project_id}", headers=stranger),
        await client.post(f"/v1/projects/{project_id}/confirmation", headers=stranger),
        await client.get("/v1/projects/prj_nothing", headers=claimant()),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_representation_known_already_is_not_sent_again(client: httpx.AsyncClient, claimant: Claimant) -> None:
    project_id = (await _propose(client, claimant)).json()["project_id"]
    known = await client.get(f"/v1/projects/{project_id}", headers=claimant(If_None_Match='"1"'))
    assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", '"1"')


async def test_a_process_is_waited_for_as_long_as_the_caller_prefers(
    client: httpx.AsyncClient, claimant: Claimant
) -> None:
    project_id = (await _propose(client, claimant)).json()["project_id"]
    address = f"/v1/projects/{project_id}/registration"
    at_once = await client.post(address, headers=claimant())
    assert (at_once.status_code, at_once.json()["confirmed"]) == (202, False)
    in_vain = await client.post(address, headers=claimant(Prefer="wait=1"))
    assert in_vain.status_code == 202
    waiting = asyncio.create_task(client.post(address, headers=claimant(Prefer="respond-async, wait=8")))
    await client.post(f"/v1/projects/{project_id}/confirmation", headers=claimant(If_Match='"1"'))
    outcome = await waiting
    assert (outcome.status_code, outcome.json()["confirmed"]) == (200, True)
    assert outcome.headers["Preference-Applied"] == "wait=8"


async def test_an_uploaded_file_is_recognised_although_its_boundary_changes(
    client: httpx.AsyncClient, claimant: Claimant
) -> None:
    headers = claimant()
    del headers["Content-Type"]
    first = await client.post("/v1/evidence", files={"file": ("a.pdf", b"%PDF-" + b"x" * 100_000)}, headers=headers)
    second = await client.post("/v1/evidence", files={"file": ("a.pdf", b"%PDF-" + b"x" * 100_000)}, headers=headers)
    assert (first.status_code, first.json()) == (201, {"stream": "100005"})
    assert second.content == first.content
    assert second.headers["Idempotency-Replayed"] == "true"
    other = await client.post("/v1/evidence", files={"file": ("a.pdf", b"%PDF-" + b"y" * 100_000)}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
