"""A read model made anew from Kafka while the old one goes on being read, compared with it, and put in its place."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.bus.subscription import take_turn
from shared.context import BoundedContext
from shared.database import create_owner_engine
from shared.projections.digest import digest, rows_different
from shared.projections.gathering import Gathering
from shared.projections.heard import Heard, heard, move_to, not_told_by_log, not_told_by_topics, positions
from shared.projections.log_reading import LogEndsError, LogReader, LogUnreadableError, Place
from shared.projections.projection import PoisonEventError, Projection
from shared.projections.shadow import Shadow
from shared.settings import Settings
from shared.store.execution import sqlstate
from shared.store.tables import parked_events

type Progress = Callable[[int, int, float], None]
"""Told now and then how many events are done, how many there are, and how many are done a second."""

_ROWS_IN_MEMORY_MAX = 250_000
_CLOSE_ENOUGH = 2_000
"""Positions the live runner may be ahead when it is made to wait for the swap."""
_CATCH_UPS_MAX = 50
_SWAPS_MAX = 200
_SWAP_PAUSE_S = 0.1
_LOCK_NOT_AVAILABLE = "55P03"
_DEADLOCK = "40P01"
_log = structlog.get_logger(__name__)


class RebuildError(Exception):
    """The rebuild stopped; the live table is as it was. The message says why and what to do."""


class HeardLostStoryError(RebuildError):
    """The live read model has heard events that are told no more: it can only be made anew if those are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    """What a rebuild did: events read in how many seconds, and how the new table compares with the old one.

    The digests are of both tables at the same positions; `rows_different` counts the keys on which they disagree.
    """

    projection: str
    events: int
    seconds: float
    digest_before: str
    digest_after: str
    rows_different: int

    @property
    def rate(self) -> float:
        """Events a second, from the first read to the swap."""
        return self.events / self.seconds if self.seconds else 0.0


async def rebuild(
    settings: Settings,
    context: BoundedContext,
    projection: Projection,
    progress: Progress,
    *,
    forget_lost: bool = False,
    rows_in_memory_max: int = _ROWS_IN_MEMORY_MAX,
) -> RebuildReport:
    """Fold the topics again up to where the live read model stands, and swap the tables in one transaction.

    Acts as the owner of the database. It may be killed at any point and started again. Raises `RebuildError` when
    another rebuild runs, the topics have a gap or are too short, or an event cannot be applied; `HeardLostStoryError`
    when the live read model has heard what a restored log does not have. With `forget_lost` the topics are folded as
    far as they go now, whatever the live one has heard, and the same transaction puts it there.
    """
    topics = [settings.topic(name) for name in projection.contexts] if forget_lost else []
    own_topic = settings.topic(context.name)
    engine = create_owner_engine(settings.owner_url(context.name), application_name=f"cxq-rebuild-{projection.name}")
    try:
        async with (
            LogReader(settings.kafka_bootstrap, projection) as log,
            _alone(engine, projection) as connection,
        ):
            shadow = Shadow(projection.table)
            rows = Gathering(projection, shadow, connection, rows_in_memory_max=rows_in_memory_max)
            with _uncollected():
                return await _Rebuild(
                    engine, connection, projection, log, shadow, rows, progress, own_topic, forgetting=topics
                ).run()
    except LogEndsError as error:
        if error.topic == own_topic:  # the log has what was heard: it is the topic that is too short
            raise RebuildError(f"{error}. The live table {projection.table.name} is as it was.") from error
        raise HeardLostStoryError(f"{error}, or, where its log was set back, forget what is lost") from error
    except (LogUnreadableError, PoisonEventError) as error:
        raise RebuildError(f"{error}. The live table {projection.table.name} is as it was.") from error
    finally:
        await engine.dispose()


