"""The sample register: complete, invented, valid to the last check digit, and eligible today."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError
from stdnum.cn import uscc

from deploy.local.sample.generate import FOLDER, credit_code, generate
from deploy.local.sample.register import load_sample_register
from shared.kernel.calendar import years_after
from shared.measures.reader import Measures

REGISTER = load_sample_register()
CREDIT_CODES = [c.credit_code for c in REGISTER.companies] + [p.credit_code for p in REGISTER.providers]
TODAY = date(2026, 11, 22)
TERMS = Measures.load().on(TODAY)
OFFERED_BY = {
    "analysis": {"testing"},
    "testing": {"testing"},
    "inspection": {"testing"},
    "rnd": {"rnd", "industrial_design"},
    "compute": {"compute"},
}


@pytest.mark.parametrize("name", ["companies.json", "teams.json", "providers.json", "facilities.json"])
def test_what_is_committed_is_what_the_catalogue_makes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == generate()[name]


def test_there_are_forty_companies_five_teams_twelve_providers_and_three_hundred_facilities() -> None:
    assert len(REGISTER.companies) == 40
    assert len(REGISTER.teams) == 5
    assert len(REGISTER.providers) == 12
    assert len(REGISTER.facilities) == 300


def test_every_credit_code_is_valid_and_of_one_party() -> None:
    assert [code for code in CREDIT_CODES if not uscc.is_valid(code)] == []
    assert len(set(CREDIT_CODES)) == 52


def test_the_organisation_part_has_its_own_check_digit() -> None:
    """GB 11714 computed by another way: the weighted sum of all nine characters is a multiple of eleven."""
    weights = (3, 7, 9, 10, 5, 8, 4, 2, 1)
    for code in CREDIT_CODES:
        part = code[8:17]
        values = [int(char, 36) for char in part[:8]] + [10 if part[8] == "X" else int(part[8])]
        assert sum(value * weight for value, weight in zip(values, weights, strict=True)) % 11 == 0


def test_a_wrong_check_digit_would_be_seen() -> None:
    code = credit_code("91", "110108", 10_000)
    assert uscc.is_valid(code)
    assert not uscc.is_valid(code[:-1] + ("0" if code[-1] != "0" else "1"))


def test_no_two_parties_and_no_two_facilities_of_a_provider_share_a_name() -> None:
    companies, providers = {c.name for c in REGISTER.companies}, {p.name for p in REGISTER.providers}
    assert len(companies | providers | {team.name for team in REGISTER.teams}) == 57
    assert len({(facility.provider, facility.name) for facility in REGISTER.facilities}) == 300
    assert len({facility.number for facility in REGISTER.facilities}) == 300
    assert len({facility.site for facility in REGISTER.facilities}) == 300


def test_every_company_is_of_a_size_and_in_a_field_that_may_claim() -> None:
    eligibility = TERMS.eligibility
    for company in REGISTER.companies:
        assert 0 < company.staff <= eligibility.staff_max
        assert 0 < company.annual_revenue <= eligibility.annual_revenue_max
        assert 0 < company.total_assets <= eligibility.total_assets_max
        assert company.field in eligibility.fields
    assert {company.field for company in REGISTER.companies} == set(eligibility.fields)


def test_every_company_is_young_enough_or_listed_this_year() -> None:
    old = [c for c in REGISTER.companies if years_after(c.founded_on, TERMS.eligibility.age_years_max) < TODAY]
    assert len(old) == 6
    assert {company.listed_on.year for company in old if company.listed_on} == {TODAY.year}
    assert all(company.listed_on for company in old)
    assert [company for company in REGISTER.companies if company.listed_on and company not in old] == []
    assert all(company.founded_on < TODAY for company in REGISTER.companies)


def test_a_dozen_companies_hold_a_certificate_for_all_of_2027() -> None:
    through_2027 = [company for company in REGISTER.companies if company.is_certified_on(date(2027, 12, 31))]
    assert len(through_2027) == 12
    assert all(company.is_certified_on(TODAY) for company in through_2027)
    assert {c.kind for company in through_2027 for c in company.certificates} == {
        "national_high_tech",
        "zhongguancun_high_tech",
    }
    assert sum(company.is_certified_on(TODAY) for company in REGISTER.companies) == 18


def test_every_certificate_has_its_number_and_follows_the_founding() -> None:
    certificates = [certificate for company in REGISTER.companies for certificate in company.certificates]
    assert len({certificate.number for certificate in certificates}) == len(certificates) == 18
    assert all(certificate.valid_from <= certificate.valid_until for certificate in certificates)
    assert all(c.founded_on < each.valid_from for c in REGISTER.companies for each in c.certificates)
    assert {certificate.kind for certificate in certificates} <= set(TERMS.voucher.allowance_certificates)


def test_most_members_of_every_team_are_students() -> None:
    for team in REGISTER.teams:
        students = sum(member.student for member in team.members)
        assert students * 100 > len(team.members) * TERMS.eligibility.team_student_share_over
        assert len({member.name for member in team.members}) == len(team.members)
    assert {team.project.stage for team in REGISTER.teams} == {"development", "testing"}


def test_three_providers_are_municipal_and_nine_are_beijing_based() -> None:
    assert Counter(provider.kind for provider in REGISTER.providers) == {"municipal": 3, "beijing_based": 9}
    assert {each for provider in REGISTER.providers for each in provider.capabilities} == {
        "testing",
        "rnd",
        "industrial_design",
        "compute",
    }
    assert sum(provider.third_party_testing for provider in REGISTER.providers) == 2


def test_every_provider_answers_the_six_conditions_of_article_6() -> None:
    for provider in REGISTER.providers:
        answers = [getattr(provider.conditions, condition) for condition in TERMS.standing.provider_conditions]
        assert answers == [True] * 6


def test_every_provider_has_facilities_and_all_four_kinds_are_there() -> None:
    assert {len(REGISTER.facilities_of(provider.credit_code)) for provider in REGISTER.providers} == {25}
    kinds = Counter(facility.kind for facility in REGISTER.facilities)
    assert set(kinds) == {"major_infrastructure", "large_instrument", "big_science", "compute"}
    assert min(kinds.values()) >= 5


def test_every_service_is_of_a_supported_kind_and_within_its_providers_capabilities() -> None:
    capabilities = {provider.credit_code: set(provider.capabilities) for provider in REGISTER.providers}
    for facility in REGISTER.facilities:
        assert facility.services
        for service in facility.services:
            assert service.kind in TERMS.contract.service_kinds
            assert OFFERED_BY[service.kind] & capabilities[facility.provider], facility.number
            assert service.unit_price > 0


def test_the_price_standard_names_every_service_and_its_price() -> None:
    for facility in REGISTER.facilities:
        for service in facility.services:
            expected = f"{service.name} {service.unit_price // 100} 元/{service.unit}"
            assert expected in facility.price_standard
        assert facility.service_norms
        assert facility.original_value >= 40_000_000


def test_a_field_nobody_knows_is_refused(tmp_path: Path) -> None:
    for name, content in generate().items():
        spoilt = content.replace('"staff"', '"headcount"', 1) if name == "companies.json" else content
        (tmp_path / name).write_text(spoilt, encoding="utf-8")
    with pytest.raises(ValidationError, match="headcount"):
        load_sample_register(tmp_path)
