"""A change of one parameter, announced after its pack was published: what it says, and what a value may be at all."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Literal

from shared.measures.parameter import DatedValue, Parameter
from shared.measures.terms import Unit, Value

_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CODES_MAX = 50
_BOUNDS: dict[Unit, tuple[int, int]] = {
    Unit.FEN: (0, 10**12),
    Unit.DAYS: (1, 366),
    Unit.WORKING_DAYS: (1, 60),
    Unit.MONTHS: (1, 60),
    Unit.YEARS: (0, 30),
    Unit.QUARTER: (1, 4),
    Unit.PERCENT: (0, 100),
    Unit.COUNT: (0, 1_000_000),
}
"""Outside these a number is a slip of the pen, not a policy; both ends are allowed."""

type Fault = Literal["unit", "bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A new value of a parameter of a pack from its first day on, with the words it rests on.

    It holds until the value it replaces would have ended.
    """

    change_id: str
    pack: str
    parameter: str
    value: Value
    first_day: date
    article: str
    quote: str


def fault_of(value: Value, unit: Unit) -> Fault | None:
    """Say what keeps a value from being one of a unit: it is of another kind, or outside every sane bound."""
    match unit:
        case Unit.SWITCH:
            return None if isinstance(value, bool) else "unit"
        case Unit.CODES:
            if not isinstance(value, tuple):
                return "unit"
            tidy = all(_CODE.fullmatch(code) for code in value) and len(set(value)) == len(value)
            return None if tidy and 0 < len(value) <= _CODES_MAX else "bounds"
        case _:
            if isinstance(value, bool) or not isinstance(value, int):
                return "unit"
            least, most = _BOUNDS[unit]
            return None if least <= value <= most else "bounds"


def bounds_in_words(unit: Unit) -> str:
    """Say which values a unit allows, the same in both languages: `1-366`, `true, false`, `a_word, another_word`."""
    if unit is Unit.SWITCH:
        return "true, false"
    if unit is Unit.CODES:
        return f"1-{_CODES_MAX} × [a-z0-9_]"
    least, most = _BOUNDS[unit]
    return f"{least}-{most}"


def changed(parameter: Parameter, change: Change) -> Parameter:
    """Give a parameter with a change laid over it; LookupError when it has no value on the change's first day."""
    replaced = parameter.on(change.first_day)
    new = DatedValue(
        first_day=change.first_day,
        until=replaced.until,
        value=change.value,
        article=change.article,
        quote=change.quote,
        reading=None,
    )
    values: list[DatedValue] = []
    for held in parameter.values:
        if held is not replaced:
            values.append(held)
            continue
        if held.first_day < change.first_day:
            values.append(replace(held, until=change.first_day - timedelta(days=1)))
        values.append(new)
    return replace(parameter, values=tuple(values))


def name_with(pack: str, in_force: Sequence[Change]) -> str:
    """Name a pack together with the changes in force: `beijing-2023+2`; without any, the pack's own name."""
    return f"{pack}+{len(in_force)}" if in_force else pack


def pack_of(name: str) -> str:
    """Give the pack behind a name that may tell of changes."""
    return name.partition("+")[0]


def digest_with(digest: str, in_force: Sequence[Change]) -> str:
    """Condense a pack's digest and the changes in force, in their order; without any, the pack's own digest."""
    if not in_force:
        return digest
    text = json.dumps([digest, [asdict(change) for change in in_force]], ensure_ascii=False, default=date.isoformat)
    return hashlib.sha256(text.encode()).hexdigest()
