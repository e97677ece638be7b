"""Reading topics from their start up to given positions, in bulk, decoding only what a read model needs."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from shared.bus.envelope import NotAnEnvelopeError, from_wire
from shared.bus.kafka import BulkError, BulkPlace, new_bulk_consumer
from shared.bus.subscription import Place as Heard
from shared.projections.opening import Opened, Told, opener_for
from shared.projections.projection import Projection

type Place = tuple[str, int]
"""A topic and one of its partitions."""
type Record = tuple[int, bytes | None]
"""A record's offset and its value."""

_RECORDS = 500
"""Taken at once, while the next ones are fetched; so few that they are still in the processor's cache when opened."""
_SILENCE_S = 10.0
_POLL_S = 0.5


class LogUnreadableError(Exception):
    """The topics cannot be read as far as needed: a gap, a shortened topic, or no answer from the broker."""


class LogEndsError(LogUnreadableError):
    """A topic ends before, or goes on past, the event up to which it was to be read."""

    def __init__(self, place: "Place", position: int, end: int) -> None:
        super().__init__(
            f"{place[0]}, partition {place[1]} ends with position {position}, but {end} has been applied already;"
            " restore the topic with `cxq republish`"
        )
        self.topic = place[0]


@dataclass(frozen=True, slots=True)
class Portion:
    """What was read at once: how many records, and the events among them that matter."""

    records: int
    events: list[Told]


@dataclass(slots=True)
class Mark:
    """How far a partition has been read: the offset to read next, the last event's position and its record.

    The events at the positions `aside` are passed over.
    """

    place: Place
    next_offset: int = 0
    position: int = 0
    last: bytes | None = None
    aside: frozenset[int] = frozenset()

    @property
    def start(self) -> int:
        """Where to read on: at the last event once more, which must still be the same."""
        return self.next_offset - 1 if self.last else self.next_offset

    def take(self, records: Iterable[Record], end: int, opened: Callable[[bytes | None], Opened]) -> list[Told]:
        """Go over records up to position `end`; give the new events that matter to whom they are opened for.

        Duplicates are dropped; `LogUnreadableError` when an event is missing, `PoisonEventError` when it is unreadable.
        """
        events = []
        where = f"{self.place[0]}, partition {self.place[1]}"
        for offset, value in records:
            try:
                event = opened(value)
            except NotAnEnvelopeError as error:
                raise LogUnreadableError(f"{where}: the record at offset {offset} is no event of ours") from error
            position = event.position
            if position > end:
                break
            self.next_offset = offset + 1
            if position <= self.position:
                if position == self.position and value != self.last and _hash(value) != _hash(self.last):
                    raise LogUnreadableError(f"{where}: position {position} became another event while it was read")
                continue
            if event.prevposition != self.position:
                raise LogUnreadableError(
                    f"gap in {where}: position {position} at offset {offset} follows {event.prevposition}, not"
                    f" {self.position}"
                )
            self.position, self.last = position, value
            if position not in self.aside and (told := event.told()) is not None:
                events.append(told)
        return events


