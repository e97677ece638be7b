"""What becomes of vouchers when deadlines come and other contexts speak (art. 12, 15, 17)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from services.issuance.audit import CHECKS
from services.issuance.domain.voucher_stages import Voucher
from services.issuance.use_cases.cancelling import cancel_voucher
from shared.audit import Breach, examine
from shared.events.contracts import ContractRejected, VoucherUse
from shared.events.redemption import RedemptionLapsed
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.store.transaction import StaleVersionError, UnknownSubjectError
from tests.integration.issuance import elsewhere
from tests.integration.issuance.elsewhere import TODAY
from tests.integration.issuance.office import CONTEXT, NINE_IN_MARCH, Office
from tests.integration.issuance.rules import counting_lapses, returning_nothing, returning_to_quota

FACE = 5_000_000
LAST_DAY_ENDS = datetime(2026, 3, 17, 16, tzinfo=UTC)
"""Fifteen days after the claim, at midnight in Beijing."""


async def _held(office: Office, amount: int = FACE, quota: int = 1_000_000_000) -> Voucher:
    return await office.claim(await office.open_period(quota), await office.register(), amount)


def _contract_id(office: Office) -> str:
    return new_id("ctr", office.clock.now())


async def _revoked_in_use(office: Office) -> tuple[Voucher, str]:
    """Have a voucher used for a contract, and then taken by a sanction."""
    held, contract_id = await _held(office), _contract_id(office)
    await office.submit(contract_id, [held])
    await office.tell(elsewhere.completed(contract_id, held))
    await office.tell(elsewhere.sanctioned(held.claimant_id))
    assert (await office.look(held.voucher_id)).stage == "revoked"
    return held, contract_id


async def _breaches(office: Office) -> list[tuple[str, tuple[Breach, ...]]]:
    """Have the audit of the money look at everything; what waits for a deadline moved elsewhere is not its matter."""
    async with office.engine.connect() as connection:
        findings = await examine(connection, CONTEXT, [check for check in CHECKS if check.id in {"M1", "M3", "M5"}])
    assert all(found.checked for found in findings)
    return [(found.id, tuple(found.breaches)) for found in findings if found.breached]


async def test_an_unregistered_voucher_lives_through_its_last_day_and_the_grace_and_not_longer(office: Office) -> None:
    held = await _held(office)
    await office.wait_until(LAST_DAY_ENDS + timedelta(minutes=59, seconds=59))
    assert (await office.look(held.voucher_id)).stage == "claimed"
    await office.wait_until(LAST_DAY_ENDS + timedelta(hours=1))
    expired = await office.look(held.voucher_id)
    assert (expired.stage, expired.ended_on) == ("expired", date(2026, 3, 18))
    assert await office.year_of(held.claimant_id) == (0, 0)
    assert await office.quota_of(held.period_id) == (1_000_000_000 - FACE, FACE, 0, 1)


async def test_where_the_rule_says_so_expired_money_returns_to_the_quota_and_opens_the_period_again(
    office: Office,
) -> None:
    office.measures = returning_to_quota()
    held = await _held(office, quota=FACE)
    await office.wait_until(LAST_DAY_ENDS + timedelta(hours=1))
    assert await office.quota_of(held.period_id) == (FACE, FACE, FACE, 1)
    assert await office.names(f"period-{held.period_id}") == [
        "period-proposed",
        "period-approved",
        "period-announced",
        "period-exhausted",
        "quota-returned",
    ]
    again = await office.claim_soon(held.period_id, held.claimant_id, FACE)
    assert again.place == 2


async def test_a_contract_submitted_on_the_last_day_gets_its_voucher_even_when_the_message_comes_after_midnight(
    office: Office,
) -> None:
    held = await _held(office)
    office.clock.at = LAST_DAY_ENDS + timedelta(minutes=30)
    await office.submit(_contract_id(office), [held], on=date(2026, 3, 17))
    committed = await office.look(held.voucher_id)
    assert (committed.stage, committed.valid_until) == ("committed", date(2026, 6, 17))
    await office.wait_until(LAST_DAY_ENDS + timedelta(hours=2))
    assert (await office.look(held.voucher_id)).stage == "committed"


async def test_a_contract_gets_all_of_its_vouchers_or_none_and_every_reason(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    good, small = [await office.claim(period_id, claimant_id, amount) for amount in (FACE, 1_000_000)]
    foreign = await _held(office)
    contract_id = _contract_id(office)
    uses = (*elsewhere.uses([good, small, foreign]), VoucherUse(voucher_id=small.voucher_id, amount=2_000_000))
    for _ in range(2):
        await office.submit(contract_id, [good], vouchers=uses)
    ((name, refused),) = await office.history(f"contract-{contract_id}")
    assert name == "voucher-commitment-refused"
    assert [(reason["code"], reason["value"]) for reason in refused["reasons"]] == [
        ("voucher-named-twice", small.voucher_id),
        ("voucher-unknown", foreign.voucher_id),
        ("voucher-amount-differs", small.voucher_id),
    ]
    await office.submit(contract_id, [good])  # what was refused once stays refused
    assert (await office.look(good.voucher_id)).stage == "claimed"
    both = _contract_id(office)
    for _ in range(2):
        await office.submit(both, [good, small])
    for held in (good, small):
        assert await office.names(f"voucher-{held.voucher_id}") == ["voucher-claimed", "voucher-committed"]


async def test_a_rejected_contract_frees_its_vouchers_and_their_time_goes_on(office: Office) -> None:
    held, contract_id = await _held(office), _contract_id(office)
    contract = await office.submit(contract_id, [held])
    for _ in range(2):
        await office.tell(elsewhere.rejected(contract_id, held))
    await office.tell(contract)  # once more, late
    assert await office.names(f"voucher-{held.voucher_id}") == [
        "voucher-claimed",
        "voucher-committed",
        "voucher-commitment-released",
    ]
    await office.wait_until(LAST_DAY_ENDS + timedelta(hours=1))
    assert (await office.look(held.voucher_id)).stage == "expired"


async def test_the_rejection_of_a_contract_with_an_unknown_voucher_is_harmless(office: Office) -> None:
    held = await _held(office)
    unknown = VoucherUse(voucher_id="vch_unknown", amount=1)
    contract_id = _contract_id(office)
    await office.submit(contract_id, [held], vouchers=(*elsewhere.uses([held]), unknown))
    rejected = elsewhere.rejected(contract_id, held)
    await office.tell(
        ContractRejected(
            contract_id=contract_id,
            claimant_id=rejected.claimant_id,
            provider_id="prv_1",
            vouchers=(*rejected.vouchers, unknown),
            reasons=(),
            on=TODAY,
        )
    )
    assert await office.names(f"voucher-{held.voucher_id}") == ["voucher-claimed"]


@pytest.mark.parametrize("overtaken", [False, True])
async def test_what_is_paid_is_spent_and_the_rest_released_whichever_message_comes_first(
    office: Office, *, overtaken: bool
) -> None:
    held, contract_id = await _held(office), _contract_id(office)
    await office.submit(contract_id, [held])
    messages = [elsewhere.completed(contract_id, held), elsewhere.disbursed(contract_id, held, 4_000_000)]
    for message in [*(reversed(messages) if overtaken else messages), *messages]:
        await office.tell(message)
    facts = await office.history(f"voucher-{held.voucher_id}")
    assert [name for name, _ in facts] == [
        "voucher-claimed",
        "voucher-committed",
        "voucher-used",
        "voucher-redeemed",
    ]
    assert (facts[-1][1]["paid"], facts[-1][1]["released"]) == (4_000_000, 1_000_000)
    assert await office.year_of(held.claimant_id) == (0, 4_000_000)


async def test_vouchers_that_are_not_paid_after_all_release_their_allowance(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    refused, forgotten, unused = [await office.claim(period_id, claimant_id, FACE) for _ in range(3)]
    contracts = {held.voucher_id: _contract_id(office) for held in (refused, forgotten, unused)}
    for held in (refused, forgotten, unused):
        await office.submit(contracts[held.voucher_id], [held])
    await office.tell(elsewhere.completed(contracts[refused.voucher_id], refused))
    for _ in range(2):
        await office.tell(elsewhere.refused(contracts[refused.voucher_id], refused))
        await office.tell(elsewhere.not_applied(contracts[forgotten.voucher_id], forgotten))
        await office.tell(elsewhere.contract_lapsed(contracts[unused.voucher_id], unused))
    ends = [(await office.history(f"voucher-{held.voucher_id}"))[-1] for held in (refused, forgotten, unused)]
    assert [(name, data["cause"]) for name, data in ends] == [
        ("voucher-lapsed", "refused"),
        ("voucher-lapsed", "not_applied"),
        ("voucher-expired", "not_used"),
    ]
    assert await office.year_of(claimant_id) == (0, 0)


async def test_where_no_measure_returns_it_the_money_of_every_end_stays_in_the_year(office: Office) -> None:
    office.measures = returning_nothing()
    claimant_id, period_id = await office.register(), await office.open_period()
    paid, forgotten, unused, cancelled = [await office.claim(period_id, claimant_id, FACE) for _ in range(4)]
    contracts = {held.voucher_id: _contract_id(office) for held in (paid, forgotten, unused)}
    for held in (paid, forgotten, unused):
        await office.submit(contracts[held.voucher_id], [held])
    await office.tell(elsewhere.completed(contracts[paid.voucher_id], paid))
    await office.tell(elsewhere.disbursed(contracts[paid.voucher_id], paid, 4_000_000))
    await office.tell(elsewhere.not_applied(contracts[forgotten.voucher_id], forgotten))
    await office.tell(elsewhere.contract_lapsed(contracts[unused.voucher_id], unused))
    await office.do(lambda tx: cancel_voucher(tx, voucher_id=cancelled.voucher_id, claimant_id=claimant_id))
    for held in (paid, forgotten, unused, cancelled):
        assert (await office.history(f"voucher-{held.voucher_id}"))[-1][1]["released"] == 0
    assert await office.year_of(claimant_id) == (4 * FACE - 4_000_000, 4_000_000)
    with pytest.raises(Refused, match="allowance-exceeded"):
        await office.claim(period_id, claimant_id, 1)
    assert await _breaches(office) == []


async def test_an_expiry_is_decided_by_the_rules_of_the_day_it_fell_on_however_late_the_sweep(office: Office) -> None:
    held = await _held(office)
    first, later = office.measures.on(TODAY), returning_nothing().on(TODAY)
    office.measures = replace(office.measures, _starts=(date(2023, 10, 1), date(2026, 3, 19)), _terms=(first, later))
    await office.wait_until(LAST_DAY_ENDS + timedelta(days=9))
    assert (await office.look(held.voucher_id)).released == FACE
    assert await office.year_of(held.claimant_id) == (0, 0)


async def test_where_the_rule_counts_them_only_lapses_for_want_of_an_application_stay_in_the_year(
    office: Office,
) -> None:
    office.measures = counting_lapses()
    held, contract_id = await _held(office), _contract_id(office)
    await office.submit(contract_id, [held])
    await office.tell(elsewhere.not_applied(contract_id, held))
    assert (await office.look(held.voucher_id)).stage == "lapsed"
    assert await office.year_of(held.claimant_id) == (FACE, 0)
    unregistered = await office.claim(held.period_id, held.claimant_id, FACE)
    await office.wait_until(LAST_DAY_ENDS + timedelta(hours=1))
    assert (await office.look(unregistered.voucher_id)).stage == "expired"
    assert await office.year_of(held.claimant_id) == (FACE, 0)


async def test_a_sanction_takes_what_lives_of_the_party_and_leaves_what_has_ended_and_what_is_anothers(
    office: Office,
) -> None:
    ended = await _held(office)
    owner = ended.claimant_id
    await office.do(lambda tx: cancel_voucher(tx, voucher_id=ended.voucher_id, claimant_id=owner))
    mine = [await office.claim(ended.period_id, owner, 100) for _ in range(2)]
    anothers = await office.claim(ended.period_id, await office.register(), 100)
    for _ in range(2):
        await office.tell(elsewhere.sanctioned(owner))
    looked = [(await office.look(each.voucher_id)).stage.value for each in (ended, *mine, anothers)]
    assert looked == ["cancelled", "revoked", "revoked", "claimed"]
    assert await office.year_of(owner) == (200, 0)  # reading 4: what a sanction takes stays reserved


@pytest.mark.parametrize("late", ["refused", "not_applied"])
async def test_a_redemption_that_ends_unpaid_after_the_sanction_changes_nothing(office: Office, late: str) -> None:
    held, contract_id = await _revoked_in_use(office)
    ends = {"refused": elsewhere.refused(contract_id, held), "not_applied": elsewhere.not_applied(contract_id, held)}
    for _ in range(2):
        await office.tell(ends[late])
    assert (await office.names(f"voucher-{held.voucher_id}"))[-1] == "voucher-revoked"
    assert await office.year_of(held.claimant_id) == (FACE, 0)


async def test_a_payment_after_the_sanction_is_refused_and_changes_nothing(office: Office) -> None:
    held, contract_id = await _revoked_in_use(office)
    paid = replace(elsewhere.disbursed(contract_id, held, FACE), on=TODAY + timedelta(days=1))
    with capture_logs() as alarms, pytest.raises(Refused, match="voucher-revoked"):
        await office.tell(paid)
    assert [alarm["event"] for alarm in alarms] == ["voucher.paid_though_revoked"]
    assert (await office.look(held.voucher_id)).stage == "revoked"
    assert await office.year_of(held.claimant_id) == (FACE, 0)


async def test_a_payment_that_left_on_the_day_of_the_sanction_is_posted_with_an_alarm_and_returns_nothing(
    office: Office,
) -> None:
    held, contract_id = await _revoked_in_use(office)
    with capture_logs() as alarms:
        await office.tell(elsewhere.disbursed(contract_id, held, 4_000_000))
    (alarm,) = alarms
    assert (alarm["event"], alarm["log_level"], alarm["voucher_id"]) == (
        "voucher.paid_though_revoked",
        "error",
        held.voucher_id,
    )
    assert await office.year_of(held.claimant_id) == (1_000_000, 4_000_000)
    assert await _breaches(office) == []


async def test_a_payment_for_a_voucher_that_has_lapsed_is_not_swallowed(office: Office) -> None:
    held, contract_id = await _held(office), _contract_id(office)
    await office.submit(contract_id, [held])
    await office.tell(
        RedemptionLapsed(
            redemption_id="rdm_3",
            contract_id=contract_id,
            claimant_id=held.claimant_id,
            provider_id="prv_1",
            vouchers=elsewhere.uses([held]),
            on=TODAY,
        )
    )
    with pytest.raises(Refused, match="voucher-not-payable"):
        await office.tell(elsewhere.disbursed(contract_id, held, 1))


async def test_only_its_holder_cancels_a_voucher_and_gets_the_allowance_back(office: Office) -> None:
    held = await _held(office)
    with pytest.raises(UnknownSubjectError):
        await office.do(lambda tx: cancel_voucher(tx, voucher_id=held.voucher_id, claimant_id="clm_other"))
    with pytest.raises(StaleVersionError):
        await office.do(
            lambda tx: cancel_voucher(tx, voucher_id=held.voucher_id, claimant_id=held.claimant_id, if_match=2)
        )
    await office.do(lambda tx: cancel_voucher(tx, voucher_id=held.voucher_id, claimant_id=held.claimant_id, if_match=1))
    assert await office.year_of(held.claimant_id) == (0, 0)
    await office.wait_until(NINE_IN_MARCH + timedelta(days=40))
    assert (await office.look(held.voucher_id)).stage == "cancelled"
