"""Claims at the server's door are told what every other way tells: when they are decided, and when nothing is left."""

import asyncio
import socket
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.api import claim_lane
from services.issuance.api.claim_lane import ClaimDoor
from services.issuance.api.intake_desk import IntakeDesk
from services.issuance.app import CONTEXT
from shared.clock import SystemClock
from shared.http import middleware
from shared.http.application import build_app
from shared.http.at_once import AT_ONCE, AtOnceProtocol, Reply
from shared.http.limits import JSON_BYTES_MAX
from shared.http.local_issuer import LocalIssuer
from shared.settings import Settings
from tests.integration.issuance.office import Office
from tests.integration.issuance.serving import StoreRuntime

FACE = 100
BURST = 40
ROUNDABOUT = {"Accept": "application/json;q=1"}
"""An `Accept` that means the same, spelt so that a claim takes the framework's way."""
_OWN = {"x-request-id", "ratelimit-remaining", "ratelimit-reset", "content-length", "date", "server"}
_KEYS = count(1)


class Scene:
    """An instance that listens; what was answered at its door from memory, and how many were `decided` from there."""

    def __init__(self, app: FastAPI, url: str, settings: Settings, office: Office) -> None:
        self.app, self.url, self.settings, self.office = app, url, settings, office
        self.at_the_door: list[Reply] = []
        self.decided = 0

    @property
    def desk(self) -> IntakeDesk:
        """The desk of the instance."""
        desk: IntakeDesk = self.app.state.intake_desk
        return desk

    async def company(self) -> "Company":
        """Register somebody who claims."""
        return Company(self, await self.office.register())

    async def sold_out(self) -> tuple[str, "Company", str]:
        """Sell a period out, and wait until that is told from memory: the period, who won, and under which key."""
        winner = await self.company()
        period_id = await self.office.open_period(FACE, face_value_max=2 * FACE)
        key = f"first-come-{next(_KEYS)}"
        assert (await winner.claim(period_id, key=key)).status_code == 201
        stranger = await self.company()
        async with asyncio.timeout(10):
            while not self.at_the_door:
                assert (await stranger.claim(period_id)).status_code == 409
                await asyncio.sleep(0.05)  # its allowance lasts for some seconds
        self.at_the_door.clear()
        return period_id, winner, key


class Company:
    """Somebody who claims, over connections of its own."""

    def __init__(self, scene: Scene, claimant_id: str) -> None:
        self.scene, self.principal = scene, f"user-of-{claimant_id}"
        self.headers = {"Content-Type": "application/json"}
        self.headers["Authorization"] = "Bearer " + LocalIssuer(scene.settings).issue(
            "claimant", self.principal, claimant_id
        )

    async def claim(
        self, period_id: str, amount: int = FACE, *, key: str = "", in_parts: bool = False, **more: str
    ) -> httpx.Response:
        """Claim, in one piece unless it is to come `in_parts`."""
        body = f'{{"period_id":"{period_id}","amount":{{"amount":{amount}}}}}'.encode()
        head = self._head(key, len(body), more)
        reader, writer = await self._connected()
        if in_parts:
            writer.write(head)
            await writer.drain()
            await asyncio.sleep(0.02)  # so that it goes out alone
            writer.write(body)
        else:
            writer.write(head + body)
        answer = await _read(reader)
        writer.close()
        return answer

    async def announce(self, length: int, **more: str) -> httpx.Response:
        """Announce a claim of so many bytes, and send none of them."""
        reader, writer = await self._connected()
        writer.write(self._head("", length, more))
        answer = await _read(reader)
        writer.close()
        return answer

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", int(self.scene.url.rpartition(":")[2]))

    def _head(self, key: str, length: int, more: dict[str, str]) -> bytes:
        headers = self.headers | {"Idempotency-Key": key or f"too-late-{next(_KEYS)}", "Host": "us"} | more
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        return f"POST /v1/claims HTTP/1.1\r\n{''.join(lines)}Content-Length: {length}\r\n\r\n".encode()