class LogReader:
    """Reads the topics of a projection in the order of each partition, once; an async context manager.

    Duplicates are dropped, and the events `aside`, by topic and position, passed over. Raises `LogUnreadableError` at a
    gap, naming both positions, and `PoisonEventError` at an event of a type that matters which this code cannot read.
    """

    def __init__(
        self, bootstrap: str, projection: Projection, aside: Collection[tuple[str, int]] = frozenset()
    ) -> None:
        self._opened = opener_for(projection)
        self._aside = aside
        self._marks: dict[Place, Mark] = {}
        self._consumer = new_bulk_consumer(bootstrap, f"cxq-rebuild-{projection.name}")

    async def __aenter__(self) -> Self:
        """Begin to connect; a broker that is not there is noticed when there is something to read."""
        self._connecting = asyncio.create_task(asyncio.to_thread(self._connect))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await asyncio.gather(self._connecting, return_exceptions=True)
        await asyncio.to_thread(self._consumer.close)

    def behind(self, ends: Mapping[Place, int]) -> int:
        """Say how many positions of the logs lie between what was read and these positions, all partitions together."""
        return sum(max(end - self._mark(place).position, 0) for place, end in ends.items())

    def told(self, place: Place) -> Heard:
        """Say which event was read last of a partition."""
        mark = self._mark(place)
        return Heard(mark.next_offset, mark.position, _hash(mark.last) if mark.last else "")

    async def last(self, topics: Collection[str]) -> dict[Place, Heard]:
        """Say with which event each partition of these topics ends now."""
        await self._connecting
        return await asyncio.to_thread(self._last, topics)

    async def records(self, ends: Mapping[Place, int]) -> int:
        """Count the records not read yet of the partitions that are not read up to these positions."""
        last = await self._open(ends)
        return sum(end - self._mark(place).next_offset for place, end in last.items())

    async def read(self, ends: Mapping[Place, int]) -> AsyncIterator[Portion]:
        """Read on, each partition exactly up to its position in `ends`; the next time it goes on there."""
        last = await self._open(ends)
        if not last:
            return
        self._consumer.assign([BulkPlace(*place, self._marks[place].start) for place in last])
        left = sum(end - self._marks[place].start for place, end in last.items())
        fetching = self._fetching(left)
        try:
            while unread := {place: end for place, end in ends.items() if self._mark(place).position < end}:
                self._assert_there_is_more(unread, last, left)
                records = await fetching
                # Of a partition that grows meanwhile more may come than was to come: that is nobody else's share.
                left -= sum(_inside(batch, last[place]) for place, batch in records.items())
                fetching = self._fetching(left)
                yield self._portion(unread, records)
        finally:
            await asyncio.wait([fetching])
            self._consumer.unassign()

    def _assert_there_is_more(self, unread: Mapping[Place, int], last: Mapping[Place, int], left: int) -> None:
        for place, end in unread.items():
            mark = self._marks[place]
            if not left or mark.next_offset >= last[place]:
                raise LogEndsError(place, mark.position, end)

    def _portion(self, unread: Mapping[Place, int], records: Mapping[Place, list[Record]]) -> Portion:
        """Take what was fetched of the partitions that are not read to their end; the others' records come later."""
        events: list[Told] = []
        before = sum(mark.next_offset for mark in self._marks.values())
        for place, batch in records.items():
            if place in unread:
                events += self._marks[place].take(batch, unread[place], self._opened)
        return Portion(sum(mark.next_offset for mark in self._marks.values()) - before, events)

    def _fetching(self, left: int) -> asyncio.Task[dict[Place, list[Record]]]:
        """Begin to fetch what comes next; the thread that waits for it holds nobody up."""
        return asyncio.create_task(asyncio.to_thread(self._fetch, min(_RECORDS, left)))

    def _fetch(self, most: int) -> dict[Place, list[Record]]:
        fetched: dict[Place, list[Record]] = {}
        polls = math.ceil(_SILENCE_S / _POLL_S) if most else 0
        for _ in range(polls):
            try:
                messages = self._consumer.consume(most, _POLL_S)
            except BulkError as error:
                raise LogUnreadableError(f"the topics cannot be read: {error}") from error
            for message in messages:
                place = str(message.topic()), message.partition() or 0
                if (trouble := message.error()) is not None:
                    raise LogUnreadableError(f"{place[0]}, partition {place[1]} cannot be read: {trouble.str()}")
                fetched.setdefault(place, []).append((message.offset() or 0, message.value()))
            if fetched:
                return fetched
        if most:
            raise LogUnreadableError(f"the broker gave nothing for {_SILENCE_S:.0f} s")
        return fetched

    async def _open(self, ends: Mapping[Place, int]) -> dict[Place, int]:
        """Begin with partitions not read so far, and give the offset after the last record of each that is behind."""
        unread = [place for place, end in ends.items() if self._mark(place).position < end]
        if not unread:
            return {}
        await self._connecting
        bounds = await asyncio.to_thread(self._bounds, unread)
        for place, (first, _) in bounds.items():
            if place not in self._marks:
                aside = frozenset(position for topic, position in self._aside if topic == place[0])
                self._marks[place] = Mark(place, next_offset=first, aside=aside)
        return {place: end for place, (_, end) in bounds.items()}

    def _connect(self) -> None:
        try:
            self._consumer.list_topics(timeout=_SILENCE_S)
        except BulkError as error:
            raise LogUnreadableError(f"no broker answers: {error}") from error

    def _bounds(self, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
        """Ask where partitions begin and end."""
        found = {}
        for place in places:
            try:
                bounds = self._consumer.get_watermark_offsets(BulkPlace(*place), timeout=_SILENCE_S)
            except BulkError as error:
                raise LogUnreadableError(f"no broker says how long the topics are: {error}") from error
            if bounds is None:
                raise LogUnreadableError(f"no broker says how long the topics are within {_SILENCE_S:.0f} s")
            found[place] = bounds
        return found

    def _last(self, topics: Collection[str]) -> dict[Place, Heard]:
        bounds = self._bounds(place for topic in topics for place in self._partitions(topic))
        found = dict.fromkeys(bounds, Heard())
        unread = {place: end for place, (first, end) in bounds.items() if end > first}
        self._consumer.assign([BulkPlace(*place, end - 1) for place, end in unread.items()])
        try:
            while unread:
                for place, records in self._fetch(_RECORDS).items():
                    for offset, value in records:
                        if unread.get(place) == offset + 1:
                            envelope = from_wire(value)
                            found[place] = Heard(unread.pop(place), envelope.position, envelope.hash)
        except NotAnEnvelopeError as error:
            raise LogUnreadableError(f"the topics end with a record that is no event of ours: {error}") from error
        finally:
            self._consumer.unassign()
        return found

    def _partitions(self, topic: str) -> list[Place]:
        try:
            found = self._consumer.list_topics(topic, timeout=_SILENCE_S).topics[topic]
        except BulkError as error:
            raise LogUnreadableError(f"no broker answers: {error}") from error
        if found.error is not None:
            raise LogUnreadableError(f"{topic} cannot be read: {found.error.str()}")
        return [(topic, partition) for partition in sorted(found.partitions)]

    def _mark(self, place: Place) -> Mark:
        return self._marks.get(place) or Mark(place)


def _hash(value: bytes | None) -> str:
    return from_wire(value).hash


def _inside(batch: Sequence[Record], end: int) -> int:
    """Count the offsets of a batch, which has no gaps, before an end."""
    return max(0, min(batch[-1][0] + 1, end) - batch[0][0])
