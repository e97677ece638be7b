"""The rules that a decision of long ago was made by, for whoever checks it again."""

from datetime import date
from functools import cache
from pathlib import Path

from shared.measures.reader import Measures
from shared.settings import MeasuresSettings


@cache
def rules_of(pack: str, day: date) -> Measures:
    """Give the rules by which something was decided on a day in a case that was begun under a pack.

    That is the pack itself, and after its last day the one that was in force by then (reading 10). LookupError when
    there is neither. What was found is kept, because an audit asks for every row.
    """
    settings = MeasuresSettings()
    begun_under = _loaded(pack, settings.measures_dir)
    if begun_under.life.until is None or day <= begun_under.life.until:
        return begun_under
    return _loaded(settings.measures_pack, settings.measures_dir).in_force(day)


@cache
def _loaded(pack: str, more: Path | None) -> Measures:
    return Measures.load(pack, more=more)
