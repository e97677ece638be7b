"""A row of a file becomes a facility, or is refused with the column that is wrong."""

import pytest

from services.registry.domain.facility_row import COLUMNS, FacilityDetails, read_row
from services.registry.domain.name_grams import grams_of, grams_sought
from services.registry.domain.row_text import RowFault
from tests.unit.registry.spreadsheets import ROW

CELLS = dict(zip(COLUMNS, ROW, strict=True))


def test_a_row_is_read_in_chinese_and_in_code() -> None:
    read = read_row(CELLS)
    assert isinstance(read, FacilityDetails)
    assert (read.kind, read.original_value, read.number) == ("large_instrument", 478_800_050, "KYSS-01-001")
    assert read_row(CELLS | {"kind": "large_instrument", "original_value_yuan": "4,788,000.5"}) == read


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("name", "", "row-lacks-value"),
        ("name", "镜", "row-text-length"),
        ("name", "镜" * 201, "row-text-length"),
        ("service_norms", "约" * 2_001, "row-text-length"),
        ("site", "泽衡\x07路", "row-text-unprintable"),
        ("number", "KYSS 01", "row-number-malformed"),
        ("number", "A" * 41, "row-number-malformed"),
        ("kind", "显微镜", "row-kind-unknown"),
        ("original_value_yuan", "1.234", "row-amount-malformed"),
        ("original_value_yuan", "-1", "row-amount-malformed"),
        ("original_value_yuan", "NaN", "row-amount-malformed"),
        ("original_value_yuan", "1e400", "row-amount-malformed"),
        ("original_value_yuan", "一百万", "row-amount-malformed"),
        ("original_value_yuan", "100000000000.01", "row-amount-malformed"),
    ],
)
def test_what_is_wrong_is_named(column: str, text: str, code: str) -> None:
    assert read_row(CELLS | {column: text}) == RowFault(code=code, column=column)


@pytest.mark.parametrize(
    ("column", "text"),
    [("name", "镜" * 200), ("number", "A" * 40), ("original_value_yuan", "100000000000"), ("original_value_yuan", "0")],
)
def test_the_last_value_inside_each_bound_is_taken(column: str, text: str) -> None:
    assert isinstance(read_row(CELLS | {column: text}), FacilityDetails)


def test_a_formula_refuses_the_row_whatever_else_is_in_it() -> None:
    assert read_row(CELLS, formula=True) == RowFault(code="row-has-formula")


def test_the_same_description_has_the_same_digest_and_another_has_another() -> None:
    one, two = read_row(CELLS), read_row(CELLS | {"price_standard": "700 元/小时"})
    assert isinstance(one, FacilityDetails)
    assert isinstance(two, FacilityDetails)
    assert one.digest == FacilityDetails(**{name: getattr(one, name) for name in one.__slots__}).digest
    assert one.digest != two.digest


def test_a_name_is_found_by_every_part_of_it() -> None:
    name = "X射线 衍射仪XRD-7"
    for begin in range(len(name)):
        for end in range(begin + 1, len(name) + 1):
            assert grams_sought(name[begin:end])
            assert set(grams_sought(name[begin:end])) <= set(grams_of(name))
