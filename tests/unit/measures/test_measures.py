"""The pack in force, the words behind it, and what the reader refuses."""

import re
import shutil
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest
import yaml

from shared.measures.document import RuleFileError
from shared.measures.pack import PACKS
from shared.measures.reader import Measures
from shared.measures.terms import STATED_ONLY, RepealedTerms, Terms, VoucherTerms

TODAY = date(2026, 11, 22)
SOURCES = PACKS.parent / "sources"
MEASURES = Measures.load()
NUMERALS = ("", *"一二三四五六七八九十", *(f"十{digit}" for digit in "一二三四五六七八九"), "二十")


def words(name: str) -> str:
    """A source without the spaces and line breaks its layout brought in."""
    return re.sub(r"\s", "", (SOURCES / name).read_text(encoding="utf-8"))


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    """A copy of the packs that may be spoilt."""
    shutil.copytree(PACKS, tmp_path / "packs")
    return tmp_path / "packs"


def spoil(packs: Path, parameter: str, good: str, bad: str) -> None:
    """Change one passage of one parameter of the copied pack."""
    file = packs / "beijing-2023" / f"{parameter}.yaml"
    text = file.read_text(encoding="utf-8")
    assert text.count(good) == 1
    file.write_text(text.replace(good, bad), encoding="utf-8")


@pytest.mark.parametrize("parameter", sorted(MEASURES.parameters))
def test_every_quotation_stands_in_its_source_word_for_word(parameter: str) -> None:
    citation = MEASURES.citation(parameter, TODAY)
    source = {"faq": "faq.txt", "civil": "civil-code.txt"}.get(citation.article.split()[0], "measures-2023-16.txt")
    assert re.sub(r"\s", "", citation.quote) in words(source)


@pytest.mark.parametrize("parameter", sorted(MEASURES.parameters))
def test_every_quotation_of_the_measures_stands_in_the_article_it_names(parameter: str) -> None:
    citation = MEASURES.citation(parameter, TODAY)
    if not citation.article[0].isdigit():
        assert citation.article.startswith(("faq ", "civil code "))
        return
    number = int(citation.article.split("(")[0])
    text = words("measures-2023-16.txt").split(f"第{NUMERALS[number]}条", 1)[1]
    if number < 20:
        text = text.split(f"第{NUMERALS[number + 1]}条", 1)[0]
    assert re.sub(r"\s", "", citation.quote) in text


def test_every_reading_that_the_text_leaves_open_is_a_parameter() -> None:
    readings = {value.reading for parameter in MEASURES.parameters.values() for value in parameter.values}
    assert readings == {None, *range(1, 11)}


def test_the_terms_of_a_day_carry_the_pack_and_its_digest() -> None:
    terms = MEASURES.on(TODAY)
    assert terms.pack == "beijing-2023"
    assert terms.digest == MEASURES.digest
    assert re.fullmatch("[0-9a-f]{64}", terms.digest)


def test_a_citation_says_value_article_words_and_reading() -> None:
    citation = MEASURES.citation("redemption_notice_working_days", TODAY)
    assert (citation.pack, citation.parameter, citation.article, citation.value, citation.reading) == (
        "beijing-2023",
        "redemption_notice_working_days",
        "15(5)",
        5,
        8,
    )
    assert citation.quote == "经审核、公示无异议后"


def test_the_measures_are_not_in_force_before_october_2023() -> None:
    assert MEASURES.on(date(2023, 10, 1)).voucher.registration_days == 15
    with pytest.raises(LookupError, match="2023-09-30"):
        MEASURES.on(date(2023, 9, 30))
    with pytest.raises(LookupError, match="2023-09-30"):
        MEASURES.citation("face_value_max", date(2023, 9, 30))


def test_an_unknown_parameter_or_pack_is_said_by_name() -> None:
    with pytest.raises(LookupError, match="face_value_maximum"):
        MEASURES.citation("face_value_maximum", TODAY)
    with pytest.raises(LookupError, match="beijing-2033"):
        Measures.load("beijing-2033")


