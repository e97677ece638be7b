"""The State Council's notices as we keep them, against two packages that keep them too."""

from datetime import date, timedelta
from pathlib import Path

import chinese_calendar
import holidays
import pytest

from shared.measures.document import RuleFileError
from shared.measures.working_days import NOTICES, load_working_days

PUBLISHED = range(2020, 2027)
WORKING_DAYS = load_working_days()


def days_of(year: int) -> list[date]:
    """Every day of a year."""
    return [
        date(year, 1, 1) + timedelta(days=offset) for offset in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)
    ]


def test_the_years_from_2020_to_2026_are_published_and_no_other() -> None:
    assert WORKING_DAYS.published_years == frozenset(PUBLISHED)


@pytest.mark.parametrize("year", PUBLISHED)
def test_chinesecalendar_agrees_on_every_day(year: int) -> None:
    theirs = {day: chinese_calendar.is_workday(day) for day in days_of(year)}  # type: ignore[no-untyped-call]
    assert [day for day, worked in theirs.items() if WORKING_DAYS.is_working_day(day) != worked] == []


@pytest.mark.parametrize("year", PUBLISHED)
def test_holidays_agrees_on_every_day(year: int) -> None:
    china = holidays.country_holidays("CN", years=range(year, year + 2))
    assert [day for day in days_of(year) if WORKING_DAYS.is_working_day(day) != china.is_working_day(day)] == []


def test_chinesecalendar_does_not_know_2027() -> None:
    """When it does, the notice is out and `state_council/2027.yaml` is due."""
    with pytest.raises(NotImplementedError):
        chinese_calendar.is_workday(date(2027, 1, 1))  # type: ignore[no-untyped-call]


def test_holidays_only_guesses_2027() -> None:
    """It gives the days the law fixes, without make-up days; so we do not follow it, and our answer is provisional."""
    china = holidays.country_holidays("CN", years=2027)
    assert [day for day in days_of(2027) if day.weekday() >= 5 and china.is_working_day(day)] == []
    assert china.is_working_day(date(2027, 2, 8)) is False
    assert WORKING_DAYS.is_working_day(date(2027, 2, 8)) is True
    assert WORKING_DAYS.is_published(date(2027, 2, 8)) is False


def test_the_extension_of_the_spring_festival_of_2020_is_known() -> None:
    assert not WORKING_DAYS.is_working_day(date(2020, 1, 31))
    assert not WORKING_DAYS.is_working_day(date(2020, 2, 1))
    assert WORKING_DAYS.is_working_day(date(2020, 2, 3))


def test_a_notice_may_reach_into_the_december_before() -> None:
    assert date(2022, 12, 31) in WORKING_DAYS.days_off


@pytest.mark.parametrize("year", PUBLISHED)
def test_every_year_names_its_notice(year: int) -> None:
    assert f"reference: 国办发明电〔{year - 1}〕" in (NOTICES / f"{year}.yaml").read_text(encoding="utf-8")


GOOD = """year: 2026
notices:
  - {reference: 国办发明电〔2025〕7号, title: 通知, issued_on: 2025-11-04}
holidays:
  - {name: 元旦, first: 2026-01-01, last: 2026-01-03, make_up: [2026-01-04]}
"""


def test_a_small_year_is_read(tmp_path: Path) -> None:
    (tmp_path / "2026.yaml").write_text(GOOD, encoding="utf-8")
    working_days = load_working_days(tmp_path)
    assert working_days.days_off == {date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)}
    assert working_days.make_up_days == {date(2026, 1, 4)}


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [
        ("year: 2026", "year: 2025", r"2026\.yaml:1: the file is named 2026\.yaml but speaks of 2025"),
        ("reference: 国办发明电〔2025〕7号, ", "", r"2026\.yaml:3: `reference` is missing"),
        ("last: 2026-01-03", "last: 2025-12-31", r"2026\.yaml:5: 元旦 ends before it begins"),
        ("last: 2026-01-03", "last: 2027-01-03", r"2026\.yaml:5: 元旦 ends in 2027"),
        ("last: 2026-01-03", "last: 2026-01-32", r"2026\.yaml:5: `last` must be a date"),
        ("[2026-01-04]", "[2026-01-05]", r"2026\.yaml:5: 2026-01-05 is a weekday"),
        ("make_up: [2026-01-04]", "makeup: []", r"2026\.yaml:5: unknown key `makeup`"),
    ],
)
def test_a_wrong_notice_is_refused_with_its_line(tmp_path: Path, good: str, bad: str, complaint: str) -> None:
    assert good in GOOD
    (tmp_path / "2026.yaml").write_text(GOOD.replace(good, bad), encoding="utf-8")
    with pytest.raises(RuleFileError, match=complaint):
        load_working_days(tmp_path)
