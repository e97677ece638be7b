"""The whole service at work on a broker: what was claimed is soon in every list."""

import asyncio

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.app import create_app
from shared.clock import SystemClock
from shared.http.local_issuer import LocalIssuer
from shared.settings import Settings
from tests.integration.issuance.live import settings
from tests.integration.issuance.office import Office

__all__ = ["settings"]

FACE = 5_000_000


async def test_a_claim_is_soon_in_every_list_and_its_period_is_opened_by_the_due_list(
    settings: Settings, engine: AsyncEngine
) -> None:
    office = Office(engine)
    office.clock.at = SystemClock().now()
    claimant_id, period_id = await office.register(), await office.open_period(FACE * 2)
    headers = {"Authorization": f"Bearer {LocalIssuer(settings).issue('claimant', 'user-1', claimant_id)}"}
    app = create_app(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://issuance", headers=headers) as client,
        asyncio.timeout(60),
    ):
        body = {"period_id": period_id, "amount": {"amount": FACE}}
        claimed = await client.post("/v1/claims", json=body, headers={"Idempotency-Key": "live-claim-1"})
        assert claimed.status_code == 201, claimed.text

        async def listed(path: str) -> list[dict[str, object]]:
            while True:
                answer = await client.get(path, params={"min_position": claimed.headers["event-position"]})
                if answer.status_code == 200:
                    return list(answer.json()["items"])
                assert answer.json()["code"] == "behind", answer.text

        nothing = {"amount": 0, "currency": "CNY"}
        assert await listed("/v1/vouchers") == [claimed.json() | {"clawed_back": nothing}]
        (entry,) = await listed("/v1/ledger/entries")
        assert (entry["credit"], entry["debit"], entry["amount"]) == ("quota", "reserved", claimed.json()["amount"])
        (year,) = await listed(f"/v1/claimants/{claimant_id}/annual-totals")
        assert (year["claims"], year["reserved"]) == (1, {"amount": FACE, "currency": "CNY"})
        while "period-opened" not in await office.names(f"period-{period_id}"):  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.05)
        (period,) = await listed("/v1/periods")
        assert (period["claims"], period["remaining"]) == (1, {"amount": FACE, "currency": "CNY"})
