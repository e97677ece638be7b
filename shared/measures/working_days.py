"""The State Council's yearly notices on working days, read from one file a year."""

from datetime import date, timedelta
from pathlib import Path

from shared.kernel.calendar import WorkingDays
from shared.measures.document import Section

NOTICES = Path(__file__).parent / "state_council"

_SATURDAY = 5


def load_working_days(folder: Path = NOTICES) -> WorkingDays:
    """Read every published year; a wrong file raises RuleFileError with its file and line.

    A year's notice may reach into the December before it (2023's New Year began on 2022-12-31), so the days are
    collected over all the files and not year by year.
    """
    years: set[int] = set()
    days_off: set[date] = set()
    make_up_days: set[date] = set()
    for file in sorted(folder.glob("*.yaml")):
        notice = Section.read(file)
        notice.allow_only({"year", "notices", "holidays"})
        year = notice.integer("year")
        if file.stem != str(year):
            raise notice.error(f"the file is named {file.name} but speaks of {year}", "year")
        for source in notice.sections("notices"):
            source.allow_only({"reference", "title", "issued_on"})
            for key in ("reference", "title"):
                source.text(key)
            source.day("issued_on")
        for holiday in notice.sections("holidays"):
            days_off |= _days_off(holiday, year)
            make_up_days |= _make_up_days(holiday)
        years.add(year)
    return WorkingDays(frozenset(years), frozenset(days_off), frozenset(make_up_days))


def _days_off(holiday: Section, year: int) -> set[date]:
    """List a holiday's days, from the first to the last."""
    holiday.allow_only({"name", "first", "last", "make_up"})
    name, first, last = holiday.text("name"), holiday.day("first"), holiday.day("last")
    if last < first:
        raise holiday.error(f"{name} ends before it begins", "last")
    if last.year != year:
        raise holiday.error(f"{name} ends in {last.year}, which is not the year of this file", "last")
    return {first + timedelta(days=offset) for offset in range((last - first).days + 1)}


def _make_up_days(holiday: Section) -> set[date]:
    """List the days worked instead; only a weekend day can be one."""
    days = holiday.days("make_up")
    for day in days:
        if day.weekday() < _SATURDAY:
            raise holiday.error(f"{day} is a weekday and cannot be a make-up day", "make_up")
    return set(days)
