"""The consumer: reads topics, applies every event once and in order, and knows when something is missing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
import structlog
from aiokafka import ConsumerRebalanceListener
from sqlalchemy.dialects.postgresql import insert

from shared.bus.envelope import Envelope, NotAnEnvelopeError, from_wire
from shared.bus.image import ForkError
from shared.bus.kafka import TopicPartition, new_consumer
from shared.bus.parking import ToPark, keys_parked, park
from shared.bus.subscription import (
    FencedError,
    GapError,
    Place,
    PoisonError,
    Subscription,
    Surroundings,
    is_passing,
    move,
)
from shared.store.rules import rules_for
from shared.store.tables import consumer_positions
from shared.store.transaction import caused_by, on
from shared.supervision import HaltedError, Progress, State
from shared.telemetry import redact, span_of_batch

__all__ = ["Consumer", "ForkError", "GapError", "PoisonError", "Subscription", "Surroundings"]

_POLL_MS: Final = 500
_RECORDS_MAX: Final = 500
_SESSION_MS: Final = 6_000
_REQUEST_LIMIT_MS: Final = 10_000
_START_LIMIT_S: Final = 15.0
_STOP_LIMIT_S: Final = 5.0
_PAUSE_S_MIN: Final = 0.05
_PAUSE_S_MAX: Final = 2.0
_SILENCE_S_MAX: Final = 4.0
"""A broker answers every fetch within half a second, if only that there is nothing."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Partition:
    """A partition this process reads: where it is, which keys wait, and whether it was read from the start again."""

    place: Place
    parked: set[str] = field(default_factory=set)
    rewound: bool = False


@dataclass(frozen=True, slots=True)
class _Item:
    """A record that is new: its envelope, its value as it came, and where the consumer is once it is dealt with."""

    envelope: Envelope
    value: bytes
    after: Place


