"""Periods in their time, on a real PostgreSQL: opened by the clock, paused, changed, withdrawn, closed (art. 12)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.issuance.audit import CHECKS
from services.issuance.domain.plan import Plan, Settings
from services.issuance.domain.voucher_stages import Voucher
from services.issuance.ledger import Quota, quota_of
from services.issuance.use_cases.cancelling import cancel_voucher
from services.issuance.use_cases.planning_periods import (
    approve_period,
    change_plan,
    propose_period,
    withdraw_plan,
)
from services.issuance.use_cases.running_periods import pause_period, resume_period
from shared.audit import examine
from shared.events.contracts import ContractLapsed, VoucherUse
from shared.events.redemption import FundsDisbursed, RedemptionLapsed, RedemptionRefused, VoucherPayment
from shared.events.registry.standing import PartySanctioned
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.measures.reader import Measures
from shared.store.transaction import StaleVersionError, UnknownSubjectError
from tests.integration.issuance.office import CONTEXT, NINE_IN_MARCH, Office
from tests.integration.issuance.rules import returning_to_quota

FACE = 5_000_000
MOMENT = timedelta(microseconds=1)
TEN = NINE_IN_MARCH + timedelta(hours=1)
TOMORROW = NINE_IN_MARCH + timedelta(days=1)
TODAY = date(2026, 3, 2)
WHY = "系统维护"


async def _planned(office: Office, quota: int = 10 * FACE, **settings: Any) -> str:
    """Have a period planned that is to be open from ten o'clock until tomorrow at nine."""
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


async def _approved(office: Office, quota: int = 10 * FACE, **settings: Any) -> str:
    period_id = await _planned(office, quota, **settings)
    await _approve(office, period_id)
    return period_id


async def _approve(office: Office, period_id: str, who: str = "officer-wang") -> None:
    await office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by=who))


async def _change(office: Office, period_id: str, **changed: Any) -> None:
    plan = replace(Plan(name="改期", quota=10 * FACE, opens_at=TEN, closes_at=TOMORROW), **changed)
    await office.do(lambda tx: change_plan(tx, period_id=period_id, plan=plan, changed_by="officer-zhao"))


async def _withdraw(office: Office, period_id: str) -> None:
    await office.do(lambda tx: withdraw_plan(tx, period_id=period_id, reason=WHY, withdrawn_by="officer-li"))


async def _pause(office: Office, period_id: str) -> None:
    await office.do(lambda tx: pause_period(tx, period_id=period_id, reason=WHY, paused_by="officer-li"))


async def _resume(office: Office, period_id: str) -> None:
    await office.do(lambda tx: resume_period(tx, period_id=period_id, reason="已恢复", resumed_by="officer-li"))


async def _row(office: Office, period_id: str) -> Quota:
    async with office.engine.connect() as connection:
        found = await quota_of(connection, period_id)
    assert found is not None
    return found


async def _refusal(claim: Awaitable[object]) -> list[str]:
    """Say the reasons for which a claim is refused."""
    with pytest.raises(Refused) as refusal:
        await claim
    return [reason.code for reason in refusal.value.reasons]


async def _settled(office: Office, period_id: str, claimant_id: str, expected: object) -> None:
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


async def test_a_period_opens_to_the_instant_by_the_clock_whatever_the_due_list_does(office: Office) -> None:
    claimant_id, period_id = await office.register(), await _approved(office)
    office.clock.at = TEN - MOMENT
    assert await _refusal(office.claim(period_id, claimant_id, FACE)) == ["period-not-open-yet"]
    office.clock.at = TEN
    assert (await office.claim(period_id, claimant_id, FACE)).place == 1
    assert "period-opened" not in await office.names(f"period-{period_id}")
    await office.wait_until(TEN + timedelta(minutes=7))  # the due list was away
    (opened,) = [said for name, said in await office.history(f"period-{period_id}") if name == "period-opened"]
    assert datetime.fromisoformat(opened["at"]) == TEN + timedelta(minutes=7)


async def test_a_service_that_starts_again_across_the_opening_takes_claims_from_the_first_instant_on(
    office: Office, engine: AsyncEngine
) -> None:
    claimant_id, period_id = await office.register(), await _approved(office)
    office.clock.at = TEN - MOMENT
    assert await _refusal(office.claim(period_id, claimant_id, FACE)) == ["period-not-open-yet"]
    await office.close()
    again = Office(engine)
    again.clock.at = TEN - MOMENT
    assert await _refusal(again.ask(period_id, claimant_id, FACE, key="early")) == ["period-not-open-yet"]
    again.clock.at = TEN
    assert (await again.ask(period_id, claimant_id, FACE, key="first")).status == 201
    assert (await again.ask(period_id, claimant_id, FACE, key="early")).status == 201  # it was refused for then only
    await again.close()
    await office.wait_until(TEN)
    assert (await office.names(f"period-{period_id}"))[-1] == "period-opened"


