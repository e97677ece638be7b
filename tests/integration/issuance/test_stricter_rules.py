"""A period planned before the rules became stricter: each act keeps to the rules of its own day (reading 10)."""

from datetime import date, timedelta

import pytest

from services.issuance.use_cases.claiming import rehearse_claim
from shared.kernel.refusal import Refused
from shared.measures.changes import Change
from shared.store.rules import keep_announced
from shared.store.transaction import Cause, Transaction, transaction
from tests.integration.issuance.entering import Entrants
from tests.integration.issuance.office import CONTEXT, NINE_IN_MARCH, Office

FACE, LESS = 5_000_000, 3_000_000
TOMORROW = NINE_IN_MARCH + timedelta(days=1)


async def _announce(office: Office, **values: int) -> None:
    """Have stricter values announced for the day after tomorrow."""
    changes = tuple(
        Change(
            change_id=f"mch_{parameter}",
            pack=office.measures.pack,
            parameter=parameter,
            value=value,
            first_day=date(2026, 3, 4),
            article="12",
            quote="自次日起从严",
        )
        for parameter, value in values.items()
    )

    async def keep(tx: Transaction) -> None:
        for change in changes:
            await keep_announced(tx.connection, change)

    await office.do(keep)
    office.measures = office.measures.with_changes(changes)


async def _limit(office: Office, period_id: str, claimant_id: str, amount: int) -> object:
    """Say the cap that a claim is refused for, the same in earnest and in a rehearsal."""
    cause = Cause(actor=f"user-of-{claimant_id}", correlation_id="test")
    with pytest.raises(Refused) as rehearsed:
        async with transaction(office.engine, CONTEXT, office.clock, cause, office.measures) as tx:
            await rehearse_claim(tx, period_id=period_id, claimant_id=claimant_id, amount=amount)
    with pytest.raises(Refused) as refused:
        await office.claim(period_id, claimant_id, amount)
    assert rehearsed.value.reasons == refused.value.reasons
    (reason,) = refused.value.reasons
    assert (reason.code, reason.article, reason.parameter) == ("face-value-out-of-range", "12", "face_value_max")
    return reason.limit


async def test_claims_and_registrations_keep_to_the_rules_of_their_day_whatever_the_plan_was_agreed_on(
    office: Office,
) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    await _announce(office, face_value_max=LESS, registration_days=10, validity_months=2)
    office.clock.at = TOMORROW  # the last day of the former rules
    before = await office.claim(period_id, claimant_id, FACE)
    assert before.register_by == date(2026, 3, 18)
    office.clock.at = TOMORROW + timedelta(days=1)
    assert await _limit(office, period_id, claimant_id, LESS + 1) == LESS
    after = await office.claim(period_id, claimant_id, LESS)
    assert after.register_by == date(2026, 3, 16)  # the fourteenth is a Saturday
    await office.submit("ctr_1", [before, after])
    assert [(await office.look(each.voucher_id)).valid_until for each in (before, after)] == [date(2026, 5, 6)] * 2
    assert await Entrants(office).breaches() == []


async def test_a_plan_that_is_stricter_than_the_rules_of_the_day_stays_so(office: Office) -> None:
    claimant_id = await office.register()
    period_id = await office.open_period(face_value_max=LESS, registration_days=10, validity_months=2)
    held = await office.claim(period_id, claimant_id, LESS)
    assert held.register_by == date(2026, 3, 12)
    assert await _limit(office, period_id, claimant_id, LESS + 1) == LESS
    await office.submit("ctr_2", [held])
    assert (await office.look(held.voucher_id)).valid_until == date(2026, 5, 6)  # behind the holidays of May
