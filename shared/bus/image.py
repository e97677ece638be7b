"""The topic as the relay finds it: what is in it, compared with the store it is the image of."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from shared.bus.envelope import Envelope, from_wire
from shared.bus.kafka import TopicPartition, new_consumer, stop_consumer
from shared.supervision import HaltedError

TAIL_MAX: Final = 500
"""How many of a partition's last records are compared; the hash chain vouches for those before them."""
_REQUEST_LIMIT_MS: Final = 5_000
_FETCH_WAIT_MS: Final = 20
"""A broker with nothing to give answers this late, and until then answers nothing else over the same connection."""
_READ_LIMIT_S: Final = 10.0


class ForkError(HaltedError):
    """The log and its image tell different stories: one of them was restored to an earlier point, or was written to."""


@dataclass(frozen=True, slots=True)
class Published:
    """What the store knows of a partition: the last position published, and the offset after it."""

    position: int = 0
    next_offset: int = 0

    def is_in(self, found: "Found") -> bool:
        """Tell whether the partition still holds what was confirmed, at the place where it was confirmed."""
        return found.end >= self.next_offset and found.confirmed == self.position


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the topic holds of a partition: where it ends, and the last of its events.

    `confirmed` is the position at the offset before the one that was looked from; 0 when it is not among the last.
    """

    begin: int
    end: int
    tail: tuple[Envelope, ...]
    confirmed: int

    @property
    def position(self) -> int:
        """The highest position found; 0 when the partition is empty."""
        return max((envelope.position for envelope in self.tail), default=0)


class TopicReader:
    """Reads a topic's ends and tails, outside any consumer group."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._consumer = new_consumer(
            bootstrap,
            f"cxq-image-{topic}",
            auto_offset_reset="none",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            request_timeout_ms=_REQUEST_LIMIT_MS,
        )

    async def start(self) -> None:
        """Connect; KafkaConnectionError or TimeoutError when no broker answers."""
        async with asyncio.timeout(_READ_LIMIT_S):
            await self._consumer.start()

    async def stop(self) -> None:
        """Close the connections."""
        async with asyncio.timeout(_READ_LIMIT_S):
            await stop_consumer(self._consumer)

    async def ends(self, partitions: int) -> dict[int, int]:
        """Give the offset after the last record, by partition."""
        async with asyncio.timeout(_READ_LIMIT_S):
            found = await self._consumer.end_offsets([TopicPartition(self._topic, p) for p in range(partitions)])
        return {place.partition: end for place, end in found.items()}

    async def found(self, partition: int, since: int) -> Found:
        """Look at a partition: its records from the one before offset `since`, the last 500 at most."""
        place = TopicPartition(self._topic, partition)
        async with asyncio.timeout(_READ_LIMIT_S):
            begin = (await self._consumer.beginning_offsets([place]))[place]
            end = (await self._consumer.end_offsets([place]))[place]
        first = max(begin, min(since - 1, end - 1), end - TAIL_MAX)
        tail = [event async for event in self.read(partition, first, end)]
        confirmed = tail[since - 1 - first].position if first < since <= end else 0
        return Found(begin=begin, end=end, tail=tuple(tail), confirmed=confirmed)

    async def read(self, partition: int, first: int, end: int) -> AsyncIterator[Envelope]:
        """Read a partition from offset `first` up to `end`, exclusive; TimeoutError when the broker falls silent."""
        if first >= end:
            return
        place = TopicPartition(self._topic, partition)
        async with self._assigned(place, first):
            offset = first
            while offset < end:
                async with asyncio.timeout(_READ_LIMIT_S):
                    record = await self._consumer.getone(place)
                offset = record.offset + 1
                if record.offset < end:
                    yield from_wire(record.value)

    @asynccontextmanager
    async def _assigned(self, place: TopicPartition, offset: int) -> AsyncIterator[None]:
        self._consumer.assign([place])
        try:
            self._consumer.seek(place, offset)
            yield
        finally:
            self._consumer.assign([])

    async def unbroken_until(self, partition: int, found: Found) -> int:
        """Follow `prevposition` through a partition from its first record, and give the position it leads to.

        HaltedError when the chain is broken: then nothing that is appended can make the topic a complete image again.
        """
        last = 0
        async for envelope in self.read(partition, found.begin, found.end):
            if envelope.position <= last:
                continue
            if envelope.prevposition != last:
                raise HaltedError(
                    f"{self._topic}, partition {partition}: position {envelope.position} follows {last} instead of"
                    f" {envelope.prevposition}; make the topic anew with `cxq republish --fresh`"
                )
            last = envelope.position
        return last


def assert_same_story(topic: str, found: Mapping[int, Found], hashes: Mapping[int, str], head: int) -> None:
    """Compare what the topic holds with the store; `hashes` are the store's, by position. Raises ForkError."""
    for partition, part in found.items():
        for envelope in part.tail:
            place = f"{topic}, partition {partition}"
            if envelope.position > head:
                raise ForkError(
                    f"{place}: the topic is at position {envelope.position}, the store only at {head}: the store was"
                    " set back. Restore it to its last state, or make the topic anew with `cxq republish --fresh`"
                )
            if hashes.get(envelope.position) != envelope.hash:
                raise ForkError(
                    f"{place}: position {envelope.position} is {envelope.type} {envelope.hash[:12]} in the topic and"
                    f" {hashes.get(envelope.position, '')[:12]} in the store, which is at position {head}: they have"
                    " parted. Restore the store, or make the topic anew with `cxq republish --fresh`"
                )
