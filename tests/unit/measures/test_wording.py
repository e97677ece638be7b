"""Values and references said in Chinese and in English."""

import pytest

from shared.measures.code_words import CODE_WORDS
from shared.measures.reader import Measures
from shared.measures.terms import Unit, Value
from shared.measures.wording import Language, article_in_words, article_order, in_words, unit_name

MEASURES = Measures.load()
BEFORE = MEASURES.earlier
EVERY_RULE = [rule for pack in (MEASURES, BEFORE) if pack for name in pack.parameters for rule in pack.history(name)]


@pytest.mark.parametrize(
    ("value", "unit", "zh", "en"),
    [
        (5_000_000, Unit.FEN, "50,000.00 元", "50,000.00 yuan"),
        (15, Unit.DAYS, "15 日", "15 days"),
        (5, Unit.WORKING_DAYS, "5 个工作日", "5 working days"),
        (1, Unit.MONTHS, "1 个月", "1 month"),
        (3, Unit.MONTHS, "3 个月", "3 months"),
        (3, Unit.YEARS, "3 年", "3 years"),
        (3, Unit.QUARTER, "第三季度", "quarter 3"),
        (50, Unit.PERCENT, "50%", "50%"),
        (500, Unit.COUNT, "500", "500"),
        (True, Unit.SWITCH, "是", "yes"),
        (False, Unit.SWITCH, "否", "no"),
        (("testing", "technical_solution"), Unit.CODES, "测试、技术解决方案", "testing, technical solutions"),
        (("new_materials", "of_another_pack"), Unit.CODES, "新材料、of_another_pack", "new materials, of_another_pack"),
    ],
)
def test_a_value_is_said_with_its_unit(value: Value, unit: Unit, zh: str, en: str) -> None:
    assert (in_words(value, unit, "zh"), in_words(value, unit, "en")) == (zh, en)


def test_every_code_of_our_packs_has_a_chinese_word() -> None:
    codes = {code for rule in EVERY_RULE if isinstance(rule.held.value, tuple) for code in rule.held.value}
    assert codes == CODE_WORDS.keys()
    assert not [zh for zh, _ in CODE_WORDS.values() if zh.isascii()]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_unit_has_a_name(language: Language) -> None:
    assert all(unit_name(unit, language) for unit in Unit)


@pytest.mark.parametrize(
    ("article", "zh", "en"),
    [
        ("12", "第12条", "art. 12"),
        ("15(2)", "第15条第2项", "art. 15(2)"),
        ("faq 2", "问答第2问", "faq 2"),
        ("civil code 203", "《民法典》第203条", "civil code 203"),
        ("港务局通知", "港务局通知", "港务局通知"),
        ("harbour rule 7", "harbour rule 7", "harbour rule 7"),
    ],
)
def test_a_reference_is_said_as_a_lawyer_would_and_a_foreign_one_as_it_stands(article: str, zh: str, en: str) -> None:
    assert (article_in_words(article, "zh"), article_in_words(article, "en")) == (zh, en)


def test_references_are_sorted_by_number_and_not_by_letter() -> None:
    references = ["faq 2", "7(1)", "civil code 203", "15(5)", "其他", "15(2)", "7"]
    assert sorted(references, key=article_order) == ["7", "7(1)", "15(2)", "15(5)", "faq 2", "civil code 203", "其他"]
