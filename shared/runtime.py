"""What runs inside a context's process beside its HTTP edge: the store's connections and the background tasks."""

import asyncio
from dataclasses import dataclass
from typing import Self

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.bus.consumer import Consumer
from shared.bus.feed import Feed
from shared.bus.membership import Membership
from shared.bus.parking import Parked, parked, unpark
from shared.bus.readable import News, listen
from shared.bus.relay import Relay
from shared.bus.subscription import Subscription, Surroundings, reactions_of
from shared.clock import Clock
from shared.context import BoundedContext
from shared.database import create_engine
from shared.measures.reader import Measures
from shared.procedures.due_list import DueList
from shared.projections.runner import subscriptions_for
from shared.settings import Settings
from shared.store.execution import Commands
from shared.store.rules import RulesInForce
from shared.store.tables import log_head
from shared.supervision import Progress, State, Supervised, stop_all
from shared.telemetry import Tracing

_PROBE_LIMIT_S = 2.0
_LOOK_AGAIN_S = 20.0
"""What halts the relay or a read model is mended outside it (`cxq republish --fresh`, another place to go on from): it
sees that by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How one part of the process is; `detail` says what is wrong, and is empty when nothing is."""

    name: str
    state: State
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the process is: `ready` to take commands, and the state of each part (`database` first)."""

    ready: bool
    parts: tuple[Part, ...]

    @property
    def degraded(self) -> bool:
        """Whether any part is not at its work."""
        return any(part.state not in {State.RUNNING, State.STANDBY} for part in self.parts)


class Runtime:
    """A context at work; opening it needs neither PostgreSQL nor Kafka, which may come later or go and return."""

    def __init__(self, context: BoundedContext, settings: Settings, clock: Clock) -> None:
        self.context, self.settings, self.clock = context, settings, clock
        self.rules = RulesInForce(Measures.load(settings.measures_pack, more=settings.measures_dir))
        self.tracing = Tracing(settings, context.name)
        self.engine: AsyncEngine = create_engine(
            settings.application_url(context.name), application_name=f"cxq-{context.name}"
        )
        self._background_engine = create_engine(
            settings.application_url(context.name), pool_size=4, application_name=f"cxq-{context.name}-background"
        )
        self.commands = Commands(self.engine, context.name, clock, self.wake, self.rules)
        self._membership = Membership(settings, context.name)
        self.news = News()
        self.relay = Relay(settings, context.name)
        self._due = DueList(self._background_engine, context.name, clock, self.rules, context.deadlines, self.wake)
        self._feeds = self._shared_feeds()
        self.consumers = tuple(
            Consumer(self._surroundings(), each, self._feeds.get(each.contexts) if each.derived else None)
            for each in self.subscriptions
        )
        self._tasks = [Supervised("news", self._listen), *(self._background() if settings.background else [])]

    async def __aenter__(self) -> Self:
        """Open the runtime; the background starts with `start_background`."""
        self.tracing.of_statements(self.engine, self._background_engine)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Stop the background in good order and close every connection."""
        await stop_all(self._tasks)
        await self._background_engine.dispose()
        await self.engine.dispose()
        await self.tracing.close()

    def wake(self) -> None:
        """Tell the background that something was committed: there may be events to publish, and new deadlines."""
        self.relay.wake()
        self._due.wake()

    def start_background(self) -> None:
        """Start the relay, the reactions, the projections and the due list, each under care."""
        for task in self._tasks:
            task.start()

    @property
    def measures(self) -> Measures:
        """The rules as last read, to quote from; a transaction reads them before it decides."""
        return self.rules.latest

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """What this context's consumers do: the reactions, if there are any, and each projection."""
        reactions = (reactions_of(self.context.reactions),) if self.context.reactions else ()
        return (*reactions, *subscriptions_for(self.context.projections))

    async def parked(self) -> list[Parked]:
        """List the events that were laid aside because they could not be applied."""
        async with self.engine.connect() as connection:
            return await parked(connection)

    async def unpark(self, consumer: str, key: str) -> int:
        """Replay what is laid aside for a key, in order, and say how much; LookupError for an unknown consumer."""
        for subscription in self.subscriptions:
            if subscription.consumer == consumer:
                return await unpark(self._surroundings(), subscription, key)
        raise LookupError(f"{self.context.name} has no consumer {consumer!r}")

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            settings=self.settings,
            context=self.context.name,
            engine=self._background_engine,
            clock=self.clock,
            measures=self.rules,
            on_commit=self.wake,
            on_readable=self.news.tell,
            member=self._membership.name,
            tracer=self.tracing.tracer,
        )

    def _shared_feeds(self) -> dict[tuple[str, ...], Feed]:
        """Have the read models that are fed by the same topics share a reader of them."""
        prefix = f"{self.settings.topic_prefix}.{self.context.name}"
        fed = {projection.contexts for projection in self.context.projections}
        return {
            contexts: Feed(self._surroundings(), f"{prefix}.projections.{'-'.join(contexts)}", contexts)
            for contexts in sorted(fed)
        }

    def _background(self) -> list[Supervised]:
        tasks = [Supervised("relay", self.relay.run, essential=True, look_again_s=_LOOK_AGAIN_S)]
        if self.subscriptions:
            tasks.append(Supervised("membership", self._membership.run))
        tasks.extend(Supervised(f"feed:{'-'.join(contexts)}", feed.run) for contexts, feed in self._feeds.items())
        tasks.extend(
            Supervised(consumer.name, consumer.run, look_again_s=_LOOK_AGAIN_S, is_mended=consumer.is_mended)
            for consumer in self.consumers
        )
        if self.context.deadlines:
            tasks.append(Supervised("due-list", self._work_off))
        return tasks

    async def _listen(self, progress: Progress) -> None:
        await listen(self.settings, self.context.name, self.news, progress)

    async def _work_off(self, progress: Progress) -> None:
        progress.at_work()
        await self._due.run()

    def parts(self) -> tuple[Part, ...]:
        """Say how each background part is."""
        return tuple(Part(name=t.name, state=t.progress.state, detail=t.progress.detail) for t in self._tasks)

    async def health(self) -> Health:
        """Look at every part.

        Ready means: the database answers with our schema, and every essential part has reached its work once and is not
        halted. A broker that goes away later does not make the process unready, because commands do not need it.
        """
        database = await self._database()
        parts = (database, *self.parts())
        essential = [task.progress for task in self._tasks if task.essential]
        ready = database.state is State.RUNNING and all(
            progress.has_run and progress.state is not State.HALTED for progress in essential
        )
        return Health(ready=ready, parts=parts)

    async def _database(self) -> Part:
        try:
            async with asyncio.timeout(_PROBE_LIMIT_S), self.engine.connect() as connection:
                await connection.execute(sa.select(log_head.c.position))
        except Exception as error:  # noqa: BLE001 (whatever it is, the answer is: not now)
            driver = getattr(error, "orig", None) or error  # what the driver says, without the statement
            return Part(name="database", state=State.RETRYING, detail=f"{type(driver).__name__}: {driver}")
        return Part(name="database", state=State.RUNNING)
