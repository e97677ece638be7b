"""Commands from outside: one key, one effect, one answer."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.clock import Clock
from shared.kernel.refusal import Refused
from shared.store.rules import Rules
from shared.store.tables import idempotency
from shared.store.transaction import Cause, Transaction, VersionConflictError, transaction

_ATTEMPTS = 3
_LIMIT_S = 2.5
"""Above the longest statement, and below what a caller waits (5 s) by the two seconds that hanging up may take."""
_RETRY_STATES = {"40001", "40P01"}  # serialization failure, deadlock
_BUSY_STATES = {"55P03", "57014", "25P03"}  # lock timeout, statement timeout, idle in transaction
_BUSY_CLASSES = ("08", "53", "57P")  # connection, resources (disk, memory, clients), shutting down or starting up
_LOST_CLASSES = ("08", "57P")  # PostgreSQL may have committed before it hung up


class KeyReusedError(Exception):
    """The idempotency key belongs to another request."""


class KeyFencedError(Exception):
    """The idempotency key was closed before any request had come under it; none will have an effect any more."""


class KeyInProgressError(Exception):
    """The first request with this key has not been answered yet."""


class StoreBusyError(Exception):
    """The database did not take the command; nothing has happened, the same request may be sent again."""


class OutcomeUnknownError(Exception):
    """The connection broke while committing; the same request with the same key tells what happened."""


class IdempotencyKey(NamedTuple):
    """Who asked for what under which key; `payload` is the canonical body, so that another body is noticed."""

    principal: str
    operation: str
    key: str
    payload: bytes

    @property
    def request_hash(self) -> bytes:
        """SHA-256 of the payload."""
        return hashlib.sha256(self.payload).digest()


class Answer(NamedTuple):
    """The bytes that answer a command, kept with its key for ever."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    replayed: bool = False


class Commands:
    """Runs use cases: a transaction each, decided again on a lost race, answered once per idempotency key."""

    def __init__(
        self,
        engine: AsyncEngine,
        context: str,
        clock: Clock,
        on_commit: Callable[[], None],
        rules: Rules | None = None,
    ) -> None:
        self._engine, self._context, self._clock, self._on_commit = engine, context, clock, on_commit
        self._rules = rules

    @property
    def clock(self) -> Clock:
        """The clock the use cases see."""
        return self._clock

    async def execute[R](
        self,
        cause: Cause,
        use_case: Callable[[Transaction], Awaitable[R]],
        answer: Callable[[R, Transaction], Answer],
        refused: Callable[[Refused], Answer],
        key: IdempotencyKey | None = None,
    ) -> Answer:
        """Run a use case and give its answer; with a key, the answer is recorded in the same transaction.

        A refusal on the merits is an answer too, and is recorded. Raises `KeyReusedError`, `KeyInProgressError`,
        `StaleVersionError`, `UnknownSubjectError`, `StoreBusyError` or `OutcomeUnknownError`;
        none of them is recorded.
        """
        return await _in_time(lambda: self._once(cause, use_case, answer, refused, key))

    async def perform[R](self, cause: Cause, use_case: Callable[[Transaction], Awaitable[R]]) -> R:
        """Run a use case that answers for itself, and give what it made once that is durable.

        Raises what the use case does, `StoreBusyError` or `OutcomeUnknownError`.
        """
        return await _in_time(lambda: self._perform(cause, use_case))

    async def _perform[R](self, cause: Cause, use_case: Callable[[Transaction], Awaitable[R]]) -> R:
        async with self._transaction(cause) as tx:
            made = await use_case(tx)
            await tx.flush()
        if tx.position:
            self._on_commit()
        return made

    async def _once[R](
        self,
        cause: Cause,
        use_case: Callable[[Transaction], Awaitable[R]],
        answer: Callable[[R, Transaction], Answer],
        refused: Callable[[Refused], Answer],
        key: IdempotencyKey | None,
    ) -> Answer:
        try:
            async with self._transaction(cause) as tx:
                if key is not None and (known := await _first_answer(tx.connection, key)) is not None:
                    return known
                result = await use_case(tx)
                await tx.flush()
                given = answer(result, tx)
                if key is not None:
                    await _record(tx, key, given)
        except Refused as refusal:
            return await self._refuse(cause, refused(refusal), key)
        self._on_commit()
        return given

    async def _refuse(self, cause: Cause, given: Answer, key: IdempotencyKey | None) -> Answer:
        """Record a refusal; should a twin have won meanwhile, its answer is the answer."""
        if key is None:
            return given
        async with self._transaction(cause) as tx:
            if (known := await _first_answer(tx.connection, key)) is not None:
                return known
            await _record(tx, key, given)
        return given

    def _transaction(self, cause: Cause) -> "_CommitAware":
        return _CommitAware(transaction(self._engine, self._context, self._clock, cause, self._rules))


