"""Officers who plan a period, from ten o'clock until tomorrow at nine, and change their minds about it."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.issuance.audit import CHECKS
from services.issuance.domain.plan import Plan, Settings
from services.issuance.ledger import Quota, quota_of
from services.issuance.use_cases.planning_periods import approve_period, change_plan, propose_period, withdraw_plan
from services.issuance.use_cases.running_periods import pause_period, resume_period
from shared.audit import examine
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from tests.integration.issuance.office import CONTEXT, NINE_IN_MARCH, Office

FACE = 5_000_000
MOMENT = timedelta(microseconds=1)
TEN = NINE_IN_MARCH + timedelta(hours=1)
TOMORROW = NINE_IN_MARCH + timedelta(days=1)
WHY = "系统维护"


async def planned(office: Office, quota: int = 10 * FACE, **settings: Any) -> str:
    """Have a period planned."""
    period_id = new_id("prd", office.clock.now())
    await office.do(
        lambda tx: propose_period(
            tx,
            period_id=period_id,
            name="2026 年第一期",
            quota=quota,
            opens_at=TEN,
            closes_at=TOMORROW,
            proposed_by="officer-li",
            settings=Settings(**settings),
        )
    )
    return period_id


async def approved(office: Office, quota: int = 10 * FACE, **settings: Any) -> str:
    """Have a period planned and approved."""
    period_id = await planned(office, quota, **settings)
    await approve(office, period_id)
    return period_id


async def approve(office: Office, period_id: str, who: str = "officer-wang") -> None:
    await office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by=who))


async def change(office: Office, period_id: str, **changed: Any) -> None:
    plan = replace(Plan(name="改期", quota=10 * FACE, opens_at=TEN, closes_at=TOMORROW), **changed)
    await office.do(lambda tx: change_plan(tx, period_id=period_id, plan=plan, changed_by="officer-zhao"))


async def withdraw(office: Office, period_id: str) -> None:
    await office.do(lambda tx: withdraw_plan(tx, period_id=period_id, reason=WHY, withdrawn_by="officer-li"))


async def pause(office: Office, period_id: str) -> None:
    await office.do(lambda tx: pause_period(tx, period_id=period_id, reason=WHY, paused_by="officer-li"))


async def resume(office: Office, period_id: str) -> None:
    await office.do(lambda tx: resume_period(tx, period_id=period_id, reason="已恢复", resumed_by="officer-li"))


async def row_of(office: Office, period_id: str) -> Quota:
    """Read the row that decides."""
    async with office.engine.connect() as connection:
        found = await quota_of(connection, period_id)
    assert found is not None
    return found


async def refusal_of(claim: Awaitable[object]) -> list[str]:
    """Say the reasons for which a claim is refused."""
    with pytest.raises(Refused) as refusal:
        await claim
    return [reason.code for reason in refusal.value.reasons]


async def settled(office: Office, period_id: str, claimant_id: str, expected: object) -> None:
    """Claim until the writer, whose copy of a refusing period may be half a second old, answers as it should."""
    deadline = asyncio.get_running_loop().time() + 10
    while True:
        outcome: object
        try:
            outcome = (await office.claim(period_id, claimant_id, 1)).place
        except Refused as refused:
            outcome = [reason.code for reason in refused.reasons]
        if outcome == expected:
            return
        assert not isinstance(outcome, int), outcome
        assert asyncio.get_running_loop().time() < deadline, outcome
        await asyncio.sleep(0.05)


async def breaches(office: Office) -> list[tuple[str, Any]]:
    """Have the audit of money and periods look at everything."""
    wanted = {"M1", "M2", "M3", "G1", "G2", "G3"}
    async with office.engine.connect() as connection:
        findings = await examine(connection, CONTEXT, [check for check in CHECKS if check.id in wanted])
    return [(found.id, tuple(found.breaches)) for found in findings if found.breached]