def test_every_field_of_the_terms_has_its_parameter_and_every_parameter_its_field() -> None:
    groups = [
        getattr(MEASURES.on(TODAY), field.name) for field in fields(Terms) if field.name not in {"pack", "digest"}
    ]
    named = {field.name for group in groups for field in fields(group)}
    assert named == set(MEASURES.parameters)


def test_every_parameter_is_described_in_both_languages() -> None:
    for parameter in MEASURES.parameters.values():
        assert re.search("[\u4e00-\u9fff]", parameter.description_zh), parameter.name
        assert parameter.description_en.isascii(), parameter.name


# A value that changes on a day


RAISED = """value: 5_000_000
    article: "12"
    quote: 单张最高限额为 5 万元
    until: 2026-12-31
  - from: 2027-01-01
    value: 8_000_000
    article: "12"
    quote: 单张最高限额为 8 万元
"""
ONCE = """value: 5_000_000
    article: "12"
    quote: 单张最高限额为 5 万元
"""


def test_a_new_value_holds_from_its_first_day_on(packs: Path) -> None:
    spoil(packs, "face_value_max", ONCE, RAISED)
    measures = Measures.load(packs=packs)
    assert measures.on(date(2026, 12, 31)).voucher.face_value_max == 5_000_000
    assert measures.on(date(2027, 1, 1)).voucher.face_value_max == 8_000_000
    assert measures.citation("face_value_max", date(2026, 12, 31)).quote == "单张最高限额为 5 万元"
    assert measures.citation("face_value_max", date(2027, 1, 1)).quote == "单张最高限额为 8 万元"
    assert measures.on(date(2027, 1, 1)).voucher.registration_days == 15


def test_the_digest_follows_the_rules_and_not_their_layout(packs: Path) -> None:
    spoil(packs, "face_value_max", "5_000_000", "5000000  # fen")
    assert Measures.load(packs=packs).digest == MEASURES.digest
    spoil(packs, "face_value_max", "5000000", "5000001")
    assert Measures.load(packs=packs).digest != MEASURES.digest


def test_an_official_can_switch_a_rule_without_a_code_change(packs: Path) -> None:
    spoil(packs, "return_to_quota", "value: false", "value: true")
    assert Measures.load(packs=packs).on(TODAY).voucher.return_to_quota is True
    assert MEASURES.on(TODAY).voucher.return_to_quota is False


# What the reader refuses


@pytest.mark.parametrize(
    ("good", "bad", "line", "complaint"),
    [
        ("  - from: 2027-01-01", "  - from: 2027-01-02", 11, "gap: no value from 2027-01-01 to 2027-01-01"),
        ("  - from: 2027-01-01", "  - from: 2026-12-31", 11, "overlap"),
        ("    until: 2026-12-31\n", "", 10, "overlap"),
        ("until: 2026-12-31", "until: 2023-09-30", 10, "the value ends before it begins"),
        ("from: 2023-10-01", "from: 2023-10-02", 6, "the first value must begin with the pack, on 2023-10-01"),
        ("万元\n    until: 2026-12-31", "万元\n    reading: 11\n    until: 2026-12-31", 10, "there is no reading 11"),
        ("8 万元\n", "8 万元\n    until: 2027-12-31\n", 15, "gap: the last value must end open"),
        ("unit: fen", "unit: yuan", 4, "unknown unit `yuan`"),
        ("unit: fen", "unit: days", 4, "the unit must be fen"),
        ("value: 8_000_000", "value: 80000.00", 12, "`value` must be a whole number"),
        ("value: 8_000_000", "value: -1", 12, "`value` must be a whole number"),
        ("value: 8_000_000", "value: true", 12, "`value` must be a whole number"),
        ("    quote: 单张最高限额为 8 万元\n", "", 11, "`quote` is missing"),
        ("    quote: 单张最高限额为 8 万元\n", "    quote: ''\n", 14, "`quote` is empty"),
        ("  zh: 单张创新券的最高限额\n", "", 2, "`zh` is missing"),
        ("from: 2027-01-01", "from: 2027-02-29", 11, "`from` must be a date"),
        ("from: 2027-01-01", "from: 2027-01-01\n    form: 1", 12, "unknown key `form`"),
        ("unit: fen", "unit: fen\nunit: fen", 5, "`unit` is said twice"),
        ("unit: fen", "unit: [fen", 5, "not YAML"),
    ],
)
def test_a_wrong_parameter_is_refused_with_file_and_line(
    packs: Path, good: str, bad: str, line: int, complaint: str
) -> None:
    spoil(packs, "face_value_max", ONCE, RAISED)
    spoil(packs, "face_value_max", good, bad)
    with pytest.raises(RuleFileError, match=re.escape(complaint)) as refusal:
        Measures.load(packs=packs)
    assert str(refusal.value).startswith(f"{packs / 'beijing-2023' / 'face_value_max.yaml'}:{line}: ")


