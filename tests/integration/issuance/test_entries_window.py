"""Entries before the opening, on a real PostgreSQL: all are served, or the race decides (art. 12)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.issuance.app import DUE
from services.issuance.domain.plan import Plan, Settings
from services.issuance.use_cases import serving_entries
from services.issuance.use_cases.planning_periods import approve_period, change_plan, propose_period, withdraw_plan
from services.issuance.use_cases.running_periods import pause_period, resume_period
from shared.events.issuance.periods import EntryTerms, EntryWindow
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.procedures.due_list import DueList
from tests.integration.issuance.entering import FACE, Entrants
from tests.integration.issuance.office import CONTEXT, Office

AN_HOUR = timedelta(hours=1)


async def _window(entrants: Entrants, quota: int, *, reserve_list: bool = False) -> str:
    """Plan a period that takes entries for an hour from now on, and opens an hour after that."""
    now = entrants.office.clock.now()
    terms = EntryTerms(window=EntryWindow(opens_at=now, until=now + AN_HOUR), reserve_list=reserve_list)
    return await entrants.plan(quota, terms, opens_at=now + 2 * AN_HOUR)


async def test_when_no_more_is_asked_for_than_there_is_everybody_is_served_and_the_rest_is_open_to_all(
    office: Office,
) -> None:
    entrants = Entrants(office)
    companies = [await office.register() for _ in range(3)]
    late = await office.register()
    period_id = await _window(entrants, 4 * FACE)
    entries = [await entrants.enter(period_id, one) for one in companies]
    await office.wait_until(office.clock.now() + AN_HOUR - timedelta(microseconds=1))
    assert await entrants.stages(*entries) == ["waiting"] * 3
    await office.wait_until(office.clock.now() + timedelta(microseconds=1))
    assert await entrants.stages(*entries) == ["served"] * 3
    served = [await office.look((await entrants.look(one)).voucher_id or "") for one in entries]
    assert [(one.claimant_id, one.place) for one in served] == list(zip(companies, (1, 2, 3), strict=True))
    (decided,) = [data for name, data in await office.history(f"period-{period_id}") if name == "entries-decided"]
    assert (decided["outcome"], decided["entries"], decided["asked"]) == ("served", 3, 3 * FACE)
    with pytest.raises(Refused, match="period-not-open-yet"):
        await office.claim(period_id, late, FACE)
    await office.wait_until(office.clock.now() + AN_HOUR)
    assert (await office.claim(period_id, late, FACE)).place == 4
    assert await entrants.breaches() == []


async def test_exactly_the_quota_is_enough_and_one_fen_more_lets_the_race_decide(office: Office) -> None:
    entrants = Entrants(office)
    for more, outcome in ((0, "served"), (1, "race")):
        period_id = await _window(entrants, 2 * FACE)
        entries = [await entrants.enter(period_id, await office.register(), FACE + part) for part in (0, more)]
        await office.wait_until(office.clock.now() + AN_HOUR)
        ended = "served" if outcome == "served" else "entry-window-oversubscribed"
        assert await entrants.stages(*entries) == [ended, ended]
        (decided,) = [data for name, data in await office.history(f"period-{period_id}") if name == "entries-decided"]
        assert decided["outcome"] == outcome
    assert await office.quota_of(period_id) == (2 * FACE, 0, 0, 0)
    await office.wait_until(office.clock.now() + AN_HOUR)
    assert (await office.claim(period_id, await office.register(), 2 * FACE)).place == 1
    assert await entrants.breaches() == []


async def test_who_fails_a_rule_at_the_deciding_moment_gets_reasons_and_the_others_are_served(office: Office) -> None:
    entrants = Entrants(office)
    poor, other = await office.register(), await office.register()
    elsewhere = await office.open_period()
    period_id = await _window(entrants, 9 * FACE)
    entries = [await entrants.enter(period_id, one) for one in (poor, other)]
    for _ in range(4):
        await office.claim(elsewhere, poor, 5 * FACE)
    await office.wait_until(office.clock.now() + AN_HOUR)
    assert await entrants.stages(*entries) == ["allowance-exceeded", "served"]
    assert await entrants.breaches() == []


async def test_an_entry_is_withdrawn_until_the_window_ends_and_is_not_counted(office: Office) -> None:
    entrants = Entrants(office)
    first, second = await office.register(), await office.register()
    period_id = await _window(entrants, FACE)
    entries = [await entrants.enter(period_id, one) for one in (first, second)]
    await entrants.withdraw(entries[0], first)
    office.clock.at += AN_HOUR
    with pytest.raises(Refused, match="entries-being-decided"):
        await entrants.withdraw(entries[1], second)
    with pytest.raises(Refused, match="entries-being-decided"):
        await entrants.enter(period_id, first)
    await entrants.serve()
    assert await entrants.stages(*entries) == ["withdrawn", "served"]
    assert await entrants.breaches() == []


async def test_no_claim_is_granted_before_the_entries_are_decided_even_when_the_deciding_is_late(
    office: Office,
) -> None:
    entrants = Entrants(office)
    entered, quick = await office.register(), await office.register()
    period_id = await _window(entrants, FACE)
    entry_id = await entrants.enter(period_id, entered)
    office.clock.at += 2 * AN_HOUR
    with pytest.raises(Refused, match="entries-being-decided"):
        await office.claim(period_id, quick, FACE)
    await entrants.serve()
    assert await entrants.stages(entry_id) == ["served"]
    with pytest.raises(Refused, match="quota-exhausted"):
        await entrants.claim_soon(period_id, quick, key="later")
    assert await entrants.breaches() == []


@pytest.fixture
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_entries, "PORTIONS", dict.fromkeys(serving_entries.PORTIONS, 3))


@pytest.mark.usefixtures("small_portions")
@pytest.mark.parametrize("outcome", ["served", "race"])
async def test_a_crash_between_two_portions_loses_nothing_and_serves_nobody_twice(
    office: Office, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    entrants = Entrants(office)
    companies = [await office.register() for _ in range(8)]
    period_id = await _window(entrants, 8 * FACE if outcome == "served" else 8 * FACE - 1)
    entries = [await entrants.enter(period_id, one) for one in companies]
    late = await office.register()
    stamped = office.clock.at
    office.clock.at += AN_HOUR
    due = DueList(office.engine, CONTEXT, office.clock, office.measures, DUE, lambda: None)
    crashes = iter([None, OSError("crash"), None, OSError("crash"), None, None, None])
    settle = serving_entries._settle_quota  # the last thing a portion does

    async def crashing(*args: object, **more: object) -> None:
        await settle(*args, **more)  # type: ignore[arg-type]
        if (crash := next(crashes)) is not None:
            raise crash

    monkeypatch.setattr(serving_entries, "_settle_quota", crashing)
    done = []
    while "waiting" in (stages := await entrants.stages(*entries)):
        done.append(len([stage for stage in stages if stage != "waiting"]))
        try:
            await due.sweep()
        except Exception as error:  # noqa: BLE001 (whatever a crash looks like from here)
            assert "crash" in repr(error) or "reached" in repr(error)  # noqa: PT017
        office.clock.at, now = stamped, office.clock.at
        with pytest.raises(Refused, match=r"^entries-(being-decided|taken-no-more) \(art. 12\)$"):
            await entrants.enter(period_id, late)  # stamped before the end, and too late all the same
        office.clock.at = now
    ended = "served" if outcome == "served" else "entry-window-oversubscribed"
    assert await entrants.stages(*entries) == [ended] * 8
    assert len(set(done)) > 1
    assert await entrants.breaches() == []


async def test_two_workers_decide_a_window_together_and_serve_everybody_once(office: Office) -> None:
    entrants = Entrants(office)
    companies = [await office.register() for _ in range(30)]
    period_id = await _window(entrants, 30 * FACE)
    for one in companies:
        await entrants.enter(period_id, one)
    office.clock.at += AN_HOUR
    due = DueList(office.engine, CONTEXT, office.clock, office.measures, DUE, lambda: None)
    await asyncio.gather(due.sweep(), due.sweep(), due.sweep())
    await entrants.serve()
    assert await office.quota_of(period_id) == (0, 30 * FACE, 0, 30)
    assert await entrants.breaches() == []


async def test_a_plan_by_which_somebody_waits_is_not_changed_but_withdrawn_and_ends_the_entries(
    office: Office,
) -> None:
    entrants = Entrants(office)
    company = await office.register()
    period_id = await _window(entrants, FACE)
    entry_id = await entrants.enter(period_id, company)
    now = office.clock.now()
    other = Plan(name="另一计划", quota=9 * FACE, opens_at=now + AN_HOUR, closes_at=now + 9 * AN_HOUR)
    with pytest.raises(Refused, match="period-has-entries"):
        await office.do(lambda tx: change_plan(tx, period_id=period_id, plan=other, changed_by="officer-li"))
    await office.do(lambda tx: withdraw_plan(tx, period_id=period_id, reason="预算调整", withdrawn_by="officer-li"))
    await entrants.serve()
    assert await entrants.stages(entry_id) == ["period-withdrawn"]
    assert await entrants.breaches() == []


async def test_a_plan_that_was_never_approved_is_withdrawn_and_has_nothing_to_end(office: Office) -> None:
    now, period_id = office.clock.now(), new_id("prd", office.clock.now())
    terms = EntryTerms(window=EntryWindow(opens_at=now, until=now + AN_HOUR))
    plan: dict[str, Any] = {"name": "草案", "quota": FACE, "opens_at": now + AN_HOUR, "closes_at": now + 9 * AN_HOUR}
    await office.do(
        lambda tx: propose_period(
            tx, period_id=period_id, proposed_by="officer-li", settings=Settings(entries=terms), **plan
        )
    )
    await office.do(lambda tx: withdraw_plan(tx, period_id=period_id, reason="另行安排", withdrawn_by="officer-li"))
    async with asyncio.timeout(10):
        await office.wait_until(now + AN_HOUR)  # the due list comes to rest
    assert await office.names(f"period-{period_id}") == ["period-proposed", "period-withdrawn"]
    assert await Entrants(office).breaches() == []


async def test_a_plan_by_which_the_race_was_left_to_decide_is_not_changed_any_more(office: Office) -> None:
    entrants = Entrants(office)
    period_id = await _window(entrants, FACE)
    await entrants.enter(period_id, await office.register(), FACE + 1)
    await office.wait_until(office.clock.now() + AN_HOUR)
    now = office.clock.now()
    other = Plan(name="另一计划", quota=9 * FACE, opens_at=now + AN_HOUR, closes_at=now + 9 * AN_HOUR)
    with pytest.raises(Refused, match="period-has-entries"):
        await office.do(lambda tx: change_plan(tx, period_id=period_id, plan=other, changed_by="officer-li"))


async def test_a_plan_that_is_changed_and_approved_again_is_decided_at_its_new_hour(office: Office) -> None:
    entrants = Entrants(office)
    company = await office.register()
    period_id = await _window(entrants, FACE)
    now = office.clock.now()
    window = EntryWindow(opens_at=now, until=now + 3 * AN_HOUR)
    later = Plan(
        name="推迟",
        quota=FACE,
        opens_at=now + 4 * AN_HOUR,
        closes_at=now + 99 * AN_HOUR,
        settings=Settings(entries=EntryTerms(window=window)),
    )
    await office.do(lambda tx: change_plan(tx, period_id=period_id, plan=later, changed_by="officer-li"))
    with pytest.raises(Refused, match="period-not-approved"):
        await entrants.enter(period_id, company)
    await office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by="officer-wang"))
    entry_id = await entrants.enter(period_id, company)
    await office.wait_until(now + 3 * AN_HOUR - timedelta(microseconds=1))
    assert await entrants.stages(entry_id) == ["waiting"]
    await office.wait_until(now + 3 * AN_HOUR)
    assert await entrants.stages(entry_id) == ["served"]
    assert await entrants.breaches() == []


async def test_a_pause_over_the_end_of_the_window_delays_the_deciding(office: Office) -> None:
    entrants = Entrants(office)
    company = await office.register()
    period_id = await _window(entrants, FACE)
    entry_id = await entrants.enter(period_id, company)
    await office.do(lambda tx: pause_period(tx, period_id=period_id, reason="?", paused_by="officer-li"))
    await office.wait_until(office.clock.now() + AN_HOUR)
    assert await entrants.stages(entry_id) == ["waiting"]
    await office.do(lambda tx: resume_period(tx, period_id=period_id, reason="?", resumed_by="officer-li"))
    await entrants.serve()
    assert await entrants.stages(entry_id) == ["served"]
    assert await entrants.breaches() == []
