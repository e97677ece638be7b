"""A read model that can be told what to choke on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from shared.bus.consumer import Consumer, Subscription, Surroundings
from shared.events.definition import Recorded
from shared.store.tables import parked_events
from shared.store.transaction import Transaction
from shared.supervision import Supervised
from tests.integration.shared.bus.log_and_topic import CLOCK, CONTEXT, Log, eventually, insert_seen


class Seen:
    """A read model that lists what was applied, in the store itself."""

    def __init__(self, log: Log, poison: Any = "halt", **more: Any) -> None:
        self.log = log
        self.bad: set[int] = set()
        """The positions that cannot be applied."""
        self.trouble: list[Exception] = []
        """What goes wrong next, once each, through no fault of the events."""
        self.batches: list[int] = []
        self.subscription = Subscription(consumer="seen", contexts=(CONTEXT,), apply=self.apply, poison=poison, **more)
        self.around = Surroundings(settings=log.settings, context=CONTEXT, engine=log.engine, clock=CLOCK)

    def consumer(self, **more: Any) -> Supervised:
        return Supervised("seen", Consumer(replace(self.around, **more), self.subscription).run)

    async def create(self) -> None:
        await self.log.change("CREATE TABLE seen (number bigserial, position bigint UNIQUE, owner text)")

    async def apply(self, tx: Transaction, events: Sequence[Recorded[Any]]) -> None:
        self.batches.append(len(events))
        for event in events:
            await insert_seen(tx, [event])
            if event.position in self.bad:
                raise ValueError("this one is no good")
        if self.trouble:
            raise self.trouble.pop()

    async def positions(self, owner: str = "") -> list[int]:
        async with self.log.engine.connect() as connection:
            found = await connection.execute(
                sa.text("SELECT position FROM seen WHERE :o = '' OR owner = :o ORDER BY number"), {"o": owner}
            )
            return list(found.scalars())

    async def has(self, *positions: int, within: float = 20.0) -> None:
        """Wait until these were applied, and nothing else."""

        async def reached() -> bool:
            return sorted(await self.positions()) == sorted(positions)

        await eventually(reached, within=within)

    async def caught_up(self, *, within: float = 20.0) -> None:
        await self.has(*range(1, await self.log.head() + 1), within=within)

    async def parked(self) -> list[tuple[int, str]]:
        async with self.log.engine.connect() as connection:
            found = await connection.execute(
                sa.select(parked_events.c.position, parked_events.c.reason).order_by(parked_events.c.position)
            )
            return [(position, reason) for position, reason in found]


async def seen(log: Log, poison: Any = "halt", **more: Any) -> Seen:
    """Publish nothing yet, but have the topic and the table."""
    model = Seen(log, poison, **more)
    await model.create()
    return model
