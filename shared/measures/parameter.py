"""One parameter of a rule pack: what it means, its unit, and its values by date, each with the words it rests on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from shared.measures.document import Section
from shared.measures.terms import Unit, Value

_PERCENT_MAX = 100
_QUARTER_MAX = 4
_READINGS = range(1, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedValue:
    """A value and the days it holds on, `until` included; None is for good."""

    first_day: date
    until: date | None
    value: Value
    article: str
    quote: str
    reading: int | None

    def holds_on(self, day: date) -> bool:
        """Tell whether the value is in force on a day."""
        return self.first_day <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A named rule of a pack; its values follow one another without a gap for as long as the pack is in force."""

    name: str
    unit: Unit
    description_zh: str
    description_en: str
    values: tuple[DatedValue, ...]

    def on(self, day: date) -> DatedValue:
        """Give the value in force on a day; LookupError outside the pack's life."""
        for value in self.values:
            if value.holds_on(day):
                return value
        message = f"{self.name} has no value on {day}"
        raise LookupError(message)


@dataclass(frozen=True, slots=True)
class Life:
    """The days a pack is in force, `until` included; None is for good."""

    first_day: date
    until: date | None

    def holds_on(self, day: date) -> bool:
        """Tell whether the pack is in force on a day."""
        return self.first_day <= day and (self.until is None or day <= self.until)

    def nearest(self, day: date) -> date:
        """Give the day itself when the pack is in force on it, else the pack's first or last day."""
        if self.until is not None and day > self.until:
            return self.until
        return max(day, self.first_day)


def read_parameter(file: Path, life: Life) -> Parameter:
    """Read one parameter.

    RuleFileError for a gap, an overlap, an unknown unit, a missing reference or a value the unit does not allow.
    """
    section = Section.read(file)
    section.allow_only({"description", "unit", "values"})
    description = section.section("description")
    description.allow_only({"zh", "en"})
    unit = _unit(section)
    entries = section.sections("values")
    values = tuple(_value(entry, unit) for entry in entries)
    _check_coverage(entries, values, life)
    return Parameter(
        name=file.stem,
        unit=unit,
        description_zh=description.text("zh"),
        description_en=description.text("en"),
        values=values,
    )


def _unit(section: Section) -> Unit:
    name = section.text("unit")
    try:
        return Unit(name)
    except ValueError:
        complaint = f"unknown unit `{name}`; known are {', '.join(Unit)}"
        raise section.error(complaint, "unit") from None


def _value(entry: Section, unit: Unit) -> DatedValue:
    entry.allow_only({"from", "until", "value", "article", "quote", "reading"})
    reading = entry.integer("reading") if "reading" in entry else None
    if reading is not None and reading not in _READINGS:
        raise entry.error(f"there is no reading {reading}", "reading")
    return DatedValue(
        first_day=entry.day("from"),
        until=entry.day("until") if "until" in entry else None,
        value=_typed(entry, unit),
        article=entry.text("article"),
        quote=entry.text("quote"),
        reading=reading,
    )


def _typed(entry: Section, unit: Unit) -> Value:
    match unit:
        case Unit.SWITCH:
            return entry.switch("value")
        case Unit.CODES:
            return entry.codes("value")
        case Unit.PERCENT:
            return _bounded(entry, 0, _PERCENT_MAX)
        case Unit.QUARTER:
            return _bounded(entry, 1, _QUARTER_MAX)
        case Unit.WORKING_DAYS:
            return _bounded(entry, 1, None)
        case _:
            return entry.integer("value")


def _bounded(entry: Section, least: int, most: int | None) -> int:
    value = entry.integer("value")
    if value < least or (most is not None and value > most):
        raise entry.error(f"{value} is out of range", "value")
    return value


def _check_coverage(entries: list[Section], values: tuple[DatedValue, ...], life: Life) -> None:
    """Refuse a day of the pack's life with no value or with two."""
    for complaint, entry, key in _coverage_complaints(entries, values, life):
        raise entry.error(complaint, key)


def _coverage_complaints(
    entries: list[Section], values: tuple[DatedValue, ...], life: Life
) -> Iterator[tuple[str, Section, str]]:
    if values[0].first_day != life.first_day:
        yield f"the first value must begin with the pack, on {life.first_day}", entries[0], "from"
    for entry, value in zip(entries, values, strict=True):
        if value.until is not None and value.until < value.first_day:
            yield "the value ends before it begins", entry, "until"
    for entry, before, after in zip(entries[1:], values, values[1:], strict=False):
        expected = before.until + timedelta(days=1) if before.until else None
        if expected is None or after.first_day < expected:
            yield "overlap: the value before this one is still in force", entry, "from"
        elif after.first_day > expected:
            yield f"gap: no value from {expected} to {after.first_day - timedelta(days=1)}", entry, "from"
    if values[-1].until != life.until:
        end = f"on {life.until}" if life.until else "open, as the pack does"
        yield f"gap: the last value must end {end}", entries[-1], "until"
