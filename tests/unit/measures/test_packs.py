"""Packs besides the one in force: the regime before it, the rules of another region, and what changes between two."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.contracts.domain.contract import contract
from shared.events.contracts import ContractSubmitted
from shared.kernel.calendar import days_after
from shared.kernel.refusal import Refused
from shared.measures.comparison import compare
from shared.measures.document import RuleFileError
from shared.measures.looking_back import rules_of
from shared.measures.pack import MANIFEST, PACKS, UnknownPackError, packs_in
from shared.measures.reader import Measures
from shared.settings import MeasuresSettings
from tests.unit.contracts.facts import SUBMIT
from tests.unit.measures.region import FIRST_DAY, LAST_DAY, NEXT_DAY, write_harbour, write_pack

FAQ = Measures.load("faq-2020")
BEIJING = Measures.load()
LAST_DAY_OF_THE_FAQ, FIRST_DAY_OF_THE_MEASURES = date(2023, 9, 30), date(2023, 10, 1)


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that an invented region has made."""
    folder = tmp_path_factory.mktemp("region")
    write_harbour(folder)
    return folder


@pytest.fixture(scope="module")
def harbour(region: Path) -> Measures:
    """The rules of the invented region, those of 2027 and those they succeed."""
    return Measures.load("harbour-2027", more=region)


# The regime before the Measures


@pytest.mark.parametrize("name", sorted(FAQ.parameters))
def test_every_rule_of_the_earlier_regime_is_quoted_from_the_question_it_names(name: str) -> None:
    text = re.sub(r"\s", "", (PACKS.parent / "sources" / "faq.txt").read_text(encoding="utf-8"))
    (held,) = FAQ.parameters[name].values
    number = int(held.article.removeprefix("faq "))
    questions = (
        "首都科技创新券支持什么样|企业使用创新券购买|企业申报工业设计类|如何成为推荐机构|如何成为专业服务机构"
        "|小微企业与实验室已经|小微企业和创业团队可以|创新券项目结题评审未通过"
    )
    parts = re.split(rf"\d\.(?={questions})", text)
    assert len(parts) == 9
    assert re.sub(r"\s", "", held.quote) in parts[number]


def test_the_earlier_regime_ends_the_day_before_the_measures_begin() -> None:
    assert {value.until for rule in FAQ.parameters.values() for value in rule.values} == {LAST_DAY_OF_THE_FAQ}
    assert BEIJING.in_force(LAST_DAY_OF_THE_FAQ).pack == "faq-2020"
    assert BEIJING.in_force(FIRST_DAY_OF_THE_MEASURES).pack == "beijing-2023"
    with pytest.raises(LookupError, match="2019-12-31"):
        BEIJING.in_force(date(2019, 12, 31))


def test_the_priority_of_the_epidemic_was_in_force_until_the_measures_repealed_it() -> None:
    citation = BEIJING.citation("priority_projects", LAST_DAY_OF_THE_FAQ)
    assert (citation.pack, citation.article) == ("faq-2020", "faq 1")
    assert citation.value == ("epidemic_control", "online_and_data_services", "facility_online_services")
    with pytest.raises(LookupError, match="beijing-2023, in force on 2023-10-01, has no parameter 'priority_projects'"):
        BEIJING.citation("priority_projects", FIRST_DAY_OF_THE_MEASURES)


def test_an_excerpt_is_quoted_but_decides_nothing() -> None:
    with pytest.raises(LookupError, match="faq-2020, in force on 2023-09-30, is an excerpt"):
        BEIJING.on(LAST_DAY_OF_THE_FAQ)


def test_what_the_measures_do_not_contradict_stays_in_force_with_the_same_value() -> None:
    for name in FAQ.parameters.keys() - {"priority_projects"}:
        before, after = (BEIJING.citation(name, day) for day in (LAST_DAY_OF_THE_FAQ, FIRST_DAY_OF_THE_MEASURES))
        assert (before.pack, after.pack, before.value) == ("faq-2020", "beijing-2023", after.value)


def test_the_rules_of_a_day_are_those_of_the_pack_in_force_on_it() -> None:
    assert {rule.parameter.name for rule in BEIJING.rules_on(LAST_DAY_OF_THE_FAQ)} == set(FAQ.parameters)
    assert {rule.parameter.name for rule in BEIJING.rules_on(FIRST_DAY_OF_THE_MEASURES)} == set(BEIJING.parameters)


