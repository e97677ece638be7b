"""The reserve list on a real PostgreSQL: money that returns goes to those who wait, in their order (art. 12)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.app import DUE
from services.issuance.audit import CHECKS
from services.issuance.deadlines import IN_LINE, SERVE_ENTRIES
from services.issuance.domain.voucher_stages import Voucher
from services.issuance.tables import entries as entries_table
from services.issuance.tables import quotas
from services.issuance.use_cases.cancelling import cancel_voucher
from services.issuance.use_cases.running_periods import pause_period, resume_period
from services.issuance.use_cases.serving_entries import PORTIONS
from shared.audit import Count
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.procedures.due_list import DueList
from shared.store.tables import deadlines
from shared.store.transaction import Cause, UnknownSubjectError, transaction
from tests.integration.issuance.entering import FACE, Entrants, reserve
from tests.integration.issuance.office import CONTEXT, Office
from tests.integration.issuance.rules import returning_to_quota
from tests.integration.issuance.stories import judged
from tests.locks import until_waited_for


@pytest.fixture
async def returning(engine: AsyncEngine) -> AsyncIterator[Office]:
    """An office whose lapsed money returns to the period."""
    opened = Office(engine, measures=returning_to_quota())
    yield opened
    await opened.close()


async def _give_back(office: Office, voucher_id: str, claimant_id: str) -> None:
    await office.do(lambda tx: cancel_voucher(tx, voucher_id=voucher_id, claimant_id=claimant_id))


async def test_returned_money_serves_the_reserve_list_in_its_order(returning: Office) -> None:
    entrants = Entrants(returning)
    winner, first, second = [await returning.register() for _ in range(3)]
    period_id = await entrants.plan(2 * FACE, reserve())
    held = await returning.claim(period_id, winner, FACE)
    await returning.claim(period_id, winner, FACE)
    entries = [await entrants.enter(period_id, first), await entrants.enter(period_id, second)]
    assert await entrants.waits(period_id) == (2, 0)
    await _give_back(returning, held.voucher_id, winner)
    assert await entrants.waits(period_id) == (2, FACE)
    await entrants.serve()
    assert await entrants.stages(*entries) == ["served", "waiting"]
    served = await entrants.look(entries[0])
    assert served.voucher_id is not None
    bought = await returning.look(served.voucher_id)
    assert (bought.claimant_id, bought.amount, bought.place) == (first, FACE, 3)
    assert await entrants.waits(period_id) == (1, 0)
    assert await returning.quota_of(period_id) == (0, 3 * FACE, FACE, 3)
    assert await returning.year_of(first) == (FACE, 0)
    assert await entrants.breaches() == []


async def test_nobody_overtakes_the_first_whose_amount_is_not_there_yet(returning: Office) -> None:
    entrants = Entrants(returning)
    winner, large, small = [await returning.register() for _ in range(3)]
    period_id = await entrants.plan(2 * FACE, reserve())
    held = [await returning.claim(period_id, winner, FACE) for _ in range(2)]
    entries = [await entrants.enter(period_id, large, 2 * FACE), await entrants.enter(period_id, small, FACE)]
    await _give_back(returning, held[0].voucher_id, winner)
    await entrants.serve()
    assert await entrants.stages(*entries) == ["waiting", "waiting"]
    with pytest.raises(Refused, match="quota-exhausted") as refused:
        await returning.claim(period_id, winner, FACE)
    assert refused.value.reasons[0].limit == 0
    entries.append(await entrants.enter(period_id, winner, FACE))  # what is owed to others is not there for it
    await _give_back(returning, held[1].voucher_id, winner)
    await entrants.serve()
    assert await entrants.stages(*entries) == ["served", "waiting", "waiting"]
    assert await entrants.waits(period_id) == (2, 0)
    assert await entrants.breaches() == []


async def test_who_would_have_less_is_not_waited_for_and_gets_what_there_is(returning: Office) -> None:
    entrants = Entrants(returning)
    winner, modest, second = [await returning.register() for _ in range(3)]
    period_id = await entrants.plan(FACE, reserve())
    held = await returning.claim(period_id, winner, FACE)
    entry_id = await entrants.enter(period_id, modest, 3 * FACE, or_less=True)
    await _give_back(returning, held.voucher_id, winner)
    await entrants.serve()
    served = await entrants.look(entry_id)
    assert (served.stage.value, served.granted) == ("served", FACE)
    assert await returning.names(f"period-{period_id}") == [
        *["period-proposed", "period-approved", "period-announced", "period-opened", "period-exhausted"],
        *["quota-returned", "period-exhausted"],
    ]
    at_once = await entrants.enter(await _with_rest(entrants, winner), second, 2 * FACE, or_less=True)
    await entrants.serve()
    assert (await entrants.look(at_once)).granted == FACE // 2
    assert await entrants.breaches() == []


async def _with_rest(entrants: Entrants, winner: str) -> str:
    """Plan a period of which half a voucher is left."""
    period_id = await entrants.plan(FACE, reserve())
    await entrants.office.claim(period_id, winner, FACE // 2)
    return period_id


async def test_whose_claim_no_longer_passes_the_rules_ends_with_its_reasons_and_the_next_one_comes(
    returning: Office,
) -> None:
    entrants = Entrants(returning)
    winner, failing, poor, next_one = [await returning.register() for _ in range(4)]
    period_id = await entrants.plan(2 * FACE, reserve())
    held = await returning.claim(period_id, winner, FACE)
    await returning.claim(period_id, winner, FACE)
    entries = [await entrants.enter(period_id, one) for one in (failing, poor, next_one)]
    await returning.tell(judged(failing, returning, "fail"))
    elsewhere = await returning.open_period()
    for _ in range(4):
        await returning.claim(elsewhere, poor, 5 * FACE)
    await _give_back(returning, held.voucher_id, winner)
    await entrants.serve()
    assert await entrants.stages(*entries) == ["claimant-not-eligible", "allowance-exceeded", "served"]
    assert await entrants.waits(period_id) == (0, 0)
    assert await entrants.breaches() == []


async def test_what_was_never_issued_is_everybodys_and_what_is_owed_is_not(returning: Office) -> None:
    entrants = Entrants(returning)
    winner, waiting, quick = [await returning.register() for _ in range(3)]
    period_id = await entrants.plan(3 * FACE, reserve())
    held = await returning.claim(period_id, winner, FACE)
    await returning.claim(period_id, winner, FACE)
    await entrants.enter(period_id, waiting, 5 * FACE)
    await _give_back(returning, held.voucher_id, winner)
    await entrants.serve()
    assert (await entrants.waits(period_id), (await returning.quota_of(period_id))[0]) == ((1, FACE), 2 * FACE)
    with pytest.raises(Refused, match="quota-exhausted") as refused:
        await returning.claim(period_id, quick, 2 * FACE)
    assert refused.value.reasons[0].limit == FACE
    await returning.claim(period_id, quick, FACE)
    assert await returning.names(f"period-{period_id}") == [
        *["period-proposed", "period-approved", "period-announced", "period-opened", "quota-returned"],
    ]  # nobody says that it is exhausted while money is owed
    assert await entrants.breaches() == []


async def test_money_is_everybodys_again_when_nobody_waits_any_more(returning: Office) -> None:
    entrants = Entrants(returning)
    winner, waiting = [await returning.register() for _ in range(2)]
    period_id = await entrants.plan(FACE, reserve())
    held = await returning.claim(period_id, winner, FACE)
    entry_id = await entrants.enter(period_id, waiting, 2 * FACE)
    await _give_back(returning, held.voucher_id, winner)
    assert await entrants.waits(period_id) == (1, FACE)
    await entrants.withdraw(entry_id, waiting)
    assert await entrants.waits(period_id) == (0, 0)
    assert (await returning.claim_soon(period_id, winner, FACE)).amount == FACE
    assert await entrants.breaches() == []


async def test_who_leaves_the_head_of_the_list_lets_the_next_one_be_served(returning: Office) -> None:
    entrants = Entrants(returning)
    winner, large, small = [await returning.register() for _ in range(3)]
    period_id = await entrants.plan(FACE, reserve())
    held = await returning.claim(period_id, winner, FACE)
    entries = [await entrants.enter(period_id, large, 2 * FACE), await entrants.enter(period_id, small, FACE)]
    await _give_back(returning, held.voucher_id, winner)
    await entrants.serve()
    await entrants.withdraw(entries[0], large)
    await entrants.serve()
    assert await entrants.stages(*entries) == ["withdrawn", "served"]
    with pytest.raises(Refused, match="entry-not-in-this-state"):
        await entrants.withdraw(entries[1], small)
    with pytest.raises(UnknownSubjectError):
        await entrants.withdraw(entries[1], large)
    assert await entrants.breaches() == []


async def test_an_entry_is_refused_with_all_that_stands_against_it(returning: Office) -> None:
    entrants = Entrants(returning)
    winner, waiting = [await returning.register() for _ in range(2)]
    period_id, without = await entrants.plan(FACE, reserve()), await returning.open_period(FACE)
    with pytest.raises(Refused, match="quota-not-exhausted"):
        await entrants.enter(period_id, waiting)
    await returning.claim(period_id, winner, FACE)
    await entrants.enter(period_id, waiting)
    with pytest.raises(Refused) as refused:
        await entrants.enter(period_id, waiting, 6 * FACE)
    assert [reason.code for reason in refused.value.reasons] == ["face-value-out-of-range", "entry-made-already"]
    with pytest.raises(Refused) as refused:
        await entrants.enter(without, new_id("clm", returning.clock.now()))
    assert [reason.code for reason in refused.value.reasons] == ["claimant-not-registered", "period-takes-no-entries"]
    with pytest.raises(UnknownSubjectError):
        await entrants.enter(new_id("prd", returning.clock.now()), waiting)
    assert await entrants.breaches() == []


async def test_while_a_period_is_paused_nobody_is_served_and_then_the_list_goes_on(returning: Office) -> None:
    entrants = Entrants(returning)
    winner, waiting = [await returning.register() for _ in range(2)]
    period_id = await entrants.plan(FACE, reserve())
    held = await returning.claim(period_id, winner, FACE)
    entry_id = await entrants.enter(period_id, waiting)
    await returning.do(lambda tx: pause_period(tx, period_id=period_id, reason="?", paused_by="officer-li"))
    await _give_back(returning, held.voucher_id, winner)
    await entrants.serve()
    assert await entrants.stages(entry_id) == ["waiting"]
    await returning.do(lambda tx: resume_period(tx, period_id=period_id, reason="?", resumed_by="officer-li"))
    await entrants.serve()
    assert await entrants.stages(entry_id) == ["served"]
    assert await entrants.breaches() == []


async def test_the_list_ends_with_the_period(returning: Office) -> None:
    entrants = Entrants(returning)
    winner, waiting = [await returning.register() for _ in range(2)]
    period_id = await entrants.plan(FACE, reserve(), days=3)
    await returning.claim(period_id, winner, FACE)
    entry_id = await entrants.enter(period_id, waiting)
    await returning.wait_until(returning.clock.now() + timedelta(days=3) + IN_LINE)
    assert await entrants.stages(entry_id) == ["period-closed"]
    assert await entrants.waits(period_id) == (0, 0)
    with pytest.raises(Refused, match="period-closed"):
        await entrants.enter(period_id, waiting)
    assert await entrants.breaches() == []


async def test_who_comes_to_fail_while_the_money_is_there_keeps_the_others_waiting_for_an_hour_at_most(
    returning: Office,
) -> None:
    entrants = Entrants(returning)
    winner, large, small = [await returning.register() for _ in range(3)]
    period_id = await entrants.plan(2 * FACE, reserve())
    held = [await returning.claim(period_id, winner, FACE // 2) for _ in range(4)]
    entries = [await entrants.enter(period_id, large, 2 * FACE), await entrants.enter(period_id, small)]
    for voucher in held[:2]:
        await _give_back(returning, voucher.voucher_id, winner)
        await entrants.serve()
    await returning.tell(judged(large, returning, "fail"))
    await returning.wait_until(returning.clock.now() + timedelta(minutes=59))
    assert await entrants.stages(*entries) == ["waiting", "waiting"]
    waited_for = sa.select(sa.func.count()).where(deadlines.c.subject.startswith(period_id, autoescape=True))
    async with returning.engine.connect() as connection:
        once = await connection.scalar(waited_for.where(deadlines.c.kind == SERVE_ENTRIES))
    assert once == 1
    await returning.wait_until(returning.clock.now() + timedelta(minutes=1))
    assert await entrants.stages(*entries) == ["claimant-not-eligible", "served"]
    assert await entrants.breaches() == []


async def test_many_returns_serve_many_entries_in_several_transactions(returning: Office) -> None:
    entrants = Entrants(returning)
    winner = await returning.register()
    number = PORTIONS["reserve"] + 5
    period_id = await entrants.plan(number * 1_000, reserve())
    held = [await returning.claim(period_id, winner, 1_000) for _ in range(number)]
    waiting = [await returning.register() for _ in range(number + 1)]
    entries = [await entrants.enter(period_id, one, 1_000) for one in waiting]
    for voucher in held:
        await _give_back(returning, voucher.voucher_id, winner)
    assert await entrants.waits(period_id) == (number + 1, number * 1_000)
    await entrants.serve()
    assert await entrants.stages(*entries) == [*["served"] * number, "waiting"]
    places = [(await returning.look((await entrants.look(one)).voucher_id or "")).place for one in entries[:-1]]
    assert places == list(range(number + 1, 2 * number + 1))
    assert await entrants.breaches() == []


async def test_claims_and_returns_at_the_same_moment_let_nobody_overtake_and_oversell_nothing(
    returning: Office,
) -> None:
    entrants = Entrants(returning)
    number = 6
    winners = [await returning.register() for _ in range(number)]
    waiting = [await returning.register() for _ in range(number)]
    strangers = [await returning.register() for _ in range(number)]
    period_id = await entrants.plan(number * FACE, reserve())
    held = [await returning.claim(period_id, one, FACE) for one in winners]
    entries = [await entrants.enter(period_id, one) for one in waiting]
    due = DueList(returning.engine, CONTEXT, returning.clock, returning.measures, DUE, lambda: None)

    async def claim_in_vain(stranger: str) -> None:
        for _ in range(3):
            with pytest.raises(Refused, match=r"^quota-exhausted \(art. 12\)$"):
                await returning.claim(period_id, stranger, FACE)

    async def give_back(vouchers: list[Voucher], owners: list[str]) -> None:
        for one, owner in zip(vouchers, owners, strict=True):
            await _give_back(returning, one.voucher_id, owner)

    async def sweep() -> None:
        while "waiting" in await entrants.stages(entries[-1]):
            await due.sweep()

    async with asyncio.timeout(60):
        await asyncio.gather(
            *(claim_in_vain(one) for one in strangers),
            give_back(held[::2], winners[::2]),
            give_back(held[1::2], winners[1::2]),
            sweep(),
            sweep(),
        )
    assert await entrants.stages(*entries) == ["served"] * number
    assert await returning.quota_of(period_id) == (0, 2 * number * FACE, number * FACE, 2 * number)
    assert await entrants.breaches() == []


async def test_who_serves_waits_for_money_that_is_just_coming_back(returning: Office) -> None:
    entrants = Entrants(returning)
    winner, first, second = [await returning.register() for _ in range(3)]
    period_id = await entrants.plan(2 * FACE, reserve())
    held = [await returning.claim(period_id, winner, FACE) for _ in range(2)]
    entries = [await entrants.enter(period_id, first), await entrants.enter(period_id, second)]
    await _give_back(returning, held[0].voucher_id, winner)
    due = DueList(returning.engine, CONTEXT, returning.clock, returning.measures, DUE, lambda: None)
    cause = Cause(actor="test", correlation_id="test")
    async with transaction(returning.engine, CONTEXT, returning.clock, cause, returning.measures) as tx:
        await cancel_voucher(tx, voucher_id=held[1].voucher_id, claimant_id=winner)
        sweeping = asyncio.create_task(due.sweep())
        await until_waited_for(tx.connection)
    await sweeping
    await entrants.serve()
    assert await entrants.stages(*entries) == ["served", "served"]
    assert await entrants.breaches() == []


async def test_one_company_has_one_entry_however_many_it_makes_at_once(returning: Office) -> None:
    entrants = Entrants(returning)
    winner, eager = [await returning.register() for _ in range(2)]
    period_id = await entrants.plan(FACE, reserve())
    await returning.claim(period_id, winner, FACE)
    made = await asyncio.gather(*(entrants.enter(period_id, eager) for _ in range(8)), return_exceptions=True)
    refused = [one for one in made if isinstance(one, Refused)]
    assert (len(refused), await entrants.waits(period_id)) == (7, (1, 0))
    assert {reason.code for one in refused for reason in one.reasons} == {"entry-made-already"}


async def test_a_reserve_list_that_was_tampered_with_is_named(returning: Office, owner: AsyncEngine) -> None:
    entrants = Entrants(returning)
    winner, waiting = [await returning.register() for _ in range(2)]
    period_id = await entrants.plan(FACE, reserve())
    await returning.claim(period_id, winner, FACE)
    entry_id = await entrants.enter(period_id, waiting)
    async with owner.connect() as connection:
        await connection.execute(sa.update(entries_table).where(entries_table.c.entry_id == entry_id).values(place=7))
        await connection.execute(sa.update(quotas).where(quotas.c.period_id == period_id).values(waiting=2))
        (check,) = [check for check in CHECKS if check.id == "E3"]
        found = [breach.where async for breach in check.look(connection, Count())]
    assert found == [entry_id, f"period {period_id}"]
