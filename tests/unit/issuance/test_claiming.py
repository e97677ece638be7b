"""Who may claim how much, and that a refusal says everything at once (art. 7, 12, 15(1), 17)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.issuance.domain.allowance import allowance_on
from services.issuance.domain.claimant import Ban, Claimant
from services.issuance.domain.claiming import Claim, reasons_against
from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Period
from shared.events.issuance.periods import PeriodPaused, PeriodResumed, PeriodWithdrawn
from shared.events.registry.claimants import Certificate
from tests.unit.issuance.facts import APPROVED, BEFORE, CLAIMANT, CLOSES, MARCH_1, OPENS, PERIOD, PROPOSED, TERMS

CERTIFICATE = Certificate(kind="technology_sme", valid_from=date(2026, 1, 1), valid_until=date(2026, 12, 31))
COMPANY = Claimant(claimant_id=CLAIMANT, kind="enterprise", certificates=(), bans=())
HIGH_TECH = replace(COMPANY, certificates=(CERTIFICATE,))
TEAM = replace(COMPANY, kind="team")


def _period(*facts: object) -> Period:
    state = period.fold(facts)  # type: ignore[arg-type]
    assert isinstance(state, Period)
    return state


CLAIM = Claim(
    claimant=COMPANY,
    period=_period(PROPOSED, APPROVED),
    amount=5_000_000,
    counted=15_000_000,
    remaining=5_000_000,
    at=OPENS,
    on=MARCH_1,
    terms=TERMS,
)


def _codes(claim: Claim) -> list[str]:
    return [reason.code for reason in reasons_against(claim)]


def test_a_claim_may_take_the_whole_face_value_the_last_of_the_allowance_and_of_the_quota() -> None:
    assert _codes(CLAIM) == []


@pytest.mark.parametrize("amount", [0, 5_000_001])
def test_a_face_value_must_be_positive_and_within_the_cap(amount: int) -> None:
    (reason,) = reasons_against(CLAIM._replace(amount=amount, counted=0, remaining=20_000_000))
    assert (reason.code, reason.article, reason.value, reason.limit) == (
        "face-value-out-of-range",
        "12",
        amount,
        5_000_000,
    )


def test_one_fen_above_the_allowance_is_refused_with_what_the_year_would_come_to() -> None:
    (reason,) = reasons_against(CLAIM._replace(counted=15_000_001))
    assert (reason.code, reason.article, reason.value, reason.limit, reason.parameter) == (
        "allowance-exceeded",
        "12",
        20_000_001,
        20_000_000,
        "annual_allowance_other",
    )


def test_one_fen_above_the_remaining_quota_is_a_conflict() -> None:
    (reason,) = reasons_against(CLAIM._replace(remaining=4_999_999))
    assert (reason.code, reason.limit, reason.kind) == ("quota-exhausted", 4_999_999, "state")


def test_claims_are_taken_from_the_first_instant_to_the_last() -> None:
    moment = timedelta(microseconds=1)
    assert _codes(CLAIM._replace(at=OPENS - moment)) == ["period-not-open-yet"]
    assert _codes(CLAIM._replace(at=OPENS)) == []
    assert _codes(CLAIM._replace(at=CLOSES - moment)) == []
    assert _codes(CLAIM._replace(at=CLOSES)) == ["period-closed"]


def test_a_withdrawn_plan_gives_nothing_whatever_the_hour() -> None:
    withdrawn = _period(
        PROPOSED, APPROVED, PeriodWithdrawn(period_id=PERIOD, reason="改期", withdrawn_by="l", on=MARCH_1)
    )
    for at in (BEFORE, OPENS, CLOSES):
        (reason,) = reasons_against(CLAIM._replace(period=withdrawn, at=at))
        assert (reason.code, reason.value, reason.kind) == ("period-withdrawn", "改期", "state")


def test_a_paused_period_takes_no_claims_and_says_why_until_it_is_over() -> None:
    pause = PeriodPaused(period_id=PERIOD, reason="系统维护", paused_by="officer-li", at=BEFORE)
    paused = CLAIM._replace(period=_period(PROPOSED, APPROVED, pause))
    (reason,) = reasons_against(paused)
    assert (reason.code, reason.article, reason.value, reason.limit) == ("period-paused", "12", "系统维护", BEFORE)
    assert _codes(paused._replace(at=BEFORE)) == ["period-not-open-yet", "period-paused"]
    assert _codes(paused._replace(at=CLOSES)) == ["period-closed"]
    resumed = PeriodResumed(period_id=PERIOD, reason="已恢复", resumed_by="officer-li", at=OPENS)
    assert _codes(CLAIM._replace(period=_period(PROPOSED, APPROVED, pause, resumed))) == []


def test_a_plan_nobody_approved_gives_nothing() -> None:
    assert _codes(CLAIM._replace(period=_period(PROPOSED), remaining=None)) == ["period-not-approved"]


def test_who_has_not_registered_or_is_banned_may_not_claim() -> None:
    assert _codes(CLAIM._replace(claimant=None)) == ["claimant-not-registered"]
    last_day = replace(COMPANY, bans=(Ban(sanction_id="snc_1", until=MARCH_1),))
    assert _codes(CLAIM._replace(claimant=last_day)) == ["claimant-banned"]
    over = replace(COMPANY, bans=(Ban(sanction_id="snc_1", until=MARCH_1 - timedelta(days=1)),))
    assert _codes(CLAIM._replace(claimant=over)) == []
    until_lifted = replace(COMPANY, bans=(*over.bans, Ban(sanction_id="snc_2", until=None)))
    assert _codes(CLAIM._replace(claimant=until_lifted)) == ["claimant-banned"]


def test_a_refusal_says_everything_at_once() -> None:
    banned = replace(COMPANY, bans=(Ban(sanction_id="snc_1", until=None),))
    hopeless = CLAIM._replace(claimant=banned, amount=5_000_001, remaining=0, at=BEFORE)
    assert _codes(hopeless) == [
        "claimant-banned",
        "face-value-out-of-range",
        "allowance-exceeded",
        "period-not-open-yet",
        "quota-exhausted",
    ]


@pytest.mark.parametrize(
    ("day", "claimant", "yuan"),
    [
        (date(2025, 12, 31), HIGH_TECH, 200_000),
        (date(2026, 1, 1), HIGH_TECH, 500_000),
        (date(2026, 12, 31), HIGH_TECH, 500_000),
        (date(2027, 1, 1), HIGH_TECH, 200_000),
        (date(2026, 6, 1), COMPANY, 200_000),
        (date(2026, 6, 1), replace(TEAM, certificates=(CERTIFICATE,)), 200_000),
    ],
)
def test_the_higher_allowance_needs_an_enterprise_with_a_certificate_valid_on_the_day(
    day: date, claimant: Claimant, yuan: int
) -> None:
    assert allowance_on(day, claimant, TERMS.voucher).amount == yuan * 100
