"""What the edge refuses before a handler sees it, and how it says so."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.clock import Clock, development_clock
from shared.http.application import PolicyError, build_app
from shared.http.limits import Buckets
from shared.http.local_issuer import LocalIssuer
from shared.http.policy import PUBLIC
from shared.settings import Settings
from tests.integration.shared.http.conftest import Claimant
from tests.integration.shared.http.service import POLICY, SERVICE, StoreRuntime, visiting

PROPOSAL: dict[str, Any] = {"planned_amount": {"amount": 1_000_000}, "kind": "testing"}
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance", "code", "errors", "remedy", "trace_id"}


def _is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert said.keys() >= PROBLEM_MEMBERS
    assert said["type"] == f"/problems/{code}"
    assert said["status"] == status
    return said


def _unsigned(token: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "at+jwt", "kid": "x"}).encode())
    return f"{header.decode().rstrip('=')}.{token.split('.')[1]}."


def _altered(token: str) -> str:
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims["party"] = "clm_2"
    return f"{header}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.{signature}"


async def test_nobody_gets_in_without_a_valid_token(client: httpx.AsyncClient, issuer: LocalIssuer) -> None:
    missing = await client.get("/v1/projects")
    _is_problem(missing, 401, "not-authenticated")
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="cxq"'
    good = issuer.issue("claimant", "user-1", "clm_1")
    for token in (_unsigned(good), _altered(good), good[:-4], "nonsense", "a.b.c", "ü.x.y".encode().hex()):
        answer = await client.get("/v1/projects", headers={"Authorization": f"Bearer {token}"})
        _is_problem(answer, 401, "token-invalid")
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    expired = issuer.issue("claimant", "user-1", "clm_1", lifetime=timedelta(seconds=-1))
    _is_problem(await client.get("/v1/projects", headers={"Authorization": f"Bearer {expired}"}), 401, "token-expired")
    basic = await client.get("/v1/projects", headers={"Authorization": "Basic dTpw"})
    _is_problem(basic, 401, "not-authenticated")


async def test_a_role_without_the_right_is_told_so(client: httpx.AsyncClient, claimant: Claimant) -> None:
    answer = await client.get("/v1/projects", headers=claimant(role="officer"))
    said = _is_problem(answer, 403, "not-allowed")
    assert said["detail"] == "此操作仅限：申领单位"
    assert "insufficient_scope" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"planned_amount": NaN}',
        b'{"planned_amount": {"amount": Infinity}, "kind": "x"}',
        b'{"planned_amount": {"amount": 1e999}, "kind": "x"}',
        b'{"kind": "a", "kind": "b"}',
        b'{"kind": "\xff"}',
        b"[" * 20_000,
        b'{"planned_amount": {"amount": ' + b"9" * 5_000 + b"}}",
        b"\xef\xbb\xbf{}",
    ],
)
async def test_what_is_not_json_is_refused(client: httpx.AsyncClient, claimant: Claimant, body: bytes) -> None:
    _is_problem(await client.post("/v1/projects", content=body, headers=claimant()), 400, "malformed-json")


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"surprise": 1}, "#/surprise", "extra_forbidden"),
        ({"planned_amount": {"amount": "1"}}, "#/planned_amount/amount", "int_type"),
        ({"planned_amount": {"amount": 1.0}}, "#/planned_amount/amount", "int_type"),
        ({"planned_amount": {"amount": True}}, "#/planned_amount/amount", "int_type"),
        ({"planned_amount": {"amount": -1}}, "#/planned_amount/amount", "greater_than_equal"),
        ({"planned_amount": {"amount": 10**30}}, "#/planned_amount/amount", "less_than_equal"),
        ({"planned_amount": {"amount": 1, "currency": "USD"}}, "#/planned_amount/currency", "literal_error"),
        ({"planned_amount": None}, "#/planned_amount", "model_attributes_type"),
        ({"kind": 5}, "#/kind", "string_type"),
        ({"copies": "5"}, "#/copies", "int_type"),
        ({"copies": 5.0}, "#/copies", "int_type"),
        ({"copies": True}, "#/copies", "int_type"),
        ({"urgent": "yes"}, "#/urgent", "bool_type"),
        ({"urgent": 1}, "#/urgent", "bool_type"),
        ({"kind": ""}, "#/kind", "string_too_short"),
        ({"kind": "a\x00b"}, "#/kind", "text_unprintable"),
        ({"kind": "\ud800"}, "#/kind", "text_unprintable"),
        ({"starts_on": 20260101}, "#/starts_on", "date_parsing"),
        ({"starts_on": "1767225600"}, "#/starts_on", "date_parsing"),
        ({"starts_on": "2026-02-30"}, "#/starts_on", "date_from_datetime_parsing"),
    ],
)
async def test_what_validation_finds_is_said_with_its_place(
    client: httpx.AsyncClient, claimant: Claimant, change: dict[str, Any], pointer: str, code: str
) -> None:
    body = json.dumps({**PROPOSAL, **change}).encode()
    said = _is_problem(await client.post("/v1/projects", content=body, headers=claimant()), 422, "invalid")
    assert [(error["pointer"], error["code"]) for error in said["errors"]] == [(pointer, code)]
    assert said["errors"][0]["message"].isascii() is False


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"5", b"true"])
async def test_the_top_of_a_body_is_an_object(client: httpx.AsyncClient, claimant: Claimant, body: bytes) -> None:
    _is_problem(await client.post("/v1/projects", content=body, headers=claimant()), 422, "invalid")


async def test_a_missing_body_is_said_to_be_missing(client: httpx.AsyncClient, claimant: Claimant) -> None:
    headers = claimant()
    del headers["Content-Type"]
    said = _is_problem(await client.post("/v1/projects", headers=headers), 422, "invalid")
    assert said["errors"] == [{"pointer": "#", "code": "missing", "message": "必填", "value": None}]


async def test_validation_speaks_english_too(client: httpx.AsyncClient, claimant: Claimant) -> None:
    headers = claimant(Accept_Language="en")
    answer = await client.post("/v1/projects", json={**PROPOSAL, "kind": "x" * 41}, headers=headers)
    assert _is_problem(answer, 422, "invalid")["errors"][0]["message"] == "At most 40 characters"


async def test_what_may_be_about_a_person_is_not_given_back(client: httpx.AsyncClient, claimant: Claimant) -> None:
    answer = await client.post("/v1/projects", json={**PROPOSAL, "contact_phone": "13812345678"}, headers=claimant())
    assert _is_problem(answer, 422, "invalid")["errors"][0]["value"] is None
    assert "13812345678" not in answer.text


async def test_text_is_kept_in_one_form(client: httpx.AsyncClient, claimant: Claimant) -> None:
    answer = await client.post("/v1/projects", json={**PROPOSAL, "kind": "e\u0301"}, headers=claimant())
    assert answer.json()["kind"] == "\u00e9"


async def test_a_large_body_is_refused_however_it_is_sent(client: httpx.AsyncClient, claimant: Claimant) -> None:
    large = json.dumps({**PROPOSAL, "kind": "x" * 70_000}).encode()
    said = _is_problem(await client.post("/v1/projects", content=large, headers=claimant()), 413, "body-too-large")
    assert said["detail"] == "最多 65536 字节"

    async def chunked() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 1000):
            yield large[start : start + 1000]

    unannounced = await client.post("/v1/projects", content=chunked(), headers=claimant())
    assert "content-length" not in unannounced.request.headers
    _is_problem(unannounced, 413, "body-too-large")


async def test_a_file_may_be_larger_than_json_but_not_without_end(
    client: httpx.AsyncClient, claimant: Claimant
) -> None:
    headers = claimant()
    del headers["Content-Type"]
    too_large = {"file": ("a.pdf", b"x" * (21 * 1024 * 1024))}
    _is_problem(await client.post("/v1/evidence", files=too_large, headers=headers), 413, "body-too-large")


@pytest.mark.parametrize(
    "media", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=gbk", ""]
)
async def test_only_json_is_json(client: httpx.AsyncClient, claimant: Claimant, media: str) -> None:
    headers = claimant() | {"Content-Type": media}
    answer = await client.post("/v1/projects", content=json.dumps(PROPOSAL), headers=headers)
    _is_problem(answer, 415, "media-type-unsupported")


async def test_a_form_is_not_sent_as_json(client: httpx.AsyncClient, claimant: Claimant) -> None:
    _is_problem(await client.post("/v1/evidence", json={}, headers=claimant()), 415, "media-type-unsupported")


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({"Content-Type": "multipart/form-data"}, b"x"),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"--c\r\n\r\n"),
        (
            {"Content-Type": "multipart/form-data; boundary=b"},
            b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        ),
    ],
)
async def test_a_broken_form_is_no_mistake_of_ours(
    client: httpx.AsyncClient, claimant: Claimant, headers: dict[str, str], content: bytes
) -> None:
    answer = await client.post("/v1/evidence", content=content, headers=claimant() | headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_only_json_is_answered(client: httpx.AsyncClient, claimant: Claimant) -> None:
    _is_problem(await client.get("/v1/projects", headers=claimant(Accept="text/html")), 406, "not-acceptable")
    accepted = await client.get("/v1/projects", headers=claimant(Accept="text/html, */*;q=0.1"))
    assert accepted.status_code == 200


async def test_unknown_places_and_methods_are_problems_too(client: httpx.AsyncClient, claimant: Claimant) -> None:
    _is_problem(await client.get("/v1/nowhere"), 404, "not-found")
    answer = await client.delete("/v1/projects", headers=claimant())
    _is_problem(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["Allow"] or "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("address", ["/v1/notices?about=%00", "/v1/notices?about=%ff", "/v1/projects/%00", "/v1/%ff"])
async def test_addresses_that_are_no_text_are_refused(
    client: httpx.AsyncClient, claimant: Claimant, address: str
) -> None:
    _is_problem(await client.get(address, headers=claimant()), 400, "malformed-request")


async def test_a_mistake_of_ours_tells_nothing_of_its_inside(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/breakdown", headers={"X-Request-Id": "conversation-7"})
    said = _is_problem(answer, 500, "internal")
    assert "secret-inside" not in answer.text
    assert said["trace_id"] == answer.headers["X-Request-Id"] == "conversation-7"


async def test_a_request_id_is_echoed_only_when_it_is_harmless(client: httpx.AsyncClient) -> None:
    for odd in ("x", "a b c d e f", "x" * 200, "<script>alert(1)</script>"):
        answer = await client.get("/v1/notices", headers={"X-Request-Id": odd})
        assert answer.headers["X-Request-Id"].startswith("req_")


async def test_every_answer_has_the_headers_of_safety(client: httpx.AsyncClient) -> None:
    for address in ("/v1/notices", "/v1/nowhere", "/v1/breakdown", "/v1/projects", "/health/live"):
        answer = await client.get(address)
        assert answer.headers["Cache-Control"] == "no-store", address
        assert answer.headers["X-Content-Type-Options"] == "nosniff", address
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"], address


async def test_who_asks_too_often_is_asked_to_wait(settings: Settings, clock: Clock, claimant: Claimant) -> None:
    app = build_app(SERVICE, settings, runtime=StoreRuntime(SERVICE, settings, clock))
    app.state.edge = replace(app.state.edge, buckets=Buckets(lambda: 0.0, burst=3, per_second=0.5))
    async with visiting(app) as client:
        for remaining in ("2", "1", "0"):
            answer = await client.get("/v1/projects", headers=claimant())
            assert (answer.status_code, answer.headers["RateLimit-Remaining"]) == (200, remaining)
        refused = await client.get("/v1/projects", headers=claimant())
        _is_problem(refused, 429, "too-many-requests")
        assert refused.headers["Retry-After"] == "2"
        assert (await client.get("/v1/projects", headers=claimant("user-2", "clm_2"))).status_code == 200


def test_a_service_whose_policy_has_a_gap_does_not_start(settings: Settings) -> None:
    without = {name: row for name, row in POLICY.items() if name != "getProject"}
    with pytest.raises(PolicyError, match="getProject has no row"):
        build_app(replace(SERVICE, policy=without), settings)
    with pytest.raises(PolicyError, match="eraseProject"):
        build_app(replace(SERVICE, policy={**POLICY, "eraseProject": PUBLIC}), settings)


async def test_tokens_live_by_our_clock(client: httpx.AsyncClient, settings: Settings, issuer: LocalIssuer) -> None:
    headers = {"Authorization": f"Bearer {issuer.issue('claimant', 'user-1', 'clm_1')}"}
    assert (await client.get("/v1/projects", headers=headers)).status_code == 200
    development_clock(settings).advance(timedelta(days=15))
    _is_problem(await client.get("/v1/projects", headers=headers), 401, "token-expired")
    fresh = {"Authorization": f"Bearer {issuer.issue('claimant', 'user-1', 'clm_1')}"}
    assert (await client.get("/v1/projects", headers=fresh)).status_code == 200
