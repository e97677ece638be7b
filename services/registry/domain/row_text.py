"""The texts of one row of a file: complete, printable and of a fitting length, or refused with the column at fault."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFault:
    """Why a row is refused: a problem's code and the column that is wrong, if it is one."""

    code: str
    column: str = ""


def texts_of(
    cells: Mapping[str, str], columns: Iterable[str], lengths: Mapping[str, tuple[int, int]], *, formula: bool
) -> dict[str, str] | RowFault:
    """Read the cells of these columns, each of which must say something; the first thing that is wrong is given."""
    if formula:
        return RowFault(code="row-has-formula")
    said = {name: unicodedata.normalize("NFC", cells.get(name, "").strip()) for name in columns}
    for name, text in said.items():
        if not text:
            return RowFault(code="row-lacks-value", column=name)
        if any(unicodedata.category(sign) in {"Cc", "Cs"} and sign not in "\t\n\r" for sign in text):
            return RowFault(code="row-text-unprintable", column=name)
    for name, (shortest, longest) in lengths.items():
        if not shortest <= len(said[name]) <= longest:
            return RowFault(code="row-text-length", column=name)
    return said


def day_in(text: str) -> date | None:
    """Read a day written YYYY-MM-DD, also as a spreadsheet gives it with midnight behind; None for anything else."""
    text = text.removesuffix(" 00:00:00")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None
