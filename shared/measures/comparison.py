"""What changes between two packs of rules on a day, parameter by parameter."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.measures.parameter import DatedValue, Parameter
from shared.measures.reader import Measures

type Kind = Literal["changed", "cited_anew", "added", "removed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A parameter on which two packs differ.

    `cited_anew` means the same value on the strength of other words; `before` is None for what only the second pack
    has, `after` for what only the first one has. `parameter` describes it, in the second pack's words if it can.
    """

    kind: Kind
    parameter: Parameter
    before: DatedValue | None
    after: DatedValue | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two packs side by side: on which day each was read, and the differences by parameter name."""

    before_on: date
    after_on: date
    differences: tuple[Difference, ...]
    same: int


def compare(before: Measures, after: Measures, day: date) -> Comparison:
    """Compare what two packs say on a day; a pack not in force on it is read on its own nearest day.

    Only the packs themselves are compared, not those they succeed.
    """
    before_on, after_on = before.life.nearest(day), after.life.nearest(day)
    differences: list[Difference] = []
    names = sorted(before.parameters.keys() | after.parameters.keys())
    for name in names:
        old, new = before.parameters.get(name), after.parameters.get(name)
        was, now = old.on(before_on) if old else None, new.on(after_on) if new else None
        kind = _kind(was, now)
        parameter = new or old
        if kind is not None and parameter is not None:
            differences.append(Difference(kind=kind, parameter=parameter, before=was, after=now))
    return Comparison(
        before_on=before_on, after_on=after_on, differences=tuple(differences), same=len(names) - len(differences)
    )


def _kind(was: DatedValue | None, now: DatedValue | None) -> Kind | None:
    if was is None:
        return "added"
    if now is None:
        return "removed"
    if was.value != now.value:
        return "changed"
    said_before, said_now = (was.article, was.quote, was.reading), (now.article, now.quote, now.reading)
    return None if said_before == said_now else "cited_anew"