class _Assignments(ConsumerRebalanceListener):
    """Forgets the places of partitions when the group shares them out anew; nothing here can fail."""

    def __init__(self, partitions: dict[Any, _Partition]) -> None:
        self._partitions = partitions

    async def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002 (aiokafka's signature)
        self._partitions.clear()

    async def on_partitions_assigned(self, assigned: Any) -> None:  # noqa: ARG002
        self._partitions.clear()


class Consumer:
    """Runs a subscription as a member of the group `<topic_prefix>.<context>.<consumer>`.

    The offset and the last position are stored in the transaction that applies the events, by compare-and-set: what is
    delivered twice changes nothing, and a process that was replaced without noticing cannot store anything.
    """

    def __init__(self, around: Surroundings, subscription: Subscription) -> None:
        self._around, self._subscription = around, subscription
        self._wanted = subscription.wanted()
        self._partitions: dict[Any, _Partition] = {}
        self._progress = Progress()
        self._kafka: Any = None
        self._heard = 0
        self._heard_at = 0.0

    @property
    def name(self) -> str:
        """The name under which its positions are kept."""
        return self._subscription.consumer

    @property
    def group(self) -> str:
        """The consumer group's id."""
        return f"{self._around.settings.topic_prefix}.{self._around.context}.{self._subscription.consumer}"

    async def run(self, progress: Progress) -> None:
        """Consume until cancelled. Raises GapError, ForkError or PoisonError to stay down, else what went wrong."""
        self._progress = progress
        self._partitions.clear()
        member = await self._around.member() if self._around.member else ""
        self._kafka = new_consumer(
            self._around.settings.kafka_bootstrap,
            self.group,
            group_id=self.group,
            group_instance_id=f"{self.group}.{member}" if member else None,
            auto_offset_reset="earliest",
            session_timeout_ms=_SESSION_MS,
            heartbeat_interval_ms=_SESSION_MS // 3,
            request_timeout_ms=_REQUEST_LIMIT_MS,
        )
        try:
            topics = [self._around.settings.topic(context) for context in self._subscription.contexts]
            self._kafka.subscribe(topics, listener=_Assignments(self._partitions))
            async with asyncio.timeout(_START_LIMIT_S):
                await self._kafka.start()
            progress.at_work()
            self._heard_at = asyncio.get_running_loop().time()
            while True:
                batches = await self._kafka.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS_MAX)
                self._mind_silence(got=bool(batches))
                for place, records in batches.items():
                    await self._take(place, records)
        finally:
            await self._close()

    def _mind_silence(self, *, got: bool) -> None:
        """Say when the broker has been silent for seconds: the client tries again by itself, and tells nobody."""
        fetched = [self._kafka.last_poll_timestamp(place) or 0 for place in self._kafka.assignment()]
        now, latest = asyncio.get_running_loop().time(), max(fetched, default=0)
        if got or not fetched or latest != self._heard:
            self._heard, self._heard_at = latest, now
            if self._progress.state is State.RETRYING:
                self._progress.at_work()
        elif now - self._heard_at > _SILENCE_S_MAX:
            self._progress.state = State.RETRYING
            self._progress.detail = "the broker does not answer"

    def lag(self) -> int | None:
        """Count the records still to read of the partitions this process has; None while it does not read."""
        if self._progress.state is not State.RUNNING:
            return None
        ends = {place: self._kafka.highwater(place) or 0 for place in self._kafka.assignment()}
        known = self._partitions
        return sum(max(0, end - (known[at].place.next_offset if at in known else 0)) for at, end in ends.items())

    async def _close(self) -> None:
        stopping = asyncio.ensure_future(self._kafka.stop())
        _, late = await asyncio.wait([stopping], timeout=_STOP_LIMIT_S)
        if late:
            stopping.cancel()
            _log.warning("consumer.not_closed_in_time", group=self.group)
        elif not stopping.cancelled() and (error := stopping.exception()):
            _log.info("consumer.closed_with", group=self.group, reason=repr(error))

    async def _take(self, source: TopicPartition, records: Sequence[Any]) -> None:
        """Deal with what was fetched from a partition; on its first records, find out where to begin instead."""
        partition = self._partitions.get(source)
        if partition is None:
            await self._begin(source)
            return
        try:
            items, gap = self._new_ones(source, partition, records)
            for together in self._slices(items):
                await self._settle(source, partition, together)
            if gap:
                self._rewind(source, partition, gap)
        except FencedError as error:
            _log.info("consumer.fenced", group=self.group, reason=str(error))
            await self._begin(source)

    async def _begin(self, source: TopicPartition) -> None:
        """Go to where this consumer is in a partition; beyond the end of a topic made anew that leads to its start."""
        known = await self._persistently(lambda: self._known(source))
        if source in self._kafka.assignment():
            self._partitions[source] = known
            self._kafka.seek(source, known.place.next_offset)

    async def _known(self, source: TopicPartition) -> _Partition:
        """Look up how far this consumer is in a partition."""
        consumer, topic, partition = self._subscription.consumer, source.topic, source.partition
        row = consumer_positions.c
        async with self._around.engine.begin() as connection:
            start = insert(consumer_positions).values(
                consumer=consumer, topic=topic, partition=partition, next_offset=0, position=0
            )
            await connection.execute(start.on_conflict_do_nothing())
            found = await connection.execute(
                sa.select(row.next_offset, row.position, row.hash).where(
                    row.consumer == consumer, row.topic == topic, row.partition == partition
                )
            )
            return _Partition(Place(*found.one()), await keys_parked(connection, consumer, topic, partition))

    def _new_ones(
        self, source: TopicPartition, partition: _Partition, records: Sequence[Any]
    ) -> tuple[list[_Item], str]:
        """Drop what is known already; give what is new, up to a gap, and what the gap is."""
        last = partition.place
        items: list[_Item] = []
        where = f"{source.topic}, partition {source.partition}"
        for record in records:
            try:
                envelope = from_wire(record.value)
            except NotAnEnvelopeError as error:
                raise PoisonError(
                    f"{where}: the record at offset {record.offset} is no event of ours: {error}"
                ) from error
            if envelope.position <= last.position:
                if envelope.position == last.position and envelope.hash != last.hash:
                    raise ForkError(
                        f"{where}: position {envelope.position} is now {envelope.hash[:12]}, but {last.hash[:12]} was"
                        f" applied: {self._subscription.consumer} and the topic have parted"
                    )
                continue
            if envelope.prevposition != last.position:
                return (
                    items,
                    f"{where}: position {envelope.position} follows {envelope.prevposition}, not {last.position}",
                )
            last = Place(record.offset + 1, envelope.position, envelope.hash)
            items.append(_Item(envelope, record.value, last))
        return items, ""

    def _rewind(self, source: TopicPartition, partition: _Partition, gap: str) -> None:
        """Read a partition from its start, once: the topic may have been made anew, with other offsets."""
        if partition.rewound:
            raise GapError(f"{gap}, also when read from its start; {self._subscription.consumer} misses events")
        _log.warning("consumer.rewound", group=self.group, gap=gap)
        partition.rewound = True
        self._kafka.seek(source, 0)

    def _slices(self, items: Sequence[_Item]) -> Iterator[list[_Item]]:
        """Cut what is new into what goes into one transaction each."""
        together: list[_Item] = []
        wanted = 0
        for item in items:
            together.append(item)
            wanted += self._wants(item)
            if wanted == self._subscription.batch_max:
                yield together
                together, wanted = [], 0
        if together:
            yield together

    def _wants(self, item: _Item) -> bool:
        return self._wanted is None or item.envelope.type.rpartition(".v")[0] in self._wanted

    async def _settle(self, source: TopicPartition, partition: _Partition, items: Sequence[_Item]) -> None:
        """Apply events together; where that fails, halve them until the one that cannot be applied stands alone."""
        try:
            await self._persistently(lambda: self._traced(source, partition, items))
        except (FencedError, HaltedError):
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is, it is in the way)
            if len(items) == 1:
                await self._give_up(source, partition, items[0], error)
                return
            middle = len(items) // 2
            await self._settle(source, partition, items[:middle])
            await self._settle(source, partition, items[middle:])

    async def _traced(self, source: TopicPartition, partition: _Partition, items: Sequence[_Item]) -> None:
        behind = (item.envelope.traceparent for item in items)
        with span_of_batch(self._around.tracer, f"{self._subscription.consumer} {source.topic}", behind):
            await self._apply(source, partition, items)

    async def _apply(self, source: TopicPartition, partition: _Partition, items: Sequence[_Item]) -> None:
        around, consumer, appended = self._around, self._subscription.consumer, 0
        async with around.engine.begin() as connection:
            await move(connection, consumer, *source, partition.place, items[-1].after)
            waiting = await keys_parked(connection, consumer, *source) if partition.parked else set()
            wanted = [item for item in items if self._wants(item)]
            events = [item.envelope.opened() for item in wanted if item.envelope.key not in waiting]
            behind = [_to_park(item, "waits for an earlier one") for item in wanted if item.envelope.key in waiting]
            await park(connection, consumer, *source, behind, around.clock.now())
            if events:
                cause = caused_by(events[0], f"{around.context}:{consumer}")
                measures = await rules_for(connection, around.measures)
                tx = on(connection, around.context, around.clock, cause, measures)
                await self._subscription.apply(tx, events)
                appended = len(tx.appended())
                await tx.flush()
        partition.place, partition.parked, partition.rewound = items[-1].after, waiting, False
        if appended:
            around.on_commit()

    async def _give_up(self, source: TopicPartition, partition: _Partition, item: _Item, error: Exception) -> None:
        """Stop at an event that cannot be applied, or lay it aside, as the subscription says."""
        event = item.envelope
        reason = redact(f"{type(error).__name__}: {getattr(error, 'orig', None) or error}")
        if self._subscription.poison == "halt":
            raise PoisonError(
                f"{self._subscription.consumer} cannot apply {event.id} ({event.type}) of {source.topic}, partition"
                f" {source.partition}, offset {item.after.next_offset - 1}: {reason}"
            ) from error

        async def lay_aside() -> None:
            async with self._around.engine.begin() as connection:
                await move(connection, self._subscription.consumer, *source, partition.place, item.after)
                at = self._around.clock.now()
                await park(connection, self._subscription.consumer, *source, [_to_park(item, reason)], at)

        await self._persistently(lay_aside)
        partition.place = item.after
        partition.parked.add(event.key)
        _log.error("consumer.event_parked", group=self.group, event_id=event.id, key=event.key, reason=reason)

    async def _persistently[T](self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try again and again while the database is away or busy; that is never the event's fault."""
        pause = _PAUSE_S_MIN
        while True:
            try:
                result = await attempt()
            except Exception as error:
                if not is_passing(error):
                    raise
                self._progress.state = State.RETRYING
                self._progress.detail = f"{type(error).__name__}: {getattr(error, 'orig', None) or error}"
                await asyncio.sleep(pause)
                pause = min(pause * 2, _PAUSE_S_MAX)
            else:
                if self._progress.state is State.RETRYING:
                    self._progress.at_work()
                return result


def _to_park(item: _Item, reason: str) -> ToPark:
    return ToPark(position=item.envelope.position, key=item.envelope.key, value=item.value, reason=reason)
