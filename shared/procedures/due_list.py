"""The worker that does what is due, in order of the due times, each deadline once and with its effect."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any

import asyncpg
import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.clock import Clock
from shared.procedures.due import DueHandlers, Together
from shared.store.execution import StoreBusyError, classified, sqlstate
from shared.store.rules import Rules, rules_for
from shared.store.tables import deadlines
from shared.store.transaction import Cause, Transaction, VersionConflictError, on
from shared.telemetry import redact

_LONGEST_SLEEP = timedelta(seconds=1)
_SHORTEST_SLEEP = timedelta(milliseconds=20)
_BATCH = 100
"""Deadlines done in one transaction where all goes well; each takes a few statements."""
_BATCH_TOGETHER = 250
"""The same, of a kind whose handler does them together; while they are committed, no other event can be."""
_RACES = 3
"""Times a deadline is tried at once when others append to its streams faster."""
_FAILURE_LENGTH = 500
_LONGEST_RETRY = timedelta(minutes=10)
_MOST_ATTEMPTS = 32_767
"""As far as the column counts."""
_SILENCE = (TimeoutError, PoolTimeoutError, OSError, asyncpg.InternalClientError, StoreBusyError)
"""What a database that is gone looks like from here, beside its own error codes."""
_GONE = ("08", "53", "57P")
"""Classes of PostgreSQL's codes: connection, resources, shutting down."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    kind: str
    subject: str
    due_at: datetime
    attempts: int


