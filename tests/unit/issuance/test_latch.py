"""Sold out is told from memory, never to a winner; now and then somebody goes to look whether money has returned."""

from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Period
from services.issuance.intake.asking import name_of
from services.issuance.intake.book import Page
from services.issuance.intake.latch import Filter, Latch
from tests.unit.issuance.facts import APPROVED, PROPOSED

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


class Seconds:
    """Seconds moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def _nobody() -> Any:
    raise OSError("nobody has won before")


def _shut(seconds: Seconds) -> tuple[Latch, Page]:
    latch = Latch(seconds, _nobody)
    plan = period.fold([PROPOSED, APPROVED])
    assert isinstance(plan, Period)
    page = Page(period=plan, version=2, remaining=0, places=1, revision=1, seen=seconds.now)
    latch._page, latch._won = page, Filter(expected=1)
    latch.look(page, won=[("winner", "first-come")])
    return latch, page


def test_what_was_seen_holds_for_everybody_but_the_winners() -> None:
    latch, page = _shut(Seconds())
    assert latch.is_shut
    assert latch.shuts_out(("stranger", "too-late")) is page
    assert latch.shuts_out(("winner", "first-come")) is None
    assert latch.shuts_out(("winner", "another-key")) is page


def test_one_of_those_who_come_goes_to_look_as_often_as_it_asks_and_the_others_are_told_meanwhile() -> None:
    seconds = Seconds()
    latch, page = _shut(seconds)
    seconds.now += 0.25
    assert latch.shuts_out(("a", "too-late")) is page
    seconds.now += 0.01
    assert [latch.shuts_out((who, "too-late")) for who in ("a", "b", "a", "c")] == [None, page, None, page]
    page.seen = seconds.now
    latch.look(page, won=[])
    assert [latch.shuts_out((who, "too-late")) for who in ("a", "b")] == [page, page]


def test_another_goes_when_the_first_saw_nothing_and_in_the_end_everybody_does() -> None:
    seconds = Seconds()
    latch, page = _shut(seconds)
    seconds.now += 0.24
    assert latch.shuts_out(("a", "too-late")) is page
    seconds.now += 0.02
    assert latch.shuts_out(("a", "too-late")) is None
    seconds.now += 0.24
    assert latch.shuts_out(("b", "too-late")) is page
    seconds.now += 0.01
    assert [latch.shuts_out((who, "too-late")) for who in ("b", "c", "a")] == [None, None, None]


def test_a_period_with_money_is_not_shut() -> None:
    latch, page = _shut(Seconds())
    page.remaining = 1
    latch.look(page, won=[])
    assert not latch.is_shut
    assert latch.shuts_out(("stranger", "too-late")) is None
