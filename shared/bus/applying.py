"""How one subscription takes events in: each once and in order, and what becomes of one that cannot be applied."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bus.envelope import Envelope
from shared.bus.kafka import TopicPartition
from shared.bus.own_log import not_in_log
from shared.bus.parking import ToPark, keys_parked, park
from shared.bus.subscription import (
    FencedError,
    GapError,
    LostStoryError,
    Place,
    PoisonError,
    Step,
    Subscription,
    Surroundings,
    is_passing,
    move,
)
from shared.events.definition import Recorded
from shared.store.rules import rules_for
from shared.store.tables import consumer_positions
from shared.store.transaction import caused_by, on
from shared.supervision import HaltedError, Progress, State
from shared.telemetry import redact, span_of_batch

_PAUSE_S_MIN: Final = 0.05
_PAUSE_S_MAX: Final = 2.0

_log = structlog.get_logger(__name__)


class Item(msgspec.Struct, gc=False):
    """A record of a topic: its envelope, its value as it came, and where its reader is once it is dealt with."""

    envelope: Envelope
    value: bytes
    after: Place
    _event: Recorded[Any] | None = None

    def opened(self) -> Recorded[Any]:
        """Read the payload, for all subscriptions once; raises what `Envelope.opened` raises."""
        if self._event is None:
            self._event = self.envelope.opened()
        return self._event


@dataclass(slots=True)
class Partition:
    """A partition as a subscription reads it: where it is, which keys wait, and whether it was read from its start."""

    place: Place
    parked: set[str] = field(default_factory=set)
    rewound: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records of a partition that are new to whoever is at `place`, in order."""

    source: TopicPartition
    place: Place
    items: Sequence[Item]

    def step(self) -> Step:
        """Say from where to where it leads."""
        return Step(self.source.topic, self.source.partition, self.place, self.items[-1].after)


