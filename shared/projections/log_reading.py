"""Reading topics from their start up to given positions, decoding only what a read model needs."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiokafka.errors import KafkaError

from shared.bus.envelope import from_wire
from shared.bus.kafka import TopicPartition, new_consumer, stop_consumer
from shared.events.definition import Recorded
from shared.projections.projection import PoisonEventError, Projection
from shared.projections.runner import subscription_for

type Place = tuple[str, int]
"""A topic and one of its partitions."""

_RECORDS = 500
"""Taken at once; more of them outlive the collections of young objects and cost more than they save."""
_FETCH_BYTES = 8 * 1024 * 1024
_SILENCE_S = 10.0
_REQUEST_LIMIT_MS = 10_000
_FETCH_WAIT_MS = 20
"""A broker with nothing to give answers this late, and until then answers nothing else over the same connection."""


class LogUnreadableError(Exception):
    """The topics cannot be read as far as needed: a gap, a shortened topic, or no answer from the broker."""


@dataclass(frozen=True, slots=True)
class Portion:
    """What was read at once: how many records, and the events among them that matter."""

    records: int
    events: list[Recorded[Any]]


@dataclass(slots=True)
class Mark:
    """How far a partition has been read: the offset to read next and the last event's position."""

    place: Place
    next_offset: int = 0
    position: int = 0

    def take(self, records: Iterable[Any], end: int, wanted: Collection[str]) -> list[bytes]:
        """Go over Kafka's records up to position `end`; give the values of new events whose type is wanted.

        Only headers are looked at. Duplicates are dropped; `LogUnreadableError` when an event is missing.
        """
        values = []
        where = f"{self.place[0]}, partition {self.place[1]}"
        for record in records:
            headers = dict(record.headers)
            try:
                position, previous = int(headers["ce_position"]), int(headers["ce_prevposition"])
                name = headers["ce_type"].decode()
            except (KeyError, ValueError) as error:
                raise LogUnreadableError(
                    f"{where}: the record at offset {record.offset} is no event of ours"
                ) from error
            if position > end:
                break
            self.next_offset = record.offset + 1
            if position <= self.position:
                continue
            if previous != self.position:
                raise LogUnreadableError(
                    f"gap in {where}: position {position} at offset {record.offset} follows {previous}, not"
                    f" {self.position}"
                )
            self.position = position
            if name.rpartition(".v")[0] in wanted:
                values.append(record.value)
        return values


class LogReader:
    """Reads the topics of a projection in the order of each partition, once; an async context manager.

    Duplicates are dropped. Raises `LogUnreadableError` at a gap, naming both positions, and `PoisonEventError` at an
    event of a type that matters which this code cannot read.
    """

    def __init__(self, bootstrap: str, projection: Projection) -> None:
        self._projection = projection
        self._wanted = subscription_for(projection).wanted() or frozenset()
        self._marks: dict[Place, Mark] = {}
        self._consumer = new_consumer(
            bootstrap,
            f"cxq-rebuild-{projection.name}",
            auto_offset_reset="none",
            fetch_max_bytes=4 * _FETCH_BYTES,
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            request_timeout_ms=_REQUEST_LIMIT_MS,
        )

    async def __aenter__(self) -> Self:
        """Connect to the broker."""
        try:
            async with asyncio.timeout(_SILENCE_S):
                await self._consumer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await stop_consumer(self._consumer)
            raise LogUnreadableError(f"no broker answers: {type(error).__name__}: {error}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await stop_consumer(self._consumer)

    def behind(self, ends: Mapping[Place, int]) -> int:
        """Say how many positions of the logs lie between what was read and these positions, all partitions together."""
        return sum(max(end - self._mark(place).position, 0) for place, end in ends.items())

    async def records(self, ends: Mapping[Place, int]) -> int:
        """Count the records not read yet of the partitions that are not read up to these positions."""
        last = await self._open(ends)
        return sum(end - self._mark(place).next_offset for place, end in last.items())

    async def read(self, ends: Mapping[Place, int]) -> AsyncIterator[Portion]:
        """Read on, each partition exactly up to its position in `ends`; the next time it goes on there."""
        last = await self._open(ends)
        while places := [place for place, end in ends.items() if self._mark(place).position < end]:
            for place in places:
                if self._mark(place).next_offset >= last[place]:
                    raise LogUnreadableError(
                        f"{place[0]}, partition {place[1]} ends with position {self._mark(place).position}, but"
                        f" {ends[place]} has been applied already; restore the topic with `cxq republish`"
                    )
            events: list[Recorded[Any]] = []
            before = sum(mark.next_offset for mark in self._marks.values())
            for partition, records in (await self._fetch(places)).items():
                mark = self._marks[partition.topic, partition.partition]
                events.extend(map(self._opened, mark.take(records, ends[mark.place], self._wanted)))
                if mark.next_offset <= records[-1].offset:
                    self._consumer.seek(partition, mark.next_offset)
            yield Portion(sum(mark.next_offset for mark in self._marks.values()) - before, events)

    async def _fetch(self, places: list[Place]) -> dict[Any, list[Any]]:
        partitions = [TopicPartition(*place) for place in places]
        try:
            async with asyncio.timeout(_SILENCE_S):
                while True:
                    fetched: dict[Any, list[Any]] = await self._consumer.getmany(
                        *partitions, timeout_ms=1_000, max_records=_RECORDS
                    )
                    if fetched:
                        return fetched
        except TimeoutError as error:
            raise LogUnreadableError(f"the broker gave nothing of {places} for {_SILENCE_S:.0f} s") from error
        except KafkaError as error:
            raise LogUnreadableError(f"{places} cannot be read: {type(error).__name__}: {error}") from error

    def _opened(self, value: bytes) -> Recorded[Any]:
        envelope = from_wire(value)
        try:
            return envelope.opened()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise PoisonEventError(self._projection.name, envelope.id, envelope.type, reason) from error

    async def _open(self, ends: Mapping[Place, int]) -> dict[Place, int]:
        """Begin with partitions not read so far, and give the offset after the last record of each that is behind."""
        unread = [place for place, end in ends.items() if self._mark(place).position < end]
        if not unread:
            return {}
        try:
            async with asyncio.timeout(_SILENCE_S):
                if fresh := set(unread) - self._marks.keys():
                    await self._begin(fresh)
                last = await self._consumer.end_offsets([TopicPartition(*place) for place in unread])
        except (KafkaError, TimeoutError) as error:
            raise LogUnreadableError(
                f"the broker does not say how long the topics are: {type(error).__name__}: {error}"
            ) from error
        return {place: last[TopicPartition(*place)] for place in unread}

    async def _begin(self, fresh: set[Place]) -> None:
        for place in fresh:
            self._marks[place] = Mark(place)
        self._consumer.assign([TopicPartition(*place) for place in self._marks])
        starts = await self._consumer.beginning_offsets([TopicPartition(*place) for place in fresh])
        for place, mark in self._marks.items():
            if place in fresh:
                mark.next_offset = starts[TopicPartition(*place)]
            self._consumer.seek(TopicPartition(*place), mark.next_offset)

    def _mark(self, place: Place) -> Mark:
        return self._marks.get(place) or Mark(place)
