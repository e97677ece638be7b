"""Periods in their time, on a real PostgreSQL: opened by the clock, paused, changed, withdrawn, closed (art. 12)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.issuance.deadlines import IN_LINE
from services.issuance.domain.plan import Plan
from services.issuance.domain.voucher_stages import Voucher
from services.issuance.use_cases.planning_periods import change_plan, withdraw_plan
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.store.transaction import StaleVersionError, UnknownSubjectError
from tests.integration.issuance.office import NINE_IN_MARCH, Office
from tests.integration.issuance.planning import (
    FACE,
    MOMENT,
    TEN,
    TOMORROW,
    WHY,
    approve,
    approved,
    breaches,
    change,
    pause,
    planned,
    refusal_of,
    resume,
    row_of,
    settled,
    withdraw,
)


async def test_a_period_opens_to_the_instant_by_the_clock_whatever_the_due_list_does(office: Office) -> None:
    claimant_id, period_id = await office.register(), await approved(office)
    office.clock.at = TEN - MOMENT
    assert await refusal_of(office.claim(period_id, claimant_id, FACE)) == ["period-not-open-yet"]
    office.clock.at = TEN
    assert (await office.claim(period_id, claimant_id, FACE)).place == 1
    assert "period-opened" not in await office.names(f"period-{period_id}")
    await office.wait_until(TEN + timedelta(minutes=7))  # the due list was away
    (opened,) = [said for name, said in await office.history(f"period-{period_id}") if name == "period-opened"]
    assert datetime.fromisoformat(opened["at"]) == TEN + timedelta(minutes=7)


async def test_a_service_that_starts_again_across_the_opening_takes_claims_from_the_first_instant_on(
    office: Office, engine: AsyncEngine
) -> None:
    claimant_id, period_id = await office.register(), await approved(office)
    office.clock.at = TEN - MOMENT
    assert await refusal_of(office.claim(period_id, claimant_id, FACE)) == ["period-not-open-yet"]
    await office.close()
    again = Office(engine)
    again.clock.at = TEN - MOMENT
    assert await refusal_of(again.ask(period_id, claimant_id, FACE, key="early")) == ["period-not-open-yet"]
    again.clock.at = TEN
    assert (await again.ask(period_id, claimant_id, FACE, key="first")).status == 201
    assert (await again.ask(period_id, claimant_id, FACE, key="early")).status == 201  # it was refused for then only
    await again.close()
    await office.wait_until(TEN)
    assert (await office.names(f"period-{period_id}"))[-1] == "period-opened"


async def test_several_periods_of_a_year_may_overlap_each_with_its_own_money(office: Office) -> None:
    claimant_id, first, second = await office.register(), await approved(office, FACE), await approved(office, FACE)
    office.clock.at = TEN
    taken = [await office.claim(period_id, claimant_id, FACE) for period_id in (first, second)]
    assert [(held.period_id, held.place) for held in taken] == [(first, 1), (second, 1)]
    assert await refusal_of(office.claim(first, claimant_id, FACE)) == ["quota-exhausted"]
    assert await office.year_of(claimant_id) == (2 * FACE, 0)


async def test_a_plan_with_a_cap_and_last_days_of_its_own_binds_its_claims(office: Office) -> None:
    claimant_id = await office.register()
    period_id = await approved(
        office,
        face_value_max=2_000_000,
        registration_days=10,
        registration_last_day=date(2026, 3, 11),
        validity_last_day=date(2026, 4, 30),
    )
    office.clock.at = TEN
    assert await refusal_of(office.claim(period_id, claimant_id, 2_000_001)) == ["face-value-out-of-range"]
    held = await office.claim(period_id, claimant_id, 2_000_000)
    assert (held.register_by, held.register_by_provisional) == (date(2026, 3, 11), False)
    await office.submit(new_id("ctr", office.clock.now()), [held])
    committed = await office.look(held.voucher_id)
    assert (committed.valid_until, committed.valid_until_provisional) == (date(2026, 4, 30), False)
    assert await breaches(office) == []


async def test_a_paused_period_takes_no_claims_until_it_is_resumed_and_keeps_those_it_granted(office: Office) -> None:
    claimant_id, period_id = await office.register(), await approved(office)
    office.clock.at = TEN
    await office.claim(period_id, claimant_id, 1)
    await pause(office, period_id)
    with pytest.raises(Refused) as refusal:
        await office.claim(period_id, claimant_id, 1)
    (reason,) = refusal.value.reasons
    assert (reason.code, reason.value, reason.limit, reason.kind) == ("period-paused", WHY, TEN, "state")
    assert (await row_of(office, period_id)).paused
    with pytest.raises(Refused, match="period-already-paused"):
        await pause(office, period_id)
    await resume(office, period_id)
    await settled(office, period_id, claimant_id, 2)
    with pytest.raises(Refused, match="period-not-paused"):
        await resume(office, period_id)


async def test_a_period_that_was_paused_before_its_hour_opens_when_it_is_resumed(office: Office) -> None:
    claimant_id, period_id = await office.register(), await approved(office)
    await pause(office, period_id)
    assert await refusal_of(office.claim(period_id, claimant_id, 1)) == ["period-not-open-yet", "period-paused"]
    await office.wait_until(TEN)
    assert (await office.names(f"period-{period_id}"))[-1] == "period-opened"
    assert await refusal_of(office.claim(period_id, claimant_id, 1)) == ["period-paused"]
    await resume(office, period_id)
    await settled(office, period_id, claimant_id, 1)


async def test_a_paused_period_closes_on_its_day(office: Office) -> None:
    claimant_id, period_id = await office.register(), await approved(office)
    office.clock.at = TEN
    await office.claim(period_id, claimant_id, 7)
    await pause(office, period_id)
    await office.wait_until(TOMORROW + IN_LINE)
    name, said = (await office.history(f"period-{period_id}"))[-1]
    assert (name, said["issued"], said["vouchers"]) == ("period-closed", 7, 1)
    assert await refusal_of(office.claim(period_id, claimant_id, 1)) == ["period-closed"]
    for late in (pause, resume):
        with pytest.raises(Refused, match="period-not-in-this-state"):
            await late(office, period_id)


async def test_claims_that_race_with_a_pause_are_all_written_before_it(office: Office, engine: AsyncEngine) -> None:
    period_id = await approved(office, 100 * FACE)
    claimants = [await office.register() for _ in range(12)]
    office.clock.at = TEN
    other = Office(engine)
    other.clock.at = TEN

    async def pausing() -> None:
        await asyncio.sleep(0)
        await pause(other, period_id)

    outcomes = await asyncio.gather(
        *(office.claim(period_id, claimant_id, 1) for claimant_id in claimants[:6]),
        pausing(),
        *(office.claim(period_id, claimant_id, 1) for claimant_id in claimants[6:]),
        return_exceptions=True,
    )
    won = sum(isinstance(outcome, Voucher) for outcome in outcomes)
    lost = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert (won + len(lost), {outcome.reasons[0].code for outcome in lost} <= {"period-paused"}) == (12, True)
    assert (await row_of(office, period_id)).claims == won
    async with engine.connect() as connection:
        log = await _claims_after_pause(connection, period_id)
    assert log == []


async def _claims_after_pause(connection: AsyncConnection, period_id: str) -> list[int]:
    """List the claims of a period that were written after its pause."""
    statement = sa.text(
        "SELECT c.position FROM events c JOIN events p ON p.stream = :stream AND p.type LIKE '%period-paused%'"
        " WHERE c.type LIKE '%voucher-claimed%' AND c.data->>'period_id' = :period AND c.position > p.position"
    )
    rows = await connection.execute(statement, {"stream": f"period-{period_id}", "period": period_id})
    return list(rows.scalars())


async def test_a_change_after_the_approval_takes_hours_and_money_back_until_it_is_approved_again(
    office: Office,
) -> None:
    claimant_id, period_id = await office.register(), await approved(office)
    eleven = TEN + timedelta(hours=1)
    await change(office, period_id, quota=FACE, opens_at=eleven)
    row = await row_of(office, period_id)
    assert (row.closed, row.quota) == (True, 10 * FACE)
    await office.wait_until(TEN)
    assert await refusal_of(office.claim(period_id, claimant_id, 1)) == ["period-not-approved"]
    assert "period-opened" not in await office.names(f"period-{period_id}")
    for author in ("officer-li", "officer-zhao"):
        with pytest.raises(Refused, match="four-eyes"):
            await approve(office, period_id, author)
    await approve(office, period_id)
    row = await row_of(office, period_id)
    assert (row.closed, row.quota, row.remaining) == (False, FACE, FACE)
    await office.wait_until(eleven - MOMENT)
    await settled(office, period_id, claimant_id, ["period-not-open-yet"])
    await office.wait_until(eleven)
    await settled(office, period_id, claimant_id, 1)
    assert await office.names(f"period-{period_id}") == [
        "period-proposed",
        "period-approved",
        "period-announced",
        "period-plan-changed",
        "period-approved",
        "period-announced",
        "period-opened",
    ]
    with pytest.raises(Refused, match="period-not-in-this-state"):
        await change(office, period_id, quota=FACE, opens_at=eleven)
    assert await breaches(office) == []


async def test_a_plan_that_reads_as_before_keeps_its_approval_and_its_hours(office: Office) -> None:
    claimant_id, period_id = await office.register(), await approved(office)
    await change(office, period_id, name="2026 年第一期")
    assert await office.names(f"period-{period_id}") == ["period-proposed", "period-approved", "period-announced"]
    await office.wait_until(TEN)
    assert (await office.names(f"period-{period_id}"))[-1] == "period-opened"
    assert (await office.claim(period_id, claimant_id, 1)).place == 1


async def test_a_change_and_the_first_claims_never_both_win(office: Office, engine: AsyncEngine) -> None:
    """The change began before the opening and the claims after it: whoever has the row first decides."""
    for _ in range(5):
        claimant_id, period_id = await office.register(), await approved(office)
        early = Office(engine)
        early.clock.at = TEN - MOMENT
        office.clock.at = TEN
        claimed, changed = await asyncio.gather(
            office.claim(period_id, claimant_id, 1),
            change(early, period_id, quota=FACE),
            return_exceptions=True,
        )
        if isinstance(claimed, Voucher):
            assert isinstance(changed, Refused)
            assert [reason.code for reason in changed.reasons] == ["period-already-open"]
        else:
            assert isinstance(claimed, Refused)
            assert [reason.code for reason in claimed.reasons] == ["period-not-approved"]
            assert changed is None
        office.clock.at = NINE_IN_MARCH
    assert await breaches(office) == []


async def test_a_withdrawn_plan_never_opens(office: Office) -> None:
    claimant_id, never, announced = await office.register(), await planned(office), await approved(office)
    for period_id in (never, announced):
        await withdraw(office, period_id)
    await office.wait_until(TOMORROW)
    for period_id in (never, announced):
        assert await refusal_of(office.claim(period_id, claimant_id, 1)) == ["period-withdrawn"]
        assert (await office.names(f"period-{period_id}"))[-1] == "period-withdrawn"
        with pytest.raises(Refused, match="period-not-in-this-state"):
            await approve(office, period_id)
    assert (await row_of(office, announced)).closed
    assert await breaches(office) == []


async def test_what_was_decided_on_an_older_version_is_refused(office: Office) -> None:
    period_id = await approved(office)
    plan = Plan(name="改期", quota=FACE, opens_at=TEN, closes_at=TOMORROW)
    with pytest.raises(StaleVersionError):
        await office.do(lambda tx: change_plan(tx, period_id=period_id, plan=plan, changed_by="officer-li", if_match=1))
    with pytest.raises(StaleVersionError):
        await office.do(
            lambda tx: withdraw_plan(tx, period_id=period_id, reason=WHY, withdrawn_by="officer-li", if_match=2)
        )
    await office.wait_until(TEN)
    assert (await office.names(f"period-{period_id}"))[-1] == "period-opened"  # nothing was taken off the due list


@pytest.mark.parametrize("ask", [pause, resume, withdraw, approve, change])
async def test_there_is_nothing_to_ask_of_a_period_that_does_not_exist(
    office: Office, ask: Callable[[Office, str], Awaitable[None]]
) -> None:
    with pytest.raises(UnknownSubjectError):
        await ask(office, new_id("prd", office.clock.now()))
