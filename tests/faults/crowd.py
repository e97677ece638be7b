"""Claimants who want vouchers whatever happens, and the history of what they were told."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

AMOUNT = 100
"""One yuan a claim, so that no allowance ends before the fault does."""
_CLIENT_LIMIT_S = 5.0
_PATIENCE_S = 60.0
_CREATED, _CONFLICT, _UNAVAILABLE = 201, 409, 503


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims, and the token it shows."""

    claimant_id: str
    token: str


@dataclass(frozen=True, slots=True)
class Told:
    """The final answer to one key."""

    claimant_id: str
    key: str
    status: int
    body: dict[str, Any]


@dataclass(slots=True)
class _Visit:
    """Where a claimant goes; as a load balancer would, it stays with a copy that answers and leaves one that fails."""

    claimant: Claimant
    urls: Sequence[str]
    place: int

    @property
    def url(self) -> str:
        return self.urls[self.place % len(self.urls)]

    def go_elsewhere(self) -> None:
        self.place += 1


@dataclass(slots=True)
class Crowd:
    """Each claimant claims again and again, with a key for each claim, at a copy of the service until it fails them.

    A claimant that is asked to come back does, with the same key. After a lost answer it goes to the other copy, where
    half of the keys are sent again and half are asked for by `GET /v1/claims/by-key/{key}`. No claim is left without a
    final answer.
    """

    claimants: Sequence[Claimant]
    urls: Sequence[str]
    period_id: str
    quota: int
    told: list[Told] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    """Answers that no fault excuses: anything but 201, a refusal, or a problem that says when to come back."""
    seen: Counter[str] = field(default_factory=Counter)
    """How often something happened on the way: the codes of problems, and the names of broken connections."""
    slowest_s: float = 0.0
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _number: Iterator[int] = field(default_factory=count)

    @property
    def granted(self) -> list[Told]:
        """The acknowledged claims."""
        return [told for told in self.told if told.status == _CREATED]

    @asynccontextmanager
    async def claiming(self) -> AsyncIterator[None]:
        """Let everybody claim while the block runs, and wait for every last answer after it."""
        self._stop.clear()
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        async with httpx.AsyncClient(timeout=_CLIENT_LIMIT_S, limits=limits) as client, asyncio.TaskGroup() as group:
            for place, claimant in enumerate(self.claimants):
                visit = _Visit(claimant, self.urls, place)
                group.create_task(self._claim_until_stopped(client, visit))
            try:
                yield
            finally:
                self._stop.set()

    async def more(self, claims: int, *, within: float = _PATIENCE_S) -> None:
        """Return when so many more claims than now are acknowledged; TimeoutError where the crowd is stuck."""
        wanted = len(self.granted) + claims
        async with asyncio.timeout(within):
            while len(self.granted) < wanted:
                assert not self.unexpected, self.unexpected[:5]
                await asyncio.sleep(0.02)

    async def noticed(self, *signs: str, within: float = 15.0) -> None:
        """Return when somebody has met one of these problems or broken connections; TimeoutError if nobody does."""
        async with asyncio.timeout(within):
            while not any(self.seen[sign] for sign in signs):  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.02)

    async def sold_out(self) -> None:
        """Return when everybody has been told that nothing is left."""
        async with asyncio.timeout(_PATIENCE_S):
            while sum(told.status == _CONFLICT for told in self.told) < len(self.claimants):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    def assert_lawful(self, log: Sequence[Any]) -> None:
        """Compare what everybody was told with the claims in the log: none lost, none twice, none too many."""
        assert not self.unexpected, self.unexpected[:5]
        granted = {(told.body["voucher_id"], told.claimant_id, told.body["place"]) for told in self.granted}
        claimed = {(row["voucher_id"], row["claimant_id"], row["place"]) for row in log}
        assert granted <= claimed, f"acknowledged and lost: {sorted(granted - claimed)[:5]}"
        assert claimed <= granted, f"in the log, though nobody was told: {sorted(claimed - granted)[:5]}"
        assert len(log) == len(self.granted) == len(granted), "one claim has two vouchers, or one voucher two claims"
        assert [row["place"] for row in log] == list(range(1, len(log) + 1)), "the places are not 1 to n"
        assert sum(row["amount"] for row in log) <= self.quota, "more was granted than there was"

    async def _claim_until_stopped(self, client: httpx.AsyncClient, visit: "_Visit") -> None:
        while not self._stop.is_set():
            told = await self._resolved(client, visit, f"fault-{secrets.token_hex(8)}")
            if told is not None:
                self.told.append(told)
                if told.status != _CREATED:
                    return

    async def _resolved(self, client: httpx.AsyncClient, visit: "_Visit", key: str) -> Told | None:
        """Claim until there is a final answer; None when the key turned out never to have come."""
        asks = next(self._number) % 2 == 0
        until = self._now() + _PATIENCE_S
        while self._now() < until:
            try:
                began = self._now()
                answer = await self.claim(client, visit.url, visit.claimant, key)
                self.slowest_s = max(self.slowest_s, self._now() - began)
            except httpx.TransportError as error:
                self.seen[type(error).__name__] += 1
                visit.go_elsewhere()
                if asks and (known := await self._asked(client, visit, key)) is not None:
                    return known if known.status else None
                await asyncio.sleep(0.1)
            else:
                if (told := await self._judged(answer, visit.claimant, key)) is not None:
                    return told
        self.unexpected.append(f"{key}: no final answer within {_PATIENCE_S:.0f} s")
        return None

    async def claim(self, client: httpx.AsyncClient, url: str, claimant: Claimant, key: str) -> httpx.Response:
        """Send one claim."""
        headers = {"Authorization": f"Bearer {claimant.token}", "Idempotency-Key": key}
        body = {"period_id": self.period_id, "amount": {"amount": AMOUNT}}
        return await client.post(f"{url}/v1/claims", json=body, headers=headers)

    async def _judged(self, answer: httpx.Response, claimant: Claimant, key: str) -> Told | None:
        """Give a final answer; wait as long as a 503 says and give None."""
        body = answer.json()
        if answer.status_code == _CREATED:
            return Told(claimant.claimant_id, key, _CREATED, body)
        code = str(body.get("code"))
        self.seen[code] += 1
        if answer.status_code == _CONFLICT and code == "quota-exhausted":
            return Told(claimant.claimant_id, key, _CONFLICT, body)
        if answer.status_code == _CONFLICT and code == "period-not-open-yet":
            await asyncio.sleep(0.01)  # whoever wants to be the first asks as often as that
            return None
        may_come_back = answer.status_code == _UNAVAILABLE or code == "key-in-progress"
        if not may_come_back or "retry-after" not in answer.headers:
            self.unexpected.append(f"{answer.status_code} {answer.text[:300]}")
        await asyncio.sleep(min(float(answer.headers.get("retry-after", "1")), 2.0))
        return None

    async def _asked(self, client: httpx.AsyncClient, visit: "_Visit", key: str) -> Told | None:
        """Ask what became of a key; None where nobody answers, status 0 where it never came and can win no more."""
        claimant = visit.claimant
        try:
            headers = {"Authorization": f"Bearer {claimant.token}"}
            answer = await client.get(f"{visit.url}/v1/claims/by-key/{key}", headers=headers)
        except httpx.TransportError:
            visit.go_elsewhere()
            return None
        if answer.status_code != httpx.codes.OK:
            return await self._judged(answer, claimant, key)
        found = answer.json()
        self.seen[f"by-key {found['outcome']}"] += 1
        match found["outcome"]:
            case "issued":
                return Told(claimant.claimant_id, key, _CREATED, found["voucher"])
            case "refused":
                return Told(claimant.claimant_id, key, _CONFLICT, found["problem"])
            case _:
                return Told(claimant.claimant_id, key, 0, {})

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
