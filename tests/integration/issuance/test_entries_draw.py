"""The draw on a real PostgreSQL: the first minutes are drawn by lot, and anybody can draw again (art. 12)."""

import hashlib
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.app import DUE
from services.issuance.audit import CHECKS
from services.issuance.tables import draw_seeds
from services.issuance.use_cases import serving_entries
from services.issuance.use_cases.cancelling import cancel_voucher
from shared.audit import Count
from shared.events.issuance.periods import EntryTerms, EntryWindow
from shared.kernel.refusal import Refused
from shared.procedures.due_list import DueList
from tests.integration.issuance.entering import FACE, Entrants
from tests.integration.issuance.office import CONTEXT, Office
from tests.integration.issuance.rules import returning_to_quota

MINUTES = timedelta(minutes=10)
MOMENT = timedelta(microseconds=1)


def _lots(seed: str, entries: list[str]) -> list[str]:
    """Draw again, as anybody can."""
    return sorted(entries, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).hexdigest())


async def _drawn(office: Office, period_id: str) -> dict[str, object]:
    (decided,) = [data for name, data in await office.history(f"period-{period_id}") if name == "entries-decided"]
    return decided


async def test_lots_decide_and_not_the_order_of_arrival_and_the_seed_lay_fast_before(office: Office) -> None:
    entrants = Entrants(office)
    period_id = await entrants.plan(4 * FACE, EntryTerms(draw_minutes=10))
    ((_, committed),) = await office.history(f"draw-{period_id}")
    entries = [await entrants.enter(period_id, await office.register()) for _ in range(12)]
    await office.wait_until(office.clock.now() + MINUTES - MOMENT)
    assert await entrants.stages(*entries) == ["waiting"] * 12
    await office.wait_until(office.clock.now() + MOMENT)
    decided = await _drawn(office, period_id)
    seed = str(decided["seed"])
    assert hashlib.sha256(seed.encode()).hexdigest() == committed["commitment"]
    assert (decided["outcome"], decided["entries"], decided["asked"]) == ("drawn", 12, 12 * FACE)
    lots = _lots(seed, entries)
    assert await entrants.stages(*lots) == ["served"] * 4 + ["quota-exhausted"] * 8
    places = [(await office.look((await entrants.look(name)).voucher_id or "")).place for name in lots[:4]]
    assert places == [1, 2, 3, 4]
    assert await entrants.breaches() == []


async def test_in_the_minutes_of_the_draw_no_claim_is_taken_and_afterwards_what_is_left_is_claimed(
    office: Office,
) -> None:
    entrants = Entrants(office)
    entered, quick = await office.register(), await office.register()
    period_id = await entrants.plan(3 * FACE, EntryTerms(draw_minutes=10))
    with pytest.raises(Refused, match="period-draws") as refused:
        await office.ask(period_id, quick, FACE, key="the-same-key")
    assert refused.value.reasons[0].limit == office.clock.now() + MINUTES
    entry_id = await entrants.enter(period_id, entered, 2 * FACE)
    office.clock.at += MINUTES
    with pytest.raises(Refused, match="entries-being-decided"):
        await office.ask(period_id, quick, FACE, key="the-same-key")
    with pytest.raises(Refused, match="entries-being-decided"):
        await entrants.enter(period_id, quick)
    await entrants.serve()
    assert await entrants.stages(entry_id) == ["served"]
    await entrants.claim_soon(period_id, quick, key="the-same-key")  # its refusals were of the kind that passes
    assert await office.quota_of(period_id) == (0, 3 * FACE, 0, 2)
    with pytest.raises(Refused, match="entries-taken-no-more"):
        await entrants.enter(period_id, quick)
    assert await entrants.breaches() == []


async def test_who_does_not_fit_is_passed_over_and_who_would_have_less_gets_the_rest(office: Office) -> None:
    entrants = Entrants(office)
    period_id = await entrants.plan(3 * FACE, EntryTerms(draw_minutes=10))
    entries = [
        await entrants.enter(period_id, await office.register(), 2 * FACE, or_less=number % 2 == 1)
        for number in range(8)
    ]
    await office.wait_until(office.clock.now() + MINUTES)
    lots = [await entrants.look(name) for name in _lots(str((await _drawn(office, period_id))["seed"]), entries)]
    first, modest = lots[0], next(one for one in lots[1:] if one.or_less)
    assert (first.granted, modest.granted) == (2 * FACE, FACE)
    others = [one for one in lots if one not in (first, modest)]
    assert {one.reasons[0].code for one in others} == {"quota-exhausted"}
    assert await office.quota_of(period_id) == (0, 3 * FACE, 0, 2)
    assert await entrants.breaches() == []


