"""The life of a voucher, as art. 12, 15 and 17 tell it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.issuance.domain.voucher import (
    CancelVoucher,
    ClaimVoucher,
    Command,
    Event,
    ExpireUnregistered,
    RevokeVoucher,
    voucher,
)
from services.issuance.domain.voucher_contract import CommitVoucher, ExpireUnused, ReleaseCommitment, UseVoucher
from services.issuance.domain.voucher_payment import LapseVoucher, RedeemVoucher
from services.issuance.domain.voucher_stages import Voucher
from shared.events.issuance.vouchers import (
    VoucherCancelled,
    VoucherExpired,
    VoucherLapsed,
    VoucherRedeemed,
    VoucherRevoked,
)
from shared.kernel.calendar import Deadline
from shared.measures.terms import Terms
from tests.specification import Specification
from tests.unit.issuance.facts import (
    CLAIMANT,
    CLAIMED,
    COMMITTED,
    CONTRACT,
    FACE,
    JUNE_16,
    MARCH_1,
    MARCH_16,
    MARCH_17,
    PERIOD,
    REDEMPTION,
    RELEASED,
    TERMS,
    USED,
    VALID,
    VOUCHER,
    of_the_voucher,
)

spec = Specification(voucher)
MAY_4 = USED.on
CLAIM = ClaimVoucher(
    voucher_id=VOUCHER,
    period_id=PERIOD,
    claimant_id=CLAIMANT,
    year=2026,
    amount=FACE,
    allowance=CLAIMED.allowance,
    place=1,
    on=MARCH_1,
    register_by=Deadline(last_day=MARCH_16, provisional=False),
    pack=TERMS.pack,
    pack_digest=TERMS.digest,
)
COMMIT = CommitVoucher(contract_id=CONTRACT, claimant_id=CLAIMANT, amount=FACE, on=MARCH_16, valid_until=VALID)
USE = UseVoucher(contract_id=CONTRACT, on=MAY_4)
REDEEM = RedeemVoucher(contract_id=CONTRACT, redemption_id=REDEMPTION, paid=2_000_000, on=MAY_4, terms=TERMS)
CANCEL = CancelVoucher(on=MARCH_1, terms=TERMS)
UNREGISTERED = ExpireUnregistered(on=MARCH_17, terms=TERMS)
LAPSE = LapseVoucher(contract_id=CONTRACT, cause="not_applied", on=MAY_4, terms=TERMS)
REVOKE = RevokeVoucher(sanction_id="snc_1", on=MAY_4)
UNUSED = ExpireUnused(contract_id=CONTRACT, on=JUNE_16 + timedelta(days=1), terms=TERMS)

CANCELLED = of_the_voucher(VoucherCancelled, released=FACE, on=MARCH_1)
NOT_REGISTERED = of_the_voucher(VoucherExpired, released=FACE, cause="not_registered", contract_id=None, on=MARCH_17)
NOT_USED = of_the_voucher(VoucherExpired, released=FACE, cause="not_used", contract_id=CONTRACT, on=UNUSED.on)
REDEEMED = of_the_voucher(
    VoucherRedeemed,
    contract_id=CONTRACT,
    redemption_id=REDEMPTION,
    paid=2_000_000,
    released=1_000_000,
    revoked=False,
    on=MAY_4,
)
LAPSED = of_the_voucher(VoucherLapsed, released=FACE, contract_id=CONTRACT, cause="not_applied", on=MAY_4)
REVOKED = of_the_voucher(VoucherRevoked, stage="used", contract_id=CONTRACT, sanction_id="snc_1", on=MAY_4)


def test_a_granted_claim_is_written_down_with_the_day_by_which_to_register() -> None:
    spec.given().when(CLAIM).then(CLAIMED)
    spec.given(CLAIMED).when(CLAIM).then_refused("voucher-not-in-this-state")


def test_a_voucher_is_cancelled_before_it_is_registered_and_in_its_time_only() -> None:
    spec.given(CLAIMED).when(CANCEL).then(CANCELLED)
    spec.given(CLAIMED).when(replace(CANCEL, on=MARCH_17)).then_refused("registration-too-late")
    spec.given(CLAIMED, COMMITTED).when(replace(CANCEL, on=MARCH_16)).then_refused("voucher-not-in-this-state")
    spec.given(CLAIMED, CANCELLED).when(CANCEL).then_refused("voucher-not-in-this-state")


def test_the_activity_may_be_registered_on_the_last_day_but_not_a_day_late() -> None:
    spec.given(CLAIMED).when(COMMIT).then(COMMITTED)
    spec.given(CLAIMED).when(replace(COMMIT, on=MARCH_17)).then_refused("registration-too-late")


def test_a_commitment_is_not_made_twice_and_a_voucher_pays_one_contract_only() -> None:
    spec.given(CLAIMED, COMMITTED).when(COMMIT).then_nothing()
    spec.given(CLAIMED, COMMITTED).when(replace(COMMIT, contract_id="ctr_2")).then_refused("voucher-not-claimed")


def test_a_commitment_names_every_reason_but_nothing_about_the_voucher_of_another() -> None:
    spec.given(CLAIMED).when(replace(COMMIT, amount=1, on=MARCH_17)).then_refused(
        "registration-too-late", "voucher-amount-differs"
    )
    spec.given(CLAIMED).when(replace(COMMIT, claimant_id="clm_2", amount=1)).then_refused("voucher-unknown")


def test_a_released_commitment_leaves_the_voucher_as_it_was() -> None:
    release = ReleaseCommitment(contract_id=CONTRACT, on=MARCH_16)
    spec.given(CLAIMED, COMMITTED).when(release).then(RELEASED)
    free = voucher.fold([CLAIMED])
    assert isinstance(free, Voucher)
    given_back = replace(free, released_from=(CONTRACT,), free_since=MARCH_16)
    assert voucher.fold([CLAIMED, COMMITTED, RELEASED]) == given_back


def test_a_contract_that_came_to_nothing_does_not_get_the_voucher_again_but_another_may() -> None:
    history = (CLAIMED, COMMITTED, RELEASED)
    spec.given(*history).when(COMMIT).then_nothing()
    spec.given(*history).when(replace(COMMIT, contract_id="ctr_2")).then(replace(COMMITTED, contract_id="ctr_2"))


@pytest.mark.parametrize("history", [(), (CLAIMED,), (CLAIMED, COMMITTED, RELEASED), (CLAIMED, NOT_REGISTERED)])
def test_the_rejection_of_a_contract_that_holds_no_voucher_changes_nothing(history: tuple[Event, ...]) -> None:
    spec.given(*history).when(ReleaseCommitment(contract_id=CONTRACT, on=MARCH_16)).then_nothing()


def test_an_unregistered_voucher_expires_on_the_day_after_its_last_however_late_the_sweep() -> None:
    spec.given(CLAIMED).when(replace(UNREGISTERED, on=MARCH_16)).then_nothing()
    spec.given(CLAIMED).when(UNREGISTERED).then(NOT_REGISTERED)
    spec.given(CLAIMED).when(replace(UNREGISTERED, on=date(2026, 4, 1))).then(NOT_REGISTERED)
    spec.given(CLAIMED, NOT_REGISTERED).when(UNREGISTERED).then_nothing()
    spec.given(CLAIMED, COMMITTED).when(UNREGISTERED).then_nothing()


def test_a_voucher_given_back_after_its_last_day_was_registered_until_then_and_expires_on_that_day() -> None:
    for given_back, expired in ((MARCH_16, MARCH_17), (MARCH_17, MARCH_17), (date(2026, 3, 20), date(2026, 3, 20))):
        history = (CLAIMED, COMMITTED, replace(RELEASED, on=given_back))
        late = replace(UNREGISTERED, on=date(2026, 4, 1))
        spec.given(*history).when(late).then(replace(NOT_REGISTERED, on=expired))


def test_a_voucher_whose_contract_lapsed_expires() -> None:
    spec.given(CLAIMED, COMMITTED).when(UNUSED).then(NOT_USED)
    spec.given(CLAIMED, COMMITTED, USED).when(UNUSED).then_nothing()
    spec.given(CLAIMED, COMMITTED, NOT_USED).when(UNUSED).then_nothing()


def test_a_payment_is_posted_and_the_rest_released() -> None:
    spec.given(CLAIMED, COMMITTED, USED).when(REDEEM).then(REDEEMED)


def test_a_payment_that_overtakes_the_completion_tells_of_it_too() -> None:
    spec.given(CLAIMED, COMMITTED).when(REDEEM).then(USED, REDEEMED)
    spec.given(CLAIMED, COMMITTED, USED, REDEEMED).when(USE).then_nothing()


def test_a_lapse_that_overtakes_the_completion_tells_of_it_too() -> None:
    spec.given(CLAIMED, COMMITTED).when(LAPSE).then(USED, LAPSED)
    spec.given(CLAIMED, COMMITTED, USED).when(LAPSE).then(LAPSED)


def test_a_payment_that_no_rule_explains_does_not_pass_in_silence() -> None:
    spec.given(CLAIMED).when(REDEEM).then_refused("voucher-not-payable")
    spec.given(CLAIMED, COMMITTED, USED, LAPSED).when(REDEEM).then_refused("voucher-not-payable")
    spec.given(CLAIMED, COMMITTED, USED, REDEEMED).when(replace(REDEEM, contract_id="ctr_2")).then_refused(
        "voucher-not-payable"
    )
    spec.given(CLAIMED, COMMITTED, USED).when(replace(REDEEM, paid=FACE + 1)).then_refused("paid-above-face-value")


def test_a_sanction_takes_a_live_voucher_but_not_one_that_has_ended() -> None:
    spec.given(CLAIMED).when(REVOKE).then(replace(REVOKED, stage="claimed", contract_id=None))
    spec.given(CLAIMED, COMMITTED).when(REVOKE).then(replace(REVOKED, stage="committed"))
    spec.given(CLAIMED, COMMITTED, USED).when(REVOKE).then(REVOKED)
    for end in (CANCELLED, NOT_REGISTERED, REVOKED):
        spec.given(CLAIMED, end).when(REVOKE).then_nothing()


def test_a_payment_that_left_before_the_sanction_was_heard_of_is_posted_and_the_rest_does_not_return() -> None:
    revoked = (CLAIMED, COMMITTED, USED, REVOKED)
    spec.given(*revoked).when(REDEEM).then(replace(REDEEMED, released=0, revoked=True))
    spec.given(*revoked, replace(REDEEMED, released=0, revoked=True)).when(REDEEM).then_nothing()


def test_a_revoked_voucher_is_not_paid_from_the_day_after_on() -> None:
    late = replace(REDEEM, on=MAY_4 + timedelta(days=1))
    spec.given(CLAIMED, COMMITTED, USED, REVOKED).when(late).then_refused("voucher-revoked")
    spec.given(CLAIMED, COMMITTED, REVOKED).when(late).then_refused("voucher-revoked")
    spec.given(CLAIMED, REVOKED).when(REDEEM).then_refused("voucher-not-payable")


@pytest.mark.parametrize("late", [LAPSE, replace(LAPSE, cause="refused"), UNUSED, USE])
def test_a_redemption_that_is_refused_or_lapses_after_the_sanction_changes_nothing(late: Command) -> None:
    spec.given(CLAIMED, COMMITTED, USED, REVOKED).when(late).then_nothing()
    spec.given(CLAIMED, COMMITTED, REVOKED).when(late).then_nothing()


def _without(*ends: str) -> Terms:
    returning = tuple(end for end in TERMS.voucher.returns_to_allowance if end not in ends)
    return replace(TERMS, voucher=replace(TERMS.voucher, returns_to_allowance=returning))


@pytest.mark.parametrize(
    ("end", "history", "command", "fact"),
    [
        ("cancellation", (CLAIMED,), CANCEL, CANCELLED),
        ("expiry", (CLAIMED,), UNREGISTERED, NOT_REGISTERED),
        ("expiry", (CLAIMED, COMMITTED), UNUSED, NOT_USED),
        ("lapse", (CLAIMED, COMMITTED, USED), LAPSE, LAPSED),
        ("lapse", (CLAIMED, COMMITTED, USED), replace(LAPSE, cause="refused"), replace(LAPSED, cause="refused")),
        ("partial_approval", (CLAIMED, COMMITTED, USED), REDEEM, REDEEMED),
    ],
)
def test_an_end_that_the_measure_does_not_name_releases_nothing(
    end: str,
    history: tuple[Event, ...],
    command: CancelVoucher | ExpireUnregistered | ExpireUnused | LapseVoucher | RedeemVoucher,
    fact: VoucherCancelled | VoucherExpired | VoucherLapsed | VoucherRedeemed,
) -> None:
    others = _without(*{"cancellation", "expiry", "lapse", "partial_approval"} - {end})
    spec.given(*history).when(replace(command, terms=others)).then(fact)
    spec.given(*history).when(replace(command, terms=_without(end))).then(replace(fact, released=0))
    ended = voucher.fold([*history, replace(fact, released=0)])
    assert isinstance(ended, Voucher)
    assert ended.released == 0


def test_what_lapses_for_want_of_an_application_stays_in_the_year_where_the_measure_counts_it() -> None:
    counting = replace(TERMS, redemption=replace(TERMS.redemption, lapse_counts_in_annual_total=True))
    used = spec.given(CLAIMED, COMMITTED, USED)
    used.when(replace(LAPSE, terms=counting)).then(replace(LAPSED, released=0))
    refused = replace(LAPSE, cause="refused", terms=counting)
    used.when(refused).then(replace(LAPSED, cause="refused"))


ENDS: list[tuple[Event, ...]] = [
    (CLAIMED, CANCELLED),
    (CLAIMED, NOT_REGISTERED),
    (CLAIMED, COMMITTED, NOT_USED),
    (CLAIMED, COMMITTED, USED, LAPSED),
    (CLAIMED, COMMITTED, USED, REDEEMED),
]


@pytest.mark.parametrize("history", ENDS)
@pytest.mark.parametrize(
    "late",
    [
        USE,
        UNUSED,
        LAPSE,
        REVOKE,
        replace(UNREGISTERED, on=JUNE_16),
        ReleaseCommitment(contract_id=CONTRACT, on=MAY_4),
    ],
)
def test_what_comes_after_the_end_changes_nothing(history: tuple[Event, ...], late: Command) -> None:
    spec.given(*history).when(late).then_nothing()
