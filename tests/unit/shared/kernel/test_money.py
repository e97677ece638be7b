"""Money is whole fen, and people read yuan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.money import format_yuan, yuan


@pytest.mark.parametrize(
    ("amount_fen", "written"),
    [
        (0, "0.00 元"),
        (1, "0.01 元"),
        (-1, "-0.01 元"),
        (100, "1.00 元"),
        (5_000_000, "50,000.00 元"),
        (-123_456_789, "-1,234,567.89 元"),
    ],
)
def test_fen_are_written_as_yuan(amount_fen: int, written: str) -> None:
    assert format_yuan(amount_fen) == written


@given(st.integers(-(10**15), 10**15))
def test_what_is_written_is_the_amount_to_the_fen(amount_fen: int) -> None:
    assert int(format_yuan(amount_fen).removesuffix(" 元").replace(",", "").replace(".", "")) == amount_fen


def test_a_yuan_is_a_hundred_fen() -> None:
    assert yuan(200_000) == 20_000_000
