"""First come, first served, on a real PostgreSQL: nothing oversold, nothing counted twice (art. 12)."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.deadlines import IN_LINE
from services.issuance.domain.voucher_stages import Voucher
from services.issuance.use_cases.running_periods import close_period
from shared.events.registry.claimants import (
    Certificate,
    ClaimantCertificatesChanged,
    ClaimantUserAdded,
    ClaimantUserRemoved,
    ClaimantUserRoleChanged,
)
from shared.events.registry.standing import SanctionLifted
from shared.kernel.refusal import Refused
from shared.store.transaction import UnknownSubjectError
from tests.integration.issuance.elsewhere import sanctioned
from tests.integration.issuance.office import NINE_IN_MARCH, Office
from tests.integration.issuance.stories import judged

FACE = 5_000_000


def _codes(outcome: object) -> list[str]:
    assert isinstance(outcome, Refused), outcome
    return [reason.code for reason in outcome.reasons]


async def test_a_claim_takes_quota_allowance_and_the_next_place(office: Office) -> None:
    period_id, claimant_id = await office.open_period(20_000_000), await office.register()
    first = await office.claim(period_id, claimant_id, FACE)
    second = await office.claim(period_id, claimant_id, 1)
    assert (first.place, second.place) == (1, 2)
    assert (first.register_by, first.year) == (date(2026, 3, 17), 2026)
    assert await office.quota_of(period_id) == (14_999_999, 5_000_001, 0, 2)
    assert await office.year_of(claimant_id) == (5_000_001, 0)


async def test_with_money_for_all_but_one_exactly_one_of_the_claimants_goes_without(office: Office) -> None:
    claimants = [await office.register() for _ in range(12)]
    period_id = await office.open_period(11 * FACE)
    outcomes = await asyncio.gather(
        *(office.claim(period_id, claimant_id, FACE) for claimant_id in claimants), return_exceptions=True
    )
    won = [outcome for outcome in outcomes if isinstance(outcome, Voucher)]
    (lost,) = [outcome for outcome in outcomes if not isinstance(outcome, Voucher)]
    assert _codes(lost) == ["quota-exhausted"]
    assert sorted(voucher.place for voucher in won) == list(range(1, 12))
    assert await office.quota_of(period_id) == (0, 11 * FACE, 0, 11)
    assert (await office.names(f"period-{period_id}")).count("period-exhausted") == 1


async def test_parallel_claims_of_one_claimant_stay_within_its_allowance(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    for _ in range(3):
        await office.claim(period_id, claimant_id, FACE)
    outcomes = await asyncio.gather(
        *(office.claim(period_id, claimant_id, 3_000_000) for _ in range(6)), return_exceptions=True
    )
    won = [outcome for outcome in outcomes if isinstance(outcome, Voucher)]
    assert len(won) == 1
    assert [_codes(lost) for lost in outcomes if lost not in won] == [["allowance-exceeded"]] * 5
    assert await office.year_of(claimant_id) == (18_000_000, 0)


async def test_a_refused_claim_names_its_articles_and_leaves_no_trace(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period(1_000_000)
    with pytest.raises(Refused) as refusal:
        await office.claim(period_id, claimant_id, 20_000_001)
    assert [(reason.code, reason.article) for reason in refusal.value.reasons] == [
        ("face-value-out-of-range", "12"),
        ("allowance-exceeded", "12"),
        ("quota-exhausted", "12"),
    ]
    assert await office.quota_of(period_id) == (1_000_000, 0, 0, 0)
    assert await office.year_of(claimant_id) == (0, 0)


async def test_a_certificate_raises_the_allowance_from_the_day_it_is_known(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    for _ in range(4):
        await office.claim(period_id, claimant_id, FACE)
    with pytest.raises(Refused, match="allowance-exceeded"):
        await office.claim(period_id, claimant_id, 1)
    certificate = Certificate(kind="national_high_tech", valid_from=date(2026, 1, 1), valid_until=date(2026, 3, 2))
    await office.tell(
        ClaimantCertificatesChanged(claimant_id=claimant_id, certificates=(certificate,), on=date(2026, 3, 2))
    )
    await office.claim(period_id, claimant_id, FACE)
    office.clock.at += timedelta(days=1)
    with pytest.raises(Refused, match="allowance-exceeded"):
        await office.claim(period_id, claimant_id, 1)


async def test_the_year_of_a_claim_is_the_year_in_beijing(office: Office) -> None:
    office.clock.at = datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)
    claimant_id, period_id = await office.register(), await office.open_period()
    for _ in range(4):
        assert (await office.claim(period_id, claimant_id, FACE)).year == 2026
    with pytest.raises(Refused, match="allowance-exceeded"):
        await office.claim(period_id, claimant_id, 1)
    office.clock.at = datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert (await office.claim(period_id, claimant_id, FACE)).year == 2027
    assert await office.year_of(claimant_id, 2026) == (20_000_000, 0)
    assert await office.year_of(claimant_id, 2027) == (FACE, 0)


async def test_nobody_claims_in_a_period_that_does_not_exist(office: Office) -> None:
    with pytest.raises(UnknownSubjectError):
        await office.claim("prd_none", await office.register(), FACE)


async def test_a_period_opens_and_closes_by_the_clock_whether_or_not_the_due_list_was_quick(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period(days=1)
    await office.claim(period_id, claimant_id, FACE)
    await office.wait_until(NINE_IN_MARCH + timedelta(hours=1))
    office.clock.at = NINE_IN_MARCH + timedelta(days=1)
    with pytest.raises(Refused, match="period-closed"):
        await office.claim(period_id, claimant_id, FACE)
    await office.wait_until(NINE_IN_MARCH + timedelta(days=1) + IN_LINE)
    facts = await office.history(f"period-{period_id}")
    assert [name for name, _ in facts] == [
        "period-proposed",
        "period-approved",
        "period-announced",
        "period-opened",
        "period-closed",
    ]
    assert (facts[-1][1]["issued"], facts[-1][1]["vouchers"]) == (FACE, 1)
    office.clock.at = NINE_IN_MARCH  # a claim that read the clock before the end, and comes after the closing
    with pytest.raises(Refused, match="period-closed"):
        await office.claim(period_id, claimant_id, FACE)


async def test_who_stands_in_line_when_the_hour_strikes_is_still_served_and_counted(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period(2 * FACE, days=1)
    end = NINE_IN_MARCH + timedelta(days=1)
    await office.wait_until(end)
    office.clock.at = end - timedelta(microseconds=1)  # came in time, and stood in line when the due list came
    assert (await office.claim(period_id, claimant_id, FACE)).place == 1
    office.clock.at = end
    with pytest.raises(Refused, match="period-closed"):
        await office.claim(period_id, claimant_id, FACE)
    await office.wait_until(end + IN_LINE - timedelta(microseconds=1))
    assert "period-closed" not in await office.names(f"period-{period_id}")
    await office.wait_until(end + IN_LINE)
    name, said = (await office.history(f"period-{period_id}"))[-1]
    assert (name, said["issued"], said["vouchers"]) == ("period-closed", FACE, 1)


async def test_a_writer_that_knew_the_period_before_its_closing_takes_nothing_after_it(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period(2 * FACE, days=1)
    await office.claim(period_id, claimant_id, FACE)  # from now on the writer has the open period in its book
    closing = NINE_IN_MARCH + timedelta(days=1)
    office.clock.at = closing
    await office.do(lambda tx: close_period(tx, period_id))
    office.clock.at = NINE_IN_MARCH
    with pytest.raises(Refused, match="period-closed"):
        await office.claim(period_id, claimant_id, FACE)
    assert await office.quota_of(period_id) == (FACE, FACE, 0, 1)


async def test_a_sanction_takes_live_vouchers_keeps_their_allowance_and_bars_until_it_is_lifted(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    held = await office.claim(period_id, claimant_id, FACE)
    sanction = sanctioned(claimant_id)
    await office.tell(sanction)
    await office.tell(sanction)
    assert await office.names(f"voucher-{held.voucher_id}") == ["voucher-claimed", "voucher-revoked"]
    assert await office.year_of(claimant_id) == (FACE, 0)
    assert not await office.is_waited_for(held.voucher_id)
    with pytest.raises(Refused, match="claimant-banned"):
        await office.claim(period_id, claimant_id, FACE)
    await office.tell(
        SanctionLifted(
            sanction_id=sanction.sanction_id, party_id=claimant_id, measure="disqualify", on=date(2026, 3, 2)
        )
    )
    assert (await office.claim(period_id, claimant_id, FACE)).place == 2


async def test_a_sanction_and_claims_at_the_same_time_leave_no_live_voucher(
    office: Office, engine: AsyncEngine
) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    other = Office(engine)
    sanction = sanctioned(claimant_id)
    outcomes = await asyncio.gather(
        *(office.claim(period_id, claimant_id, 1_000_000) for _ in range(4)),
        other.tell(sanction),
        *(office.claim(period_id, claimant_id, 1_000_000) for _ in range(4)),
        return_exceptions=True,
    )
    for outcome in outcomes:
        if isinstance(outcome, Voucher):
            assert (await office.look(outcome.voucher_id)).stage == "revoked"
        elif outcome is not None:
            assert _codes(outcome) == ["claimant-banned"]


async def test_a_user_who_may_only_look_does_not_claim_and_one_who_was_removed_has_no_company(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    principal, today = f"user-of-{claimant_id}", date(2026, 3, 2)
    await office.claim(period_id, claimant_id, FACE)
    held: dict[str, Any] = {"claimant_id": claimant_id, "principal": principal, "on": today}
    await office.tell(ClaimantUserRoleChanged(**held, role="read_only", changed_by="owner"))
    with pytest.raises(Refused, match="user-may-only-read"):
        await office.claim(period_id, claimant_id, FACE)
    await office.tell(ClaimantUserRemoved(**held, removed_by="owner"))
    with pytest.raises(Refused, match="claimant-not-registered"):
        await office.claim(period_id, claimant_id, FACE)
    await office.tell(ClaimantUserAdded(**held, role="member", invitation_id="inv_1"))
    assert (await office.claim(period_id, claimant_id, FACE)).place == 2


async def test_whoever_comes_to_fail_a_condition_claims_nothing_until_it_is_met_again(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    await office.claim(period_id, claimant_id, FACE)

    await office.tell(judged(claimant_id, office, "fail"))
    with pytest.raises(Refused, match="claimant-not-eligible"):
        await office.claim(period_id, claimant_id, FACE)
    await office.tell(judged(claimant_id, office, "needs_review"))
    assert (await office.claim(period_id, claimant_id, FACE)).place == 2
