"""The journal as a file for finance: CSV that spreadsheets read as it is meant, or a workbook; one row a line."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import xlsxwriter  # type: ignore[import-untyped]

from services.issuance.reports.ledger_words import ACCOUNT_WORDS, TRANSFER_WORDS

BOM = "\ufeff"
"""Without it spreadsheets take UTF-8 for another encoding."""
SHEET_ROWS_MAX = 1_048_575
"""What a sheet holds besides its heading; then the next one begins."""
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
_FEN = 100

type Kind = Literal["text", "whole", "yuan", "day"]
type Cells = Sequence[str | int | Decimal | date | None]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading in both languages, what its cells are, how many characters wide, where they come from."""

    heading: str
    kind: Kind
    width: int
    of: Callable[[Any], str | int | Decimal | date | None]


COLUMNS = (
    Column("日志位置 · position", "whole", 22, lambda line: line.position),
    Column("笔 · line", "whole", 10, lambda line: line.line),
    Column("记账日 · business date", "day", 24, lambda line: line.business_date),
    Column("摘要 · transfer", "text", 22, lambda line: TRANSFER_WORDS[line.credit, line.debit]),
    Column("借方科目 · debit", "text", 20, lambda line: ACCOUNT_WORDS[line.debit]),
    Column("贷方科目 · credit", "text", 20, lambda line: ACCOUNT_WORDS[line.credit]),
    Column("金额（元） · amount (yuan)", "yuan", 28, lambda line: Decimal(line.fen) / _FEN),
    Column("金额（分） · amount (fen)", "whole", 26, lambda line: line.fen),
    Column("周期 · period", "text", 34, lambda line: line.period_id),
    Column("申领年度 · year of claim", "whole", 26, lambda line: line.year),
    Column("申领单位 · claimant", "text", 34, lambda line: line.claimant_id),
    Column("创新券 · voucher", "text", 34, lambda line: line.voucher_id),
    Column("合同 · contract", "text", 34, lambda line: line.contract_id),
    Column("借方代码 · debit code", "text", 24, lambda line: line.debit),
    Column("贷方代码 · credit code", "text", 26, lambda line: line.credit),
)
"""Accounts in finance's words; their codes, which are the API's, stand last for whoever matches the two."""
HEADINGS = tuple(column.heading for column in COLUMNS)


def cells_of(line: Any) -> Cells:
    """Give the cells of a line, which has the columns of the journal's table."""
    return [column.of(line) for column in COLUMNS]


def csv_lines(rows: Iterable[Cells]) -> str:
    """Write rows as CSV; a text that a spreadsheet would carry out as a formula is marked as text."""
    text = io.StringIO()
    csv.writer(text).writerows([_written(cell) for cell in row] for row in rows)
    return text.getvalue()


def _written(cell: str | int | Decimal | date | None) -> str:
    match cell:
        case None:
            return ""
        case Decimal():
            return f"{cell:.2f}"
        case str():
            return f"'{cell}" if cell.startswith(_FORMULA_SIGNS) else cell
        case _:
            return str(cell)


def cells_from_csv(written: Sequence[str]) -> Cells:
    """Read the cells of a row that `csv_lines` wrote."""
    return [_read(text, column.kind) for text, column in zip(written, COLUMNS, strict=True)]


def _read(text: str, kind: Kind) -> str | int | Decimal | date | None:
    if not text:
        return None
    match kind:
        case "whole":
            return int(text)
        case "yuan":
            return Decimal(text)
        case "day":
            return date.fromisoformat(text)
        case "text":
            is_marked = text.startswith("'") and text[1:].startswith(_FORMULA_SIGNS)
            return text[1:] if is_marked else text


class Workbook:
    """A workbook written row by row in constant memory; a context manager that closes the file."""

    def __init__(self, path: Path, *, sheet_rows_max: int = SHEET_ROWS_MAX) -> None:
        self._rows_max = sheet_rows_max
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = xlsxwriter.Workbook(str(path), options)
        self._bold = self._book.add_format({"bold": True, "bottom": 1})
        self._yuan = self._book.add_format({"num_format": "#,##0.00"})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._sheets = 0
        self._turn()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file; without this there is none."""
        self._book.close()

    def add(self, rows: Iterable[Cells]) -> None:
        """Add rows; a text is never taken for a formula, a number or a link."""
        for cells in rows:
            if self._row == self._rows_max:
                self._turn()
            self._row += 1
            for number, cell in enumerate(cells):
                match cell:
                    case None:
                        continue
                    case Decimal():
                        self._sheet.write_number(self._row, number, cell, self._yuan)
                    case int():
                        self._sheet.write_number(self._row, number, cell)
                    case date():
                        self._sheet.write_datetime(self._row, number, cell, self._day)
                    case str():
                        self._sheet.write_string(self._row, number, cell)

    def _turn(self) -> None:
        """Begin the next sheet."""
        self._sheets += 1
        self._row = 0
        self._sheet = self._book.add_worksheet(f"分录 ledger {self._sheets}")
        self._sheet.freeze_panes(1, 0)
        for number, column in enumerate(COLUMNS):
            self._sheet.set_column(number, number, column.width)
            self._sheet.write_string(0, number, column.heading, self._bold)
