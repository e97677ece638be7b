"""What takes the short way to what a period has left, and what steps aside to the ordinary one."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from services.issuance.api.quota_lane import QuotaDoor, QuotaLane
from services.issuance.app import create_app
from services.issuance.remaining_quota import LiveQuota, Look, Remaining
from shared.http.edge import Edge
from shared.http.limits import Buckets
from shared.http.seconds import monotonic_seconds
from shared.settings import Settings
from shared.store.execution import StoreBusyError
from tests.unit.issuance.facts import BEFORE

PERIOD = "prd_01jq8v5x0000000000000000aa"
PATH = f"/v1/periods/{PERIOD}/remaining-quota"
ORDINARY: list[tuple[bytes, bytes]] = [(b"host", b"issuance"), (b"accept", b"*/*")]


async def _read() -> Look:
    state = Remaining(period_id=PERIOD, quota=9, remaining=7, claims=2, paused=False, closed=False)
    return Look(as_of=3, at=BEFORE, periods={PERIOD: state})


async def _busy() -> Look:
    raise StoreBusyError("away")


@cache
def _edge() -> Edge:
    edge: Edge = create_app(Settings(env="dev")).state.edge
    return edge


class Asked:
    """A lane with nothing behind it but a note of what came through, and of what was answered."""

    def __init__(self, *, is_away: bool = False, burst: int = 10) -> None:
        edge = replace(_edge(), buckets=Buckets(monotonic_seconds, burst=burst, per_second=0.001))
        live = LiveQuota(_busy if is_away else _read, lambda _look, state: b"%d" % state.remaining, monotonic_seconds)
        self.live, self.door = live, QuotaDoor(edge, live)
        self.lane = QuotaLane(self._ordinary, edge, self.door)
        self.stepped_aside, self.answers = 0, list[dict[str, Any]]()

    async def get(
        self,
        path: str = PATH,
        *,
        headers: list[tuple[bytes, bytes]] | None = None,
        method: str = "GET",
        query: bytes = b"",
    ) -> None:
        """Ask."""
        given = ORDINARY if headers is None else headers
        scope: Scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": given}
        await self.lane(scope, self._receive, self._send)

    async def _ordinary(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        self.stepped_aside += 1

    async def _receive(self) -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.answers.append(message)


@pytest.mark.parametrize("accept", [[], [b"*/*"], [b"application/json"]])
async def test_an_ordinary_question_is_answered_at_once(accept: list[bytes]) -> None:
    asked = Asked()
    await asked.get(headers=[(b"accept", value) for value in accept])
    start, body = asked.answers
    assert (asked.stepped_aside, start["status"], body["body"]) == (0, 200, b"7")
    headers = dict(start["headers"])
    assert (headers[b"content-type"], headers[b"content-length"]) == (b"application/json", b"1")
    assert headers[b"ratelimit-remaining"] == b"9"
    assert headers[b"cache-control"] == b"no-store"


@pytest.mark.parametrize(
    "asking",
    [
        {"path": PATH + "/events"},
        {"path": PATH.replace(PERIOD, "prd_nonsense")},
        {"path": PATH.replace("aa/", "bb/")},
        {"path": PATH.replace("/v1", "/v2")},
        {"query": b"min_position=4"},
        {"method": "HEAD"},
        {"headers": [(b"accept", b"text/html")]},
        {"headers": [(b"accept", b"*/*"), (b"accept", b"text/html")]},
        {"headers": [(b"x-request-id", b"mine-it-is")]},
        {"headers": [(b"traceparent", b"00-1-1-00")]},
        {"headers": [(b"content-length", b"3")]},
    ],
)
async def test_what_is_asked_in_another_manner_steps_aside(asking: dict[str, Any]) -> None:
    asked = Asked()
    await asked.get(**asking)
    assert (asked.stepped_aside, asked.answers) == (1, [])


async def test_what_cannot_be_answered_is_explained_by_the_ordinary_way() -> None:
    away = Asked(is_away=True)
    await away.get()
    assert (away.stepped_aside, away.answers) == (1, [])


async def test_who_asks_too_often_is_told_so_by_the_ordinary_way() -> None:
    asked = Asked(burst=2)
    for _ in range(3):
        await asked.get()
    assert (len(asked.answers), asked.stepped_aside) == (4, 1)


async def test_at_the_servers_door_is_told_what_the_app_tells_once_somebody_has_looked() -> None:
    asked = Asked()
    assert asked.door.at_once(PATH.encode(), "here", ORDINARY, b"") is None
    await asked.get()
    told = asked.door.at_once(PATH.encode(), "here", ORDINARY, b"")
    assert told is not None
    start, body = asked.answers
    own = b"x-request-id"
    assert [pair for pair in told.headers() if pair[0] != own] == [pair for pair in start["headers"] if pair[0] != own]
    assert (told.status, told.body) == (start["status"], body["body"])


async def test_at_the_servers_door_each_address_has_an_allowance_of_its_own() -> None:
    asked = Asked(burst=2)
    await asked.live.look()
    target = PATH.encode()
    told = [asked.door.at_once(target, address, ORDINARY, b"") is not None for address in ("a", "a", "a", "b")]
    assert told == [True, True, False, True]


@pytest.mark.parametrize(
    "asking",
    [
        (PATH.encode() + b"?min_position=4", ORDINARY, b""),
        (PATH.replace("aa/", "bb/").encode(), ORDINARY, b""),
        (PATH.replace("/v1", "/v2").encode(), ORDINARY, b""),
        (PATH.encode(), [*ORDINARY, (b"x-forwarded-for", b"10.0.0.1")], b""),
        (PATH.encode(), [*ORDINARY, (b"x-request-id", b"mine-it-is")], b""),
        (PATH.encode(), ORDINARY, b"{}"),
    ],
)
async def test_what_is_asked_in_another_manner_is_not_answered_at_the_servers_door(
    asking: tuple[bytes, list[tuple[bytes, bytes]], bytes],
) -> None:
    asked = Asked()
    await asked.live.look()
    target, headers, body = asking
    assert asked.door.at_once(target, "here", headers, body) is None
