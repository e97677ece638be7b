"""Everybody at once, at two copies of the service, for money that lacks for one of them (art. 12: 发完即止)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from services.issuance.receipts.keys import published_keys
from services.issuance.receipts.verification import verify
from shared.http.local_issuer import LocalIssuer
from tests.faults.crowd import AMOUNT, Claimant, Crowd
from tests.faults.scene import Scene, registered

_ENDS = {201, 409}
_WITHIN_S = 60.0


@dataclass(slots=True)
class Rush:
    """Claimants who claim once each, under one key, at two copies of the service."""

    crowd: Crowd
    client: httpx.AsyncClient
    answered: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    broken: int = 0
    """How often a connection broke."""

    async def claim(self, claimant: Claimant, urls: Sequence[str]) -> tuple[Claimant, httpx.Response]:
        """Claim at the first of these copies that answers, until there is a final answer."""
        turn = 0
        while True:
            try:
                url, key = urls[turn % len(urls)], f"once-{claimant.claimant_id}"
                answer = await self.crowd.claim(self.client, url, claimant, key)
            except httpx.TransportError:
                self.broken += 1
                turn += 1
                await asyncio.sleep(0.05)
                continue
            if answer.status_code in _ENDS and answer.json().get("code") != "key-in-progress":
                self.answered.release()
                return claimant, answer
            assert "retry-after" in answer.headers, answer.text
            await asyncio.sleep(0.1)

    async def claim_all(self, claimants: Sequence[Claimant]) -> list[tuple[Claimant, httpx.Response]]:
        """Have everybody claim at once, half of them at each copy first."""
        urls = self.crowd.urls
        claims = (self.claim(one, urls if number % 2 else urls[::-1]) for number, one in enumerate(claimants))
        return await asyncio.gather(*claims)


@asynccontextmanager
async def _rush(stage: Scene, claims: int) -> AsyncIterator[Rush]:
    """Open a period that has money for one claim less."""
    limits = httpx.Limits(max_connections=claims)
    async with httpx.AsyncClient(timeout=10, limits=limits) as client, asyncio.timeout(_WITHIN_S):
        yield Rush(await stage.crowd(quota=AMOUNT * (claims - 1)), client)
    await stage.healed()


async def _assert_one_lacks(stage: Scene, rush: Rush, told: Sequence[tuple[Claimant, httpx.Response]]) -> None:
    granted = [(claimant, answer.json()) for claimant, answer in told if answer.status_code == 201]
    (refused,) = [answer.json() for _, answer in told if answer.status_code != 201]
    assert (refused["code"], refused["rule"]["article"]) == ("quota-exhausted", "12")
    assert sorted(body["place"] for _, body in granted) == list(range(1, len(told)))
    log = await stage.rows(
        "SELECT data->>'voucher_id' AS voucher_id, (data->>'place')::integer AS place FROM events"
        " WHERE type LIKE 'cxq.issuance.voucher-claimed.%' AND data->>'period_id' = $1 ORDER BY position",
        rush.crowd.period_id,
    )
    assert [row["place"] for row in log] == list(range(1, len(told)))
    assert {(row["voucher_id"], row["place"]) for row in log} == {
        (body["voucher_id"], body["place"]) for _, body in granted
    }
    keys = published_keys((await rush.client.get(f"{stage.copies[0].url}/v1/receipt-keys")).content)
    for number, (claimant, body) in enumerate(granted):
        url = f"{stage.copies[number % 2].url}/v1/vouchers/{body['voucher_id']}/receipt"
        receipt = await rush.client.get(url, headers={"Authorization": f"Bearer {claimant.token}"})
        assert receipt.status_code == 200, receipt.text
        assert verify(receipt.content, keys).genuine
        said = receipt.json()
        assert (said["place"], said["claimant_id"]) == (body["place"], claimant.claimant_id)


async def test_of_all_who_come_at_once_to_two_copies_exactly_one_finds_nothing_left(stage: Scene) -> None:
    claimants = await registered(stage.settings, LocalIssuer(stage.settings), 61)
    async with _rush(stage, len(claimants)) as rush:
        told = await rush.claim_all(claimants)
        await _assert_one_lacks(stage, rush, told)


async def test_exactly_one_finds_nothing_left_though_the_writer_is_killed_in_the_middle(stage: Scene) -> None:
    claimants = await registered(stage.settings, LocalIssuer(stage.settings), 121)
    async with _rush(stage, len(claimants)) as rush:
        first = asyncio.create_task(rush.claim_all(claimants[:60]))
        for _ in range(20):
            await rush.answered.acquire()
        writer = await stage.writer_of(rush.crowd.period_id)
        await writer.kill()
        told = [*await rush.claim_all(claimants[60:]), *await first]
        await writer.start()
        await writer.wait_until_ready()
        assert rush.broken, "nobody noticed the kill"
        await _assert_one_lacks(stage, rush, told)
