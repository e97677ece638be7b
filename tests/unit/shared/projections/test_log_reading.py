"""A partition's records, however often they are delivered, are taken once and in order, and a gap is noticed."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.projections.log_reading import LogUnreadableError, Mark

KIND, OTHER = "cxq.issuance.voucher-claimed", "cxq.issuance.period-opened"
PLACE = ("cxq.issuance.v1", 2)


def record(offset: int, position: int, previous: int, kind: str = KIND) -> Any:
    headers = {"ce_position": str(position), "ce_prevposition": str(previous), "ce_type": f"{kind}.v1"}
    return SimpleNamespace(
        offset=offset, value=b"%d" % position, headers=[(name, text.encode()) for name, text in headers.items()]
    )


def delivered(positions: list[int]) -> list[Any]:
    """Deliver positions of one partition in this order, each naming the one before it in the log."""
    before = dict(zip(sorted(set(positions)), [0, *sorted(set(positions))], strict=False))
    return [record(offset, position, before[position]) for offset, position in enumerate(positions)]


@st.composite
def deliveries(draw: st.DrawFn) -> list[int]:
    """Positions of a partition, with suffixes published again after crashes of the relay."""
    log = sorted(draw(st.sets(st.integers(1, 60), min_size=1)))
    order: list[int] = []
    for end in sorted({*draw(st.lists(st.integers(1, len(log)))), len(log)}):
        done = log.index(order[-1]) + 1 if order else 0
        again = draw(st.integers(0, done))
        order += log[done - again : end]
    return order


@given(deliveries(), st.integers(1, 7), st.integers(0, 60))
def test_what_is_delivered_twice_is_taken_once_and_in_order(order: list[int], size: int, pause_at: int) -> None:
    mark, taken = Mark(PLACE), []
    records = delivered(order)
    for end in (min(pause_at, max(order)), max(order)):
        while mark.position < end and mark.next_offset < len(records):
            fetched = records[mark.next_offset : mark.next_offset + size]
            before = mark.next_offset
            taken += mark.take(fetched, end, {KIND})
            if mark.next_offset == before:
                break
        assert mark.position <= end
    assert taken == [b"%d" % position for position in sorted(set(order))]


@given(deliveries().filter(lambda order: len(set(order)) > 1), st.data())
def test_a_missing_event_is_noticed_and_both_positions_are_named(order: list[int], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(sorted(set(order))[:-1]))
    records = [one for one in delivered(order) if one.value != b"%d" % lost]
    with pytest.raises(LogUnreadableError, match=rf"gap in .*, partition 2: position \d+ .* follows {lost}, not \d+"):
        Mark(PLACE).take(records, max(order), {KIND})


def test_events_of_no_interest_are_passed_over_but_counted() -> None:
    mark = Mark(PLACE)
    assert mark.take([record(0, 3, 0, OTHER), record(1, 4, 3)], 9, {KIND}) == [b"4"]
    assert (mark.next_offset, mark.position) == (2, 4)


def test_reading_stops_before_the_first_record_beyond_its_end() -> None:
    mark = Mark(PLACE)
    assert mark.take(delivered([3, 5, 9]), 5, {KIND}) == [b"3", b"5"]
    assert mark.next_offset == 2


def test_a_record_that_is_no_event_is_named_with_its_offset() -> None:
    with pytest.raises(LogUnreadableError, match="partition 2: the record at offset 8 is no event of ours"):
        Mark(PLACE).take([SimpleNamespace(offset=8, value=b"", headers=[])], 5, {KIND})
