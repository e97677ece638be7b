"""Whatever happens to the connection, a retry with the same key tells the truth, and nothing happens twice."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.clock import SystemClock
from shared.database import create_engine
from shared.settings import Settings
from shared.store.execution import Answer, Commands, KeyInProgressError, OutcomeUnknownError, StoreBusyError
from shared.store.transaction import Handled, Transaction
from tests.integration.shared.store.projects import (
    CAUSE,
    CONTEXT,
    Event,
    Project,
    answered,
    key,
    new_project,
    proposing,
    refused,
    stream_of,
)
from tests.integration.shared.store.wire import Wire, wire_to

BACKEND = sa.text("SELECT pg_backend_pid()")
TERMINATE = sa.text("SELECT pg_terminate_backend(:pid, 5000)")


@pytest.fixture
async def wire(settings: Settings) -> AsyncIterator[tuple[Wire, Commands]]:
    """A wire to the database, and commands that go through it."""
    async with wire_to(settings.application_url(CONTEXT)) as (wire, url):
        engine = create_engine(url, pool_size=1)
        yield wire, Commands(engine, CONTEXT, SystemClock(), lambda: None)
        await engine.dispose(close=False)


@contextmanager
def _patience() -> Iterator[None]:
    """Expect an answer while a caller still waits for it (5 s), with a second for a busy machine."""
    began = asyncio.get_running_loop().time()
    yield
    assert asyncio.get_running_loop().time() - began < 6


async def _terminate(owner: AsyncEngine, pid: int) -> None:
    async with owner.connect() as connection:
        assert (await connection.execute(TERMINATE, {"pid": pid})).scalar_one()


async def _count(engine: AsyncEngine, project: str) -> int:
    async with engine.connect() as connection:
        found = await connection.execute(
            sa.text("SELECT count(*) FROM events WHERE stream = :s"), {"s": stream_of(project)}
        )
        return int(found.scalar_one())


async def _insist(commands: Commands, project: str) -> Answer:
    """Retry with the same key, as a client does."""
    async with asyncio.timeout(15):
        while True:
            try:
                return await commands.execute(CAUSE, proposing(project), answered, refused, key(project))
            except (StoreBusyError, KeyInProgressError, OutcomeUnknownError):
                await asyncio.sleep(0.05)


async def test_a_connection_lost_before_the_commit_has_done_nothing(
    commands: Commands, engine: AsyncEngine, owner: AsyncEngine
) -> None:
    project = new_project()

    async def die(tx: Transaction) -> Handled[Event, Project]:
        handled = await proposing(project)(tx)
        await _terminate(owner, (await tx.connection.execute(BACKEND)).scalar_one())
        return handled

    with pytest.raises(StoreBusyError):
        await commands.execute(CAUSE, die, answered, refused, key(project))
    assert await _count(engine, project) == 0
    assert not (await _insist(commands, project)).replayed
    assert await _count(engine, project) == 1


@pytest.fixture
async def slow_commits(owner: AsyncEngine) -> AsyncIterator[None]:
    """Commits that take a second and a half, in a deferred trigger, while the fixture lasts."""
    async with owner.begin() as connection:
        await connection.execute(
            sa.text(
                "CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$"
            )
        )
        await connection.execute(
            sa.text(
                "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON idempotency DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION take_long()"
            )
        )
    yield
    async with owner.begin() as connection:
        await connection.execute(sa.text("DROP FUNCTION take_long CASCADE"))


async def _committing(connection: AsyncConnection, pid: int) -> bool:
    found = await connection.execute(
        sa.text("SELECT query = 'COMMIT;' AND state = 'active' FROM pg_stat_activity WHERE pid = :pid"), {"pid": pid}
    )
    return bool(found.scalar_one())


@pytest.mark.usefixtures("slow_commits")
async def test_a_backend_killed_in_the_middle_of_a_commit_leaves_the_outcome_unknown_until_the_retry(
    commands: Commands, engine: AsyncEngine, owner: AsyncEngine
) -> None:
    project, pids = new_project(), []

    async def remember(tx: Transaction) -> Handled[Event, Project]:
        pids.append((await tx.connection.execute(BACKEND)).scalar_one())
        return await proposing(project)(tx)

    async def kill_while_committing() -> None:
        async with asyncio.timeout(10), owner.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            while not pids or not await _committing(connection, pids[0]):  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.01)
        await _terminate(owner, pids[0])

    killing = asyncio.create_task(kill_while_committing())
    with pytest.raises(OutcomeUnknownError):
        await commands.execute(CAUSE, remember, answered, refused, key(project))
    await killing
    assert (await _insist(commands, project)).status == 201
    assert await _count(engine, project) == 1


@pytest.mark.parametrize(
    ("fault", "happened"), [("cut before it arrives", False), ("cut before the answer", True), ("silence", True)]
)
async def test_a_commit_whose_answer_never_comes_is_cleared_up_by_the_same_key(
    wire: tuple[Wire, Commands], engine: AsyncEngine, fault: str, *, happened: bool
) -> None:
    line, commands = wire
    await _insist(commands, new_project())
    project, line.fault = new_project(), fault  # type: ignore[assignment]
    with _patience(), pytest.raises(OutcomeUnknownError):
        await commands.execute(CAUSE, proposing(project), answered, refused, key(project))
    assert line.faults == 1
    assert (await _insist(commands, project)).replayed is happened
    assert await _count(engine, project) == 1


async def test_a_database_that_falls_silent_before_the_commit_has_done_nothing(
    wire: tuple[Wire, Commands], engine: AsyncEngine
) -> None:
    line, commands = wire
    await _insist(commands, new_project())
    project = new_project()
    line.fault, line.word = "silence", project.encode()
    with _patience(), pytest.raises(StoreBusyError):
        await commands.execute(CAUSE, proposing(project), answered, refused, key(project))
    assert line.faults == 1
    line.close()
    assert (await _insist(commands, project)).status == 201
    assert await _count(engine, project) == 1


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:5432"])
async def test_a_database_that_is_not_there_is_busy_not_broken(address: str) -> None:
    engine = create_engine(f"postgresql://cxq:cxq@{address}/cxq")
    with pytest.raises(StoreBusyError):
        await Commands(engine, CONTEXT, SystemClock(), lambda: None).execute(
            CAUSE, proposing(new_project()), answered, refused
        )
    await engine.dispose()


async def test_a_database_that_is_not_migrated_yet_is_busy_not_broken(settings: Settings) -> None:
    engine = create_engine(settings.application_url("registry"))
    with pytest.raises(StoreBusyError):
        await Commands(engine, "registry", SystemClock(), lambda: None).execute(
            CAUSE, proposing(new_project()), answered, refused
        )
    await engine.dispose()


async def test_a_pool_without_a_free_connection_is_busy_after_a_second(settings: Settings) -> None:
    engine = create_engine(settings.application_url(CONTEXT), pool_size=1)
    loop = asyncio.get_running_loop()
    async with engine.connect():
        began = loop.time()
        with pytest.raises(StoreBusyError, match="no connection"):
            await Commands(engine, CONTEXT, SystemClock(), lambda: None).execute(
                CAUSE, proposing(new_project()), answered, refused
            )
        assert loop.time() - began < 2
    await engine.dispose()


async def test_a_log_whose_head_is_held_by_somebody_else_is_busy_and_nothing_has_happened(
    commands: Commands, engine: AsyncEngine, owner: AsyncEngine
) -> None:
    project = new_project()
    async with owner.connect() as holder:
        await holder.execute(sa.text("SELECT 1 FROM log_head FOR UPDATE"))
        with pytest.raises(StoreBusyError):
            await commands.execute(CAUSE, proposing(project), answered, refused, key(project))
        await holder.rollback()
    assert await _count(engine, project) == 0
    assert not (await _insist(commands, project)).replayed