class DueList:
    """Works off a context's deadlines in order of `due_at`, then subject.

    A deadline disappears in the transaction of its effect, unless its handler set a new one of the same kind. One that
    fails keeps its row with the reason and is tried again later; the others go on. Several workers share the list. One
    transaction does deadlines of one kind only: each handler locks rows in its context's order, and the rows of another
    kind's handler may come before those in it. A handler that is `Together` takes a few statements for all of them.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        context: str,
        clock: Clock,
        rules: Rules | None,
        handlers: DueHandlers,
        on_commit: Callable[[], None],
    ) -> None:
        self._engine, self._context, self._clock, self._rules = engine, context, clock, rules
        self._handlers, self._on_commit = handlers, on_commit
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look again at once: a nearer deadline was set, or the clock was moved."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled; raises `StoreBusyError` when the database is away, to be started again then."""
        while True:
            self._woken.clear()
            if await self.sweep() == 0:
                await self._sleep()

    async def sweep(self) -> int:
        """Do everything that is due now, many to a transaction, and say how many deadlines were done."""
        done, size = 0, _BATCH_TOGETHER
        try:
            while True:
                seen, count = await self._together(size)
                if not seen:
                    return done
                if count is not None:
                    done += count
                    size = min(size * 2, _BATCH_TOGETHER)
                    continue
                for due in seen:
                    done += await self._alone(due)
                size = max(size // 4, 1)
        except (DBAPIError, *_SILENCE) as error:
            raise _away(error) from error

    async def _together(self, limit: int) -> tuple[list[_Due], int | None]:
        """Do the next ones in one transaction: those seen, and how many were done, None when one of them fails."""
        seen: list[_Due] = []
        try:
            async with self._engine.begin() as connection:
                rows = await connection.execute(_due_before(self._clock.now(), self._handlers).limit(limit))
                seen.extend(self._first_of_one_kind(rows))
                count = await self._handle_all(connection, seen)
        except Exception as error:
            if _is_away(error) or not seen:
                raise
            _log.info("due deadlines are done one by one", context=self._context, size=len(seen), reason=_said(error))
            return seen, None
        if count:
            self._on_commit()
        return seen, count

    def _first_of_one_kind(self, rows: Iterable[sa.Row[Any]]) -> list[_Due]:
        """Take the deadlines that come before the first one of another kind, as many as one transaction does."""
        due = (_Due(kind=row.kind, subject=row.subject, due_at=row.due_at, attempts=row.attempts) for row in rows)
        for kind, together in groupby(due, key=lambda one: one.kind):
            return list(islice(together, _BATCH_TOGETHER if isinstance(self._handlers[kind], Together) else _BATCH))
        return []

    async def _handle_all(self, connection: AsyncConnection, seen: Sequence[_Due]) -> int:
        """Do deadlines of one kind, whose rows this transaction holds, and say how many it has done."""
        if seen and isinstance(handler := self._handlers[seen[0].kind], Together):
            await connection.execute(_take_all(seen))
            tx = await self._begin(connection, seen[0], more=len(seen) - 1)
            await handler.do(tx, [due.subject for due in seen])
            await tx.flush()
            return len(seen)
        parts = [part for due in seen if (part := await self._handle(connection, due)) is not None]
        for part in parts:
            await part.flush()
        return len(parts)

    async def _alone(self, due: _Due) -> int:
        """Do one deadline, or note why it failed."""
        for attempt in range(1, _RACES + 1):
            try:
                async with self._engine.begin() as connection:
                    part = await self._handle(connection, due)
                    if part is not None:
                        await part.flush()
            except VersionConflictError as error:
                if attempt == _RACES:
                    await self._postpone(due, error)
            except Exception as error:
                if _is_away(error):
                    raise
                await self._postpone(due, error)
                return 0
            else:
                if part is not None:
                    self._on_commit()
                return int(part is not None)
        return 0

    async def _handle(self, connection: AsyncConnection, due: _Due) -> Transaction | None:
        """Take a deadline off the list and run its handler; None when it is taken, moved or cleared meanwhile."""
        if (await connection.execute(_take(due))).first() is None:
            return None
        tx = await self._begin(connection, due)
        match self._handlers[due.kind]:
            case Together(do):
                await do(tx, [due.subject])
            case do_one:
                await do_one(tx, due.subject)
        return tx

    async def _begin(self, connection: AsyncConnection, due: _Due, *, more: int = 0) -> Transaction:
        """Join the transaction in which a deadline is done, and so many more after it."""
        name = f"due-{due.kind}-{due.subject}" + (f"+{more}" if more else "")
        measures = await rules_for(connection, self._rules)
        return on(connection, self._context, self._clock, Cause(actor="clock", correlation_id=name), measures)

    async def _postpone(self, due: _Due, error: Exception) -> None:
        attempts = min(due.attempts + 1, _MOST_ATTEMPTS)
        wait = min(timedelta(seconds=2 ** min(attempts, 16)), _LONGEST_RETRY)
        _log.warning(
            "deadline failed",
            context=self._context,
            kind=due.kind,
            subject=due.subject,
            attempts=attempts,
            reason=_said(error),
        )
        async with self._engine.begin() as connection:
            await connection.execute(
                sa.update(deadlines)
                .where(_is(due))
                .values(attempts=attempts, retry_at=self._clock.now() + wait, failure=_said(error))
            )

    async def _sleep(self) -> None:
        try:
            pause = await self._until_next()
        except (DBAPIError, *_SILENCE) as error:
            raise _away(error) from error
        try:
            async with asyncio.timeout(pause.total_seconds()):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _until_next(self) -> timedelta:
        now = self._clock.now()
        async with self._engine.connect() as connection:
            next_at: datetime | None = await connection.scalar(_next_due(self._handlers))
        if next_at is None:
            return _LONGEST_SLEEP
        return min(max(next_at - now, _SHORTEST_SLEEP), _LONGEST_SLEEP)


def _due_before(now: datetime, handlers: DueHandlers) -> sa.Select[Any]:
    """Select what is due and not waiting for its retry, in the order in which it is to be done."""
    return (
        sa.select(deadlines.c.kind, deadlines.c.subject, deadlines.c.due_at, deadlines.c.attempts)
        .where(
            deadlines.c.due_at <= now,
            sa.or_(deadlines.c.retry_at.is_(None), deadlines.c.retry_at <= now),
            deadlines.c.kind.in_(list(handlers)),
        )
        .order_by(deadlines.c.due_at, deadlines.c.subject, deadlines.c.kind)
        .with_for_update(skip_locked=True)
    )


def _next_due(handlers: DueHandlers) -> sa.Select[Any]:
    """Select the nearest due time; retries are left to the sweep of every second."""
    return (
        sa.select(deadlines.c.due_at)
        .where(deadlines.c.retry_at.is_(None), deadlines.c.kind.in_(list(handlers)))
        .order_by(deadlines.c.due_at)
        .limit(1)
    )


def _take(due: _Due) -> sa.UpdateBase:
    """Delete a deadline that is still as it was seen; one that another worker holds is left to it."""
    free = sa.select(deadlines.c.subject).where(_is(due)).with_for_update(skip_locked=True)
    return (
        sa.delete(deadlines)
        .where(deadlines.c.kind == due.kind, deadlines.c.subject == free.scalar_subquery())
        .returning(deadlines.c.subject)
    )


def _take_all(seen: Sequence[_Due]) -> sa.UpdateBase:
    """Delete deadlines of one kind whose rows are held."""
    subjects = [due.subject for due in seen]
    return sa.delete(deadlines).where(
        deadlines.c.kind == seen[0].kind, deadlines.c.subject == sa.any_(sa.literal(subjects, sa.ARRAY(sa.Text)))
    )


def _is(due: _Due) -> sa.ColumnElement[bool]:
    return sa.and_(
        deadlines.c.kind == due.kind,
        deadlines.c.subject == due.subject,
        deadlines.c.due_at == due.due_at,
        deadlines.c.attempts == due.attempts,
    )


def _said(error: Exception) -> str:
    return str(redact(f"{type(error).__name__}: {error}"))[:_FAILURE_LENGTH]


def _is_away(error: Exception) -> bool:
    """Tell a database that is gone, which is no deadline's fault, from a handler that failed."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or sqlstate(error).startswith(_GONE)
    return isinstance(error, _SILENCE)


def _away(error: Exception) -> Exception:
    return classified(error) if isinstance(error, DBAPIError) else StoreBusyError(str(error))
