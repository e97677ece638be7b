"""The rules that a decision of long ago was made by, for whoever checks it again."""

from datetime import date
from functools import cache
from pathlib import Path

from shared.measures.changes import Change, pack_of
from shared.measures.reader import Measures
from shared.settings import MeasuresSettings


@cache
def rules_of(pack: str, day: date, changes: tuple[Change, ...] = ()) -> Measures:
    """Give the rules by which something was decided on a day in a case that was begun under a pack.

    That is the pack itself, and after its last day the one that was in force by then (reading 10); `pack` may be named
    as the event names it, with the number of its changes, and `changes` are those announced. LookupError when there is
    no such pack. What was found is kept, because an audit asks for every row.
    """
    settings = MeasuresSettings()
    begun_under = _loaded(pack_of(pack), settings.measures_dir, changes)
    if begun_under.life.until is None or day <= begun_under.life.until:
        return begun_under
    return _loaded(settings.measures_pack, settings.measures_dir, changes).in_force(day)


@cache
def _loaded(pack: str, more: Path | None, changes: tuple[Change, ...]) -> Measures:
    return Measures.load(pack, more=more).with_changes(changes)