async def _read(reader: asyncio.StreamReader) -> httpx.Response:
    async with asyncio.timeout(10):
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()[:-1]
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        length = int(dict(headers)["content-length"])
        return httpx.Response(int(first.split()[1]), headers=headers, content=await reader.readexactly(length))


def _told(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in _OWN}
    return answer.status_code, headers, answer.content


@pytest.fixture
async def scene(settings: Settings, engine: AsyncEngine) -> AsyncIterator[Scene]:
    own = settings.model_copy(update={"rate_burst": BURST, "rate_per_second": 0.001})
    office = Office(engine)
    office.clock.at = SystemClock().now()
    app = build_app(CONTEXT, own, runtime=StoreRuntime(CONTEXT, own, SystemClock()))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, http=AtOnceProtocol, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=5
        )
        server = uvicorn.Server(config)
        made = Scene(app, f"http://127.0.0.1:{listening.getsockname()[1]}", own, office)
        door = app.state.at_once[b"POST", b"claims"]

        def watched(*knock: Any) -> Any:
            reply = door(*knock)
            if isinstance(reply, Reply):
                made.at_the_door.append(reply)
            elif reply is not None:
                made.decided += 1
            return reply

        app.state.at_once[b"POST", b"claims"] = watched
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        async with asyncio.timeout(20):
            while not server.started:  # noqa: ASYNC110 (the server tells nobody)
                await asyncio.sleep(0.01)
        try:
            yield made
        finally:
            server.should_exit = True
            await serving
            await office.close()


async def test_a_claim_that_is_decided_is_told_at_the_door_what_every_other_way_tells(scene: Scene) -> None:
    company, period_id = await scene.company(), await scene.office.open_period(face_value_max=2 * FACE)
    for key, amount, status in (("the-first-one", FACE, 201), ("nothing-asked", 0, 422), ("too-much-asked", 201, 422)):
        told: dict[str, Any] = {"key": key, "X-Request-Id": "same-request"}
        first = await company.claim(period_id, amount, **told)  # its token is verified, or known
        scene.decided = 0
        again = await company.claim(period_id, amount, **told)
        assert (scene.decided, again.status_code) == (1, status)
        assert _told(again) == _told(await company.claim(period_id, amount, in_parts=True, **told))
        assert _told(again) == _told(await company.claim(period_id, amount, **told | ROUNDABOUT))
        assert again.headers["idempotency-replayed"] == "true"
        assert again.content == first.content
    scene.decided = 0
    new = await company.claim(period_id)
    assert (scene.decided, new.status_code, new.json()["place"]) == (1, 201, 2)
    assert int(new.headers["event-position"]) > int(again.headers.get("event-position", 0))
    assert new.headers["location"] == f"/v1/vouchers/{new.json()['voucher_id']}"


async def test_a_failure_at_the_door_has_its_problem(scene: Scene) -> None:
    company = await scene.company()
    missing = "prd_01jq8v5x0000000000000000aa"
    await company.claim(missing)
    told: dict[str, Any] = {"X-Request-Id": "same-request"}
    at_the_door = await company.claim(missing, **told)
    assert (scene.decided, at_the_door.status_code, at_the_door.json()["code"]) == (1, 404, "not-found")
    assert _told(at_the_door) == _told(await company.claim(missing, **told | ROUNDABOUT))


@pytest.mark.parametrize(
    ("length", "status", "code"), [(100, 503, "timed-out"), (JSON_BYTES_MAX + 1, 413, "body-too-large")]
)
async def test_nobody_waits_for_a_body_longer_than_the_framework_would(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, length: int, status: int, code: str
) -> None:
    for module in (claim_lane, middleware):
        monkeypatch.setattr(module, "SERVICE_LIMIT_S", 1.0)
    company = await scene.company()
    told: dict[str, Any] = {"X-Request-Id": "same-request"}
    answer = await company.announce(length, **told)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert _told(answer) == _told(await company.announce(length, **told | ROUNDABOUT))


