"""The values of the rules in words, in Chinese and in English, for people who read no YAML."""

import re
from typing import Literal

from shared.kernel.money import Fen, format_yuan
from shared.measures.code_words import code_in_words
from shared.measures.terms import Unit, Value

type Language = Literal["zh", "en"]

_UNITS: dict[Unit, dict[Language, str]] = {
    Unit.FEN: {"zh": "元", "en": "yuan"},
    Unit.DAYS: {"zh": "日", "en": "days"},
    Unit.WORKING_DAYS: {"zh": "个工作日", "en": "working days"},
    Unit.MONTHS: {"zh": "个月", "en": "months"},
    Unit.YEARS: {"zh": "年", "en": "years"},
    Unit.QUARTER: {"zh": "季度", "en": "quarter of the year"},
    Unit.PERCENT: {"zh": "百分比", "en": "per cent"},
    Unit.COUNT: {"zh": "数量", "en": "number"},
    Unit.SWITCH: {"zh": "是否", "en": "yes or no"},
    Unit.CODES: {"zh": "种类", "en": "kinds"},
}
_SOURCES = {"": "第{}条", "faq": "问答第{}问", "civil code": "《民法典》第{}条"}
_ARTICLE = re.compile(r"(?P<source>[a-z ]*?) ?(?P<number>\d+)(\((?P<item>\d+)\))?")


def unit_name(unit: Unit, language: Language) -> str:
    """Name a unit."""
    return _UNITS[unit][language]


def in_words(value: Value, unit: Unit, language: Language) -> str:
    """Say a value with its unit.

    >>> in_words(5_000_000, Unit.FEN, "zh"), in_words(1, Unit.MONTHS, "en"), in_words(True, Unit.SWITCH, "zh")
    ('50,000.00 元', '1 month', '是')
    """
    if isinstance(value, bool):
        return {"zh": "是" if value else "否", "en": "yes" if value else "no"}[language]
    if isinstance(value, tuple):
        return ("、" if language == "zh" else ", ").join(code_in_words(code, language) for code in value)
    return _counted(value, unit, language)


def _counted(value: int, unit: Unit, language: Language) -> str:
    name = _UNITS[unit][language]
    match unit:
        case Unit.FEN:
            said = format_yuan(Fen(value))
            return said if language == "zh" else said.replace("元", "yuan")
        case Unit.PERCENT:
            return f"{value}%"
        case Unit.COUNT:
            return f"{value:,}"
        case Unit.QUARTER:
            return f"第{'一二三四'[value - 1]}季度" if language == "zh" else f"quarter {value}"
        case _:
            return f"{value} {name[:-1] if language == 'en' and value == 1 else name}"


def article_in_words(article: str, language: Language) -> str:
    """Say where a rule stands; a reference of another form is given as it is.

    >>> article_in_words("15(2)", "zh"), article_in_words("faq 2", "zh"), article_in_words("15(2)", "en")
    ('第15条第2项', '问答第2问', 'art. 15(2)')
    """
    found = _ARTICLE.fullmatch(article)
    if found is None or found["source"] not in _SOURCES:
        return article
    if language == "en":
        return article if found["source"] else f"art. {article}"
    item = f"第{found['item']}项" if found["item"] else ""
    return _SOURCES[found["source"]].format(found["number"]) + item


def article_order(article: str) -> tuple[int, int, int, str]:
    """Give the key that sorts references as a reader expects: the Measures' articles, the FAQ, then other sources."""
    found = _ARTICLE.fullmatch(article)
    if found is None or found["source"] not in _SOURCES:
        return (len(_SOURCES), 0, 0, article)
    return (list(_SOURCES).index(found["source"]), int(found["number"]), int(found["item"] or 0), "")