class _Rebuild:
    def __init__(
        self,
        engine: AsyncEngine,
        connection: AsyncConnection,
        projection: Projection,
        log: LogReader,
        shadow: Shadow,
        rows: Gathering,
        progress: Progress,
        own_topic: str,
        *,
        forgetting: Collection[str],
    ) -> None:
        """`forgetting` are the topics that are read as far as they go now, instead of as far as was heard."""
        self._own_topic, self._forgetting = own_topic, forgetting
        self._engine, self._connection, self._projection = engine, connection, projection
        self._log, self._shadow, self._rows, self._progress = log, shadow, rows, progress
        self._began = time.monotonic()
        self._events = 0

    async def run(self) -> RebuildReport:
        await self._shadow.create(self._connection)
        before, after = await self._fill()
        await self._come_close()
        different = await self._swap(count=before != after)
        return RebuildReport(
            projection=self._projection.name,
            events=self._events,
            seconds=time.monotonic() - self._began,
            digest_before=before,
            digest_after=after,
            rows_different=different,
        )

    async def _fill(self) -> tuple[str, str]:
        """Fill the new table up to where the old one is, and sum up both there.

        The old one is summed up in a snapshot, while the log is read; its runner need not wait, and goes on meanwhile.
        """
        ends: asyncio.Future[dict[Place, Heard]] = asyncio.get_running_loop().create_future()
        async with _side_by_side(self._sum_up_live(ends)) as before:
            known: list[asyncio.Future[Any]] = [ends, before]
            await asyncio.wait(known, return_when=asyncio.FIRST_COMPLETED)
            if not ends.done():
                await before  # it failed, and says why
            await self._catch_up(ends.result())
            await self._rows.finish()
            await self._shadow.index_rest(self._connection)
            return await before, await self._sum_up_shadow()

    async def _sum_up_live(self, ends: "asyncio.Future[dict[Place, Heard]]") -> str:
        async with self._engine.connect() as snapshot:
            await snapshot.execution_options(isolation_level="REPEATABLE READ")
            ends.set_result(await self._ends(snapshot))
            return await digest(snapshot, self._projection.table)

    async def _sum_up_shadow(self) -> str:
        async with self._engine.connect() as connection:
            return await digest(connection, self._shadow.table)

    async def _ends(self, connection: AsyncConnection, *, lock: bool = False) -> dict[Place, Heard]:
        """Say up to which events to read: the last ones that the live read model has heard, or that the topics tell."""
        known = await heard(connection, self._projection, lock=lock)
        if self._forgetting:
            return await self._log.last(self._forgetting)
        for lost in await not_told_by_log(connection, self._own_topic, known):
            raise HeardLostStoryError(lost)
        return known

    async def _catch_up(self, last: Mapping[Place, Heard]) -> None:
        ends = positions(last)
        total = self._events + await self._log.records(ends)
        self._report(total)
        async for portion in self._log.read(ends):
            await self._rows.apply(portion.events)
            self._events += portion.records
            self._report(total)
        self._assert_read(last)

    def _assert_read(self, last: Mapping[Place, Heard]) -> None:
        """Make sure that what was read ends with these events, and not only at their positions."""
        if any(self._log.told(place).position != end.position for place, end in last.items()):
            raise RebuildError(f"{self._projection.name} was set back while it was rebuilt; rebuild again")
        for lost in not_told_by_topics(self._log, last):
            if self._forgetting:
                raise RebuildError(f"{lost} now: it was made anew meanwhile; rebuild again")
            raise HeardLostStoryError(lost)

    def _report(self, total: int) -> None:
        elapsed = time.monotonic() - self._began
        self._progress(self._events, max(total, self._events), self._events / elapsed if elapsed else 0.0)

    async def _come_close(self) -> None:
        for _ in range(_CATCH_UPS_MAX):
            ends = await self._ends(self._connection)
            if self._log.behind(positions(ends)) <= _CLOSE_ENOUGH:
                return
            await self._catch_up(ends)
            await self._rows.settle()
        raise RebuildError(
            f"{self._projection.name} changes faster than it can be rebuilt; try again in a quieter hour"
        )

    async def _swap(self, *, count: bool) -> int:
        """Take the live table's place. Who reads it for long is let through first: nobody may queue behind the swap."""
        for attempt in range(1, _SWAPS_MAX + 1):
            try:
                async with self._engine.begin() as connection:
                    return await self._swap_in(connection, count=count)
            except DBAPIError as error:
                if sqlstate(error) not in {_LOCK_NOT_AVAILABLE, _DEADLOCK}:
                    raise
                _log.info("rebuild waits for the table", projection=self._projection.name, attempt=attempt)
            await asyncio.sleep(_SWAP_PAUSE_S)
        raise RebuildError(f"{self._projection.table.name} is never free for the swap; is a long read going on?")

    async def _catch_up_for_good(self, ends: Mapping[Place, Heard]) -> None:
        """Read the last events; what has been read cannot be read again, so an error here is not tried again."""
        try:
            await self._catch_up(ends)
        except DBAPIError as error:
            raise RebuildError(f"the database failed during the swap: {error.orig}; rebuild again") from error

    async def _swap_in(self, connection: AsyncConnection, *, count: bool) -> int:
        live, consumer = self._projection.table, self._projection.consumer
        await connection.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
        ends = await self._ends(connection, lock=True)
        await take_turn(connection, consumer)
        await self._catch_up_for_good(ends)
        await self._rows.write(connection)
        different = await rows_different(connection, live, self._shadow.table) if count else 0
        # the events that were set aside have been applied as well
        await connection.execute(sa.delete(parked_events).where(parked_events.c.consumer == consumer))
        if self._forgetting:
            await self._forget(connection, {place: self._log.told(place) for place in ends})
        await connection.execute(sa.text("SET LOCAL lock_timeout = '200ms'"))
        await self._shadow.replace_live(connection)
        return different

    async def _forget(self, connection: AsyncConnection, told: Mapping[Place, Heard]) -> None:
        """Have the read model stand where the topics were read to, if the log tells the same."""
        for other in await not_told_by_log(connection, self._own_topic, told):
            raise RebuildError(f"{other}: the topic tells of what is lost; first `cxq republish --fresh`")
        await move_to(connection, self._projection, told)


@asynccontextmanager
async def _side_by_side(work: Coroutine[Any, Any, str]) -> AsyncIterator["asyncio.Task[str]"]:
    """Have something done beside the block, which waits for it, and is not outlived by it."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector from walking through millions of rows again and again; they hold no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@asynccontextmanager
async def _alone(engine: AsyncEngine, projection: Projection) -> AsyncIterator[AsyncConnection]:
    """Open a connection that commits every statement, and keeps out other rebuilds of the projection meanwhile.

    Its backend notices within a second when we are gone.
    """
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(sa.text("SET client_connection_check_interval = '1s'"))
        await connection.execute(sa.text("SET maintenance_work_mem = '128MB'"))
        # Who reads meanwhile needs a processor too: an index is built by one at a time.
        await connection.execute(sa.text("SET max_parallel_maintenance_workers = 0"))
        try:
            await connection.execute(
                sa.text("SELECT pg_advisory_lock(hashtextextended(:lock, 0))"), {"lock": f"rebuild:{projection.name}"}
            )
        except DBAPIError as error:
            if sqlstate(error) != _LOCK_NOT_AVAILABLE:
                raise
            raise RebuildError(f"another rebuild of {projection.name} is running; wait for it to end") from error
        yield connection
