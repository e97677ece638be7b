"""The newest vouchers of a claimant: requests that come while a statement runs share the next one.

It is the list that every claimant looks at again and again, above all in the minutes after an opening.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog

from services.issuance.projections.voucher_balances import TABLE, VOUCHER_BALANCES
from shared.database import LIMITS
from shared.projections.reading import complete_up_to, reached_within
from shared.settings import Settings
from shared.store.execution import StoreBusyError

_AT_ONCE = 64
_ROWS_AT_ONCE = 2_000
"""How many claimants and how many rows one statement reads at most, so that nobody waits long for others."""
_WAITING_MAX = 5_000
"""How many may wait; who comes then is sent away."""
_READ_LIMIT_S = 1.0
_COLUMNS = ", ".join(f"v.{column.name}" for column in TABLE.columns)
_NEWEST = f"""
SELECT a.number, CASE a.number WHEN 1 THEN {reached_within("$3", "$4")} END AS reached, {_COLUMNS}
FROM unnest($1::text[], $2::integer[]) WITH ORDINALITY AS a (claimant_id, many, number)
LEFT JOIN LATERAL (
    WITH own AS MATERIALIZED (SELECT * FROM {TABLE.name} c WHERE c.claimant_id = a.claimant_id)
    SELECT * FROM own ORDER BY own.voucher_id DESC LIMIT a.many
) v ON true
ORDER BY a.number, v.voucher_id DESC
"""
_SESSION = LIMITS | {"default_transaction_read_only": "on", "enable_seqscan": "off", "jit": "off"}
"""Nothing can be written; and plans are kept from when the tables were small, so they go by index from the start."""

_log = structlog.get_logger(__name__)

type Connect = Callable[[], Awaitable["asyncpg.Connection[Any]"]]


@dataclass(frozen=True, slots=True)
class Newest:
    """A claimant's newest vouchers as rows of their table, and the position of the log they are complete up to."""

    rows: Sequence[Any]
    as_of: int


@dataclass(slots=True, eq=False)
class _Question:
    claimant_id: str
    many: int
    answer: asyncio.Future[Newest]


class OwnVouchers:
    """Reads for everybody over one connection, which is opened when somebody asks."""

    def __init__(self, connect: Connect, topic: str) -> None:
        self._connect, self._topic = connect, topic
        self._waiting: deque[_Question] = deque()
        self._reading: asyncio.Task[None] | None = None
        self._connection: asyncpg.Connection[Any] | None = None

    async def newest(self, claimant_id: str, many: int) -> Newest:
        """Give at most so many of a claimant's vouchers, the newest first; StoreBusyError when they cannot be read.

        Rows and position are of one moment, which is after this was asked.
        """
        if len(self._waiting) >= _WAITING_MAX:
            raise StoreBusyError("too many are asking for their vouchers")
        question = _Question(claimant_id, many, asyncio.get_running_loop().create_future())
        self._waiting.append(question)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_all(), name="own-vouchers")
        return await question.answer

    async def close(self) -> None:
        """Send everybody away who still waits, and hang up."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        _fail(self._waiting, "the service is stopping")
        self._waiting.clear()
        self._disconnect()

    async def _read_all(self) -> None:
        """Read until nobody waits any more."""
        try:
            while self._waiting:
                await self._answer(self._next())
        finally:
            self._reading = None

    def _next(self) -> list[_Question]:
        """Take those who are asked for next, in the order in which they came."""
        taken = [self._waiting.popleft()]
        rows = taken[0].many
        while self._waiting and len(taken) < _AT_ONCE and rows + self._waiting[0].many <= _ROWS_AT_ONCE:
            taken.append(self._waiting.popleft())
            rows += taken[-1].many
        return taken

    async def _answer(self, asked: Sequence[_Question]) -> None:
        """Answer these, whatever happens."""
        try:
            async with asyncio.timeout(_READ_LIMIT_S):
                found = await self._read(asked)
        except asyncio.CancelledError:
            _fail(asked, "the service is stopping")
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is, nobody above could answer them)
            self._disconnect()
            _log.info("own_vouchers.unread", reason=type(error).__name__)
            _fail((*asked, *self._waiting), f"the database does not answer: {type(error).__name__}")
            self._waiting.clear()
        else:
            for question, newest in zip(asked, found, strict=True):
                if not question.answer.done():
                    question.answer.set_result(newest)

    async def _read(self, asked: Sequence[_Question]) -> list[Newest]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        claimants, many = [question.claimant_id for question in asked], [question.many for question in asked]
        consumer = VOUCHER_BALANCES.consumer
        found = await self._connection.fetch(_NEWEST, claimants, many, consumer, self._topic)
        reached = found[0]["reached"] or ()
        as_of = complete_up_to({partition: (published, done) for partition, published, done in reached})
        rows: list[list[Any]] = [[] for _ in asked]
        for row in found:
            if row["voucher_id"] is not None:
                rows[row["number"] - 1].append(row)
        return [Newest(each, as_of) for each in rows]

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def reading_connector(settings: Settings, context: str) -> Connect:
    """Give what opens a connection that only reads, with a limit on every wait."""
    url = settings.application_url(context)
    session = _SESSION | {"application_name": f"cxq-{context}-own-vouchers"}

    async def connect() -> "asyncpg.Connection[Any]":
        return await asyncpg.connect(url, timeout=_READ_LIMIT_S, server_settings=session)

    return connect


def _fail(asked: Iterable[_Question], why: str) -> None:
    for question in asked:
        if not question.answer.done():
            question.answer.set_exception(StoreBusyError(why))
