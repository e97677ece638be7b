"""The feed: several read models take what was fetched once, together where they are level, each with its own fence."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from shared.bus import consumer as consumer_module
from shared.bus.applying import Applier, Item, Stretch, apply_together
from shared.bus.consumer import Consumer, Subscription, Surroundings
from shared.bus.envelope import to_wire
from shared.bus.feed import Feed
from shared.bus.kafka import TopicPartition
from shared.bus.parking import unpark
from shared.bus.subscription import FencedError, Place
from shared.events.definition import Recorded
from shared.store.transaction import Transaction
from shared.supervision import State, Supervised
from tests.integration.shared.bus.log_and_topic import CLOCK, CONTEXT, Log, eventually, in_partition, running, state


class Reader:
    """A read model that lists what was applied in a table of its own, and can be told what to choke on."""

    def __init__(self, log: Log, name: str, poison: Any = "halt") -> None:
        self.log, self.name = log, name
        self.bad: set[int] = set()
        self.tries = 0
        self.subscription = Subscription(
            consumer=name, contexts=(CONTEXT,), apply=self.apply, poison=poison, derived=True
        )

    async def apply(self, tx: Transaction, events: Sequence[Recorded[Any]]) -> None:
        self.tries += 1
        rows = [{"p": event.position, "o": event.key} for event in events]
        await tx.connection.execute(sa.text(f"INSERT INTO {self.name} (position, owner) VALUES (:p, :o)"), rows)
        if self.bad & {event.position for event in events}:
            raise ValueError("this one is no good")

    async def positions(self) -> list[int]:
        async with self.log.engine.connect() as connection:
            return list((await connection.execute(sa.text(f"SELECT position FROM {self.name} ORDER BY 1"))).scalars())

    async def has(self, *positions: int) -> None:
        async def reached() -> bool:
            return await self.positions() == list(positions)

        await eventually(reached)


class Shared:
    """Two readers of one feed."""

    def __init__(self, log: Log, *readers: Reader) -> None:
        self.around = Surroundings(settings=log.settings, context=CONTEXT, engine=log.engine, clock=CLOCK)
        feed = Feed(self.around, f"{log.settings.topic_prefix}.{CONTEXT}.projections", (CONTEXT,))
        self.feed = Supervised("feed", feed.run)
        self.consumers = [Consumer(self.around, reader.subscription, feed) for reader in readers]
        self.tasks = [Supervised(consumer.name, consumer.run) for consumer in self.consumers]

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        async with running(self.feed, *self.tasks):
            yield


async def readers_of(log: Log, poison: Any = "halt") -> tuple[Reader, Reader]:
    for name in ("one", "other"):
        await log.change(f"CREATE TABLE {name} (position bigint UNIQUE, owner text)")
    return Reader(log, "one", poison), Reader(log, "other", poison)


async def published(log: Log, owners: Sequence[str]) -> None:
    await log.append(owners)
    async with running(log.relay()):
        await eventually(log.drained)


async def test_readers_that_are_level_move_on_in_one_transaction(log: Log) -> None:
    one, other = await readers_of(log)
    first, *rest = in_partition(0)
    await published(log, [first])
    async with (shared := Shared(log, one, other)).at_work():
        await one.has(1)
        await other.has(1)
        await published(log, rest)
        await one.has(1, 2, 3, 4, 5)
        await other.has(1, 2, 3, 4, 5)
        assert [consumer.lag() for consumer in shared.consumers] == [0, 0]
    applied = "SELECT xmin FROM one WHERE position > 1 UNION SELECT xmin FROM other WHERE position > 1"
    written = f"{applied} UNION SELECT xmin FROM consumer_positions WHERE position = 5"
    assert await log.scalar(f"SELECT count(DISTINCT CAST(xmin AS text)) FROM ({written}) AS w") == 1


async def test_what_was_fetched_of_several_partitions_moves_all_of_them_on_in_one_transaction(log: Log) -> None:
    one, other = await readers_of(log)
    appliers, stretches = await two_partitions_of(log, one, other)
    await apply_together(appliers, stretches)
    assert await one.positions() == await other.positions() == [1, 2, 3, 4]
    for applier in appliers:
        assert [applier.partitions[stretch.source].place for stretch in stretches] == [
            s.items[-1].after for s in stretches
        ]
    moved = "SELECT xmin FROM one UNION SELECT xmin FROM other UNION SELECT xmin FROM consumer_positions"
    assert await log.scalar(f"SELECT count(*) FROM ({moved}) AS w") == 1
    stored = "SELECT string_agg(partition || ':' || next_offset || ':' || position, ' ' ORDER BY partition)"
    assert await log.scalar(f"{stored} FROM consumer_positions WHERE consumer = 'other'") == "0:2:3 1:2:4"
    # in the order of the log, not of the partitions
    assert await log.scalar("SELECT string_agg(CAST(position AS text), ' ' ORDER BY ctid) FROM one") == "1 2 3 4"


async def test_a_place_that_was_taken_in_one_partition_holds_all_of_them(log: Log) -> None:
    one, other = await readers_of(log)
    appliers, stretches = await two_partitions_of(log, one, other)
    await log.change("UPDATE consumer_positions SET next_offset = 1 WHERE consumer = 'other' AND partition = 1")
    with pytest.raises(FencedError, match=r"one, other: no longer at 0 in .*, partition 0, 0 in .*, partition 1"):
        await apply_together(appliers, stretches)
    assert await one.positions() == await other.positions() == []
    assert await log.scalar("SELECT max(position) FROM consumer_positions") == 0


async def two_partitions_of(log: Log, *readers: Reader) -> tuple[list[Applier], list[Stretch]]:
    """Have four events, in turns of one partition and of another, to be applied together."""
    (first, *_), (second, *_) = in_partition(0), in_partition(1)
    await log.append([first, second, first, second])
    around = Surroundings(settings=log.settings, context=CONTEXT, engine=log.engine, clock=CLOCK)
    appliers = [Applier(around, reader.subscription) for reader in readers]
    stretches = []
    for partition in (0, 1):
        source = TopicPartition(log.topic, partition)
        for applier in appliers:
            await applier.begin(source)
        sealed = [await log.sealed(1 + partition, 0), await log.sealed(3 + partition, 1 + partition)]
        items = [
            Item(envelope, to_wire(envelope)[0], Place(offset, envelope.position, envelope.hash))
            for offset, envelope in enumerate(sealed, start=1)
        ]
        stretches.append(Stretch(source, Place(), items))
    return appliers, stretches


async def test_one_that_halts_leaves_the_other_at_work_and_goes_on_from_there_when_it_is_mended(log: Log) -> None:
    one, other = await readers_of(log)
    one.bad = {3}
    await published(log, in_partition(0))
    async with (shared := Shared(log, one, other)).at_work():
        await state(shared.tasks[0], State.HALTED)
        await other.has(1, 2, 3, 4, 5)
        assert await one.positions() == [1, 2]
        assert "one cannot apply contracts-3" in shared.tasks[0].progress.detail
        assert (shared.feed.progress.state, shared.tasks[1].progress.state) == (State.RUNNING, State.RUNNING)
        one.bad = set()
        shared.tasks[0].start()
        await one.has(1, 2, 3, 4, 5)
        await published(log, in_partition(0)[:1])
        await one.has(1, 2, 3, 4, 5, 6)
        await other.has(1, 2, 3, 4, 5, 6)


async def test_one_that_halted_begins_again_when_somebody_has_moved_it_and_not_before(log: Log) -> None:
    one, other = await readers_of(log)
    one.bad = {3}
    await published(log, in_partition(0))
    shared, looks, seen = Shared(log, one, other), 0, 0

    async def is_mended() -> bool:
        nonlocal looks
        looks += 1
        return await shared.consumers[0].is_mended()

    async def has_looked() -> bool:
        return looks > seen + 3

    shared.tasks[0] = Supervised("one", shared.consumers[0].run, look_again_s=0.01, is_mended=is_mended)
    async with shared.at_work():
        await state(shared.tasks[0], State.HALTED)
        tries, seen = one.tries, looks
        await eventually(has_looked)
        assert (one.tries, shared.tasks[0].progress.state) == (tries, State.HALTED)
        await log.change(
            "INSERT INTO one (position, owner) SELECT position, key FROM events WHERE position = 3",
            "UPDATE consumer_positions SET next_offset = 3, position = 3,"
            " hash = (SELECT encode(hash, 'hex') FROM events WHERE position = 3)"
            " WHERE partition = 0 AND consumer = 'one'",
        )
        await one.has(1, 2, 3, 4, 5)
        await state(shared.tasks[0], State.RUNNING)
        assert await other.positions() == [1, 2, 3, 4, 5]


async def test_one_lays_an_owners_events_aside_and_the_other_applies_them(log: Log) -> None:
    one, other = await readers_of(log, "park")
    first, second = in_partition(0)[:2]
    one.bad = {2}
    await published(log, [first, second, first, second])
    async with (shared := Shared(log, one, other)).at_work():
        await other.has(1, 2, 3, 4)
        await one.has(1, 3)
        one.bad = set()
        assert await unpark(shared.around, one.subscription, second) == 2
        await published(log, [second])
        await one.has(1, 2, 3, 4, 5)
        await other.has(1, 2, 3, 4, 5)


async def test_a_replaced_process_stores_nothing_for_the_one_whose_place_was_taken(log: Log) -> None:
    one, other = await readers_of(log)
    await published(log, in_partition(0)[:2])
    async with Shared(log, one, other).at_work():
        await one.has(1, 2)
        await other.has(1, 2)
        await log.append(in_partition(0)[:1])
        await log.change(
            "INSERT INTO other (position, owner) SELECT position, key FROM events WHERE position = 3",
            "UPDATE consumer_positions SET next_offset = 3, position = 3,"
            " hash = (SELECT encode(hash, 'hex') FROM events WHERE position = 3)"
            " WHERE partition = 0 AND consumer = 'other'",
        )
        await published(log, in_partition(0)[:1])
        await one.has(1, 2, 3, 4)
        await other.has(1, 2, 3, 4)


async def test_a_gap_for_both_halts_both_and_the_feed_stays(log: Log) -> None:
    one, other = await readers_of(log)
    await published(log, in_partition(0))
    await log.append(in_partition(0)[:2])
    await log.write(await log.sealed(7, 6), 0)
    async with (shared := Shared(log, one, other)).at_work():
        for task in shared.tasks:
            await state(task, State.HALTED)
            assert "position 7 follows 6, not 5, also when read from its start" in task.progress.detail
        assert shared.feed.progress.state == State.RUNNING
    assert await one.positions() == await other.positions() == [1, 2, 3, 4, 5]


async def test_a_new_reader_comes_near_by_itself_before_it_joins_the_others(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await readers_of(log)
    await published(log, in_partition(0))
    async with Shared(log, one).at_work():
        await one.has(1, 2, 3, 4, 5)
    alone: list[str] = []

    async def watched(feed: Feed, applier: Applier) -> None:
        alone.append(applier.name)
        await run_for(feed, applier)

    run_for = Feed.run_for
    monkeypatch.setattr(Feed, "run_for", watched)
    monkeypatch.setattr(consumer_module, "_FAR_BEHIND", 3)
    async with (shared := Shared(log, one, other)).at_work():
        await other.has(1, 2, 3, 4, 5)
        assert alone == ["other"]

        async def joined() -> bool:
            return shared.tasks[1].progress.state == State.RUNNING and shared.consumers[1].lag() == 0

        await eventually(joined)
        await published(log, in_partition(0)[:1])
        await one.has(1, 2, 3, 4, 5, 6)
        await other.has(1, 2, 3, 4, 5, 6)
