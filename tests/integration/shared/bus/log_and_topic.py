"""A store to append to, its topic to look into and to damage, and waiting with a deadline."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.bus.envelope import Envelope, from_wire, seal, to_wire
from shared.bus.kafka import TopicPartition, new_consumer, new_producer
from shared.bus.relay import Relay
from shared.bus.topics import Topics, partition_of
from shared.clock import Clock, SystemClock
from shared.events.contracts import ProjectConfirmed
from shared.events.definition import Recorded
from shared.settings import Settings
from shared.store.tables import events as events_table
from shared.store.tables import relay_positions
from shared.store.transaction import Cause, Transaction, transaction
from shared.supervision import Supervised

CONTEXT = "contracts"
CLOCK = SystemClock()
DAY = date(2026, 3, 2)
OWNERS = [f"clm_{number}" for number in range(1, 13)]
"""Enough owners that every partition has some."""


@dataclass(slots=True)
class Log:
    """A context's store and its topic."""

    settings: Settings
    engine: AsyncEngine
    owner: AsyncEngine
    """The store as the user that may do anything to it."""
    appended: int = 0

    @property
    def topic(self) -> str:
        return self.settings.topic(CONTEXT)

    def relay(self) -> Supervised:
        return Supervised("relay", Relay(self.settings, CONTEXT).run, essential=True)

    async def append(self, owners: Iterable[str], clock: Clock = CLOCK, traceparent: str = "00-abc") -> None:
        """Append an event for each owner named, in order, a transaction each."""
        for owner in owners:
            self.appended += 1
            cause = Cause(actor="officer-1", correlation_id=f"talk-{self.appended}", traceparent=traceparent)
            async with transaction(self.engine, CONTEXT, clock, cause) as tx:
                tx.append(f"project-{self.appended}", 0, [confirmed(self.appended, owner)])

    async def head(self) -> int:
        return int(await self.scalar("SELECT position FROM log_head"))

    async def checkpoint(self) -> int:
        return int(await self.scalar("SELECT coalesce(max(position), 0) FROM relay_positions WHERE partition = -1"))

    async def drained(self) -> bool:
        return await self.checkpoint() == await self.head()

    async def scalar(self, statement: str) -> Any:
        async with self.engine.connect() as connection:
            return await connection.scalar(sa.text(statement))

    async def change(self, *statements: str) -> None:
        """Do to the store what no service may."""
        async with self.owner.begin() as connection:
            for statement in statements:
                await connection.execute(sa.text(statement))

    async def set_back(self, position: int) -> None:
        """Restore the store as it was at an earlier position; all its events are in partition 0."""
        await self.change(
            "ALTER TABLE events DISABLE TRIGGER USER",
            f"DELETE FROM events WHERE position > {position}",
            f"UPDATE log_head SET position = {position},"
            f" hash = coalesce((SELECT hash FROM events WHERE position = {position}), '')",
            "ALTER TABLE events ENABLE TRIGGER USER",
            f"UPDATE relay_positions SET next_offset = least(next_offset, {position}),"
            f" position = least(position, {position})",
        )

    async def records(self) -> dict[int, list[Envelope]]:
        """Read the topic, by partition."""
        consumer = new_consumer(self.settings.kafka_bootstrap, "test-reader")
        await consumer.start()
        try:
            async with Topics(self.settings) as topics:
                count = await topics.partitions(self.topic)
            if not count:
                return {}
            places = [TopicPartition(self.topic, p) for p in range(count)]
            ends = await consumer.end_offsets(places)
            begins = await consumer.beginning_offsets(places)
            found: dict[int, list[Envelope]] = {p: [] for p in range(count)}
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            async with asyncio.timeout(15):
                while any(len(found[p.partition]) < ends[p] - begins[p] for p in places):
                    for place, batch in (await consumer.getmany(timeout_ms=200)).items():
                        found[place.partition] += [from_wire(record.value) for record in batch]
            return found
        finally:
            await consumer.stop()

    async def in_topic(self) -> list[int]:
        """List the positions in the topic, sorted, duplicates included."""
        return sorted(envelope.position for part in (await self.records()).values() for envelope in part)

    async def write(self, envelope: Envelope, partition: int) -> None:
        """Write to the topic behind the relay's back."""
        value, headers = to_wire(envelope)
        await self.write_raw(value, partition, headers=headers, key=envelope.key.encode())

    async def write_raw(self, value: bytes, partition: int, **more: Any) -> None:
        producer = new_producer(self.settings.kafka_bootstrap, "test-writer", acks="all")
        await producer.start()
        try:
            await producer.send_and_wait(self.topic, value, partition=partition, **more)
        finally:
            await producer.stop()

    async def sealed(self, position: int, prevposition: int) -> Envelope:
        """Put an event of the log into an envelope."""
        async with self.engine.connect() as connection:
            columns = [c for c in events_table.c if c.name not in {"data", "metadata"}]
            texts = [sa.cast(events_table.c[name], sa.Text).label(name) for name in ("data", "metadata")]
            found = sa.select(*columns, *texts).where(events_table.c.position == position)
            row = (await connection.execute(found)).one()
        return seal(CONTEXT, dict(row._mapping), prevposition)

    async def delete_topic(self) -> None:
        async with Topics(self.settings) as topics:
            await topics.delete(self.topic)

    async def make_topic(self) -> None:
        async with Topics(self.settings) as topics:
            await topics.create(self.topic, self.settings.topic_partitions)

    async def forget_positions(self) -> None:
        """Forget what was published after the first look, as a crash between publishing and storing does."""
        async with self.engine.begin() as connection:
            await connection.execute(sa.delete(relay_positions))


async def insert_seen(tx: Transaction, events: Sequence[Recorded[Any]]) -> None:
    """Apply events by listing them in the table `seen`."""
    rows = [{"p": event.position, "o": event.key} for event in events]
    await tx.connection.execute(sa.text("INSERT INTO seen (position, owner) VALUES (:p, :o)"), rows)


def confirmed(number: int, owner: str) -> ProjectConfirmed:
    """Tell that a project was confirmed."""
    return ProjectConfirmed(
        project_id=f"prj_{number}", claimant_id=owner, provider_id="prv_1", confirmed_by="provider-1", on=DAY
    )


def in_partition(partition: int, *, of: int = 4) -> list[str]:
    """Name owners whose events go to a partition."""
    return [name for number in range(200) if partition_of(name := f"clm_{number}", of) == partition][:5]


def chained(records: dict[int, list[Envelope]]) -> bool:
    """Tell whether every partition's first deliveries name the position before them."""
    for part in records.values():
        last = 0
        for envelope in part:
            if envelope.position > last:
                if envelope.prevposition != last:
                    return False
                last = envelope.position
    return True


@asynccontextmanager
async def running(*tasks: Supervised) -> AsyncIterator[None]:
    """Run tasks for the length of a block."""
    for task in tasks:
        task.start()
    try:
        yield
    finally:
        await asyncio.gather(*(task.stop() for task in tasks))


async def eventually(reached: Callable[[], Awaitable[bool]], *, within: float = 20.0) -> None:
    """Wait until something is so, looking again and again."""
    async with asyncio.timeout(within):
        while not await reached():  # noqa: ASYNC110 (another process does it)
            await asyncio.sleep(0.05)


async def state(task: Supervised, wanted: str, *, within: float = 20.0) -> None:
    """Wait until a task is in a state."""

    async def reached() -> bool:
        return task.progress.state == wanted

    await eventually(reached, within=within)
