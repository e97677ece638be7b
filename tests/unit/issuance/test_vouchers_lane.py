"""Which looks at one's own vouchers take the short way, and which step aside to the ordinary one."""

from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import Any

import msgspec
import pytest
from starlette.types import Receive, Scope, Send

from services.issuance.api.vouchers_lane import VouchersLane
from services.issuance.app import create_app
from services.issuance.own_vouchers import Newest, OwnVouchers
from shared.clock import SystemClock
from shared.http.cursors import Cursors
from shared.http.edge import Edge
from shared.http.limits import Buckets
from shared.http.local_issuer import LocalIssuer
from shared.http.policy import Policy, Role, roles
from shared.http.reading import ListAsked
from shared.http.seconds import monotonic_seconds
from shared.kernel.ids import new_id
from shared.settings import Settings
from shared.store.execution import StoreBusyError

type Headers = list[tuple[bytes, bytes]]
NOW = SystemClock().now()
CLAIMANT = new_id("clm", NOW)
VOUCHERS = sorted((new_id("vch", NOW) for _ in range(3)), reverse=True)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(env="dev", state_dir=tmp_path_factory.mktemp("state"))


@cache
def _edge(settings: Settings) -> Edge:
    edge: Edge = create_app(settings).state.edge
    return edge


def _row(voucher_id: str) -> dict[str, Any]:
    day = date(2026, 3, 2)
    return {
        "voucher_id": voucher_id, "claimant_id": CLAIMANT, "period_id": "prd", "year": 2026, "state": "claimed",
        "amount": 100, "paid": 0, "released": 0, "clawed_back": 0, "place": 1, "claimed_on": day, "register_by": day,
        "register_by_provisional": False, "contract_id": None, "valid_until": None, "valid_until_provisional": False,
        "ended_on": None,
    }  # fmt: skip


class Known(OwnVouchers):
    """Three vouchers of one claimant as of position 7, and a note of what was asked."""

    def __init__(self, *, is_away: bool) -> None:
        self.is_away = is_away
        self.asked: list[tuple[str, int]] = []

    async def newest(self, claimant_id: str, many: int) -> Newest:
        """Give them."""
        self.asked.append((claimant_id, many))
        if self.is_away:
            raise StoreBusyError("away")
        return Newest([_row(voucher_id) for voucher_id in VOUCHERS][:many], 7)


