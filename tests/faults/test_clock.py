"""Claims while the services' clocks are stepped, forwards and backwards by an hour."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from tests.faults.crowd import AMOUNT, Crowd
from tests.faults.scene import Scene

PLENTY = AMOUNT * 1_000_000
HOUR = 3600.0


@pytest.fixture
async def stepping(strained: Scene) -> AsyncIterator[Scene]:
    """The strained scene, its clocks right again afterwards."""
    try:
        yield strained
    finally:
        strained.step_clocks(0)


async def codes_of(crowd: Crowd, stage: Scene, *keys: str) -> set[tuple[int, str]]:
    """Claim under fresh keys at both copies; give the statuses with the codes."""
    async with httpx.AsyncClient(timeout=5) as client:
        answers = [
            await crowd.claim(client, url, claimant, f"{key}-{number}")
            for key in keys
            for number, (url, claimant) in enumerate(zip(crowd.urls, stage.claimants, strict=False))
        ]
    return {(answer.status_code, answer.json().get("code", "")) for answer in answers}


async def test_a_step_of_the_clock_neither_reorders_nor_stops_claims(stepping: Scene) -> None:
    crowd = await stepping.crowd(quota=PLENTY, opened=timedelta(hours=2))
    async with crowd.claiming():
        for step in (0, HOUR, 0, -HOUR, HOUR, -HOUR, 0):
            stepping.step_clocks(step)
            await crowd.more(40)
    assert not crowd.seen, f"nobody should notice a clock: {crowd.seen}"
    await stepping.assert_sound(crowd)


async def test_what_a_step_has_closed_stays_closed_when_the_clock_goes_back(stepping: Scene) -> None:
    crowd = await stepping.crowd(quota=PLENTY, opened=timedelta(hours=2), lasts=timedelta(hours=2, minutes=30))
    assert await codes_of(crowd, stepping, "closing-before") == {(201, "")}
    stepping.step_clocks(HOUR)
    assert await codes_of(crowd, stepping, "closing-after") == {(409, "period-closed")}
    await stepping.until_log_has("period-closed", crowd.period_id)
    stepping.step_clocks(-HOUR)
    assert await codes_of(crowd, stepping, "closing-again") == {(409, "period-closed")}
    closed = await stepping.rows(_CLOSED, crowd.period_id)
    assert [(row["vouchers"], row["issued"]) for row in closed] == [(2, 2 * AMOUNT)]


async def test_a_step_back_behind_the_opening_grants_nothing_until_the_hour_comes_again(stepping: Scene) -> None:
    crowd = await stepping.crowd(quota=PLENTY, opened=timedelta(minutes=-30))
    assert await codes_of(crowd, stepping, "opening-before") == {(409, "period-not-open-yet")}
    stepping.step_clocks(HOUR)
    assert await codes_of(crowd, stepping, "opening-after") == {(201, "")}
    stepping.step_clocks(0)
    assert await codes_of(crowd, stepping, "opening-again") == {(409, "period-not-open-yet")}
    stepping.step_clocks(HOUR)
    granted = await codes_of(crowd, stepping, "opening-again", "opening-after")
    assert granted == {(201, "")}, "a refusal that passes leaves its key free, and a granted key has its answer"
    places = await stepping.rows(_PLACES, crowd.period_id)
    assert [row["place"] for row in places] == [1, 2, 3, 4]


_CLOSED = (
    "SELECT (data->>'vouchers')::int AS vouchers, (data->>'issued')::bigint AS issued FROM events"
    " WHERE type = 'cxq.issuance.period-closed.v1' AND data->>'period_id' = $1"
)
_PLACES = (
    "SELECT (data->>'place')::int AS place FROM events WHERE type LIKE 'cxq.issuance.voucher-claimed.%'"
    " AND data->>'period_id' = $1 ORDER BY position"
)