async def test_several_periods_of_a_year_may_overlap_each_with_its_own_money(office: Office) -> None:
    claimant_id, first, second = await office.register(), await _approved(office, FACE), await _approved(office, FACE)
    office.clock.at = TEN
    taken = [await office.claim(period_id, claimant_id, FACE) for period_id in (first, second)]
    assert [(held.period_id, held.place) for held in taken] == [(first, 1), (second, 1)]
    assert await _refusal(office.claim(first, claimant_id, FACE)) == ["quota-exhausted"]
    assert await office.year_of(claimant_id) == (2 * FACE, 0)


async def test_a_plan_with_a_cap_and_last_days_of_its_own_binds_its_claims(office: Office) -> None:
    claimant_id = await office.register()
    period_id = await _approved(
        office,
        face_value_max=2_000_000,
        registration_days=10,
        registration_last_day=date(2026, 3, 11),
        validity_last_day=date(2026, 4, 30),
    )
    office.clock.at = TEN
    assert await _refusal(office.claim(period_id, claimant_id, 2_000_001)) == ["face-value-out-of-range"]
    held = await office.claim(period_id, claimant_id, 2_000_000)
    assert (held.register_by, held.register_by_provisional) == (date(2026, 3, 11), False)
    await office.submit(new_id("ctr", office.clock.now()), [held])
    committed = await office.look(held.voucher_id)
    assert (committed.valid_until, committed.valid_until_provisional) == (date(2026, 4, 30), False)
    assert await _breaches(office) == []


async def test_a_paused_period_takes_no_claims_until_it_is_resumed_and_keeps_those_it_granted(office: Office) -> None:
    claimant_id, period_id = await office.register(), await _approved(office)
    office.clock.at = TEN
    await office.claim(period_id, claimant_id, 1)
    await _pause(office, period_id)
    with pytest.raises(Refused) as refusal:
        await office.claim(period_id, claimant_id, 1)
    (reason,) = refusal.value.reasons
    assert (reason.code, reason.value, reason.limit, reason.kind) == ("period-paused", WHY, TEN, "state")
    assert (await _row(office, period_id)).paused
    with pytest.raises(Refused, match="period-already-paused"):
        await _pause(office, period_id)
    await _resume(office, period_id)
    await _settled(office, period_id, claimant_id, 2)
    with pytest.raises(Refused, match="period-not-paused"):
        await _resume(office, period_id)


async def test_a_period_that_was_paused_before_its_hour_opens_when_it_is_resumed(office: Office) -> None:
    claimant_id, period_id = await office.register(), await _approved(office)
    await _pause(office, period_id)
    assert await _refusal(office.claim(period_id, claimant_id, 1)) == ["period-not-open-yet", "period-paused"]
    await office.wait_until(TEN)
    assert (await office.names(f"period-{period_id}"))[-1] == "period-opened"
    assert await _refusal(office.claim(period_id, claimant_id, 1)) == ["period-paused"]
    await _resume(office, period_id)
    await _settled(office, period_id, claimant_id, 1)


async def test_a_paused_period_closes_on_its_day(office: Office) -> None:
    claimant_id, period_id = await office.register(), await _approved(office)
    office.clock.at = TEN
    await office.claim(period_id, claimant_id, 7)
    await _pause(office, period_id)
    await office.wait_until(TOMORROW)
    name, said = (await office.history(f"period-{period_id}"))[-1]
    assert (name, said["issued"], said["vouchers"]) == ("period-closed", 7, 1)
    assert await _refusal(office.claim(period_id, claimant_id, 1)) == ["period-closed"]
    for late in (_pause, _resume):
        with pytest.raises(Refused, match="period-not-in-this-state"):
            await late(office, period_id)


