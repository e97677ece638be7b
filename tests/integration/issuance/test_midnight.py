"""Claims around the instants that decide: the first of a period, and New Year's midnight in Beijing."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec

from shared.kernel.refusal import Refused
from shared.store.execution import Answer
from tests.integration.issuance.office import Office

FACE = 5_000_000
NEW_YEAR = datetime(2026, 12, 31, 16, tzinfo=UTC)
"""Midnight in Beijing."""
_TICK = timedelta(milliseconds=1)


async def test_claims_across_new_years_midnight_in_beijing_count_in_their_own_years(office: Office) -> None:
    office.clock.at = NEW_YEAR - timedelta(hours=1)
    claimants, period_id = [await office.register() for _ in range(3)], await office.open_period()
    for at in (NEW_YEAR - _TICK, NEW_YEAR):
        office.clock.at = at
        answers = await asyncio.gather(
            *(office.ask(period_id, claimant_id, FACE) for claimant_id in claimants for _ in range(4))
        )
        assert {msgspec.json.decode(answer.body)["year"] for answer in answers} == {2026 if at < NEW_YEAR else 2027}
    for claimant_id in claimants:
        assert [await office.year_of(claimant_id, year) for year in (2026, 2027)] == [(4 * FACE, 0), (4 * FACE, 0)]


async def test_nobody_claims_before_the_first_instant_and_the_first_to_come_at_it_has_the_first_place(
    office: Office,
) -> None:
    claimants, period_id = [await office.register() for _ in range(6)], await office.open_period(5 * FACE)
    opens_at = office.clock.at
    office.clock.at = opens_at - _TICK
    early = [asyncio.create_task(office.ask(period_id, one, FACE, key="at-the-door")) for one in claimants]
    await asyncio.sleep(0)
    office.clock.at = opens_at  # they came before it, though they are decided after it
    punctual = [asyncio.create_task(office.ask(period_id, one, FACE)) for one in reversed(claimants)]
    told = await asyncio.gather(*early, return_exceptions=True)
    assert [[reason.code for reason in one.reasons] for one in told if isinstance(one, Refused)] == [
        ["period-not-open-yet"]
    ] * 6
    answers = await asyncio.gather(*punctual, return_exceptions=True)
    places = [msgspec.json.decode(answer.body)["place"] for answer in answers if isinstance(answer, Answer)]
    assert sorted(places) == [1, 2, 3, 4, 5]
    assert await office.quota_of(period_id) == (0, 5 * FACE, 0, 5)
