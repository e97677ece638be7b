"""Credit codes: one way to write them, and a check digit that catches slips."""

from hypothesis import given as for_all
from hypothesis import strategies as st
from stdnum.cn import uscc

from deploy.local.sample.generate import credit_code
from services.registry.domain.credit_code import is_beijing_division, is_valid, normalised
from tests.unit.registry.facts import CODE

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CODES = st.builds(
    credit_code, st.sampled_from(["91", "12", "52"]), st.sampled_from(["110108", "120116"]), st.integers(0, 99_999)
)


@for_all(CODES, st.lists(st.tuples(st.integers(0, 17), st.sampled_from([" ", "-"])), max_size=4))
def test_a_code_is_kept_in_one_form_however_it_is_written(code: str, noise: list[tuple[int, str]]) -> None:
    written = code.lower()
    for place, sign in noise:
        written = written[:place] + sign + written[place:]
    assert normalised(written) == code
    assert normalised(normalised(written)) == code
    assert is_valid(normalised(written))


@for_all(CODES, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(code: str, place: int, sign: str) -> None:
    wrong = code[:place] + sign + code[place + 1 :]
    assert is_valid(wrong) == (wrong == code)


@for_all(CODES, st.integers(0, 16))
def test_two_neighbours_that_changed_places_are_noticed(code: str, place: int) -> None:
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert is_valid(swapped) == (swapped == code)


@for_all(st.text(max_size=24))
def test_any_other_text_is_judged_without_failing(text: str) -> None:
    assert is_valid(text) == (text == normalised(text) and uscc.is_valid(text))


def test_only_the_form_that_is_kept_is_valid() -> None:
    assert is_valid(CODE)
    assert not is_valid(CODE.lower())
    assert not is_valid(CODE[:-1])
    assert not is_valid("")


def test_a_code_names_the_place_that_gave_it() -> None:
    assert is_beijing_division(CODE)
    assert not is_beijing_division("91120116MAY10000X0")
