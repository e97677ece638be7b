"""XLSX workbooks, looked through for formulas and for what would not fit into memory before anything is opened."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from xml.parsers import expat

from python_calamine import CalamineError, CalamineWorkbook

from shared.kernel.refusal import refuse

COLUMNS_MAX = 64
_TEXT_MAX = 60_000_000
"""How many characters all cells may show together; a text that many cells share counts for each."""
_PLACE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_XML_STARTS = (b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_ARTICLE = "5"
_DAMAGED = (
    CalamineError, zipfile.BadZipFile, zlib.error, expat.ExpatError, ValueError, EOFError, NotImplementedError,
    RuntimeError,
)  # fmt: skip
"""What reading a broken workbook may raise; zipfile says RuntimeError of one that is encrypted."""


def workbook_rows(content: bytes, rows_max: int) -> Iterator[tuple[int, list[str], bool]]:
    """Give the rows of a workbook's only sheet: number, cells as text, and whether one of them is a formula.

    Raises `Refused` for a broken workbook, more than one sheet, and one that is larger than it looks.
    """
    try:
        scan = _scanned(content, rows_max)
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        if len(book.sheet_names) != 1:
            raise refuse("import-one-sheet-only", article=_ARTICLE, value=len(book.sheet_names))
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except _DAMAGED:
        raise refuse("import-malformed", article=_ARTICLE, value=1) from None
    for number, cells in enumerate(rows, start=1):
        yield number, [_shown(cell) for cell in cells], number in scan.formula_rows


@dataclass(slots=True)
class _Scan:
    """What is known of all sheets after one look at their XML."""

    rows_max: int
    formula_rows: set[int] = field(default_factory=set)
    shared: list[int] = field(default_factory=list)
    text: int = 0
    _row: int = 0
    _column: int = 0
    _in_cell: bool = False
    _shares: bool = False
    _value: str = ""

    def look_at(self, xml: bytes) -> None:
        """Look through one part; nothing in it is kept but numbers."""
        self._row = self._column = 0
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._say
        parser.StartDoctypeDeclHandler = _no_doctype
        parser.Parse(xml, True)

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        local = name if ":" not in name else name.rpartition(":")[2]
        if local == "c":
            place = _PLACE.fullmatch(attributes.get("r", ""))
            if place is None:
                self._place(self._row, self._column + 1)
            else:
                self._place(int(place[2]), _column_of(place[1]))
            self._in_cell, self._shares = True, attributes.get("t") == "s"
        elif local == "v":
            self._value = ""
        elif local == "f" and self._in_cell:
            self.formula_rows.add(self._row)
        elif local == "row":
            self._place(int(attributes.get("r", self._row + 1)), 0)
        elif local == "si":
            self.shared.append(0)

    def _end(self, name: str) -> None:
        local = name if ":" not in name else name.rpartition(":")[2]
        if local == "c":
            self._in_cell = False
        elif local == "v" and self._shares:
            index = int(self._value)
            self._count(self.shared[index] if 0 <= index < len(self.shared) else 0)

    def _say(self, text: str) -> None:
        if self._in_cell:
            self._value = (self._value + text)[:20]
            self._count(len(text))
        elif self.shared:
            self.shared[-1] += len(text)

    def _count(self, characters: int) -> None:
        self.text += characters
        if self.text > _TEXT_MAX:
            raise refuse("file-unpacks-to-too-much", article=_ARTICLE, value=self.text, limit=_TEXT_MAX)

    def _place(self, row: int, column: int) -> None:
        if row > self.rows_max or column > COLUMNS_MAX:
            raise refuse("import-too-many-rows", article=_ARTICLE, limit=self.rows_max - 1)
        self._row, self._column = row, column


def _scanned(content: bytes, rows_max: int) -> _Scan:
    """Unpack every part to its end, so that its size and checksum are what the archive says, and look through it."""
    scan = _Scan(rows_max)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = sorted(archive.namelist(), key=lambda name: "sharedstrings" not in name.lower())
        for name in names:
            part = archive.read(name)
            if part.lstrip()[:3].startswith(_XML_STARTS):
                scan.look_at(part)
    return scan


@cache
def _column_of(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _no_doctype(*_declared: object) -> None:
    raise ValueError("a workbook has no document type")


def _shown(cell: object) -> str:
    """Write a cell as a person would type it: whole numbers without a point."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