async def _in_time[R](once: Callable[[], Awaitable[R]]) -> R:
    """Run a transaction, again where it lost a race, and no longer than a caller waits."""
    try:
        async with asyncio.timeout(_LIMIT_S):
            return await _until_decided(once)
    except TimeoutError as error:
        raise StoreBusyError("the database did not answer in time") from error


async def _until_decided[R](once: Callable[[], Awaitable[R]]) -> R:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await once()
        except VersionConflictError as conflict:
            if attempt == _ATTEMPTS:
                raise StoreBusyError("the subject changes faster than it can be decided on") from conflict
        except DBAPIError as error:
            if sqlstate(error) not in _RETRY_STATES or attempt == _ATTEMPTS:
                raise classified(error) from error
        except asyncpg.InternalClientError as error:  # asyncpg's answer to a connection lost at an awkward moment
            raise StoreBusyError(f"the connection to the database was lost: {error}") from error
    raise AssertionError("unreachable")


class _CommitAware:
    """A transaction whose failures are told apart by when they happen.

    Before it has begun, the database is busy or absent; when the connection is lost during COMMIT, the outcome is
    unknown.
    """

    def __init__(self, inner: AbstractAsyncContextManager[Transaction]) -> None:
        self._inner = inner

    async def __aenter__(self) -> Transaction:
        try:
            return await self._inner.__aenter__()
        except PoolTimeoutError as error:
            raise StoreBusyError("no connection to the database was free in time") from error
        except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise StoreBusyError(f"the database does not let us in: {error}") from error

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            await self._inner.__aexit__(kind, error, trace)  # type: ignore[arg-type]
        except (DBAPIError, asyncpg.InternalClientError, OSError, asyncio.CancelledError) as lost:
            if kind is None and _may_have_committed(lost):
                raise OutcomeUnknownError("the connection broke while committing") from lost
            raise


def _may_have_committed(lost: BaseException) -> bool:
    """Tell a COMMIT that PostgreSQL refused, which says why, from one whose answer never arrived."""
    state = sqlstate(lost) if isinstance(lost, DBAPIError) else ""
    return not state or state.startswith(_LOST_CLASSES)


async def _first_answer(connection: AsyncConnection, key: IdempotencyKey) -> Answer | None:
    """Take the key for this transaction, and give the answer it already has."""
    lock = hashlib.sha256(f"{key.principal}\x1f{key.operation}\x1f{key.key}".encode()).digest()[:8]
    taken = await connection.execute(
        sa.text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": int.from_bytes(lock, "big", signed=True)}
    )
    if not taken.scalar_one():
        raise KeyInProgressError(key.key)
    row = (
        await connection.execute(
            sa.select(
                idempotency.c.request_hash, idempotency.c.status, idempotency.c.headers, idempotency.c.body
            ).where(
                idempotency.c.principal == key.principal,
                idempotency.c.operation == key.operation,
                idempotency.c.key == key.key,
            )
        )
    ).one_or_none()
    if row is None:
        return None
    if bytes(row.request_hash) != key.request_hash:
        raise KeyReusedError(key.key)
    return Answer(status=row.status, headers=row.headers, body=bytes(row.body), replayed=True)


async def _record(tx: Transaction, key: IdempotencyKey, given: Answer) -> None:
    """Keep an answer; VersionConflictError where somebody who does not take the key first was faster."""
    recorded = await tx.connection.execute(
        insert(idempotency)
        .values(
            principal=key.principal,
            operation=key.operation,
            key=key.key,
            request_hash=key.request_hash,
            status=given.status,
            headers=dict(given.headers),
            body=given.body,
            recorded_at=tx.now,
        )
        .on_conflict_do_nothing()
    )
    if not recorded.rowcount:
        raise VersionConflictError(f"the key {key.key} was answered meanwhile")


def sqlstate(error: DBAPIError) -> str:
    """Name PostgreSQL's error code, or nothing when the server said nothing."""
    return str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or "")


def classified(error: DBAPIError) -> Exception:
    """Tell a busy or absent database from a mistake of ours."""
    state = sqlstate(error)
    absent = isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated
    if state in _BUSY_STATES or state.startswith(_BUSY_CLASSES) or (absent and not state):
        return StoreBusyError(str(error.orig))
    return error