def test_a_value_without_an_article_is_refused(packs: Path) -> None:
    spoil(packs, "registration_days", '    article: "15(2)"\n', "")
    with pytest.raises(RuleFileError, match=r"registration_days\.yaml:6: `article` is missing"):
        Measures.load(packs=packs)


@pytest.mark.parametrize(
    ("parameter", "good", "bad", "complaint"),
    [
        ("contract_share_max", "value: 50", "value: 101", "101 is out of range"),
        ("disbursement_last_quarter", "value: 3", "value: 5", "5 is out of range"),
        ("appraisal_notice_working_days", "value: 5", "value: 0", "0 is out of range"),
        ("return_to_quota", "value: false", "value: no", "`value` must be true or false"),
        ("fields", "new_materials, ", "New Materials, ", "`value` must list snake_case words"),
        ("fields", "new_materials, ", "new_materials, new_materials, ", "names new_materials twice"),
    ],
)
def test_a_value_its_unit_does_not_allow_is_refused(
    packs: Path, parameter: str, good: str, bad: str, complaint: str
) -> None:
    spoil(packs, parameter, good, bad)
    with pytest.raises(RuleFileError, match=re.escape(complaint)):
        Measures.load(packs=packs)


def test_a_missing_parameter_is_refused(packs: Path) -> None:
    (packs / "beijing-2023" / "ban_years.yaml").unlink()
    with pytest.raises(RuleFileError, match=r"ban_years\.yaml:1: the parameter is missing"):
        Measures.load(packs=packs)


def test_a_parameter_nobody_reads_is_refused(packs: Path) -> None:
    shutil.copy(packs / "beijing-2023" / "ban_years.yaml", packs / "beijing-2023" / "ban_years_max.yaml")
    with pytest.raises(RuleFileError, match=r"ban_years_max\.yaml:1: no terms have such a parameter"):
        Measures.load(packs=packs)


def test_a_pack_under_another_name_is_refused(packs: Path) -> None:
    (packs / "beijing-2023").rename(packs / "beijing-2024")
    with pytest.raises(RuleFileError, match=r"pack\.yaml:2: the folder is named beijing-2024"):
        Measures.load("beijing-2024", packs=packs)


def test_the_rules_are_plain_yaml_that_other_programs_read_alike() -> None:
    for name, parameter in MEASURES.parameters.items():
        plain = yaml.safe_load((PACKS / "beijing-2023" / f"{name}.yaml").read_text(encoding="utf-8"))
        ours = parameter.values[0].value
        assert plain["values"][0]["value"] == (list(ours) if isinstance(ours, tuple) else ours)


def test_terms_are_values() -> None:
    assert Measures.load().on(TODAY) == MEASURES.on(TODAY)
    assert isinstance(MEASURES.on(TODAY).voucher, VoucherTerms)
    assert hash(MEASURES.on(TODAY)) == hash(Measures.load().on(TODAY))


def test_every_rule_is_read_by_a_decision_or_said_to_be_stated_only() -> None:
    root = PACKS.parents[2]
    decisions = [
        file.read_text(encoding="utf-8")
        for folder in ("services", "shared")
        for file in (root / folder).rglob("*.py")
        if PACKS.parent not in file.parents
    ]
    read = set(re.findall(r"\.([a-z_0-9]+)\b", "\n".join(decisions))) | set(
        re.findall(r'"([a-z_0-9]+)"', "\n".join(decisions))
    )
    repealed = {field.name for field in fields(RepealedTerms)}
    assert MEASURES.parameters.keys() - repealed - read == STATED_ONLY
