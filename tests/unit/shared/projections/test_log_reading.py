"""A partition's records, however often they are delivered, are taken once and in order, and a gap is noticed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.envelope import from_wire, seal, to_wire
from shared.projections.log_reading import LogUnreadableError, Mark, Record
from shared.projections.opening import Opened

KIND, OTHER = "cxq.issuance.voucher-claimed", "cxq.issuance.period-opened"
PLACE = ("cxq.issuance.v1", 2)


def record(offset: int, position: int, previous: int, kind: str = KIND) -> Record:
    row = {
        "position": position,
        "stream": f"voucher-{position}",
        "version": 1,
        "type": f"{kind}.v1",
        "data": "{}",
        "metadata": '{"actor": "a", "correlation_id": "c", "business_date": "2026-03-02"}',
        "key": "clm_1",
        "recorded_at": datetime(2026, 3, 2, tzinfo=UTC),
        "hash": b"",
    }
    return offset, to_wire(seal("issuance", row, previous))[0]


class Seen(Opened, kw_only=True):
    """A record of which nothing matters but its place."""

    matters: bool

    def told(self) -> Any:
        return self.position if self.matters else None


def opened(value: bytes | None) -> Seen:
    event = from_wire(value)
    return Seen(position=event.position, prevposition=event.prevposition, matters=event.type == f"{KIND}.v1")


def taken_by(mark: Mark, records: list[Record], end: int) -> list[Any]:
    return list(mark.take(records, end, opened))


def delivered(positions: list[int]) -> list[Record]:
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
    mark = Mark(PLACE)
    taken: list[int] = []
    records = delivered(order)
    for end in (min(pause_at, max(order)), max(order)):
        while mark.position < end and mark.next_offset < len(records):
            fetched = records[mark.next_offset : mark.next_offset + size]
            before = mark.next_offset
            taken += taken_by(mark, fetched, end)
            if mark.next_offset == before:
                break
        assert mark.position <= end
    assert taken == sorted(set(order))


@given(deliveries().filter(lambda order: len(set(order)) > 1), st.data())
def test_a_missing_event_is_noticed_and_both_positions_are_named(order: list[int], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(sorted(set(order))[:-1]))
    records = [one for one, position in zip(delivered(order), order, strict=True) if position != lost]
    with pytest.raises(LogUnreadableError, match=rf"gap in .*, partition 2: position \d+ .* follows {lost}, not \d+"):
        Mark(PLACE).take(records, max(order), opened)


def test_events_of_no_interest_are_passed_over_but_counted() -> None:
    mark = Mark(PLACE)
    assert taken_by(mark, [record(0, 3, 0, OTHER), record(1, 4, 3)], 9) == [4]
    assert (mark.next_offset, mark.position) == (2, 4)


def test_reading_stops_before_the_first_record_beyond_its_end() -> None:
    mark = Mark(PLACE)
    assert taken_by(mark, delivered([3, 5, 9]), 5) == [3, 5]
    assert mark.next_offset == 2


def test_a_record_that_is_no_event_is_named_with_its_offset() -> None:
    with pytest.raises(LogUnreadableError, match="partition 2: the record at offset 8 is no event of ours"):
        Mark(PLACE).take([(8, b"")], 5, opened)


def test_events_that_are_laid_aside_are_passed_over() -> None:
    mark = Mark(PLACE, aside=frozenset({4}))
    assert taken_by(mark, delivered([3, 4, 5]), 9) == [3, 5]
    assert (mark.next_offset, mark.position) == (3, 5)