def test_the_values_of_a_parameter_are_told_through_all_the_packs_the_earliest_first() -> None:
    told = [(rule.pack, rule.held.first_day, rule.held.until) for rule in BEIJING.history("new_product_share_max")]
    assert told == [
        ("faq-2020", date(2020, 1, 1), LAST_DAY_OF_THE_FAQ),
        ("beijing-2023", FIRST_DAY_OF_THE_MEASURES, None),
    ]
    assert [rule.pack for rule in BEIJING.history("priority_projects")] == ["faq-2020"]
    assert BEIJING.history("face_value_minimum") == ()


# The rules of another region


def test_a_region_adds_its_pack_as_a_folder(region: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXQ_MEASURES_DIR", str(region))
    monkeypatch.setenv("CXQ_MEASURES_PACK", "harbour-2027")
    settings = MeasuresSettings()
    measures = Measures.load(settings.measures_pack, more=settings.measures_dir)
    assert measures.on(NEXT_DAY).pack == "harbour-2027"
    assert list(packs_in(PACKS, region)) == ["beijing-2023", "faq-2020", "harbour-2025", "harbour-2027"]
    with pytest.raises(UnknownPackError, match="harbour-2027"):
        Measures.load("harbour-2027")


def test_the_pack_of_the_deciding_day_stands_with_its_own_digest(harbour: Measures, region: Path) -> None:
    before, after = harbour.on(LAST_DAY), harbour.on(NEXT_DAY)
    assert (before.pack, after.pack) == ("harbour-2025", "harbour-2027")
    assert before.digest == Measures.load("harbour-2025", more=region).digest
    assert after.digest == harbour.digest != before.digest


def test_a_voucher_claimed_under_repealed_rules_is_registered_by_their_deadline(harbour: Measures) -> None:
    deadlines = {day: days_after(day, harbour.on(day).voucher.registration_days) for day in (LAST_DAY, NEXT_DAY)}
    assert deadlines == {LAST_DAY: date(2027, 1, 20), NEXT_DAY: date(2027, 1, 11)}


def test_repealed_rules_still_govern_a_contract_that_was_begun_under_them(harbour: Measures) -> None:
    submitted = replace(SUBMIT, terms=harbour.on(LAST_DAY), on=LAST_DAY)  # half of its amount in vouchers
    (fact,) = contract.decide(submitted, contract.initial)
    assert isinstance(fact, ContractSubmitted)
    assert (fact.pack, fact.pack_digest) == ("harbour-2025", harbour.on(LAST_DAY).digest)
    # Whoever settles it later asks for the rules of the day that the fact carries.
    assert harbour.on(fact.on).contract.contract_share_max == 50
    with pytest.raises(Refused, match="voucher-share-exceeded"):
        contract.decide(replace(submitted, terms=harbour.on(NEXT_DAY), on=NEXT_DAY), contract.initial)


@pytest.mark.parametrize(
    ("first_day", "complaint"),
    [
        (date(2026, 12, 31), "harbour-2025 ends on 2026-12-31, but this pack begins on 2026-12-31"),
        (date(2027, 1, 2), "harbour-2025 ends on 2026-12-31, but this pack begins on 2027-01-02"),
    ],
)
def test_between_two_packs_no_day_is_without_rules_or_has_them_twice(
    tmp_path: Path, first_day: date, complaint: str
) -> None:
    write_pack(tmp_path, "harbour-2025", FIRST_DAY, LAST_DAY, values={})
    write_pack(tmp_path, "harbour-2028", first_day, values={}, succeeds="harbour-2025")
    with pytest.raises(RuleFileError, match=complaint) as refusal:
        Measures.load("harbour-2028", more=tmp_path)
    assert (refusal.value.file, refusal.value.line) == (tmp_path / "harbour-2028" / MANIFEST, 6)


def test_a_pack_in_force_for_good_cannot_be_succeeded(tmp_path: Path) -> None:
    write_pack(tmp_path, "harbour-2028", NEXT_DAY, values={}, succeeds="beijing-2023")
    with pytest.raises(RuleFileError, match="beijing-2023 ends never"):
        Measures.load("harbour-2028", more=tmp_path)


def test_a_pack_cannot_come_before_itself(tmp_path: Path) -> None:
    write_pack(tmp_path, "one", FIRST_DAY, LAST_DAY, values={}, succeeds="two")
    write_pack(tmp_path, "two", NEXT_DAY, values={}, succeeds="one")
    with pytest.raises(RuleFileError, match=r"pack\.yaml:\d: two cannot come before itself"):
        Measures.load("two", more=tmp_path)


@pytest.mark.parametrize(
    ("manifest", "complaint"),
    [
        ({"succeeds": "harbour-2020"}, "no rule pack 'harbour-2020'"),
        ({"scope": "partial"}, "`scope` must be one of whole, excerpt"),
        ({"in_force_until": date(2024, 12, 31)}, "the pack ends before it begins"),
        ({"title": {"zh": "虚构的规定"}}, "`en` is missing"),
    ],
)
def test_a_manifest_that_cannot_be_meant_is_refused(tmp_path: Path, manifest: dict[str, Any], complaint: str) -> None:
    write_pack(tmp_path, "harbour-2025", FIRST_DAY, values={}, **manifest)
    with pytest.raises(RuleFileError, match=complaint):
        Measures.load("harbour-2025", more=tmp_path)


def test_a_region_cannot_put_its_rules_in_the_place_of_ours(tmp_path: Path) -> None:
    write_pack(tmp_path, "beijing-2023", FIRST_DAY, values={"face_value_max": 9_900_000})
    with pytest.raises(RuleFileError, match="there is a pack of this name in"):
        Measures.load(more=tmp_path)


def test_the_name_of_a_pack_is_no_path(region: Path) -> None:
    for name in ("../harbour-2027", f"{region}/harbour-2027", ".", ""):
        with pytest.raises(UnknownPackError):
            Measures.load(name, more=region)


def test_a_rule_that_only_repealed_packs_have_is_refused_in_a_whole_one(tmp_path: Path) -> None:
    write_pack(tmp_path, "harbour-2025", FIRST_DAY, values={})
    rule = (PACKS / "faq-2020" / "priority_projects.yaml").read_text(encoding="utf-8")
    rule = rule.replace("from: 2020-01-01\n    until: 2023-09-30", f"from: {FIRST_DAY}")
    (tmp_path / "harbour-2025" / "priority_projects.yaml").write_text(rule, encoding="utf-8")
    with pytest.raises(RuleFileError, match="no terms have such a parameter"):
        Measures.load("harbour-2025", more=tmp_path)


# Looking back


def test_what_was_decided_in_a_case_is_checked_by_the_rules_of_its_day(
    region: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXQ_MEASURES_DIR", str(region))
    monkeypatch.setenv("CXQ_MEASURES_PACK", "harbour-2027")
    begun, gone_on = (rules_of("harbour-2025", day) for day in (LAST_DAY, NEXT_DAY))
    assert (begun.pack, begun.on(LAST_DAY).voucher.registration_days) == ("harbour-2025", 20)
    assert (gone_on.pack, gone_on.on(NEXT_DAY).voucher.registration_days) == ("harbour-2027", 10)
    assert rules_of("beijing-2023", NEXT_DAY).pack == "beijing-2023"


def test_a_pack_is_looked_back_on_to_its_last_day_by_whoever_has_other_rules_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pack(tmp_path, "quay-2025", FIRST_DAY, LAST_DAY, values={})
    monkeypatch.setenv("CXQ_MEASURES_DIR", str(tmp_path))
    assert [rules_of("quay-2025", day).pack for day in (LAST_DAY, NEXT_DAY)] == ["quay-2025", "beijing-2023"]


# What changes between two packs


def test_what_changes_between_two_packs_is_said_parameter_by_parameter(region: Path, harbour: Measures) -> None:
    comparison = compare(Measures.load("harbour-2025", more=region), harbour, NEXT_DAY)
    changed = [
        (one.kind, one.parameter.name, one.before and one.before.value, one.after and one.after.value)
        for one in comparison.differences
    ]
    assert changed == [("changed", "contract_share_max", 50, 30), ("changed", "registration_days", 20, 10)]
    assert comparison.same == len(harbour.parameters) - 2
    assert (comparison.before_on, comparison.after_on) == (LAST_DAY, NEXT_DAY)


def test_from_the_faq_to_the_measures_one_rule_goes_one_is_cited_anew_and_the_rest_comes() -> None:
    comparison = compare(FAQ, BEIJING, FIRST_DAY_OF_THE_MEASURES)
    kinds: dict[str, set[str]] = {}
    for one in comparison.differences:
        kinds.setdefault(one.kind, set()).add(one.parameter.name)
    assert kinds.pop("removed") == {"priority_projects"}
    assert kinds.pop("cited_anew") == {"listed_provider_required"}
    assert kinds == {"added": set(BEIJING.parameters) - set(FAQ.parameters)}
    assert comparison.same == 11


def test_a_pack_does_not_differ_from_itself() -> None:
    comparison = compare(BEIJING, BEIJING, FIRST_DAY_OF_THE_MEASURES)
    assert (comparison.differences, comparison.same) == ((), len(BEIJING.parameters))
