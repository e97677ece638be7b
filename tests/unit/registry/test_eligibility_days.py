"""How long an answer of art. 7 holds by itself: anniversaries, New Year, listings that begin and end."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.registry.domain.eligibility import EnterpriseFacts, enterprise_answer_holds_until, enterprise_findings
from shared.events.registry.claimants import Certificate
from tests.unit.registry.facts import COMPANY, LISTING, TERMS, TODAY

OLD = replace(COMPANY, founded_on=date(2016, 3, 1), listed_on=date(2026, 3, 2), certificates=(LISTING,))


def holds_until(facts: EnterpriseFacts, today: date = TODAY) -> date | None:
    return enterprise_answer_holds_until(facts, TERMS.eligibility, TERMS.voucher, today)


def outcomes(facts: EnterpriseFacts, day: date) -> list[str]:
    return [f.outcome for f in enterprise_findings(facts, TERMS.eligibility, TERMS.voucher, day)]


def test_a_young_company_s_answer_holds_to_its_fifth_anniversary() -> None:
    assert holds_until(COMPANY) == date(2028, 9, 9)


def test_a_newly_listed_company_s_answer_holds_to_the_end_of_the_year() -> None:
    assert holds_until(OLD) == date(2026, 12, 31)


def test_it_ends_sooner_with_the_listing() -> None:
    ends = replace(LISTING, valid_until=date(2026, 12, 1))
    assert holds_until(replace(OLD, certificates=(ends,))) == date(2026, 12, 1)


def test_a_listing_to_come_turns_a_refusal_into_an_answer() -> None:
    comes = replace(LISTING, valid_from=date(2026, 12, 1))
    assert holds_until(replace(OLD, certificates=(comes,))) == date(2026, 11, 30)


def test_an_old_company_without_a_listing_stays_too_old() -> None:
    assert holds_until(replace(OLD, listed_on=None)) is None


@pytest.mark.parametrize("end", [date.max, date.max - timedelta(days=1)])
def test_the_calendar_s_end_ends_nothing(end: date) -> None:
    for_ever = replace(LISTING, valid_until=end)
    assert holds_until(replace(COMPANY, certificates=(for_ever,))) == date(2028, 9, 9)
    assert outcomes(replace(COMPANY, founded_on=end), TODAY)[3] == "fail"
    assert holds_until(replace(COMPANY, founded_on=end, listed_on=end)) == end - timedelta(days=1)


DAYS = st.dates(date(2020, 1, 1), date(2028, 12, 31))
CERTIFICATES = st.builds(
    lambda kind, a, b: Certificate(kind=kind, valid_from=a, valid_until=b),
    st.sampled_from(["national_high_tech", "technology_sme"]), DAYS, DAYS,
)  # fmt: skip
COMPANIES = st.builds(
    lambda founded, listed, certificates: replace(
        COMPANY, founded_on=founded, listed_on=listed, certificates=tuple(certificates)
    ),
    DAYS, st.one_of(st.none(), DAYS), st.lists(CERTIFICATES, max_size=3),
)  # fmt: skip


@for_all(COMPANIES, DAYS)
def test_the_same_facts_have_the_same_outcomes_to_that_day_and_others_the_day_after(
    facts: EnterpriseFacts, today: date
) -> None:
    now, last = outcomes(facts, today), holds_until(facts, today)
    day = today
    for _ in range(9 * 366):
        if last is not None and day > last:
            break
        assert outcomes(facts, day) == now, day
        day += timedelta(days=7) if last is None or day + timedelta(days=7) <= last else timedelta(days=1)
        if day > date(2035, 1, 1):
            break
    if last is not None:
        assert outcomes(facts, last + timedelta(days=1)) != now