class Applier:
    """Applies the events of a subscription's topics; `progress` says how it is, and whether it has halted."""

    def __init__(self, around: Surroundings, subscription: Subscription) -> None:
        self.around, self.subscription = around, subscription
        self.progress = Progress()
        self.partitions: dict[Any, Partition] = {}
        self._wanted = subscription.wanted()
        self._known: dict[str, bool] = {}

    @property
    def name(self) -> str:
        """The name under which its positions are kept."""
        return self.subscription.consumer

    async def begin(self, source: TopicPartition) -> Partition:
        """Look up how far this subscription is in a partition; LostStoryError where its own log was never there."""
        async with self.around.engine.begin() as connection:
            start = insert(consumer_positions).values(
                consumer=self.name, topic=source.topic, partition=source.partition, next_offset=0, position=0
            )
            await connection.execute(start.on_conflict_do_nothing())
            place = (await self._stored(connection))[source]
            known = Partition(place, await keys_parked(connection, self.name, *source))
            heard = [(place.position, place.hash)] if self._is_own(source) else []
            lost = await not_in_log(connection, heard)
        self.partitions[source] = known
        if lost:
            raise self._lost(source, place, lost[place.position])
        return known

    async def has_been_moved(self, *sources: TopicPartition) -> bool:
        """Tell whether it is stored to be elsewhere than it believes to be, in any of these partitions, or in any."""
        async with self.around.engine.connect() as connection:
            stored = await self._stored(connection)
        return any(stored.get(source) != self.partitions[source].place for source in sources or self.partitions)

    async def _stored(self, connection: AsyncConnection) -> dict[TopicPartition, Place]:
        """Read how far it is in each partition."""
        row = consumer_positions.c
        places = sa.select(row.topic, row.partition, row.next_offset, row.position, row.hash)
        found = (await connection.execute(places.where(row.consumer == self.name))).all()
        return {TopicPartition(topic, partition): Place(*place) for topic, partition, *place in found}

    def new_ones(self, source: TopicPartition, partition: Partition, items: Sequence[Item]) -> tuple[list[Item], str]:
        """Drop what is known already; give what is new, up to a gap, and what the gap is.

        Raises LostStoryError where the topic no longer tells what was heard last. Of the own topic that is no sign:
        what was heard of it is in the log, or else the store was set back and this knows it from before.
        """
        last, is_own = partition.place, self._is_own(source)
        new: list[Item] = []
        for item in items:
            envelope = item.envelope
            if envelope.position <= last.position:
                if envelope.position == last.position and last.hash not in {"", envelope.hash} and not is_own:
                    raise self._lost(source, last, f"is {envelope.hash[:12]} there now")
                continue
            if envelope.prevposition < last.position and not is_own:
                raise self._lost(source, last, "is not there any more")
            if envelope.prevposition != last.position:
                gap = f"position {envelope.position} follows {envelope.prevposition}, not {last.position}"
                return new, f"{_named(source)}: {gap}"
            last = item.after
            new.append(item)
        return new, ""

    def _is_own(self, source: TopicPartition) -> bool:
        return bool(source.topic == self.around.own_topic)

    def _lost(self, source: TopicPartition, place: Place, instead: str) -> LostStoryError:
        context, who = self.around.context, self.name.removeprefix("projection:")
        remedy = f"`cxq rebuild {context} {who} --forget-lost` makes it anew"
        if not self.subscription.derived:
            of = source.topic.split(".")[-2]
            remedy = f"`cxq rehear {context} {of} --after POSITION` has them hear what is told now"
        return LostStoryError(
            f"{_named(source)}: position {place.position}, which {who} heard as {place.hash[:12]}, {instead}: it is of"
            f" a story that is lost; {remedy}"
        )

    def rewind(self, partition: Partition, gap: str) -> None:
        """Take note that a partition is read from its start, because it may have been made anew; GapError if it was."""
        if partition.rewound:
            raise GapError(f"{gap}, also when read from its start; {self.name} misses events")
        _log.warning("consumer.rewound", consumer=self.name, gap=gap)
        partition.rewound = True

    async def settle(self, source: TopicPartition, partition: Partition, items: Sequence[Item]) -> None:
        """Apply new events, so many to a transaction; raises PoisonError or FencedError."""
        for together in self._slices(items):
            await self._settle(source, partition, together)

    def _slices(self, items: Sequence[Item]) -> Iterator[list[Item]]:
        together: list[Item] = []
        wanted = 0
        for item in items:
            together.append(item)
            wanted += self._wants(item.envelope.type)
            if wanted == self.subscription.batch_max:
                yield together
                together, wanted = [], 0
        if together:
            yield together

    def _wants(self, kind: str) -> bool:
        if (is_wanted := self._known.get(kind)) is None:
            is_wanted = self._wanted is None or kind.rpartition(".v")[0] in self._wanted
            self._known[kind] = is_wanted
        return is_wanted

    async def _settle(self, source: TopicPartition, partition: Partition, items: Sequence[Item]) -> None:
        """Apply events together; where that fails, halve them until the one that cannot be applied stands alone."""
        try:
            await apply_together([self], [Stretch(source, partition.place, items)])
        except (FencedError, HaltedError):
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is, it is in the way)
            if len(items) == 1:
                await self._give_up(source, partition, items[0], error)
                return
            middle = len(items) // 2
            await self._settle(source, partition, items[:middle])
            await self._settle(source, partition, items[middle:])

    async def sort_out(
        self, connection: AsyncConnection, stretches: Sequence[Stretch], together: "_Together"
    ) -> tuple[Sequence[Recorded[Any]], list[set[str]]]:
        """Give the events to be applied, and the keys that wait by stretch; what is of these is laid aside."""
        if not any(self.partitions[stretch.source].parked for stretch in stretches):
            return together.events(self._wants), [set() for _ in stretches]
        waiting: list[set[str]] = []
        aside: set[int] = set()
        for stretch in stretches:
            keys = await keys_parked(connection, self.name, *stretch.source)
            behind = [item for item in stretch.items if item.envelope.key in keys and self._wants(item.envelope.type)]
            to_park = [_to_park(item, "waits for an earlier one") for item in behind]
            await park(connection, self.name, *stretch.source, to_park, self.around.clock.now())
            aside.update(map(id, behind))
            waiting.append(keys)
        return together.events(self._wants, aside), waiting

    async def apply(self, connection: AsyncConnection, events: Sequence[Recorded[Any]]) -> int:
        """Apply events in a transaction that has moved the positions already, and say how many it appended."""
        if not events:
            return 0
        around = self.around
        cause = caused_by(events[0], f"{around.context}:{self.name}")
        measures = None if self.subscription.derived else await rules_for(connection, around.measures)
        tx = on(connection, around.context, around.clock, cause, measures)
        await self.subscription.apply(tx, events)
        await tx.flush()
        return len(tx.appended())

    async def _give_up(self, source: TopicPartition, partition: Partition, item: Item, error: Exception) -> None:
        """Stop at an event that cannot be applied, or lay it aside, as the subscription says."""
        event = item.envelope
        reason = redact(f"{type(error).__name__}: {getattr(error, 'orig', None) or error}")
        if self.subscription.poison == "halt":
            raise PoisonError(
                f"{self.name} cannot apply {event.id} ({event.type}) of {source.topic}, partition"
                f" {source.partition}, offset {item.after.next_offset - 1}: {reason}"
            ) from error

        async def lay_aside() -> None:
            async with self.around.engine.begin() as connection:
                step = Stretch(source, partition.place, [item]).step()
                await move(connection, [self.subscription], [step], own_topic=self.around.own_topic)
                at = self.around.clock.now()
                await park(connection, self.name, *source, [_to_park(item, reason)], at)

        await persistently(lay_aside, [self.progress])
        partition.place = item.after
        partition.parked.add(event.key)
        self.around.on_readable()
        _log.error("consumer.event_parked", consumer=self.name, event_id=event.id, key=event.key, reason=reason)


