"""Claims decided in the order of arrival: who comes first is served first, and no fen is given twice (art. 12)."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.issuance.domain.arrivals import Arrival, Granted, Outcome, Rules, Stock, decide_in_order, left_after
from services.issuance.domain.claimant import Claimant
from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Period
from shared.kernel.calendar import Deadline, business_date
from tests.unit.issuance.facts import APPROVED, OPENS, PROPOSED, TERMS


def _approved() -> Period:
    state = period.fold([PROPOSED, APPROVED])
    assert isinstance(state, Period)
    return state


_STATE = _approved()
NAMES = ("clm_a", "clm_b", "clm_c")
STOCK = Stock(
    period=_STATE,
    remaining=10_000_000,
    places=7,
    claimants={name: Claimant(claimant_id=name, kind="enterprise", certificates=(), bans=()) for name in NAMES},
    counted={},
)


def _rules(day: date) -> Rules:
    return Rules(terms=TERMS, register_by=Deadline(last_day=day + timedelta(days=15), provisional=False))


def _arrival(number: int, claimant_id: str = "clm_a", amount: int = 5_000_000, at: datetime = OPENS) -> Arrival:
    return Arrival(voucher_id=f"vch_{number}", claimant_id=claimant_id, amount=amount, at=at, on=business_date(at))


def _said(outcomes: list[Outcome]) -> list[object]:
    return [
        outcome.fact.place if isinstance(outcome, Granted) else [reason.code for reason in outcome]
        for outcome in outcomes
    ]


def test_the_first_come_is_the_first_served_and_places_go_on_from_the_last() -> None:
    line = [_arrival(1, "clm_a"), _arrival(2, "clm_b"), _arrival(3, "clm_c")]
    assert _said(decide_in_order(line, STOCK, _rules)) == [8, 9, ["quota-exhausted"]]


def test_a_smaller_claim_after_one_that_was_too_large_still_gets_what_is_left() -> None:
    line = [_arrival(1, amount=5_000_000), _arrival(2, amount=4_000_000), _arrival(3, "clm_b", amount=1_000_001),
            _arrival(4, "clm_c", amount=1_000_000)]  # fmt: skip
    assert _said(decide_in_order(line, STOCK, _rules)) == [8, 9, ["quota-exhausted"], 10]


def test_a_claim_counts_what_the_same_claimant_was_granted_just_before() -> None:
    stock = replace(STOCK, counted={("clm_a", 2026): 12_000_000})
    line = [_arrival(1), _arrival(2), _arrival(3, amount=3_000_000)]
    assert _said(decide_in_order(line, stock, _rules)) == [8, ["allowance-exceeded"], 9]


def test_each_claim_counts_in_the_year_of_its_own_instant_in_beijing() -> None:
    late = replace(_STATE, closes_at=datetime.fromisoformat("2027-02-01T00:00:00Z"))
    stock = replace(STOCK, period=late, counted={("clm_a", 2026): 20_000_000})
    before, after = (datetime.fromisoformat(f"2026-12-31T{time}Z") for time in ("15:59:59.999", "16:00:00"))
    outcomes = decide_in_order([_arrival(1, at=before), _arrival(2, at=after)], stock, _rules)
    assert _said(outcomes) == [["allowance-exceeded"], 8]
    granted = outcomes[1]
    assert isinstance(granted, Granted)
    assert (granted.fact.year, granted.fact.on, granted.fact.register_by) == (2027, date(2027, 1, 1), date(2027, 1, 16))


def test_whoever_is_not_registered_is_refused_and_takes_nothing() -> None:
    outcomes = decide_in_order([_arrival(1, "clm_nobody"), _arrival(2)], STOCK, _rules)
    assert _said(outcomes) == [["claimant-not-registered"], 8]


def test_before_the_first_instant_nothing_is_granted_and_at_it_the_first_claim_is() -> None:
    line = [_arrival(1, at=OPENS - timedelta(milliseconds=1)), _arrival(2, at=OPENS)]
    assert _said(decide_in_order(line, STOCK, _rules)) == [["period-not-open-yet"], 8]


LINES = st.lists(
    st.tuples(st.sampled_from((*NAMES, "clm_nobody")), st.integers(0, 6_000_000), st.integers(-2, 2)), max_size=30
)


@for_all(LINES, st.integers(0, 12_000_000), st.integers(0, 30))
def test_no_fen_is_given_twice_and_a_batch_may_be_cut_anywhere(
    line: list[tuple[str, int, int]], remaining: int, cut: int
) -> None:
    arrivals = [
        _arrival(number, name, amount, OPENS + timedelta(seconds=second))
        for number, (name, amount, second) in enumerate(line)
    ]
    stock = replace(STOCK, remaining=remaining, counted={("clm_b", 2026): 16_000_000})
    whole = decide_in_order(arrivals, stock, _rules)
    head = decide_in_order(arrivals[:cut], stock, _rules)
    tail = decide_in_order(arrivals[cut:], left_after(stock, head), _rules)
    assert whole == head + tail
    facts = [outcome.fact for outcome in whole if isinstance(outcome, Granted)]
    after = left_after(stock, whole)
    assert after.remaining is not None
    assert sum(fact.amount for fact in facts) + after.remaining == remaining
    assert after.remaining >= 0
    assert [fact.place for fact in facts] == list(range(8, 8 + len(facts)))
    assert all(after.counted.get((name, 2026), 0) <= TERMS.voucher.annual_allowance_other for name in NAMES)
    assert sum(after.counted.values()) - sum(stock.counted.values()) == sum(fact.amount for fact in facts)
