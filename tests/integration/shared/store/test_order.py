"""Whoever tails the log sees every committed event once and in order, whatever transactions do to each other."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.clock import SystemClock
from shared.store.transaction import on, read_log
from tests.integration.shared.store.projects import CAUSE, CONTEXT, confirmed, proposed, stream_of

WRITERS = 16
SECONDS, AT_MOST_S = 4.0, 60.0
ENOUGH = 10 * WRITERS
"""So many commits show something; on a busy machine they take longer."""


type Write = Callable[[AsyncConnection, str], Awaitable[None]]
"""Append a few entries under a label, without committing."""
type Read = Callable[[AsyncConnection, int], Awaitable[list[tuple[int, str]]]]
"""Read what comes after a position: position and label, in order."""


@dataclass(slots=True)
class Seen:
    """What a tailing reader saw, and what was acknowledged to the writers."""

    entries: list[tuple[int, str]] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    rolled_back: set[str] = field(default_factory=set)

    @property
    def labels(self) -> set[str]:
        return {label for _, label in self.entries}


class _RolledBack(Exception):  # noqa: N818 (an intention)
    """The writer has changed its mind."""


@asynccontextmanager
async def _intending(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    try:
        async with engine.begin() as connection:
            yield connection
    except _RolledBack:
        pass


async def _write(engine: AsyncEngine, writer: int, write: Write, seen: Seen, until: float) -> None:
    """Commit in every manner: ids taken early or late, slow before or after the append, now and then not at all."""
    chance = random.Random(writer)  # noqa: S311 (a workload, not a secret)
    number = 0
    while asyncio.get_running_loop().time() < until or len(seen.acknowledged) <= ENOUGH:
        number += 1
        label = f"{writer}-{number}"
        changes_its_mind = chance.random() < 0.15
        async with _intending(engine) as connection:
            if writer % 2:  # early transaction id
                await connection.execute(sa.text("SELECT pg_current_xact_id()"))
            if chance.random() < 0.5:
                await asyncio.sleep(chance.uniform(0, 0.05))
            await write(connection, label)
            if chance.random() < 0.3:
                await asyncio.sleep(chance.uniform(0, 0.01))
            if changes_its_mind:
                seen.rolled_back.add(label)
                raise _RolledBack
        if not changes_its_mind:
            seen.acknowledged.add(label)


async def _tail(engine: AsyncEngine, read: Read, seen: Seen, writers_done: asyncio.Event) -> None:
    """Follow the log by position, as the relay does, until the writers are done and nothing more comes."""
    after = 0
    while True:
        was_done = writers_done.is_set()
        async with engine.connect() as connection:
            found = await read(connection, after)
        if found:
            seen.entries += found
            after = found[-1][0]
        elif was_done:
            return
        else:
            await asyncio.sleep(0.001)


async def _follow(engine: AsyncEngine, write: Write, read: Read) -> Seen:
    seen, writers_done = Seen(), asyncio.Event()
    tail = asyncio.create_task(_tail(engine, read, seen, writers_done))
    until = asyncio.get_running_loop().time() + SECONDS
    async with asyncio.timeout(AT_MOST_S), asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(_write(engine, writer, write, seen, until))
    writers_done.set()
    await tail
    return seen


async def _append(connection: AsyncConnection, label: str) -> None:
    tx = on(connection, CONTEXT, SystemClock(), CAUSE)
    tx.append(stream_of(label), 0, [proposed(label), confirmed(label)])
    await tx.flush()


async def _read_log(connection: AsyncConnection, after: int) -> list[tuple[int, str]]:
    found = await read_log(connection, CONTEXT, after=after, limit=500)
    return [(event.position, event.data.project_id) for event in found]


async def _append_plain(connection: AsyncConnection, label: str) -> None:
    await connection.execute(sa.text("INSERT INTO plain_log (label) VALUES (:label), (:label)"), {"label": label})


async def _read_plain(connection: AsyncConnection, after: int) -> list[tuple[int, str]]:
    rows = await connection.execute(
        sa.text("SELECT position, label FROM plain_log WHERE position > :after ORDER BY position LIMIT 500"),
        {"after": after},
    )
    return [(position, label) for position, label in rows]


async def test_a_reader_that_tails_the_log_misses_nothing_and_sees_nothing_out_of_order(engine: AsyncEngine) -> None:
    seen = await _follow(engine, _append, _read_log)
    async with engine.connect() as connection:
        log = [
            (position, stream.removeprefix("project-"))
            for position, stream in await connection.execute(
                sa.text("SELECT position, stream FROM events ORDER BY position")
            )
        ]
    assert len(seen.acknowledged) > ENOUGH
    assert seen.rolled_back
    assert seen.entries == log
    assert [position for position, _ in log] == list(range(1, len(log) + 1))
    assert seen.labels == seen.acknowledged
    assert seen.labels.isdisjoint(seen.rolled_back)


async def test_the_same_reader_loses_committed_entries_of_a_log_numbered_by_a_plain_sequence(
    engine: AsyncEngine, owner: AsyncEngine
) -> None:
    async with owner.begin() as connection:
        await connection.execute(
            sa.text("CREATE TABLE plain_log (position bigserial PRIMARY KEY, label text NOT NULL)")
        )
    seen = await _follow(engine, _append_plain, _read_plain)
    assert seen.labels < seen.acknowledged
