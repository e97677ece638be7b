"""Whatever somebody sends as a file of facilities is read or refused, and what was written is what is read."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.facility_row import COLUMNS, FacilityDetails, read_row
from services.registry.domain.row_text import RowFault
from services.registry.files.reading import read_rows
from shared.kernel.refusal import Refused
from tests.unit.registry.files.test_reading import HEADINGS
from tests.unit.registry.spreadsheets import HEADER, ROW, csv_file, sheet, workbook

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40)
ROWS = st.lists(st.tuples(*[TEXTS] * len(HEADER)), min_size=1, max_size=6)
GOOD = csv_file(ROW), workbook(sheet(HEADER, ROW))
EDITS = st.lists(st.tuples(st.integers(0, 5_000), st.binary(max_size=3)), max_size=6)


def read_or_refused(content: bytes) -> bool:
    try:
        return bool(read_rows(content, HEADINGS))
    except Refused as refused:
        return len(refused.reasons) == 1


@given(st.binary(max_size=2_000))
def test_any_bytes_are_read_or_refused_with_one_reason(content: bytes) -> None:
    assert read_or_refused(content)
    assert read_or_refused(GOOD[0] + content)


@given(st.sampled_from(GOOD), EDITS)
def test_a_good_file_that_was_damaged_is_read_or_refused_with_one_reason(
    content: bytes, edits: list[tuple[int, bytes]]
) -> None:
    for at, piece in edits:
        place = at % len(content)
        content = content[:place] + piece + content[place + len(piece) :]
    assert read_or_refused(content)


@given(ROWS)
def test_what_was_written_is_what_is_read(rows: list[tuple[str, ...]]) -> None:
    filled = [row for row in rows if any(row)]
    if not filled:
        return
    read = read_rows(csv_file(*filled), HEADINGS)
    told = [tuple(row.cells[name] for name in COLUMNS) for row in read]
    assert told == [tuple(cell.strip() for cell in row) for row in filled]
    signs = ("=", "+", "-", "@")
    assert [row.formula for row in read] == [any(cell.lstrip().startswith(signs) for cell in row) for row in filled]


@given(st.fixed_dictionaries(dict.fromkeys(COLUMNS, TEXTS)))
def test_any_row_is_facts_or_names_what_is_wrong_and_is_the_same_however_its_signs_are_composed(
    cells: dict[str, str],
) -> None:
    found = read_row(cells)
    assert isinstance(found, RowFault) != isinstance(found, FacilityDetails)
    apart = {name: unicodedata.normalize("NFD", text) for name, text in cells.items()}
    assert read_row(apart) == read_row({name: unicodedata.normalize("NFC", text) for name, text in cells.items()})