async def test_claims_that_race_with_a_pause_are_all_written_before_it(office: Office, engine: AsyncEngine) -> None:
    period_id = await _approved(office, 100 * FACE)
    claimants = [await office.register() for _ in range(12)]
    office.clock.at = TEN
    other = Office(engine)
    other.clock.at = TEN

    async def pausing() -> None:
        await asyncio.sleep(0)
        await _pause(other, period_id)

    outcomes = await asyncio.gather(
        *(office.claim(period_id, claimant_id, 1) for claimant_id in claimants[:6]),
        pausing(),
        *(office.claim(period_id, claimant_id, 1) for claimant_id in claimants[6:]),
        return_exceptions=True,
    )
    won = sum(isinstance(outcome, Voucher) for outcome in outcomes)
    lost = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert (won + len(lost), {outcome.reasons[0].code for outcome in lost} <= {"period-paused"}) == (12, True)
    assert (await _row(office, period_id)).claims == won
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
    claimant_id, period_id = await office.register(), await _approved(office)
    eleven = TEN + timedelta(hours=1)
    await _change(office, period_id, quota=FACE, opens_at=eleven)
    row = await _row(office, period_id)
    assert (row.closed, row.quota) == (True, 10 * FACE)
    await office.wait_until(TEN)
    assert await _refusal(office.claim(period_id, claimant_id, 1)) == ["period-not-approved"]
    assert "period-opened" not in await office.names(f"period-{period_id}")
    for author in ("officer-li", "officer-zhao"):
        with pytest.raises(Refused, match="four-eyes"):
            await _approve(office, period_id, author)
    await _approve(office, period_id)
    row = await _row(office, period_id)
    assert (row.closed, row.quota, row.remaining) == (False, FACE, FACE)
    await office.wait_until(eleven - MOMENT)
    await _settled(office, period_id, claimant_id, ["period-not-open-yet"])
    await office.wait_until(eleven)
    await _settled(office, period_id, claimant_id, 1)
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
        await _change(office, period_id, quota=FACE, opens_at=eleven)
    assert await _breaches(office) == []


async def test_a_plan_that_reads_as_before_keeps_its_approval_and_its_hours(office: Office) -> None:
    claimant_id, period_id = await office.register(), await _approved(office)
    await _change(office, period_id, name="2026 年第一期")
    assert await office.names(f"period-{period_id}") == ["period-proposed", "period-approved", "period-announced"]
    await office.wait_until(TEN)
    assert (await office.names(f"period-{period_id}"))[-1] == "period-opened"
    assert (await office.claim(period_id, claimant_id, 1)).place == 1


