"""Companies at the doors of waiting rooms, over HTTP."""

from datetime import timedelta
from itertools import count
from typing import Any

import httpx

from services.issuance.domain.plan import Settings as PlanSettings
from services.issuance.use_cases.planning_periods import approve_period, propose_period
from shared.events.issuance.periods import WaitingRoom
from shared.http.local_issuer import LocalIssuer
from shared.kernel.ids import new_id
from shared.settings import Settings
from tests.integration.issuance.office import Office

FACE = 700
SECOND = timedelta(seconds=1)
ROUNDABOUT = {"Accept": "application/json;q=1"}
"""An `Accept` that means the same, spelt so that the claim takes the ordinary way."""
_KEYS = count(1)


class Company:
    """A company that takes places and claims over HTTP."""

    def __init__(self, client: httpx.AsyncClient, settings: Settings, claimant_id: str, user: str = "") -> None:
        self.client, self.settings, self.claimant_id = client, settings, claimant_id
        token = LocalIssuer(settings).issue("claimant", user or f"user-of-{claimant_id}", claimant_id)
        self.headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}

    def at(self, client: httpx.AsyncClient) -> "Company":
        """The same company at another instance."""
        return Company(client, self.settings, self.claimant_id)

    def colleague(self) -> "Company":
        """Another user of the company."""
        return Company(self.client, self.settings, self.claimant_id, f"colleague-at-{self.claimant_id}")

    async def enter(self, period_id: str, *, key: str = "", response: str = "") -> httpx.Response:
        """Ask for a place."""
        own = {"Idempotency-Key": key or f"door-key-{next(_KEYS)}"} | (
            {"Challenge-Response": response} if response else {}
        )
        return await self.client.post(f"/v1/periods/{period_id}/waiting-room", headers=self.headers | own)

    async def ticket(self, period_id: str) -> dict[str, Any]:
        """Take a place."""
        given = await self.enter(period_id)
        assert given.status_code == 201, given.text
        found: dict[str, Any] = given.json()
        return found

    async def mine(self, period_id: str) -> httpx.Response:
        """Look at one's place."""
        return await self.client.get(f"/v1/periods/{period_id}/waiting-room/ticket", headers=self.headers)

    async def claim(
        self, period_id: str, key: str, token: str | None, *, roundabout: bool = False, dry_run: bool = False
    ) -> httpx.Response:
        """Claim with a token, or without."""
        headers = self.headers | {"Idempotency-Key": key, "Content-Type": "application/json"}
        headers |= {"Entry-Token": token} if token is not None else {}
        body = f'{{"period_id":"{period_id}","amount":{{"amount":{FACE}}}}}'.encode()
        path = f"/v1/claims{'?dry_run=true' if dry_run else ''}"
        return await self.client.post(path, content=body, headers=headers | (ROUNDABOUT if roundabout else {}))


async def period_with_room(
    office: Office, opens_in: timedelta = timedelta(0), *, room_opens_in: timedelta = -SECOND, challenge: bool = False
) -> str:
    """Announce a period whose waiting room opens before it."""
    now = office.clock.now()
    period_id, opens_at = new_id("prd", now), now + opens_in
    room = WaitingRoom(opens_at=now + room_opens_in, per_second=1, challenge=challenge)

    await office.do(
        lambda tx: propose_period(
            tx,
            period_id=period_id,
            name="2026 年第一期",
            quota=1_000_000,
            opens_at=opens_at,
            closes_at=opens_at + timedelta(days=1),
            proposed_by="officer-li",
            settings=PlanSettings(waiting_room=room),
        )
    )
    await office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by="officer-wang"))
    return period_id
