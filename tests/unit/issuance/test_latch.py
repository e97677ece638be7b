"""The filter of the winners may send a stranger to the database, but never a winner away."""

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.issuance.intake.asking import name_of
from services.issuance.intake.latch import Filter

NAMES = st.builds(name_of, st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))


@for_all(st.lists(NAMES, max_size=200))
def test_everyone_who_was_taken_in_is_known(names: list[str]) -> None:
    winners = Filter(expected=1)
    for name in names:
        winners.add(name)
    assert all(name in winners for name in names)


def test_of_many_strangers_hardly_any_is_taken_for_a_winner() -> None:
    winners = Filter(expected=20_000)
    for number in range(20_000):
        winners.add(name_of("somebody", f"key-{number}"))
    strangers = sum(name_of("somebody", f"other-{number}") in winners for number in range(20_000))
    assert strangers < 100
    assert name_of("some", "bodykey-1") not in winners
