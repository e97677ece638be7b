"""Entries: which way is open, what becomes of one, and who is served by which order (art. 12)."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.issuance.domain.arrivals import Granted, Rules, Stock
from services.issuance.domain.claimant import Ban, Claimant
from services.issuance.domain.claiming import Claim, reasons_against
from services.issuance.domain.entries import against_claiming, is_being_decided, next_work, way_open
from services.issuance.domain.entry import EndEntry, MakeEntry, MoveToReserve, ServeEntry, WithdrawEntry, entry
from services.issuance.domain.entry_terms import faults_of_entries
from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Pause, Period, Phase
from services.issuance.domain.serving import InLine, serve_in_order
from shared.events.issuance.entries import (
    EntryEnded,
    EntryMade,
    EntryMovedToReserve,
    EntryServed,
    EntryWay,
    EntryWithdrawn,
)
from shared.events.issuance.periods import EntryTerms, EntryWindow
from shared.events.issuance.vouchers import WhyNot
from shared.kernel.calendar import Deadline, business_date
from shared.kernel.refusal import Reason
from tests.specification import Specification
from tests.unit.issuance.facts import APPROVED, CLOSES, OPENS, PERIOD, PROPOSED, TERMS

MOMENT = timedelta(microseconds=1)
WINDOW = EntryWindow(opens_at=OPENS - timedelta(days=7), until=OPENS - timedelta(days=1))
DRAWN = OPENS + timedelta(minutes=10)
BOTH = EntryTerms(window=WINDOW, draw_minutes=10, reserve_list=True)
NOBODY: frozenset[EntryWay] = frozenset()
NAMES = ("clm_a", "clm_b", "clm_c")


def _period(terms: EntryTerms | None = BOTH, *decided: EntryWay, **changed: Any) -> Period:
    state = period.fold([replace(PROPOSED, entries=terms), APPROVED])
    assert isinstance(state, Period)
    return replace(state, decided=frozenset(decided), **changed)


def _way(
    at: datetime, state: Period | None = None, *, is_short: bool = True, begun: frozenset[EntryWay] = NOBODY
) -> object:
    found = way_open(state or _period(), at, is_short=is_short, begun=begun)
    return found.code if isinstance(found, Reason) else found


def test_each_way_is_open_from_its_first_instant_until_just_before_its_last() -> None:
    window_decided, both_decided = _period(BOTH, "window"), _period(BOTH, "window", "draw")
    assert _way(WINDOW.opens_at - MOMENT) == "entries-not-taken-yet"
    assert _way(WINDOW.opens_at) == "window"
    assert _way(WINDOW.until - MOMENT) == "window"
    assert _way(WINDOW.until) == "entries-being-decided"
    assert _way(WINDOW.until, window_decided) == "entries-not-taken-yet"
    assert _way(OPENS - MOMENT, window_decided) == "entries-not-taken-yet"
    assert _way(OPENS, window_decided) == "draw"
    assert _way(DRAWN - MOMENT, window_decided) == "draw"
    assert _way(DRAWN, window_decided) == "entries-being-decided"
    assert _way(DRAWN, both_decided) == "reserve"
    assert _way(DRAWN, both_decided, is_short=False) == "quota-not-exhausted"


def test_once_the_first_entry_of_a_way_is_decided_no_other_is_taken_however_early_it_was_stamped() -> None:
    assert _way(WINDOW.until - MOMENT, begun=frozenset({"window"})) == "entries-being-decided"
    assert _way(DRAWN - MOMENT, _period(BOTH, "window"), begun=frozenset({"draw"})) == "entries-being-decided"


def test_a_period_takes_entries_only_in_the_ways_of_its_plan() -> None:
    assert _way(OPENS, _period(None)) == "period-takes-no-entries"
    assert _way(OPENS - MOMENT, _period(EntryTerms(window=WINDOW), "window")) == "entries-taken-no-more"
    assert _way(OPENS, _period(EntryTerms(window=WINDOW), "window")) == "entries-taken-no-more"
    assert _way(DRAWN, _period(EntryTerms(draw_minutes=10), "draw")) == "entries-taken-no-more"
    assert _way(OPENS - MOMENT, _period(EntryTerms(reserve_list=True))) == "entries-not-taken-yet"
    assert _way(OPENS, _period(EntryTerms(reserve_list=True))) == "reserve"


def _claim(state: Period, at: datetime, **changed: Any) -> Claim:
    claim = Claim(
        claimant=Claimant(claimant_id="clm_a", kind="enterprise", certificates=(), bans=()),
        period=state,
        amount=1_000_000,
        counted=0,
        remaining=10_000_000,
        at=at,
        on=business_date(at),
        terms=TERMS,
    )
    return claim._replace(**changed)


def _codes(claim: Claim) -> list[str]:
    return [reason.code for reason in reasons_against(claim)]


def test_no_claim_is_granted_while_the_money_is_that_of_the_entries() -> None:
    window_decided, both_decided = _period(BOTH, "window"), _period(BOTH, "window", "draw")
    assert _codes(_claim(_period(), OPENS - MOMENT)) == ["period-not-open-yet"]
    assert _codes(_claim(_period(), OPENS)) == ["entries-being-decided"]
    assert _codes(_claim(window_decided, OPENS)) == ["period-draws"]
    assert _codes(_claim(window_decided, DRAWN - MOMENT)) == ["period-draws"]
    assert _codes(_claim(window_decided, DRAWN)) == ["entries-being-decided"]
    assert _codes(_claim(both_decided, OPENS)) == []
    assert _codes(_claim(_period(EntryTerms(reserve_list=True)), OPENS)) == []
    drawing = against_claiming(window_decided, OPENS)
    assert drawing is not None
    assert (drawing.value, drawing.limit, drawing.article) == (OPENS, DRAWN, "12")


def test_an_entry_in_its_turn_waits_neither_for_the_opening_nor_for_other_entries() -> None:
    assert _codes(_claim(_period(), WINDOW.until, of_entry=True)) == []
    assert _codes(_claim(_period(), OPENS, of_entry=True)) == []
    assert _codes(_claim(_period(), CLOSES, of_entry=True)) == ["period-closed"]


def test_what_is_next_is_said_by_the_clock_and_by_what_is_decided() -> None:
    window_decided, both_decided = _period(BOTH, "window"), _period(BOTH, "window", "draw")
    assert next_work(_period(), WINDOW.until - MOMENT) is None
    assert next_work(_period(), WINDOW.until) == "window"
    assert next_work(_period(), DRAWN) == "window"
    assert next_work(window_decided, OPENS - MOMENT) is None
    assert next_work(window_decided, DRAWN - MOMENT) is None
    assert next_work(window_decided, DRAWN) == "draw"
    assert next_work(both_decided, DRAWN) == "reserve"
    assert next_work(both_decided, CLOSES - MOMENT) == "reserve"
    assert next_work(both_decided, CLOSES) == "end"
    assert next_work(_period(BOTH, phase=Phase.WITHDRAWN), OPENS) == "end"
    assert next_work(_period(BOTH, phase=Phase.PROPOSED), OPENS) is None
    assert next_work(_period(BOTH, pause=Pause(reason="?", since=OPENS)), OPENS) is None
    assert next_work(_period(None), OPENS) is None


def test_an_entry_is_taken_back_until_its_way_is_decided_and_one_on_the_reserve_list_always() -> None:
    assert not is_being_decided(_period(), "window", WINDOW.until - MOMENT, NOBODY)
    assert is_being_decided(_period(), "window", WINDOW.until, NOBODY)
    assert is_being_decided(_period(), "window", WINDOW.until - MOMENT, frozenset({"window"}))
    assert not is_being_decided(_period(), "draw", DRAWN - MOMENT, NOBODY)
    assert is_being_decided(_period(), "draw", DRAWN, NOBODY)
    assert not is_being_decided(_period(), "reserve", CLOSES, frozenset({"window", "draw"}))


@pytest.mark.parametrize(
    ("terms", "codes"),
    [
        (BOTH, []),
        (EntryTerms(window=EntryWindow(opens_at=WINDOW.opens_at, until=OPENS)), []),
        (
            EntryTerms(window=EntryWindow(opens_at=WINDOW.opens_at, until=OPENS + MOMENT)),
            ["entry-window-ends-too-late"],
        ),
        (EntryTerms(window=EntryWindow(opens_at=WINDOW.until, until=WINDOW.until)), ["entry-window-out-of-order"]),
        (EntryTerms(draw_minutes=60 * 24 * 60), ["draw-too-long"]),
        (EntryTerms(draw_minutes=-1), ["draw-too-long"]),
    ],
)
def test_a_plan_of_entries_keeps_within_its_period(terms: EntryTerms, codes: list[str]) -> None:
    found = faults_of_entries(terms, OPENS, CLOSES, WINDOW.opens_at)
    assert [reason.code for reason in found if reason is not None] == codes


def test_a_window_that_is_over_cannot_be_planned() -> None:
    just_open = faults_of_entries(BOTH, OPENS, CLOSES, WINDOW.until - MOMENT)
    assert [reason for reason in just_open if reason is not None] == []
    (over,) = [reason for reason in faults_of_entries(BOTH, OPENS, CLOSES, WINDOW.until) if reason is not None]
    assert (over.code, over.value, over.limit) == ("entry-window-over", WINDOW.until, WINDOW.until)


# One entry

WHOSE: dict[str, Any] = {"entry_id": "ent_1", "period_id": PERIOD, "claimant_id": "clm_a"}
MADE = EntryMade(**WHOSE, way="draw", amount=3_000_000, or_less=False, place=4, at=OPENS)
MAKE = MakeEntry(**WHOSE, way="draw", amount=3_000_000, or_less=False, place=4, at=OPENS)
SERVED = EntryServed(**WHOSE, voucher_id="vch_1", amount=3_000_000, at=DRAWN)
WITHDRAWN = EntryWithdrawn(**WHOSE, at=OPENS)
WHY = Reason(code="claimant-banned", article="17", value=date(2029, 3, 1))
ENDED = EntryEnded(**WHOSE, reasons=(WhyNot(code="claimant-banned", article="17", value="2029-03-01"),), at=DRAWN)
spec = Specification(entry)


def test_an_entry_is_made_and_then_served_ended_moved_or_withdrawn() -> None:
    spec.given().when(MAKE).then(MADE)
    spec.given(MADE).when(ServeEntry(voucher_id="vch_1", amount=3_000_000, at=DRAWN)).then(SERVED)
    spec.given(MADE).when(EndEntry(reasons=(WHY,), at=DRAWN)).then(ENDED)
    moved = EntryMovedToReserve(**WHOSE, place=9, at=DRAWN)
    spec.given(MADE).when(MoveToReserve(place=9, at=DRAWN)).then(moved)
    spec.given(MADE, moved).when(ServeEntry(voucher_id="vch_1", amount=3_000_000, at=DRAWN)).then(SERVED)
    spec.given(MADE).when(WithdrawEntry(is_being_decided=False, at=OPENS)).then(WITHDRAWN)


def test_an_entry_ends_once() -> None:
    for end in (SERVED, ENDED, WITHDRAWN):
        for command in (
            ServeEntry(voucher_id="vch_2", amount=1, at=DRAWN),
            EndEntry(reasons=(WHY,), at=DRAWN),
            WithdrawEntry(is_being_decided=False, at=DRAWN),
            WithdrawEntry(is_being_decided=True, at=DRAWN),
            MoveToReserve(place=9, at=DRAWN),
            MAKE,
        ):
            spec.given(MADE, end).when(command).then_refused("entry-not-in-this-state")
    spec.given().when(WithdrawEntry(is_being_decided=False, at=OPENS)).then_refused("entry-not-in-this-state")


def test_it_is_too_late_to_withdraw_while_the_entries_are_being_decided() -> None:
    spec.given(MADE).when(WithdrawEntry(is_being_decided=True, at=DRAWN)).then_refused("entries-being-decided")


# Serving

STOCK = Stock(
    period=_period(BOTH, "window", "draw"),
    remaining=10_000_000,
    places=7,
    claimants={name: Claimant(claimant_id=name, kind="enterprise", certificates=(), bans=()) for name in NAMES},
    counted={},
)


def _in_line(number: int, claimant_id: str, amount: int, *, or_less: bool = False) -> InLine:
    return InLine(
        entry_id=f"ent_{number}",
        claimant_id=claimant_id,
        principal="user",
        amount=amount,
        or_less=or_less,
        voucher_id=f"vch_{number}",
    )


def _rules(day: date) -> Rules:
    return Rules(terms=TERMS, register_by=Deadline(last_day=day + timedelta(days=15), provisional=False))


def _serve(line: list[InLine], *, strictly: bool, stock: Stock = STOCK) -> list[object]:
    served = serve_in_order(line, stock, _rules, at=DRAWN, on=business_date(DRAWN), strictly=strictly)
    return [
        outcome.fact.amount if isinstance(outcome, Granted) else [reason.code for reason in outcome]
        for _, outcome in served
    ]


def test_nobody_overtakes_the_first_there_is_not_enough_for() -> None:
    line = [_in_line(1, "clm_a", 5_000_000), _in_line(2, "clm_b", 5_000_000), _in_line(3, "clm_c", 1)]
    assert _serve(line, strictly=True, stock=replace(STOCK, remaining=9_999_999)) == [5_000_000]
    assert _serve(line, strictly=False, stock=replace(STOCK, remaining=9_999_999)) == [
        5_000_000,
        ["quota-exhausted"],
        1,
    ]


def test_who_would_have_less_gets_what_there_is_and_nothing_is_not_less() -> None:
    line = [_in_line(1, "clm_a", 5_000_000, or_less=True), _in_line(2, "clm_b", 5_000_000, or_less=True)]
    assert _serve(line, strictly=True, stock=replace(STOCK, remaining=5_000_001)) == [5_000_000, 1]
    assert _serve(line, strictly=True, stock=replace(STOCK, remaining=5_000_000)) == [5_000_000]
    assert _serve(line, strictly=False, stock=replace(STOCK, remaining=5_000_000)) == [5_000_000, ["quota-exhausted"]]


def test_who_fails_a_rule_is_told_why_and_is_in_nobodys_way() -> None:
    banned = replace(STOCK.claimants["clm_a"], bans=(Ban(sanction_id="snc_1", until=None),))
    stock = replace(STOCK, remaining=1_000_000, claimants={**STOCK.claimants, "clm_a": banned})
    line = [_in_line(1, "clm_a", 5_000_000), _in_line(2, "clm_x", 1_000_000), _in_line(3, "clm_b", 1_000_000)]
    assert _serve(line, strictly=True, stock=stock) == [["claimant-banned"], ["claimant-not-registered"], 1_000_000]


def test_what_an_entry_brings_counts_for_the_next_one_of_the_same_claimant() -> None:
    stock = replace(STOCK, counted={("clm_a", 2026): 16_000_000})
    line = [_in_line(1, "clm_a", 4_000_000), _in_line(2, "clm_a", 1)]
    assert _serve(line, strictly=True, stock=stock) == [4_000_000, ["allowance-exceeded"]]


LINES = st.lists(
    st.tuples(st.sampled_from((*NAMES, "clm_stranger")), st.integers(1, 5_000_000), st.booleans()), max_size=12
)


@for_all(asked=LINES, remaining=st.integers(0, 12_000_000), strictly=st.booleans())
def test_no_line_of_entries_is_given_more_than_there_is(
    asked: list[tuple[str, int, bool]], remaining: int, *, strictly: bool
) -> None:
    line = [_in_line(n, who, amount, or_less=less) for n, (who, amount, less) in enumerate(asked)]
    stock = replace(STOCK, remaining=remaining)
    served = serve_in_order(line, stock, _rules, at=DRAWN, on=business_date(DRAWN), strictly=strictly)
    granted = [(one, outcome.fact) for one, outcome in served if isinstance(outcome, Granted)]
    assert sum(fact.amount for _, fact in granted) <= remaining
    assert [fact.place for _, fact in granted] == list(range(8, 8 + len(granted)))
    assert all(fact.amount == one.amount or (one.or_less and 0 < fact.amount < one.amount) for one, fact in granted)
    assert [one for one, _ in served] == line[: len(served)]
    if strictly:
        left = remaining - sum(fact.amount for _, fact in granted)
        assert len(served) == len(line) or (
            left < line[len(served)].amount and (left == 0 or not asked[len(served)][2])
        )
    else:
        assert len(served) == len(line)
