"""One company at both copies at once, each writing another period: its year has one allowance (art. 12)."""

import asyncio

import httpx

from services.issuance.app import CONTEXT
from shared.auditing import audit
from shared.http.local_issuer import LocalIssuer
from shared.kernel.money import yuan
from tests.faults.crowd import Claimant, Crowd
from tests.faults.scene import Scene, registered

FACE, ALLOWANCE = yuan(50_000), yuan(200_000)
CLAIMS_EACH = 8
_WITHIN_S = 60.0


async def finally_told(client: httpx.AsyncClient, url: str, period_id: str, who: Claimant, key: str) -> httpx.Response:
    """Claim a whole face value under one key until the answer is final."""
    headers = {"Authorization": f"Bearer {who.token}", "Idempotency-Key": key}
    body = {"period_id": period_id, "amount": {"amount": FACE}}
    while True:
        answer = await client.post(f"{url}/v1/claims", json=body, headers=headers)
        if "retry-after" not in answer.headers:
            return answer
        await asyncio.sleep(0.05)


async def written_by_each(stage: Scene, client: httpx.AsyncClient, visitor: Claimant) -> dict[str, Crowd]:
    """Open two periods, and have each copy write one of them: by the copy's address, its period."""
    periods: dict[str, Crowd] = {}
    for copy in stage.copies:
        crowd = await stage.crowd(quota=yuan(10_000_000))
        first = await finally_told(client, copy.url, crowd.period_id, visitor, f"first-of-{crowd.period_id}")
        assert first.status_code == 201, first.text
        assert await stage.writer_of(crowd.period_id) is copy
        periods[copy.url] = crowd
    return periods


async def test_two_copies_that_write_two_periods_give_a_company_its_allowance_and_not_a_fen_more(stage: Scene) -> None:
    visitor, company = await registered(stage.settings, LocalIssuer(stage.settings), 2)
    async with httpx.AsyncClient(timeout=10) as client, asyncio.timeout(_WITHIN_S):
        periods = await written_by_each(stage, client, visitor)
        told = await asyncio.gather(
            *(
                finally_told(client, url, crowd.period_id, company, f"one-allowance-{number}-{crowd.period_id}")
                for number in range(CLAIMS_EACH)
                for url, crowd in periods.items()
            )
        )
    granted = [answer.json() for answer in told if answer.status_code == 201]
    refused = [answer.json() for answer in told if answer.status_code != 201]
    assert len(granted) * FACE == ALLOWANCE
    assert {(problem["code"], problem["rule"]["article"]) for problem in refused} == {("allowance-exceeded", "12")}
    assert len(refused) == 2 * CLAIMS_EACH - len(granted)
    ((row,),) = [await stage.rows("SELECT * FROM allowances WHERE claimant_id = $1", company.claimant_id)]
    assert (row["reserved"], row["spent"]) == (ALLOWANCE, 0)
    await stage.healed()
    report = await audit(stage.settings, [CONTEXT])
    assert report.clean, [finding for finding in report.findings if finding.breached]
