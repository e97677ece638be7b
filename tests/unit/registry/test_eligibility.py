"""Art. 7, rule by rule, on both sides of every number."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.registry.domain.eligibility import (
    DISTRICTS,
    Declarations,
    EnterpriseFacts,
    Finding,
    TeamFacts,
    enterprise_findings,
    team_findings,
)
from shared.events.registry.claimants import Outcome
from shared.kernel.money import Fen, yuan
from tests.unit.registry.facts import CERTIFICATE, CODE, COMPANY, LISTING, TEAM, TERMS, TODAY

A_DAY = timedelta(days=1)
TWO_HUNDRED_MILLION = yuan(200_000_000)


def judged(facts: EnterpriseFacts, today: date = TODAY) -> tuple[Finding, ...]:
    return enterprise_findings(facts, TERMS.eligibility, TERMS.voucher, today)


def outcome(facts: EnterpriseFacts, rule: str, today: date = TODAY) -> Outcome:
    (found,) = (finding.outcome for finding in judged(facts, today) if finding.rule == rule)
    return found


def team_outcome(facts: TeamFacts, rule: str) -> Outcome:
    (found,) = (finding.outcome for finding in team_findings(facts, TERMS.eligibility) if finding.rule == rule)
    return found


def failed(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings if finding.outcome == "fail"]


def test_a_small_young_company_in_a_supported_field_may_claim() -> None:
    assert failed(judged(COMPANY)) == []


def test_every_rule_has_a_name_of_its_own_and_an_article() -> None:
    rules = [finding.rule for finding in judged(COMPANY)]
    assert len(set(rules)) == len(rules) == 13
    assert all(finding.article for finding in judged(COMPANY))


@pytest.mark.parametrize(("staff", "expected"), [(0, "pass"), (500, "pass"), (501, "fail")])
def test_five_hundred_staff_are_the_most(staff: int, expected: Outcome) -> None:
    assert outcome(replace(COMPANY, staff=staff), "staff") == expected


@pytest.mark.parametrize(("over", "expected"), [(-1, "pass"), (0, "pass"), (1, "fail")])
def test_revenue_is_two_hundred_million_at_most_to_the_fen(over: int, expected: Outcome) -> None:
    assert outcome(replace(COMPANY, annual_revenue=Fen(TWO_HUNDRED_MILLION + over)), "annual-revenue") == expected


@pytest.mark.parametrize(("over", "expected"), [(-1, "pass"), (0, "pass"), (1, "fail")])
def test_assets_are_two_hundred_million_at_most_to_the_fen(over: int, expected: Outcome) -> None:
    assert outcome(replace(COMPANY, total_assets=Fen(TWO_HUNDRED_MILLION + over)), "total-assets") == expected


@pytest.mark.parametrize(
    ("founded_on", "expected"),
    [
        (TODAY, "pass"),
        (TODAY + A_DAY, "fail"),
        (date(2021, 11, 23), "pass"),  # five years today, inclusive
        (date(2021, 11, 22), "fail"),  # five years yesterday
    ],
)
def test_five_years_include_the_anniversary(founded_on: date, expected: Outcome) -> None:
    assert outcome(replace(COMPANY, founded_on=founded_on), "age") == expected


def test_a_company_founded_on_the_leap_day_is_five_on_the_last_of_february() -> None:
    leap = replace(COMPANY, founded_on=date(2024, 2, 29))
    assert outcome(leap, "age", date(2029, 2, 28)) == "pass"
    assert outcome(leap, "age", date(2029, 3, 1)) == "fail"


@pytest.mark.parametrize(
    ("listed_on", "expected"),
    [
        (date(2026, 1, 1), "pass"),
        (date(2025, 12, 31), "fail"),
        (TODAY, "pass"),
        (TODAY + A_DAY, "fail"),
        (None, "fail"),
    ],
)
def test_an_older_company_may_claim_in_the_calendar_year_of_its_listing(
    listed_on: date | None, expected: Outcome
) -> None:
    listing = replace(LISTING, valid_from=date(2025, 1, 1))
    old = replace(COMPANY, founded_on=date(2016, 3, 1), listed_on=listed_on, certificates=(listing,))
    assert outcome(old, "age") == expected


def test_a_listing_that_is_not_valid_today_replaces_no_age() -> None:
    over = replace(LISTING, valid_until=TODAY - A_DAY)
    old = replace(COMPANY, founded_on=date(2016, 3, 1), listed_on=date(2026, 3, 2), certificates=(over,))
    assert outcome(old, "age") == "fail"
    assert outcome(replace(old, certificates=(replace(over, valid_until=TODAY),)), "age") == "pass"
    assert outcome(replace(old, certificates=(CERTIFICATE,)), "age") == "fail"


def test_the_switch_turns_the_second_route_of_reading_1_off() -> None:
    old = replace(COMPANY, founded_on=date(2016, 3, 1), listed_on=date(2026, 3, 2), certificates=(LISTING,))
    off = replace(TERMS.eligibility, listing_replaces_age=False)
    (age,) = (f for f in enterprise_findings(old, off, TERMS.voucher, TODAY) if f.rule == "age")
    assert age.outcome == "fail"


def test_only_a_district_of_beijing_will_do() -> None:
    assert all(outcome(replace(COMPANY, district=district), "beijing-registration") == "pass" for district in DISTRICTS)
    assert outcome(replace(COMPANY, district="南开区"), "beijing-registration") == "fail"


def test_a_code_given_elsewhere_is_looked_at_by_a_person() -> None:
    moved = replace(COMPANY, credit_code="91120116MAY10000X0")
    assert outcome(moved, "beijing-registration") == "needs_review"


@pytest.mark.parametrize(("body", "expected"), [("91", "recorded"), ("92", "fail"), ("12", "needs_review")])
def test_a_company_is_a_legal_person_and_an_individual_business_is_not(body: str, expected: Outcome) -> None:
    assert outcome(replace(COMPANY, credit_code=body + CODE[2:]), "legal-personality") == expected


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (Declarations(legal_person=False, sound_finances=True, clean_record=True), "legal-personality"),
        (Declarations(legal_person=True, sound_finances=False, clean_record=True), "sound-finances"),
        (Declarations(legal_person=True, sound_finances=True, clean_record=False), "clean-record"),
    ],
)
def test_what_a_company_says_of_itself_is_recorded_and_a_no_is_a_no(said: Declarations, rule: str) -> None:
    assert outcome(COMPANY, rule) == "recorded"
    assert outcome(replace(COMPANY, declarations=said), rule) == "fail"


def test_a_measure_in_force_weighs_more_than_what_is_declared() -> None:
    assert failed(judged(replace(COMPANY, barred=True))) == ["party-barred"]


def test_certificates_are_recorded_and_none_is_no_fault() -> None:
    (held,) = (f.value for f in judged(COMPANY) if f.rule == "allowance-certificates")
    (none,) = (f for f in judged(replace(COMPANY, certificates=())) if f.rule == "allowance-certificates")
    assert held == ("national_high_tech",)
    assert (none.outcome, none.value) == ("recorded", ())


@pytest.mark.parametrize("day", [CERTIFICATE.valid_from, CERTIFICATE.valid_until])
def test_a_certificate_counts_on_both_its_days(day: date) -> None:
    company = replace(COMPANY, founded_on=day)
    (held,) = (f.value for f in judged(company, day) if f.rule == "allowance-certificates")
    (before,) = (f.value for f in judged(company, CERTIFICATE.valid_from - A_DAY) if f.rule == "allowance-certificates")
    assert held == ("national_high_tech",)
    assert before == ()


def test_all_that_fails_is_said_at_once() -> None:
    nothing_right = replace(
        COMPANY,
        credit_code="91110106MAY10000XX",
        founded_on=date(2016, 3, 1),
        district="南开区",
        staff=501,
        annual_revenue=Fen(TWO_HUNDRED_MILLION + 1),
        total_assets=Fen(TWO_HUNDRED_MILLION + 1),
        field="catering",
        certificates=(replace(CERTIFICATE, valid_until=date(2020, 1, 1)),),
        declarations=Declarations(legal_person=False, sound_finances=False, clean_record=False),
        undertaking=False,
    )
    assert failed(judged(nothing_right)) == [
        "credit-code-invalid", "not-registered-in-beijing", "not-a-legal-person", "too-old-and-not-newly-listed",
        "staff-over-limit", "revenue-over-limit", "assets-over-limit", "finances-not-sound", "record-not-clean",
        "field-not-supported", "certificate-dates-reversed", "undertaking-missing",
    ]  # fmt: skip


def test_the_code_is_told_apart_but_not_told() -> None:
    (code,) = (finding for finding in judged(COMPANY) if finding.rule == "credit-code")
    assert code.value == "…00XK"


@pytest.mark.parametrize(
    ("students", "members", "expected"),
    [(1, 1, "pass"), (1, 2, "fail"), (2, 3, "pass"), (2, 4, "fail"), (3, 5, "pass"), (0, 1, "fail")],
)
def test_students_are_more_than_half_of_a_team(students: int, members: int, expected: Outcome) -> None:
    team = replace(TEAM, students=students, members=members)
    assert team_outcome(team, "student-majority") == expected


@pytest.mark.parametrize(("stage", "expected"), [("planning", "fail"), ("development", "recorded")])
def test_a_team_s_project_is_past_the_planning_stage(stage: str, expected: Outcome) -> None:
    assert team_outcome(replace(TEAM, stage=stage), "project-stage") == expected  # type: ignore[arg-type]


def test_a_team_s_school_is_its_own_word_and_needs_a_person_where_it_is_not_said() -> None:
    assert team_outcome(TEAM, "school") == "recorded"
    assert team_outcome(replace(TEAM, school=None), "school") == "needs_review"


@pytest.mark.parametrize("rule", ["no-company", "student-majority", "school", "project-stage", "undertaking"])
def test_a_team_is_asked_everything_that_art_7_asks_of_it(rule: str) -> None:
    assert [finding.rule for finding in team_findings(TEAM, TERMS.eligibility)].count(rule) == 1


def test_a_team_that_is_a_company_registers_as_one() -> None:
    assert failed(team_findings(replace(TEAM, registered_as_company=True), TERMS.eligibility)) == [
        "team-registered-as-company"
    ]


def test_everyone_gives_the_undertaking() -> None:
    assert failed(team_findings(TEAM, TERMS.eligibility)) == []
    assert failed(team_findings(replace(TEAM, undertaking=False), TERMS.eligibility)) == ["undertaking-missing"]
