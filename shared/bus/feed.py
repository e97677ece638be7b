"""The feed: one reader of topics for all who want them; a record is fetched and read once, whoever applies it."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import structlog
from aiokafka import ConsumerRebalanceListener

from shared.bus.applying import Applier, Item, Partition, Stretch, apply_together, persistently
from shared.bus.envelope import NotAnEnvelopeError, from_wire
from shared.bus.kafka import TopicPartition, new_consumer
from shared.bus.subscription import FencedError, Place, PoisonError, Surroundings
from shared.supervision import HaltedError, Progress, State

_POLL_MS: Final = 500
_RECORDS_MAX: Final = 500
_SESSION_MS: Final = 6_000
_REQUEST_LIMIT_MS: Final = 10_000
_START_LIMIT_S: Final = 15.0
_STOP_LIMIT_S: Final = 5.0
_SILENCE_S_MAX: Final = 4.0
"""A broker answers every fetch within half a second, if only that there is nothing."""

_log = structlog.get_logger(__name__)


class _Assignments(ConsumerRebalanceListener):
    """Forgets where to read when the group shares the partitions out anew; nothing here can fail."""

    def __init__(self, begun: set[Any]) -> None:
        self._begun = begun

    async def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002 (aiokafka's signature)
        self._begun.clear()

    async def on_partitions_assigned(self, assigned: Any) -> None:  # noqa: ARG002
        self._begun.clear()


class Feed:
    """Reads the topics of some contexts as a member of a group, and has every applier that joined take its part.

    Appliers at the same place share a transaction, so that a commit serves all read models of a context; one that
    stands elsewhere, or has trouble with an event, goes on in transactions of its own. Each has its own position and
    its own fence. One that halts leaves the others at work; alone in its feed, it ends the feed.
    """

    def __init__(self, around: Surroundings, group: str, contexts: tuple[str, ...], *, alone: bool = False) -> None:
        self._around, self._group, self._contexts, self._alone = around, group, contexts, alone
        self._appliers: list[Applier] = []
        self._halting: dict[Applier, asyncio.Future[None]] = {}
        self._begun: set[Any] = set()
        self._joined = False
        self._progress = Progress()
        self._kafka: Any = None
        self._heard = 0
        self._heard_at = 0.0

    @property
    def topics(self) -> list[str]:
        """The topics that are read."""
        return [self._around.settings.topic(context) for context in self._contexts]

    async def carry(self, applier: Applier) -> None:
        """Have an applier take part until this is cancelled, or it halts: then raise its HaltedError."""
        halting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._join(applier)
        self._halting[applier] = halting
        try:
            await halting
        finally:
            del self._halting[applier]
            if applier in self._appliers:
                self._appliers.remove(applier)

    async def run_for(self, applier: Applier) -> None:
        """Consume for a single applier until cancelled; raises what stops it."""
        self._join(applier)
        await self.run(applier.progress)

    def _join(self, applier: Applier) -> None:
        applier.partitions.clear()
        self._appliers.append(applier)
        self._joined = True
        if self._progress.state is State.RUNNING:
            applier.progress.at_work()

    async def run(self, progress: Progress) -> None:
        """Consume until cancelled; raises what went wrong with the broker."""
        self._progress = progress
        self._begun.clear()
        member = await self._around.member() if self._around.member else ""
        self._kafka = new_consumer(
            self._around.settings.kafka_bootstrap,
            self._group,
            group_id=self._group,
            group_instance_id=f"{self._group}.{member}" if member else None,
            auto_offset_reset="earliest",
            session_timeout_ms=_SESSION_MS,
            heartbeat_interval_ms=_SESSION_MS // 3,
            request_timeout_ms=_REQUEST_LIMIT_MS,
        )
        try:
            self._kafka.subscribe(self.topics, listener=_Assignments(self._begun))
            async with asyncio.timeout(_START_LIMIT_S):
                await self._kafka.start()
            self._at_work()
            self._heard_at = asyncio.get_running_loop().time()
            while True:
                await self._begin_for_those_who_joined()
                batches = await self._kafka.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS_MAX)
                self._mind_silence(got=bool(batches))
                await self._take(batches)
        except Exception as error:
            self._retrying(f"{type(error).__name__}: {error}")
            raise
        finally:
            await self._close()

    def lag(self, applier: Applier) -> int | None:
        """Count the records an applier has still to take of the partitions this process has; None while it does not."""
        if applier.progress.state is not State.RUNNING or self._progress.state is not State.RUNNING:
            return None
        ends = {source: self._kafka.highwater(source) or 0 for source in self._kafka.assignment()}
        known = applier.partitions
        return sum(max(0, end - (known[at].place.next_offset if at in known else 0)) for at, end in ends.items())

    def _told(self) -> list[Progress]:
        return [self._progress, *(applier.progress for applier in self._appliers)]

    def _at_work(self) -> None:
        for progress in self._told():
            progress.at_work()

    def _retrying(self, detail: str) -> None:
        for progress in self._told():
            progress.state, progress.detail = State.RETRYING, detail

    def _mind_silence(self, *, got: bool) -> None:
        """Say when the broker has been silent for seconds: the client tries again by itself, and tells nobody."""
        fetched = [self._kafka.last_poll_timestamp(source) or 0 for source in self._kafka.assignment()]
        now, latest = asyncio.get_running_loop().time(), max(fetched, default=0)
        if got or not fetched or latest != self._heard:
            self._heard, self._heard_at = latest, now
            if self._progress.state is State.RETRYING:
                self._at_work()
        elif now - self._heard_at > _SILENCE_S_MAX:
            self._retrying("the broker does not answer")

    async def _close(self) -> None:
        stopping = asyncio.ensure_future(self._kafka.stop())
        _, late = await asyncio.wait([stopping], timeout=_STOP_LIMIT_S)
        if late:
            stopping.cancel()
            _log.warning("consumer.not_closed_in_time", group=self._group)
        elif not stopping.cancelled() and (error := stopping.exception()):
            _log.info("consumer.closed_with", group=self._group, reason=repr(error))

    async def _take(self, fetched: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """Deal with what was fetched; on the first records of a partition, find out where to begin there instead."""
        items: dict[TopicPartition, list[Item]] = {}
        for source, records in fetched.items():
            if source not in self._begun:
                await self._begin(source)
                continue
            try:
                items[source] = _items(source, records)
            except PoisonError as error:
                for applier in [*self._appliers]:
                    self._halt(applier, error)
                return
        try:
            await self._hand_out(items)
        except FencedError as error:
            _log.info("consumer.fenced", group=self._group, reason=str(error))
            for source in items:
                await self._begin(source)

    async def _begin(self, source: TopicPartition) -> None:
        """Go to the last record that the hindmost has heard: whoever finds another there has heard a lost story.

        Beyond the end of a topic made anew that leads to its start.
        """
        appliers = [*self._appliers]
        if not appliers:
            return
        self._begun.add(source)
        known: list[Partition] = []
        for applier in appliers:
            try:
                known.append(await persistently(partial(applier.begin, source), [applier.progress]))
            except HaltedError as error:
                self._halt(applier, error)
        if known and source in self._begun and source in self._kafka.assignment():
            self._kafka.seek(source, max(0, min(partition.place.next_offset for partition in known) - 1))

    async def _begin_for_those_who_joined(self) -> None:
        """Go back for whoever joined a feed that is at work: what it lacks may have been fetched long ago."""
        if self._joined:
            self._joined = False
            for source in self._kafka.assignment():
                await self._begin(source)

    async def _hand_out(self, items: Mapping[TopicPartition, Sequence[Item]]) -> None:
        """Have each applier take what is new to it, those at the same places together."""
        level: dict[tuple[tuple[TopicPartition, Place], ...], tuple[list[Stretch], list[Applier]]] = {}
        stuck: list[tuple[TopicPartition, Applier, str]] = []
        for applier in [*self._appliers]:
            try:
                stretches, stops = _new_to(applier, items)
            except HaltedError as error:
                self._halt(applier, error)
                continue
            stuck += ((source, applier, gap) for source, gap in stops)
            if stretches:
                places = tuple((stretch.source, stretch.place) for stretch in stretches)
                level.setdefault(places, (stretches, []))[1].append(applier)
        for together, appliers in level.values():
            await self._apply(appliers, together)
        for source, applier, gap in stuck:
            if applier in self._appliers:
                await self._look_again(source, applier, gap)

    async def _look_again(self, source: TopicPartition, applier: Applier, gap: str) -> None:
        """Where nothing is new, or something is missing: perhaps the database was set back, and it stands elsewhere."""
        if await persistently(partial(applier.has_been_moved, source), [applier.progress]):
            await self._begin(source)
        elif gap:
            self._rewind(source, applier, gap)

    async def _apply(self, appliers: Sequence[Applier], stretches: Sequence[Stretch]) -> None:
        fetched = sum(len(stretch.items) for stretch in stretches)
        are_derived = all(applier.subscription.derived for applier in appliers)
        if are_derived and fetched <= min(applier.subscription.batch_max for applier in appliers):
            try:
                await apply_together(appliers, stretches)
            except FencedError:
                raise
            except Exception as error:  # noqa: BLE001 (one of them cannot apply something: each finds out by itself)
                _log.info("feed.separately", group=self._group, reason=type(error).__name__)
            else:
                return
        for applier in appliers:
            await self._apply_alone(applier, stretches)

    async def _apply_alone(self, applier: Applier, stretches: Sequence[Stretch]) -> None:
        try:
            for stretch in stretches:
                await applier.settle(stretch.source, applier.partitions[stretch.source], stretch.items)
        except HaltedError as error:
            self._halt(applier, error)

    def _rewind(self, source: TopicPartition, applier: Applier, gap: str) -> None:
        """Read a partition from its start, once: the topic may have been made anew, with other offsets."""
        try:
            applier.rewind(applier.partitions[source], gap)
        except HaltedError as error:
            self._halt(applier, error)
        else:
            self._kafka.seek(source, 0)

    def _halt(self, applier: Applier, error: HaltedError) -> None:
        """Let an applier go that must not go on; the others are not stopped by its trouble."""
        if self._alone:
            raise error
        self._appliers.remove(applier)
        halting = self._halting[applier]
        if not halting.done():
            halting.set_exception(error)


def _new_to(
    applier: Applier, items: Mapping[TopicPartition, Sequence[Item]]
) -> tuple[list[Stretch], list[tuple[TopicPartition, str]]]:
    """Give what is new to an applier, and where it comes no further: at a gap, or as it knows everything ("")."""
    stretches: list[Stretch] = []
    stops: list[tuple[TopicPartition, str]] = []
    for source in sorted(items.keys() & applier.partitions.keys()):
        partition = applier.partitions[source]
        fresh, gap = applier.new_ones(source, partition, items[source])
        if fresh:
            stretches.append(Stretch(source, partition.place, fresh))
        if gap or not fresh:
            stops.append((source, gap))
    return stretches, stops


def _items(source: TopicPartition, records: Sequence[Any]) -> list[Item]:
    """Read envelopes; PoisonError where a record has none."""
    items = []
    for record in records:
        try:
            envelope = from_wire(record.value)
        except NotAnEnvelopeError as error:
            raise PoisonError(
                f"{source.topic}, partition {source.partition}: the record at offset {record.offset} is no event of"
                f" ours: {error}"
            ) from error
        items.append(Item(envelope, record.value, Place(record.offset + 1, envelope.position, envelope.hash)))
    return items
