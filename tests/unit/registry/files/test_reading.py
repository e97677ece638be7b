"""CSV and XLSX files are read as they were meant, or refused as a whole with one reason."""

import pytest

from services.registry.domain.facility_row import COLUMNS
from services.registry.files.reading import read_rows
from shared.kernel.refusal import Refused
from tests.unit.registry.spreadsheets import HEADER, ROW, changed, csv_file, sheet, workbook

HEADINGS = {heading: name for name, headings in COLUMNS.items() for heading in headings}
ENGLISH = tuple(COLUMNS)
SHARED = f"<si><t>{'长' * 20_000}</t></si>"
REPEATED = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 3_200))


@pytest.mark.parametrize(
    "content",
    [
        csv_file(ROW),
        csv_file(ROW, encoding="utf-8"),
        csv_file(ROW, encoding="gb18030"),
        csv_file(ROW, header=ENGLISH),
        csv_file((*ROW, "备注内容"), header=(*HEADER, "备注")),
        csv_file(("",) * 7, ROW),
        workbook(sheet(HEADER, ROW)),
    ],
    ids=["bom", "utf-8", "gb18030", "english", "more-columns", "empty-row", "xlsx"],
)
def test_a_file_is_read_whatever_it_was_written_with(content: bytes) -> None:
    (row,) = read_rows(content, HEADINGS)
    assert tuple(row.cells[name] for name in COLUMNS) == ROW
    assert not row.formula


def test_rows_have_the_numbers_a_spreadsheet_shows() -> None:
    tall = changed(服务规范="网上预约\n收样后五日")
    assert [row.row for row in read_rows(csv_file(tall, ROW), HEADINGS)] == [2, 4]
    assert [row.row for row in read_rows(workbook(sheet(HEADER, (), ROW)), HEADINGS)] == [3]


def test_a_formula_is_seen_in_a_workbook_and_in_a_csv() -> None:
    bad = changed(收费标准="=1+1")
    for content in (csv_file(ROW, bad), workbook(sheet(HEADER, ROW, bad))):
        assert [row.formula for row in read_rows(content, HEADINGS)] == [False, True]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file-empty"),
        (csv_file(ROW, encoding="utf-16"), "import-encoding-unknown"),
        ("资产编号".encode("utf-16-le"), "import-columns-missing"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "import-encoding-unknown"),
        (csv_file(ROW[:-1], header=HEADER[:-1]), "import-columns-missing"),
        (csv_file((*ROW, "x"), header=(*HEADER, "名称")), "import-columns-missing"),
        (b"x" * (20 * 1024 * 1024), "import-line-too-long"),
        (csv_file(), "import-has-no-rows"),
        (csv_file(*[ROW] * 50_001), "import-too-many-rows"),
        (csv_file(ROW) + b'"never closed', "import-malformed"),
        (workbook(sheet(HEADER, ROW), sheet(HEADER, ROW)), "import-one-sheet-only"),
        (workbook(sheet(HEADER, ROW))[:-200] + b"\x00" * 50, "import-encoding-unknown"),
        (workbook('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), "import-too-many-rows"),
        (workbook(REPEATED, shared=SHARED), "file-unpacks-to-too-much"),
        (workbook(f"<row><!--{' ' * 210_000_000}--></row>"), "file-unpacks-to-too-much"),
        (workbook(sheet(HEADER, ROW), doctype='<!DOCTYPE w [<!ENTITY a "aaaa">]>'), "import-malformed"),
        (workbook("<row><c>"), "import-malformed"),
    ],
    ids=[
        "empty", "utf-16", "utf-16-bare", "picture", "column-missing", "column-twice", "one-line", "no-rows",
        "too-many", "quote-open", "two-sheets", "cut-off", "far-corner", "repeated-text", "zip-bomb", "doctype",
        "broken-xml",
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(content: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read_rows(content, HEADINGS)
    assert [reason.code for reason in refused.value.reasons] == [code]