async def test_with_a_reserve_list_who_was_passed_over_waits_in_the_order_of_the_lots(engine: AsyncEngine) -> None:
    office = Office(engine, measures=returning_to_quota())
    entrants = Entrants(office)
    owners: dict[str, str] = {}
    period_id = await entrants.plan(2 * FACE, EntryTerms(draw_minutes=10, reserve_list=True))
    for _ in range(5):
        company = await office.register()
        owners[await entrants.enter(period_id, company)] = company
    await office.wait_until(office.clock.now() + MINUTES)
    lots = _lots(str((await _drawn(office, period_id))["seed"]), list(owners))
    assert await entrants.stages(*lots) == ["served", "served", "waiting", "waiting", "waiting"]
    waiting = [await entrants.look(name) for name in lots[2:]]
    assert [(one.way, one.place) for one in waiting] == [("reserve", 6), ("reserve", 7), ("reserve", 8)]
    assert await entrants.waits(period_id) == (3, 0)
    winner = await entrants.look(lots[0])
    await office.do(lambda tx: cancel_voucher(tx, voucher_id=winner.voucher_id or "", claimant_id=winner.claimant_id))
    await entrants.serve()
    assert await entrants.stages(*lots[2:]) == ["served", "waiting", "waiting"]
    assert await entrants.breaches() == []
    await office.close()


async def test_a_crash_between_two_portions_changes_nothing_about_the_draw(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_entries, "PORTIONS", dict.fromkeys(serving_entries.PORTIONS, 3))
    entrants = Entrants(office)
    period_id = await entrants.plan(5 * FACE, EntryTerms(draw_minutes=10))
    entries = [await entrants.enter(period_id, await office.register()) for _ in range(10)]
    office.clock.at += MINUTES
    due = DueList(office.engine, CONTEXT, office.clock, office.measures, DUE, lambda: None)
    write, calls = serving_entries._write, iter(range(100))

    async def crashing(*args: object, **more: object) -> None:
        await write(*args, **more)  # type: ignore[arg-type]
        if next(calls) % 2:
            raise OSError("crash")

    monkeypatch.setattr(serving_entries, "_write", crashing)
    crashes = 0
    while "waiting" in await entrants.stages(*entries):
        try:
            await due.sweep()
        except Exception:  # noqa: BLE001 (whatever a crash looks like from here)
            crashes += 1
    assert crashes > 1
    lots = _lots(str((await _drawn(office, period_id))["seed"]), entries)
    assert await entrants.stages(*lots) == ["served"] * 5 + ["quota-exhausted"] * 5
    assert await entrants.breaches() == []


async def test_a_window_and_a_draw_follow_each_other(office: Office) -> None:
    entrants = Entrants(office)
    early, drawn, late = [await office.register() for _ in range(3)]
    now = office.clock.now()
    window = EntryWindow(opens_at=now, until=now + MINUTES)
    terms = EntryTerms(window=window, draw_minutes=10, reserve_list=True)
    period_id = await entrants.plan(3 * FACE, terms, opens_at=now + MINUTES)
    first = await entrants.enter(period_id, early)
    await office.wait_until(now + MINUTES)
    second = await entrants.enter(period_id, drawn)
    with pytest.raises(Refused, match="period-draws"):
        await office.claim(period_id, late, FACE)
    await office.wait_until(now + 2 * MINUTES)
    assert await entrants.stages(first, second) == ["served", "served"]
    assert (await entrants.claim_soon(period_id, late)).place == 3
    assert await entrants.stages(await entrants.enter(period_id, late)) == ["waiting"]
    assert await entrants.breaches() == []


async def test_a_draw_by_another_seed_is_named(office: Office, owner: AsyncEngine) -> None:
    entrants = Entrants(office)
    period_id = await entrants.plan(2 * FACE, EntryTerms(draw_minutes=10))
    for _ in range(3):
        await entrants.enter(period_id, await office.register())
    async with owner.begin() as connection:
        await connection.execute(
            sa.update(draw_seeds).where(draw_seeds.c.period_id == period_id).values(seed="chosen afterwards")
        )
    await office.wait_until(office.clock.now() + MINUTES)
    (check,) = [check for check in CHECKS if check.id == "E1"]
    async with owner.connect() as connection:
        found = [breach.found async for breach in check.look(connection, Count())]
    assert found == ["its draw was held by another seed than the one that lay fast"]
