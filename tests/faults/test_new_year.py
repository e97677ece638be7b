"""Claims through New Year's midnight in Beijing, where the year of a claim changes, though the writer dies of it."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.clock import SystemClock
from shared.http.local_issuer import LocalIssuer
from shared.kernel.calendar import business_date, start_of
from tests.faults.crowd import AMOUNT
from tests.faults.scene import CLAIMANTS, Scene, registered

PLENTY = AMOUNT * 1_000_000
EVE, LAST = timedelta(minutes=10), timedelta(seconds=1)
"""So long before midnight the clocks are set: at first, and once there are claims of the old year."""
LATE = timedelta(seconds=5)
"""Whoever came before midnight was answered by then, or asked to come again."""


@dataclass(slots=True)
class Ahead:
    """A clock that is ahead of the machine's, as the stepped ones of the copies are."""

    by: timedelta

    def now(self) -> datetime:
        """Give the instant."""
        return SystemClock().now() + self.by


async def towards_new_year(strained: Scene) -> tuple[Scene, Ahead, datetime]:
    """Set all clocks to the year's last evening; give the scene with tokens of that day, the clock, the midnight."""
    now = SystemClock().now()
    midnight = start_of(business_date(now).replace(month=12, day=31) + timedelta(days=1))
    clock = Ahead(midnight - EVE - now)
    strained.step_clocks(clock.by.total_seconds())
    issuer = LocalIssuer(strained.settings, Ahead(clock.by - timedelta(hours=1)))
    claimants = await registered(strained.settings, issuer, CLAIMANTS)
    return replace(strained, claimants=claimants, officer=issuer.issue("officer", "officer-li")), clock, midnight


async def test_claims_through_new_years_midnight_count_in_their_own_years_though_the_writer_is_killed_on_it(
    strained: Scene,
) -> None:
    scene, clock, midnight = await towards_new_year(strained)
    crowd = await scene.crowd(quota=PLENTY, opened=timedelta(hours=1) - clock.by)
    async with crowd.claiming():
        await crowd.more(20)
        writer = await scene.writer_of(crowd.period_id)
        clock.by = midnight - LAST - SystemClock().now()
        scene.step_clocks(clock.by.total_seconds())
        while clock.now() < midnight:  # noqa: ASYNC110 (a clock tells nobody)
            await asyncio.sleep(0.01)
        await writer.kill()
        await crowd.more(60)
        await writer.start()
        while clock.now() < midnight + LATE:  # noqa: ASYNC110 (a clock tells nobody)
            await asyncio.sleep(0.01)
        await crowd.more(20)
        await writer.wait_until_ready()
    claims = await scene.rows(_CLAIMS, crowd.period_id)
    old, new = midnight.year, midnight.year + 1
    assert {claim["year"] for claim in claims} == {old, new}
    assert all(claim["year"] == claim["day"].year for claim in claims)
    assert {claim["year"] for claim in claims if claim["recorded_at"] < midnight} == {old}
    assert {claim["year"] for claim in claims if claim["recorded_at"] >= midnight + LATE} == {new}
    told = {answer.body["voucher_id"]: answer.body["year"] for answer in crowd.granted}
    assert told == {claim["voucher_id"]: claim["year"] for claim in claims}
    await scene.assert_sound(crowd)


_CLAIMS = (
    "SELECT data->>'voucher_id' AS voucher_id, (data->>'year')::int AS year, (data->>'on')::date AS day, recorded_at"
    " FROM events WHERE type LIKE 'cxq.issuance.voucher-claimed.%' AND data->>'period_id' = $1 ORDER BY position"
)
