"""Reading over HTTP: pages, cursors, positions, the pages about the API, and health."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request

from shared.clock import Clock
from shared.http import reading as reading_module
from shared.http.application import build_app
from shared.http.desk import Desk
from shared.http.edge import Visit, note_visit
from shared.settings import Settings
from shared.store.tables import consumer_positions, log_head, relay_positions
from tests.integration.shared.http.conftest import Claimant
from tests.integration.shared.http.service import BOARD, CONTEXT, SERVICE, StoreRuntime, visiting

PROPOSAL = {"planned_amount": {"amount": 1_000_000}, "kind": "testing"}


async def _head(owner: AsyncEngine) -> int:
    async with owner.connect() as connection:
        return int((await connection.execute(sa.select(log_head.c.position))).scalar_one())


async def _relay_and_apply(owner: AsyncEngine, settings: Settings, *, relayed: int, applied: int) -> None:
    """Put the positions where the relay and the projection would have put them."""
    async with owner.begin() as connection:
        for partition in (-1, 0):
            row = insert(relay_positions).values(partition=partition, position=relayed, next_offset=relayed)
            await connection.execute(
                row.on_conflict_do_update(index_elements=["partition"], set_={"position": relayed})
            )
        row = insert(consumer_positions).values(
            consumer=BOARD.consumer, topic=settings.topic(CONTEXT), partition=0, next_offset=applied, position=applied
        )
        await connection.execute(
            row.on_conflict_do_update(index_elements=["consumer", "topic", "partition"], set_={"position": applied})
        )


async def test_a_list_is_read_page_by_page_without_gap_or_repetition(
    client: httpx.AsyncClient, claimant: Claimant
) -> None:
    made = []
    for _ in range(7):
        answer = await client.post("/v1/projects", json=PROPOSAL, headers=claimant("pager", "clm_pager"))
        made.append(f"project-{answer.json()['project_id']}")
    seen: list[str] = []
    address = "/v1/projects?limit=3"
    while address:
        answer = await client.get(address, headers=claimant("pager", "clm_pager"))
        page = answer.json()
        seen += [item["stream"] for item in page["items"]]
        assert page["has_more"] is (page["next_cursor"] is not None)
        link = answer.headers.get("Link", "")
        assert ('rel="next"' in link) is page["has_more"]
        address = link.partition("<")[2].partition(">")[0]
    assert seen == made[::-1]


async def test_a_cursor_is_good_for_its_own_list_and_caller_only(client: httpx.AsyncClient, claimant: Claimant) -> None:
    for _ in range(2):
        await client.post("/v1/projects", json=PROPOSAL, headers=claimant("two", "clm_two"))
    page = (await client.get("/v1/projects?limit=1", headers=claimant("two", "clm_two"))).json()
    cursor = page["next_cursor"]
    altered = cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1]
    for odd, headers in (
        (altered, claimant("two", "clm_two")),
        (cursor, claimant("three", "clm_two")),
        ("nonsense", claimant("two", "clm_two")),
        ("é", claimant("two", "clm_two")),
    ):
        answer = await client.get("/v1/projects", params={"cursor": odd, "limit": 1}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor-malformed")
    another_list = await client.get(f"/v1/projects?limit=1&kind=x&cursor={cursor}", headers=claimant("two", "clm_two"))
    assert another_list.json()["code"] == "cursor-malformed"


@pytest.mark.parametrize("limit", ["0", "201", "-1", "many", "1e9"])
async def test_a_page_has_two_hundred_items_at_most(client: httpx.AsyncClient, claimant: Claimant, limit: str) -> None:
    answer = await client.get(f"/v1/projects?limit={limit}", headers=claimant())
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "query:limit")


async def test_a_reader_waits_for_the_position_it_asks_for(
    client: httpx.AsyncClient,
    claimant: Claimant,
    owner: AsyncEngine,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading_module, "_BEHIND_S", 20.0)
    made = await client.post("/v1/projects", json=PROPOSAL, headers=claimant())
    position = int(made.headers["Event-Position"])
    await _relay_and_apply(owner, settings, relayed=position, applied=position - 1)
    reading = asyncio.create_task(client.get(f"/v1/projects?min_position={position}", headers=claimant()))
    done, _ = await asyncio.wait([reading], timeout=0.3)
    assert not done
    await _relay_and_apply(owner, settings, relayed=position, applied=position)
    answer = await reading
    assert (answer.status_code, answer.json()["as_of"]) == (200, position)


async def test_a_reader_looks_again_as_soon_as_there_is_news(
    client: httpx.AsyncClient,
    app: FastAPI,
    claimant: Claimant,
    owner: AsyncEngine,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading_module, "_LOOK_AGAIN_S", 60.0)
    monkeypatch.setattr(reading_module, "_BEHIND_S", 20.0)
    made = await client.post("/v1/projects", json=PROPOSAL, headers=claimant())
    position = int(made.headers["Event-Position"])
    await _relay_and_apply(owner, settings, relayed=position, applied=position - 1)
    reading = asyncio.create_task(client.get(f"/v1/projects?min_position={position}", headers=claimant()))
    done, _ = await asyncio.wait([reading], timeout=0.3)
    assert not done
    await _relay_and_apply(owner, settings, relayed=position, applied=position)
    app.state.runtime.news.tell()
    async with asyncio.timeout(15):
        answer = await reading
    assert (answer.status_code, answer.json()["as_of"]) == (200, position)


async def test_a_reader_is_told_when_the_list_is_behind(
    client: httpx.AsyncClient, claimant: Claimant, owner: AsyncEngine, settings: Settings
) -> None:
    await client.post("/v1/projects", json=PROPOSAL, headers=claimant())
    position = await _head(owner)
    await _relay_and_apply(owner, settings, relayed=position - 1, applied=position - 1)
    answer = await client.get(f"/v1/projects?min_position={position}", headers=claimant())
    assert (answer.status_code, answer.json()["code"]) == (503, "behind")
    assert answer.json()["detail"] == f"已更新到 {position - 1}，要求 {position}"
    assert answer.headers["Retry-After"] == "1"


async def test_nothing_can_be_written_while_reading(client: httpx.AsyncClient, app: FastAPI) -> None:
    assert (await client.get("/health/live")).status_code == 200
    scope = {"type": "http", "app": app}
    visit = Visit(
        request_id="r", trace_id="r", traceparent=None, language="zh", began=app.state.runtime.clock.now(), address=""
    )
    note_visit(scope, visit)
    async with Desk(Request(scope)).connection() as connection:
        with pytest.raises(sa.exc.DBAPIError, match="read-only"):
            await connection.execute(sa.update(log_head).values(position=0))
        await connection.rollback()


async def test_a_service_without_its_database_is_alive_but_not_ready_and_asks_to_come_back(
    settings: Settings, clock: Clock, claimant: Claimant
) -> None:
    absent = settings.model_copy(update={"postgres_url": SecretStr("postgresql://127.0.0.1:1")})
    async with visiting(build_app(SERVICE, absent, runtime=StoreRuntime(SERVICE, absent, clock))) as client:
        assert (await client.get("/health/live")).json() == {"status": "live", "context": CONTEXT}
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["ready"]) == (503, False)
        for answer in (
            await client.get("/v1/projects", headers=claimant()),
            await client.get("/v1/projects/prj_1", headers=claimant()),
            await client.post("/v1/projects", json=PROPOSAL, headers=claimant()),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "busy")
            assert answer.headers["Retry-After"] == "1"


async def test_the_counters_tell_operations_apart(client: httpx.AsyncClient) -> None:
    await client.get("/v1/notices")
    text = (await client.get("/metrics")).text
    assert 'cxq_http_requests_total{context="contracts",operation="listNotices",status="200"}' in text
    assert 'cxq_relay_lag_events{context="contracts"}' in text
    assert 'cxq_part_halted{context="contracts",part="relay"} 0.0' in text


async def test_the_pages_need_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "://" not in page.text
    assert "<title>项目 · Projects</title>" in page.text
    assert (await client.get("/")).headers["Location"] == "/docs"
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js", "docs.js", "favicon-32x32.png"):
        assert f"/docs/assets/{asset}" in page.text
        assert (await client.get(f"/docs/assets/{asset}")).status_code == 200
    for odd in ("docs.html", "LICENSE", "..%2fproblems.yaml"):
        assert (await client.get(f"/docs/assets/{odd}")).status_code == 404


async def test_the_document_describes_what_the_edge_asks_and_answers(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    proposing = document["paths"]["/v1/projects"]["post"]
    assert proposing["operationId"] == "proposeProject"
    assert proposing["security"] == [{"bearer": ["claimant"]}]
    assert [p["name"] for p in proposing["parameters"]] == ["Idempotency-Key"]
    assert proposing["requestBody"]["content"]["application/json"]["example"]["planned_amount"] == {
        "amount": 5_000_000,
        "currency": "CNY",
    }
    refusals = proposing["responses"]["422"]["content"]["application/problem+json"]["examples"]
    for code in ("project-too-dear", "statutory-testing", "invalid", "key-reused"):
        for language in ("zh", "en"):
            reference = refusals[f"{code}-{language}"]["$ref"].rpartition("/")[2]
            assert document["components"]["examples"][reference]["value"]["code"] == code
    confirming = document["paths"]["/v1/projects/{project_id}/confirmation"]["post"]
    assert {p["name"] for p in confirming["parameters"]} == {"project_id", "Idempotency-Key", "If-Match"}
    assert {"404", "412", "428"} <= confirming["responses"].keys()
    assert document["paths"]["/v1/notices"]["get"]["security"] == []
    assert "x-cxq-operation" not in json.dumps(document)


async def test_a_problem_type_can_be_looked_up(client: httpx.AsyncClient) -> None:
    explained = (await client.get("/problems/project-too-dear")).json()
    assert explained["title"] == {"zh": "金额超限", "en": "The amount is too high"}
    assert (await client.get("/problems/unheard-of")).status_code == 404


def test_a_service_that_refuses_without_explanation_does_not_start(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="project-too-dear"):
        build_app(replace(SERVICE, folder=tmp_path), settings)
