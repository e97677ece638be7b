"""An issuance office with its log, its topic and its live read model."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from aiokafka.admin import RecordsToDelete
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.audit import Breach, Count
from shared.bus.consumer import Consumer
from shared.bus.kafka import TopicPartition, new_admin, new_consumer, new_producer
from shared.bus.relay import Relay
from shared.bus.republish import republish
from shared.bus.subscription import Surroundings
from shared.bus.topics import Topics
from shared.clock import SystemClock
from shared.context import BoundedContext
from shared.events.issuance.vouchers import VoucherClaimed
from shared.projections.projection import Projection, Row, RowKey
from shared.projections.reading import as_of
from shared.projections.rebuild import RebuildReport, rebuild
from shared.projections.rows import key_names, key_of_row
from shared.projections.runner import subscription_for
from shared.projections.verification import differences
from shared.settings import Settings
from shared.store.transaction import Cause, read_log, transaction
from shared.supervision import Supervised
from tests.integration.shared.bus.log_and_topic import eventually, running
from tests.integration.shared.projections.balances import BALANCES_PROJECTION, cancelled, claimed

NAME = "issuance"
CONTEXT = BoundedContext(name=NAME, title="创新券发放 · Voucher issuance", folder=Path(), routers=(), policy={})


@dataclass(slots=True)
class Office:
    """What a test does with the office."""

    settings: Settings
    engine: AsyncEngine
    owner: AsyncEngine
    projection: Projection = BALANCES_PROJECTION
    context: BoundedContext = CONTEXT
    """Whose the read model is; the log is issuance's."""
    claims: list[VoucherClaimed] = field(default_factory=list)

    async def record(self, *events: object) -> None:
        """Write facts to the log, each in a stream of its own, in one transaction."""
        async with transaction(self.engine, NAME, SystemClock(), Cause(actor="test", correlation_id="test")) as tx:
            for event in events:
                self._streams += 1
                tx.append(f"test-{self._streams}", 0, [event])

    _streams: int = 0

    async def business(self, claims: int, claimants: int = 20) -> None:
        """Have vouchers claimed, and every third of them given back."""
        first = len(self.claims)
        fresh = [claimed(f"clm_{n % claimants}", n) for n in range(first, first + claims)]
        self.claims.extend(fresh)
        for start in range(0, claims, 200):
            part = fresh[start : start + 200]
            await self.record(*part, *(cancelled(claim) for claim in part if claim.place % 3 == 0))

    @asynccontextmanager
    async def live(self, *, relay: bool = True) -> AsyncIterator[Supervised]:
        """Keep the read model up to date for the length of the block."""
        clock = SystemClock()
        around = Surroundings(settings=self.settings, context=self.context.name, engine=self.engine, clock=clock)
        reader = Consumer(around, subscription_for(self.projection))
        consumer = Supervised("balances", reader.run, look_again_s=0.05, is_mended=reader.is_mended)
        tasks = [consumer, *([Supervised("relay", Relay(self.settings, NAME).run)] if relay else [])]
        async with running(*tasks):
            yield consumer

    async def as_of(self) -> int:
        """Say up to which position the read model is complete."""
        async with self.engine.connect() as connection:
            return await as_of(connection, self.projection, NAME, self.settings.topic(NAME))

    async def head(self) -> int:
        """Say how long the log is."""
        async with self.engine.connect() as connection:
            return int((await connection.execute(sa.text("SELECT position FROM log_head"))).scalar_one())

    async def caught_up(self) -> None:
        """Wait until the read model shows everything there is."""

        async def reached() -> bool:
            return await self.as_of() == await self.head()

        await eventually(reached, within=60)

    async def rows(self) -> dict[RowKey, Row]:
        """Read the live table as a service does."""
        async with self.engine.connect() as connection:
            found = (await connection.execute(sa.select(self.projection.table))).mappings()
            names = key_names(self.projection.table)
            return {key_of_row(names, row := dict(each)): row for each in found}

    async def fold_of_the_log(self) -> dict[RowKey, Row]:
        """Fold the store's log, without Kafka and without the runner."""
        rows: dict[RowKey, Row | None] = {}
        async with self.engine.connect() as connection:
            self.projection.fold(rows, await read_log(connection, NAME, after=0, limit=1_000_000))
        return {key: row for key, row in rows.items() if row is not None}

    async def rebuild(self, **options: Any) -> RebuildReport:
        """Rebuild the read model."""
        return await rebuild(self.settings, self.context, self.projection, lambda *_: None, **options)

    async def breaches(self) -> list[Breach]:
        """Audit the read model."""
        async with self.owner.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            return [b async for b in differences(self.settings, self.projection, connection, Count())]

    async def sql(self, statement: str) -> Any:
        """Do something behind everybody's back, as the owner."""
        async with self.owner.begin() as connection:
            result = await connection.execute(sa.text(statement))
            return result.scalars().all() if result.returns_rows else None

    async def heard(self) -> list[str]:
        """Say what the read model has heard last, by partition."""
        return list(
            await self.sql("SELECT concat_ws(' ', partition, position, hash) FROM consumer_positions ORDER BY 1")
        )

    async def set_back(self, position: int) -> None:
        """Restore the log alone as it was at an earlier position."""
        for statement in (
            "ALTER TABLE events DISABLE TRIGGER USER",
            f"DELETE FROM events WHERE position > {position}",
            "UPDATE log_head SET (position, hash) = (SELECT position, hash FROM events ORDER BY position DESC LIMIT 1)",
            "ALTER TABLE events ENABLE TRIGGER USER",
        ):
            await self.sql(statement)

    async def published_anew(self) -> None:
        """Have the topic tell what the log tells, and nothing else."""
        await republish(self.settings, NAME, lambda *_: None, fresh=True)

    async def reading(self, stop: asyncio.Event) -> int:
        """Read the table again and again until told to stop; every answer must be there and not empty."""
        reads = 0
        while not stop.is_set():
            assert await self.rows()
            reads += 1
        return reads

    async def empty_topic(self) -> None:
        """Make the topic anew, with nothing in it."""
        async with Topics(self.settings) as topics:
            await topics.delete(self.settings.topic(NAME))
            await topics.create(self.settings.topic(NAME), self.settings.topic_partitions)

    async def cut_topic(self) -> None:
        """Delete the first ten records of every partition, as a broker that forgets does."""
        topic = self.settings.topic(NAME)
        admin = new_admin(self.settings.kafka_bootstrap, "test-admin", 5_000)
        consumer = new_consumer(self.settings.kafka_bootstrap, "test-reader")
        await admin.start()
        await consumer.start()
        places = [TopicPartition(topic, number) for number in range(self.settings.topic_partitions)]
        ends = await consumer.end_offsets(places)
        await consumer.stop()
        forgotten = {p: RecordsToDelete(before_offset=min(10, ends[p])) for p in places}  # type: ignore[no-untyped-call]
        await admin.delete_records(forgotten)
        await admin.close()

    async def publish_again(self) -> None:
        """Write every record of the topic once more, as a relay does that was killed before its checkpoint."""
        topic = self.settings.topic(NAME)
        places = [TopicPartition(topic, number) for number in range(self.settings.topic_partitions)]
        reader = new_consumer(self.settings.kafka_bootstrap, "test-reader", auto_offset_reset="earliest")
        writer = new_producer(self.settings.kafka_bootstrap, "test-writer", acks="all")
        await reader.start()
        await writer.start()
        reader.assign(places)
        ends = await reader.end_offsets(places)
        for place, end in ends.items():
            for _ in range(end):
                record = await reader.getone(place)
                await writer.send_and_wait(
                    topic, record.value, key=record.key, partition=place.partition, headers=list(record.headers)
                )
        await reader.stop()
        await writer.stop()
