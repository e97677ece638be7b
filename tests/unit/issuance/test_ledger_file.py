"""The journal as a file: amounts to the fen, headings in both languages, and nothing a spreadsheet would carry out."""

import csv
import io
import re
import unicodedata
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from services.issuance.domain.postings import ACCOUNTS
from services.issuance.reports.ledger_file import (
    COLUMNS,
    HEADINGS,
    Workbook,
    cells_from_csv,
    cells_of,
    csv_lines,
)
from services.issuance.reports.ledger_words import ACCOUNT_WORDS, TRANSFER_WORDS
from shared.kernel.ids import new_id

ENTRY = SimpleNamespace(
    position=1042,
    line=1,
    business_date=date(2026, 3, 2),
    debit="reserved",
    credit="quota",
    fen=300_000_001,
    period_id="prd_1",
    year=2026,
    claimant_id="clm_1",
    voucher_id="vch_1",
    contract_id=None,
)
DANGEROUS = ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]


def _read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_row_says_yuan_with_two_decimals_beside_whole_fen() -> None:
    (row,) = _read(csv_lines([cells_of(ENTRY)]))
    said = dict(zip(HEADINGS, row, strict=True))
    assert said["金额（元） · amount (yuan)"] == "3000000.01"
    assert said["金额（分） · amount (fen)"] == "300000001"
    assert said["记账日 · business date"] == "2026-03-02"
    assert said["合同 · contract"] == ""
    assert all(" · " in heading for heading in HEADINGS)


def test_accounts_stand_in_finance_s_words_with_their_codes_in_columns_of_their_own() -> None:
    said = dict(zip(HEADINGS, cells_of(ENTRY), strict=True))
    assert said["摘要 · transfer"] == "领取"
    assert (said["借方科目 · debit"], said["贷方科目 · credit"]) == ("已领取", "周期额度")
    assert (said["借方代码 · debit code"], said["贷方代码 · credit code"]) == ("reserved", "quota")


def test_every_account_has_a_chinese_word_of_its_own() -> None:
    assert tuple(ACCOUNT_WORDS) == ACCOUNTS
    assert len(set(ACCOUNT_WORDS.values())) == len(ACCOUNTS)
    assert not [word for word in ACCOUNT_WORDS.values() if re.search("[a-z_]", word)]


@pytest.mark.parametrize("text", DANGEROUS)
def test_no_text_is_carried_out_as_a_formula(text: str, tmp_path: Path) -> None:
    entry = SimpleNamespace(**vars(ENTRY) | {"claimant_id": text})
    (row,) = _read(csv_lines([cells_of(entry)]))
    assert row[10] == f"'{text}"
    path = tmp_path / "ledger.xlsx"
    with Workbook(path) as book:
        book.add([cells_of(entry)])
    workbook = CalamineWorkbook.from_path(path)
    assert workbook.get_sheet_by_index(0).to_python()[1][10] == text
    sheet = zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet


@for_all(st.integers(1, 10**13))
def test_no_fen_is_lost_between_fen_and_yuan(fen: int) -> None:
    cells = cells_of(SimpleNamespace(**vars(ENTRY) | {"fen": fen}))
    (row,) = _read(csv_lines([cells]))
    assert Decimal(row[6]) * 100 == int(row[7]) == fen
    assert list(cells_from_csv(row)) == list(cells)


@for_all(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20))
def test_what_was_written_is_read_again_as_it_was(text: str) -> None:
    if text.startswith("'"):
        text = f"x{text}"  # a leading mark is ours
    cells = cells_of(SimpleNamespace(**vars(ENTRY) | {"claimant_id": text}))
    (row,) = _read(csv_lines([cells]))
    assert list(cells_from_csv(row)) == list(cells)


def test_a_workbook_has_numbers_days_and_as_many_sheets_as_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "ledger.xlsx"
    with Workbook(path, sheet_rows_max=2) as book:
        book.add([cells_of(ENTRY)] * 3)
    workbook = CalamineWorkbook.from_path(path)
    first, second = (workbook.get_sheet_by_index(number).to_python() for number in range(2))
    assert (len(first), len(second)) == (3, 2)
    assert first[0] == second[0] == list(HEADINGS)
    assert first[1][2] == date(2026, 3, 2)
    assert (first[1][6], first[1][7]) == (3_000_000.01, 300_000_001)
    assert len(first[1]) <= len(COLUMNS)


def test_headings_and_ids_of_a_workbook_are_read_without_widening_a_column(tmp_path: Path) -> None:
    long = {name: new_id(name[:3], datetime(2026, 3, 2, tzinfo=UTC)) for name in vars(ENTRY) if name.endswith("_id")}
    cells = cells_of(SimpleNamespace(**vars(ENTRY) | long))
    path = tmp_path / "ledger.xlsx"
    with Workbook(path) as book:
        book.add([cells])
    with zipfile.ZipFile(path) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    widths = [
        float(width)
        for first, last, width in re.findall(r'<col min="(\d+)" max="(\d+)" width="([\d.]+)"', sheet)
        for _ in range(int(first), int(last) + 1)
    ]
    assert len(widths) == len(COLUMNS)
    for width, heading, cell in zip(widths, HEADINGS, cells, strict=True):
        assert width >= max(_wide(heading), _wide(str(cell)))
    debit, credit, transfer = (widths[place] for place in (4, 5, 3))
    assert min(debit, credit) >= max(_wide(word) for word in ACCOUNT_WORDS.values())
    assert transfer >= max(_wide(word) for word in TRANSFER_WORDS.values())


def _wide(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