@dataclass
class Looking:
    """A lane with nothing behind it but a note of what came through, and of what was answered."""

    settings: Settings
    is_away: bool = False
    burst: int = 10
    role: str = "claimant"
    policy: Policy | None = None
    stepped_aside: int = 0
    answers: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        edge = replace(_edge(self.settings), buckets=Buckets(monotonic_seconds, burst=self.burst, per_second=0.001))
        if self.policy is not None:
            edge = replace(edge, context=replace(edge.context, policy=self.policy))
        self.known = Known(is_away=self.is_away)
        self.lane = VouchersLane(self._ordinary, edge, self.known)
        token = LocalIssuer(self.settings).issue(self.role, "user-1", CLAIMANT if self.role == "claimant" else None)
        self.authorization = (b"authorization", f"Bearer {token}".encode())

    async def look(
        self, query: bytes = b"", *, path: str = "/v1/vouchers", method: str = "GET", more: Headers | None = None
    ) -> None:
        """Look."""
        headers = [self.authorization, *(more or [])]
        await self.send({"method": method, "path": path, "query_string": query, "headers": headers})

    async def send(self, request: dict[str, Any]) -> None:
        """Bring a request."""
        await self.lane({"type": "http", **request}, self._receive, self._send)

    async def _ordinary(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        self.stepped_aside += 1

    async def _receive(self) -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.answers.append(message)

    @property
    def headers(self) -> dict[bytes, bytes]:
        """The headers that were answered."""
        return dict(self.answers[0]["headers"])

    @property
    def page(self) -> dict[str, Any]:
        """The page that was answered."""
        return msgspec.json.decode(self.answers[1]["body"], type=dict[str, Any])


@pytest.mark.parametrize("accept", [[], [b"*/*"], [b"application/json"]])
async def test_an_ordinary_look_is_answered_at_once(settings: Settings, accept: list[bytes]) -> None:
    looking = Looking(settings)
    await looking.look(more=[(b"accept", value) for value in accept])
    assert (looking.stepped_aside, looking.answers[0]["status"]) == (0, 200)
    assert [item["voucher_id"] for item in looking.page["items"]] == VOUCHERS
    assert (looking.page["next_cursor"], looking.page["has_more"], looking.page["as_of"]) == (None, False, 7)
    assert looking.headers[b"content-type"] == b"application/json"
    assert looking.headers[b"ratelimit-remaining"] == b"9"
    assert b"link" not in looking.headers
    assert looking.known.asked == [(CLAIMANT, 51)]


async def test_a_page_that_is_not_the_last_leads_to_the_next(settings: Settings) -> None:
    looking = Looking(settings)
    await looking.look(b"limit=2")
    page = looking.page
    assert [item["voucher_id"] for item in page["items"]] == VOUCHERS[:2]
    assert page["has_more"] is True
    asked = ListAsked(operation="listVouchers", path="/v1/vouchers", principal="user-1")
    assert Cursors(settings).read(asked.bound_to, page["next_cursor"]) == [VOUCHERS[1]]
    assert looking.headers[b"link"] == f'</v1/vouchers?limit=2&cursor={page["next_cursor"]}>; rel="next"'.encode()


@pytest.mark.parametrize("query", [b"limit=3", b"limit=200", b"min_position=7", b"limit=3&min_position=0"])
async def test_the_last_page_leads_nowhere(settings: Settings, query: bytes) -> None:
    looking = Looking(settings)
    await looking.look(query)
    assert (looking.stepped_aside, len(looking.page["items"]), looking.page["has_more"]) == (0, 3, False)


@pytest.mark.parametrize(
    "query",
    [
        b"limit=0", b"limit=201", b"limit=03", b"limit=+3", b"limit=3&limit=4", b"limit=", b"&", b"cursor=abc",
        b"state=claimed", b"as_of=5", b"limit=3&state=claimed", b"min_position=1&limit=3", b"&min_position=1",
        b"min_position=-1", b"min_position=1000000000000000000", b"limit=3min_position=1", b"limit=3&", b"x=1",
        b"limit=%33",
    ],
)  # fmt: skip
async def test_what_is_asked_in_another_manner_steps_aside(settings: Settings, query: bytes) -> None:
    looking = Looking(settings)
    await looking.look(query)
    assert (looking.stepped_aside, looking.answers, looking.known.asked) == (1, [], [])


@pytest.mark.parametrize(
    "asking",
    [
        {"path": "/v1/vouchers/"},
        {"path": "/v1/vouchers/vch_1"},
        {"method": "HEAD"},
        {"method": "POST"},
        {"more": [(b"accept", b"text/html")]},
        {"more": [(b"accept", b"*/*"), (b"accept", b"text/html")]},
        {"more": [(b"authorization", b"Bearer another")]},
        {"more": [(b"content-length", b"3")]},
        {"more": [(b"transfer-encoding", b"chunked")]},
        {"more": [(b"expect", b"100-continue")]},
    ],
)
async def test_another_request_steps_aside(settings: Settings, asking: dict[str, Any]) -> None:
    looking = Looking(settings)
    await looking.look(**asking)
    assert (looking.stepped_aside, looking.answers, looking.known.asked) == (1, [], [])


async def test_a_request_id_of_the_callers_own_comes_back(settings: Settings) -> None:
    looking = Looking(settings)
    await looking.look(more=[(b"x-request-id", b"mine-it-is")])
    assert looking.headers[b"x-request-id"] == b"mine-it-is"


async def test_who_is_no_claimant_or_has_no_good_token_steps_aside(settings: Settings) -> None:
    officer = Looking(settings, role="officer")
    await officer.look()
    assert (officer.stepped_aside, officer.known.asked) == (1, [])
    stranger = Looking(settings)
    for token in ([], [(b"authorization", b"Bearer nonsense")], [(b"authorization", b"Basic dXNlcg==")]):
        await stranger.send({"method": "GET", "path": "/v1/vouchers", "query_string": b"", "headers": token})
    assert (stranger.stepped_aside, stranger.known.asked, stranger.answers) == (3, [], [])


async def test_where_the_policy_lets_no_claimant_in_the_ordinary_way_says_so(settings: Settings) -> None:
    looking = Looking(settings, policy={"listVouchers": roles(Role.OFFICER)})
    await looking.look()
    assert (looking.stepped_aside, looking.known.asked) == (1, [])


async def test_what_cannot_be_read_now_or_is_not_there_yet_is_explained_by_the_ordinary_way(settings: Settings) -> None:
    away = Looking(settings, is_away=True)
    await away.look()
    early = Looking(settings)
    await early.look(b"min_position=8")
    assert (away.stepped_aside, away.answers, early.stepped_aside, early.answers) == (1, [], 1, [])
    await early.look()
    assert early.headers[b"ratelimit-remaining"] == b"9"  # nothing was taken for what the ordinary way takes for


async def test_who_asks_too_often_is_told_so_by_the_ordinary_way_and_nothing_is_read(settings: Settings) -> None:
    looking = Looking(settings, burst=2)
    for _ in range(4):
        await looking.look()
    assert (len(looking.answers), looking.stepped_aside, len(looking.known.asked)) == (4, 2, 2)
