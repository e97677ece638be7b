"""From the bytes of a CSV or XLSX file to rows of cells; what cannot be read is refused as a whole, and why is said."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from services.registry.files.workbook import workbook_rows
from shared.documents.inspection import media_type_of
from shared.kernel.refusal import refuse

ROWS_MAX = 50_000
_LINE_MAX = 20_000
_ENCODINGS = ("utf-8-sig", "gb18030")
_FORMULA_SIGNS = ("=", "+", "-", "@")
_ARTICLE = "5"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One row: its number as a spreadsheet shows it, its cells by column, and the columns that hold a formula."""

    row: int
    cells: Mapping[str, str]
    formula: bool


def read_rows(content: bytes, columns: Mapping[str, str]) -> list[FileRow]:
    """Read the rows under the header; `columns` gives a column's name for each heading it may have.

    Raises `Refused` for what is no such file, a wrong encoding, a column that lacks, a line that never ends, too many
    rows and a workbook that unpacks to too much. Columns that nobody knows and empty rows are left out.
    """
    if not content:
        raise refuse("file-empty", article=_ARTICLE)
    if zipfile.is_zipfile(io.BytesIO(content)):
        media_type_of(content)
        lines: Iterator[tuple[int, list[str], bool]] = workbook_rows(content, ROWS_MAX + 1)
    else:
        lines = _csv_rows(_text(content))
    return list(_under_header(lines, columns))


def _under_header(lines: Iterable[tuple[int, list[str], bool]], columns: Mapping[str, str]) -> Iterator[FileRow]:
    filled = ((row, cells, formula) for row, cells, formula in lines if formula or any(cells))
    _, header, _ = next(filled, (0, [], False))
    named = [columns.get(heading.strip().lower(), "") for heading in header]
    if missing := [name for name in dict.fromkeys(columns.values()) if named.count(name) != 1]:
        raise refuse("import-columns-missing", article=_ARTICLE, value=missing)
    found = 0
    for row, cells, formula in filled:
        found += 1
        if found > ROWS_MAX:
            raise refuse("import-too-many-rows", article=_ARTICLE, limit=ROWS_MAX)
        by_name = {name: cell.strip() for name, cell in zip(named, cells, strict=False) if name}
        yield FileRow(row=row, cells=by_name, formula=formula)
    if not found:
        raise refuse("import-has-no-rows", article=_ARTICLE)


def _text(content: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise refuse("import-encoding-unknown", article=_ARTICLE)


def _csv_rows(text: str) -> Iterator[tuple[int, list[str], bool]]:
    lines = list(io.StringIO(text, newline=""))
    if any(len(line) > _LINE_MAX for line in lines):
        raise refuse("import-line-too-long", article=_ARTICLE, limit=_LINE_MAX)
    reader = csv.reader(lines, strict=True)
    began = 1
    try:
        for cells in reader:
            yield began, cells, any(cell.lstrip().startswith(_FORMULA_SIGNS) for cell in cells)
            began = reader.line_num + 1
    except csv.Error:
        raise refuse("import-malformed", article=_ARTICLE, value=reader.line_num) from None
