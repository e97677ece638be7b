"""Batches, repetitions and places of events do not change what a read model comes to."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.definition import Recorded
from shared.events.issuance.periods import PeriodExhausted
from shared.projections.projection import PoisonEventError, Row, RowKey
from shared.projections.reading import complete_up_to
from shared.projections.runner import subscription_for
from tests.integration.shared.projections.balances import BALANCES_PROJECTION, cancelled, claimed

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
PARTITIONS = 3


def recorded(position: int, data: Any) -> Recorded[Any]:
    return Recorded(
        context="issuance",
        position=position,
        stream=f"test-{position}",
        version=1,
        type="test",
        data=data,
        key="",
        metadata={},
        recorded_at=AT,
        hash="",
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Recorded[Any]]:
    """Claims of a few claimants, some given back later."""
    facts: list[Any] = []
    for place, (claimant, back) in enumerate(draw(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())))):
        claim = claimed(f"clm_{claimant}", place)
        facts.append(claim)
        if back:
            facts.append(cancelled(claim))
    return [recorded(position, fact) for position, fact in enumerate(facts, start=1)]


@given(histories(), st.lists(st.integers(0, 40)))
def test_however_the_log_is_cut_into_batches_the_rows_are_the_same(
    history: list[Recorded[Any]], cuts: list[int]
) -> None:
    whole: dict[RowKey, Row | None] = {}
    BALANCES_PROJECTION.fold(whole, history)
    stored: dict[RowKey, Row] = {}
    bounds = [0, *sorted(cuts), len(history)]
    for start, end in pairwise(bounds):
        batch = history[start:end]
        keys = {key for event in batch for key in BALANCES_PROJECTION.touches(event)}
        rows = {key: stored.get(key) for key in keys}
        BALANCES_PROJECTION.fold(rows, batch)
        for key, row in rows.items():
            stored.pop(key, None)
            if row is not None:
                stored[key] = row
    assert stored == {key: row for key, row in whole.items() if row is not None}


def test_an_event_of_another_type_touches_nothing() -> None:
    assert BALANCES_PROJECTION.touches(recorded(1, PeriodExhausted(period_id="prd_1", at=AT))) == ()


def test_a_row_that_lacks_a_column_is_refused_with_the_event_named() -> None:
    broken = replace(BALANCES_PROJECTION, evolve=lambda *_: {"claimant_id": "clm_a", "year": 2026})
    with pytest.raises(PoisonEventError, match=r"test_balances cannot apply issuance-1 .*columns"):
        broken.fold({}, [recorded(1, claimed("clm_a", 1))])


def test_what_is_added_to_unseen_is_the_whole_row_but_its_key() -> None:
    with pytest.raises(ValueError, match=r"test_balances: what is not a sum must be the key"):
        replace(BALANCES_PROJECTION, sums=frozenset({"held"}))


def test_a_key_that_cannot_be_told_is_refused_with_the_event_named() -> None:
    broken = replace(BALANCES_PROJECTION, rows={type(claimed("clm_a", 1)): lambda fact: [(fact.nobody,)]})
    with pytest.raises(PoisonEventError, match=r"issuance-1 .*AttributeError"):
        broken.touches(recorded(1, claimed("clm_a", 1)))


@given(
    st.lists(st.integers(0, PARTITIONS - 1), max_size=30),
    st.integers(0, 30),
    st.lists(st.integers(0, 30), min_size=PARTITIONS, max_size=PARTITIONS),
)
def test_a_read_model_never_claims_to_be_further_than_it_is_nor_stays_behind_when_all_is_done(
    partition_of: list[int], published: int, applied: list[int]
) -> None:
    published = min(published, len(partition_of))
    places = {p: [n for n, q in enumerate(partition_of[:published], start=1) if q == p] for p in range(PARTITIONS)}
    done = {p: places[p][: applied[p]] for p in range(PARTITIONS)}
    partitions = {p: (places[p][-1], done[p][-1] if done[p] else 0) for p in range(PARTITIONS) if places[p]}
    reached = complete_up_to(partitions | {-1: (published, 0)})
    seen = {position for part in done.values() for position in part}
    assert set(range(1, reached + 1)) <= seen
    if len(seen) == published:
        assert reached == published


def test_the_subscription_names_what_it_needs() -> None:
    subscription = subscription_for(BALANCES_PROJECTION)
    assert subscription.consumer == "projection:test_balances"
    assert subscription.contexts == ("issuance",)
    assert subscription.wanted() == frozenset({"cxq.issuance.voucher-claimed", "cxq.issuance.voucher-cancelled"})
