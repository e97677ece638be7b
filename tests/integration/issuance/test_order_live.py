"""The order list of the whole service at work on a broker: closed by the due list, complete by itself."""

import asyncio
from datetime import timedelta

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.app import create_app
from services.issuance.receipts.keys import published_keys
from services.issuance.receipts.verification import verify
from services.issuance.use_cases.planning_periods import approve_period, propose_period
from shared.clock import SystemClock
from shared.http.local_issuer import LocalIssuer
from shared.kernel.ids import new_id
from shared.settings import Settings
from tests.integration.issuance.live import settings
from tests.integration.issuance.office import Office

__all__ = ["settings"]

FACE = 5_000_000
OPEN_FOR = timedelta(seconds=8)


async def test_who_claimed_finds_its_place_in_the_list_as_soon_as_the_period_is_closed(
    settings: Settings, engine: AsyncEngine
) -> None:
    office = Office(engine)
    office.clock.at = SystemClock().now()
    claimants = [await office.register() for _ in range(2)]
    issuer, app = LocalIssuer(settings), create_app(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://issuance") as client,
        asyncio.timeout(90),
    ):
        period_id = await _open_for_a_moment(office)
        receipts = []
        for claimant_id in claimants:
            token = {"Authorization": f"Bearer {issuer.issue('claimant', f'user-of-{claimant_id}', claimant_id)}"}
            body = {"period_id": period_id, "amount": {"amount": FACE}}
            key = {"Idempotency-Key": f"live-{claimant_id}"}
            claimed = await client.post("/v1/claims", json=body, headers=token | key)
            assert claimed.status_code == 201, claimed.text
            receipts.append(await client.get(f"/v1/vouchers/{claimed.json()['voucher_id']}/receipt", headers=token))
        path = f"/v1/periods/{period_id}/order-list"
        while (listed := await client.get(path)).status_code != 200:
            assert listed.json()["code"] in {"order-list-not-published-yet", "behind"}, listed.text
            await asyncio.sleep(0.05)
        keys = published_keys((await client.get("/v1/receipt-keys")).content)
    items = {item["place"]: item for item in listed.json()["items"]}
    assert sorted(items) == [1, 2]
    for place, receipt in enumerate(receipts, start=1):
        said = receipt.json()
        assert verify(receipt.content, keys).genuine
        assert (said["place"], said["claimed_at"]) == (place, items[place]["claimed_at"])


async def _open_for_a_moment(office: Office) -> str:
    now = office.clock.at = SystemClock().now()
    period_id = new_id("prd", now)
    await office.do(
        lambda tx: propose_period(
            tx,
            period_id=period_id,
            name="一瞬",
            quota=FACE * 4,
            opens_at=now,
            closes_at=now + OPEN_FOR,
            proposed_by="officer-li",
        )
    )
    await office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by="officer-wang"))
    return period_id