async def apply_together(appliers: Sequence[Applier], stretches: Sequence[Stretch]) -> None:
    """Apply events for subscriptions that are at the same places, in one transaction which moves them all on.

    However many partitions were fetched from, what a transaction costs is paid once. Tries again while the database is
    away or busy. Any other exception is of an event that one of them cannot apply, or FencedError; then nothing has
    happened for any of them.
    """
    around = appliers[0].around
    names = ", ".join(applier.name for applier in appliers)
    topics = ", ".join(dict.fromkeys(stretch.source.topic for stretch in stretches))
    subscriptions = [applier.subscription for applier in appliers]
    steps = [stretch.step() for stretch in stretches]
    parts = [[applier.partitions[stretch.source] for stretch in stretches] for applier in appliers]

    together = _Together([item for stretch in stretches for item in stretch.items])

    async def once() -> tuple[list[list[set[str]]], int]:
        async with around.engine.begin() as connection:
            await move(connection, subscriptions, steps, own_topic=around.own_topic)
            sorted_out = [await applier.sort_out(connection, stretches, together) for applier in appliers]
            appended = await _apply(connection, appliers, [events for events, _ in sorted_out])
        return [waiting for _, waiting in sorted_out], appended

    behind = (item.envelope.traceparent for item in together.items)
    with span_of_batch(around.tracer, f"{names} {topics}", behind):
        waiting, appended = await persistently(once, [applier.progress for applier in appliers])
    for partitions, aside in zip(parts, waiting, strict=True):
        for part, step, keys in zip(partitions, steps, aside, strict=True):
            part.place, part.parked, part.rewound = step.new, keys, False
    around.on_readable()
    if appended:
        around.on_commit()


async def _apply(
    connection: AsyncConnection, appliers: Sequence[Applier], events: Sequence[Sequence[Recorded[Any]]]
) -> int:
    """Apply to each its events, all at once where that is offered, and say how many were appended by that."""
    first, *others = appliers
    together = first.subscription.together
    if together is None or any(other.subscription.together is not together for other in others):
        return sum([await applier.apply(connection, its) for applier, its in zip(appliers, events, strict=True)])
    told = {applier.name: its for applier, its in zip(appliers, events, strict=True) if its}
    if not told:
        return 0
    around = first.around
    cause = caused_by(next(iter(told.values()))[0], f"{around.context}:{', '.join(told)}")
    await together(on(connection, around.context, around.clock, cause), told)
    return 0


async def persistently[T](attempt: Callable[[], Awaitable[T]], told: Sequence[Progress]) -> T:
    """Try again and again while the database is away or busy, and say so; that is never the event's fault."""
    pause = _PAUSE_S_MIN
    while True:
        try:
            result = await attempt()
        except Exception as error:
            if not is_passing(error):
                raise
            for progress in told:
                progress.state = State.RETRYING
                progress.detail = f"{type(error).__name__}: {getattr(error, 'orig', None) or error}"
            await asyncio.sleep(pause)
            pause = min(pause * 2, _PAUSE_S_MAX)
        else:
            for progress in told:
                if progress.state is State.RETRYING:
                    progress.at_work()
            return result


class _Together:
    """Records of several stretches that are applied in one transaction; what all want is picked out once."""

    def __init__(self, items: Sequence[Item]) -> None:
        # In the order of the log again: what is appended to a table lies in its indexes side by side.
        self.items = sorted(items, key=_place_in_log)
        self._kinds = {item.envelope.type for item in items}
        self._all: list[Recorded[Any]] | None = None

    def events(self, wants: Callable[[str], bool], aside: AbstractSet[int] = frozenset()) -> Sequence[Recorded[Any]]:
        """Open those of the kinds that are wanted, in order, without the items (by `id`) that are laid aside."""
        if aside or not all(map(wants, self._kinds)):
            return [item.opened() for item in self.items if wants(item.envelope.type) and id(item) not in aside]
        if self._all is None:
            self._all = [item.opened() for item in self.items]
        return self._all


def _named(source: TopicPartition) -> str:
    return f"{source.topic}, partition {source.partition}"


def _place_in_log(item: Item) -> tuple[str, int]:
    return item.envelope.source, item.envelope.position


def _to_park(item: Item, reason: str) -> ToPark:
    return ToPark(position=item.envelope.position, key=item.envelope.key, value=item.value, reason=reason)