async def test_what_is_told_at_the_door_is_what_every_other_way_tells(scene: Scene) -> None:
    period_id, _, _ = await scene.sold_out()
    late = await scene.company()
    await late.claim(period_id, in_parts=True)  # a token is verified once before it is known
    for language in ("en", "zh-CN, en;q=0.5", ""):
        told: dict[str, Any] = {"X-Request-Id": "same-request", "Accept-Language": language or "*"}
        traced = told | {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        for asked in (told, traced):
            scene.at_the_door.clear()
            at_the_door = await _at_the_door(late, period_id, asked)
            in_parts = await late.claim(period_id, in_parts=True, **asked)
            roundabout = await late.claim(period_id, **asked | ROUNDABOUT)
            assert _told(at_the_door) == _told(in_parts) == _told(roundabout)
            assert at_the_door.status_code == 409
            assert at_the_door.json()["code"] == "quota-exhausted"
            trace = "0af7651916cd43dd8448eb211c80319c" if asked is traced else "same-request"
            assert at_the_door.json()["trace_id"] == trace
            assert at_the_door.headers["x-request-id"] == roundabout.headers["x-request-id"] == "same-request"


async def _at_the_door(late: Company, period_id: str, asked: dict[str, Any]) -> httpx.Response:
    """Claim until the answer comes from the door: now and then one claim has to go and look."""
    async with asyncio.timeout(10):
        while True:
            before = len(late.scene.at_the_door)
            answer = await late.claim(period_id, **asked)
            if len(late.scene.at_the_door) > before:
                return answer


async def test_who_gives_no_request_id_gets_one_that_is_the_trace_of_its_answer(scene: Scene) -> None:
    period_id, _, _ = await scene.sold_out()
    late = await scene.company()
    await late.claim(period_id)
    answers = [await _at_the_door(late, period_id, {}) for _ in range(2)]
    for answer in answers:
        assert answer.headers["x-request-id"] == answer.json()["trace_id"]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 2


async def test_who_has_won_gets_its_answer_again(scene: Scene) -> None:
    period_id, winner, key = await scene.sold_out()
    for _ in range(5):
        again = await winner.claim(period_id, key=key)
        assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
        another = await winner.claim(period_id)
        assert (another.status_code, another.json()["code"]) == (409, "quota-exhausted")
    await _at_the_door(winner, period_id, {})


async def test_every_answer_at_the_door_takes_from_the_callers_allowance(scene: Scene) -> None:
    period_id, _, _ = await scene.sold_out()
    greedy = await scene.company()
    answers = [await greedy.claim(period_id) for _ in range(BURST + 2)]
    assert [answer.headers["ratelimit-remaining"] for answer in answers[:BURST]] == [
        str(left) for left in reversed(range(BURST))
    ]
    assert {answer.status_code for answer in answers[:BURST]} == {409}
    assert scene.at_the_door
    for answer in answers[BURST:]:
        assert (answer.status_code, answer.json()["code"]) == (429, "too-many-requests")
        assert int(answer.headers["retry-after"]) > 0


async def test_what_is_told_at_the_door_is_counted_like_every_answer(scene: Scene) -> None:
    period_id, _, _ = await scene.sold_out()
    late = await scene.company()

    async def counted() -> tuple[float, float]:
        async with httpx.AsyncClient(base_url=scene.url) as visitor:
            lines = (await visitor.get("/metrics")).text.splitlines()
        labels = 'context="issuance",operation="claimVoucher"'
        answers = f'cxq_http_requests_total{{{labels},status="409"}} '
        times = f"cxq_http_request_seconds_count{{{labels}}} "
        return tuple(  # type: ignore[return-value]
            next(float(line.removeprefix(name)) for line in lines if line.startswith(name)) for name in (answers, times)
        )

    before, asked = await counted(), 0
    while len(scene.at_the_door) < 6:
        assert (await late.claim(period_id)).status_code == 409
        asked += 1
    after = await counted()
    assert [new - old for new, old in zip(after, before, strict=True)] == [asked, asked]


BESIDES: list[tuple[dict[str, Any], int, str]] = [
    ({"amount": 2 * FACE + 1}, 422, "face-value-out-of-range"),
    ({"amount": 0}, 422, "face-value-out-of-range"),
    ({"key": "short"}, 400, "idempotency-key-malformed"),
    ({"Authorization": "Bearer nobody"}, 401, "token-invalid"),
    ({"Content-Type": "text/plain"}, 415, "media-type-unsupported"),
    ({"Accept": "text/html"}, 406, "not-acceptable"),
]


@pytest.mark.parametrize(("asked", "status", "code"), BESIDES)
async def test_what_else_is_wrong_is_told_though_nothing_is_left(
    scene: Scene, asked: dict[str, Any], status: int, code: str
) -> None:
    period_id, _, _ = await scene.sold_out()
    late = await scene.company()
    await late.claim(period_id)
    scene.at_the_door.clear()
    for _ in range(3):
        answer = await late.claim(period_id, **asked)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert scene.at_the_door == []


async def test_only_who_may_claim_for_itself_is_answered_at_the_door(scene: Scene) -> None:
    period_id, _, _ = await scene.sold_out()
    for role, status, code in (("officer", 403, "not-allowed"), ("channel", 422, "claimant-not-named")):
        other = await scene.company()
        token = LocalIssuer(scene.settings).issue(role, f"the-{role}", None)
        for _ in range(3):
            answer = await other.claim(period_id, Authorization=f"Bearer {token}")
            assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert scene.at_the_door == []


async def test_a_token_is_verified_before_anything_is_told(scene: Scene) -> None:
    period_id, _, _ = await scene.sold_out()
    late = await scene.company()
    assert (await _at_the_door(late, period_id, {})).status_code == 409
    late.headers["Authorization"] = late.headers["Authorization"][:-4] + "AAAA"
    scene.at_the_door.clear()
    assert (await late.claim(period_id)).status_code == 401
    assert scene.at_the_door == []


async def test_who_was_never_seen_before_is_met_at_the_door_once_the_issuers_keys_are_here(scene: Scene) -> None:
    period_id = await scene.office.open_period(face_value_max=2 * FACE)
    for decided_at_the_door in (0, 1, 2):  # the first one of all brings the keys
        company = await scene.company()
        assert (await company.claim(period_id)).status_code == 201
        assert scene.decided == decided_at_the_door


async def test_of_those_who_come_late_one_at_a_time_goes_to_look_and_the_others_hear_what_it_saw(scene: Scene) -> None:
    period_id, _, _ = await scene.sold_out()
    companies = [await scene.company() for _ in range(10)]
    for company in companies:
        await company.claim(period_id)
    scene.at_the_door.clear()
    loop, asked, looked = asyncio.get_running_loop(), 0, 0
    began = loop.time()
    while asked < 50 or looked < 3:
        company = companies[asked % len(companies)]
        assert (await company.claim(period_id)).status_code == 409
        await asyncio.sleep(0.005)  # their allowances last for some seconds
        asked += 1
        looked = asked - len(scene.at_the_door)
    assert looked <= (loop.time() - began) / 0.25 + 1, (looked, asked)  # one in a quarter of a second, nobody else


def test_the_door_is_part_of_what_the_lifespan_tells_the_server(settings: Settings) -> None:
    app = build_app(CONTEXT, settings, runtime=StoreRuntime(CONTEXT, settings, SystemClock()))
    assert app.state.at_once.keys() == {(b"POST", b"claims"), (b"GET", b"remaining-quota")}
    assert isinstance(app.state.at_once[b"POST", b"claims"].__self__, ClaimDoor)
    assert AT_ONCE == "cxq.at_once"