async def test_a_change_and_the_first_claims_never_both_win(office: Office, engine: AsyncEngine) -> None:
    """The change began before the opening and the claims after it: whoever has the row first decides."""
    for _ in range(5):
        claimant_id, period_id = await office.register(), await _approved(office)
        early = Office(engine)
        early.clock.at = TEN - MOMENT
        office.clock.at = TEN
        claimed, changed = await asyncio.gather(
            office.claim(period_id, claimant_id, 1),
            _change(early, period_id, quota=FACE),
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
    assert await _breaches(office) == []


async def test_a_withdrawn_plan_never_opens(office: Office) -> None:
    claimant_id, never, announced = await office.register(), await _planned(office), await _approved(office)
    for period_id in (never, announced):
        await _withdraw(office, period_id)
    await office.wait_until(TOMORROW)
    for period_id in (never, announced):
        assert await _refusal(office.claim(period_id, claimant_id, 1)) == ["period-withdrawn"]
        assert (await office.names(f"period-{period_id}"))[-1] == "period-withdrawn"
        with pytest.raises(Refused, match="period-not-in-this-state"):
            await _approve(office, period_id)
    assert (await _row(office, announced)).closed
    assert await _breaches(office) == []


async def test_what_was_decided_on_an_older_version_is_refused(office: Office) -> None:
    period_id = await _approved(office)
    plan = Plan(name="改期", quota=FACE, opens_at=TEN, closes_at=TOMORROW)
    with pytest.raises(StaleVersionError):
        await office.do(lambda tx: change_plan(tx, period_id=period_id, plan=plan, changed_by="officer-li", if_match=1))
    with pytest.raises(StaleVersionError):
        await office.do(
            lambda tx: withdraw_plan(tx, period_id=period_id, reason=WHY, withdrawn_by="officer-li", if_match=2)
        )
    await office.wait_until(TEN)
    assert (await office.names(f"period-{period_id}"))[-1] == "period-opened"  # nothing was taken off the due list


@pytest.mark.parametrize("ask", [_pause, _resume, _withdraw, _approve, _change])
async def test_there_is_nothing_to_ask_of_a_period_that_does_not_exist(
    office: Office, ask: Callable[[Office, str], Awaitable[None]]
) -> None:
    with pytest.raises(UnknownSubjectError):
        await ask(office, new_id("prd", office.clock.now()))


type End = Callable[[Office, Voucher], Awaitable[None]]


def _uses(held: Voucher) -> tuple[VoucherUse, ...]:
    return (VoucherUse(voucher_id=held.voucher_id, amount=held.amount),)


async def _committed(office: Office, held: Voucher) -> dict[str, Any]:
    contract_id = new_id("ctr", office.clock.now())
    await office.submit(contract_id, [held])
    return {
        "contract_id": contract_id,
        "claimant_id": held.claimant_id,
        "provider_id": "prv_1",
        "vouchers": _uses(held),
        "on": TODAY,
    }


async def _cancelled(office: Office, held: Voucher) -> None:
    await office.do(lambda tx: cancel_voucher(tx, voucher_id=held.voucher_id, claimant_id=held.claimant_id))


async def _not_registered(office: Office, _held: Voucher) -> None:
    await office.wait_until(office.clock.now() + timedelta(days=16))


async def _not_used(office: Office, held: Voucher) -> None:
    await office.tell(ContractLapsed(**await _committed(office, held)))


async def _not_applied(office: Office, held: Voucher) -> None:
    await office.tell(RedemptionLapsed(redemption_id="rdm_1", **await _committed(office, held)))


async def _refused(office: Office, held: Voucher) -> None:
    facts = await _committed(office, held)
    cause: dict[str, Any] = {"cause": "review", "cause_digest": "c", "side_at_fault": "provider"}
    await office.tell(RedemptionRefused(redemption_id="rdm_1", **cause, **facts))


async def _paid(office: Office, held: Voucher, paid: int) -> None:
    facts = await _committed(office, held)
    del facts["vouchers"]
    payment = VoucherPayment(voucher_id=held.voucher_id, amount=held.amount, paid=paid)
    people: dict[str, Any] = {"ordered_by": "officer-li", "approved_by": "officer-wang"}
    await office.tell(FundsDisbursed(redemption_id="rdm_1", payments=(payment,), total=paid, **people, **facts))


async def _paid_in_part(office: Office, held: Voucher) -> None:
    await _paid(office, held, held.amount - 1_000_000)


async def _paid_in_full(office: Office, held: Voucher) -> None:
    await _paid(office, held, held.amount)


async def _revoked(office: Office, held: Voucher) -> None:
    await office.tell(
        PartySanctioned(
            sanction_id=f"snc-{held.claimant_id}",
            party_id=held.claimant_id,
            party_kind="claimant",
            measure="disqualify",
            proposed_by="officer-li",
            approved_by="officer-wang",
            until=date(2029, 3, 2),
            on=TODAY,
        )
    )


ENDS: dict[str, tuple[End, int]] = {
    "cancelled": (_cancelled, FACE),
    "not registered": (_not_registered, FACE),
    "not used": (_not_used, FACE),
    "not applied for": (_not_applied, FACE),
    "refused": (_refused, FACE),
    "paid in part": (_paid_in_part, 1_000_000),
    "paid in full": (_paid_in_full, 0),
    "revoked": (_revoked, 0),
}
"""Each end of a voucher, and what of its money nobody will be paid; a sanction's stays where it is (reading 4)."""


@pytest.mark.parametrize(("end", "unused"), ENDS.values(), ids=ENDS)
@pytest.mark.parametrize(
    "measures", [Measures.load(), returning_to_quota()], ids=["stays away", "returns to the quota"]
)
async def test_the_money_of_every_end_returns_to_the_quota_or_not_as_the_measure_says(
    office: Office, end: End, unused: int, measures: Measures
) -> None:
    office.measures = measures
    returned = unused if measures.on(TODAY).voucher.return_to_quota else 0
    held = await office.claim(await office.open_period(2 * FACE), await office.register(), FACE)
    await end(office, held)
    told = [said for name, said in await office.history(f"period-{held.period_id}") if name == "quota-returned"]
    assert [(said["voucher_id"], said["amount"]) for said in told] == ([(held.voucher_id, returned)] * bool(returned))
    assert await office.quota_of(held.period_id) == (FACE + returned, FACE, returned, 1)


async def test_money_that_returns_after_the_close_opens_nothing(office: Office) -> None:
    office.measures = returning_to_quota()
    claimant_id, period_id = await office.register(), await _approved(office, FACE)
    office.clock.at = TEN
    held = await office.claim(period_id, claimant_id, FACE)
    await office.wait_until(TOMORROW)
    await _cancelled(office, held)
    assert (await office.names(f"period-{period_id}"))[-2:] == ["period-closed", "quota-returned"]
    row = await _row(office, period_id)
    assert (row.remaining, row.returned, row.closed) == (FACE, FACE, True)
    await _settled(office, period_id, claimant_id, ["period-closed"])
    office.clock.at = TOMORROW - MOMENT  # a claim that read the clock before the end, and comes after the closing
    assert await _refusal(office.claim(period_id, claimant_id, 1)) == ["period-closed"]


async def _breaches(office: Office) -> list[tuple[str, Any]]:
    """Have the audit of money and periods look at everything."""
    wanted = {"M1", "M2", "M3", "G1", "G2", "G3"}
    async with office.engine.connect() as connection:
        findings = await examine(connection, CONTEXT, [check for check in CHECKS if check.id in wanted])
    return [(found.id, tuple(found.breaches)) for found in findings if found.breached]
