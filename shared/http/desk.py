"""What handlers of commands and of queries have in common: the caller, the rules, and a way to read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg
from fastapi import Request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.http.edge import Visit, edge_of, visit_of
from shared.http.identity import Caller
from shared.http.problems import ProblemError
from shared.kernel.decider import Decider
from shared.measures.reader import Measures
from shared.settings import Settings
from shared.store.execution import StoreBusyError, classified
from shared.store.transaction import Cause, Loaded, Transaction, on
from shared.telemetry import current_traceparent


class Desk:
    """Where a handler finds who calls, and what it may read."""

    def __init__(self, request: Request) -> None:
        self._request, self._edge, self._visit = request, edge_of(request), visit_of(request)

    @property
    def caller(self) -> Caller:
        """Who calls; an operation anyone may call has nobody."""
        if self._visit.caller is None:
            raise ProblemError("not-authenticated")
        return self._visit.caller

    @property
    def now(self) -> datetime:
        """The instant at which the request arrived."""
        return self._visit.began

    async def rules(self) -> Measures:
        """Give the rules with everything announced of them; as last read while the database does not answer.

        For whoever shows them. What decides works with the rules of its transaction.
        """
        rules = self._edge.runtime.rules
        try:
            async with self.connection() as connection:
                return await rules.read(connection, afresh=True)
        except StoreBusyError:
            return rules.latest

    @property
    def settings(self) -> Settings:
        """The configuration of the process."""
        return self._edge.settings

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection on which nothing can be written; StoreBusyError when the database does not answer."""
        async with read_only(self._edge.runtime.engine) as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Open a transaction for what use cases read with; nothing appended to it is ever written."""
        async with self.connection() as connection:
            measures = await self._edge.runtime.rules.read(connection)
            yield on(connection, self._edge.context.name, self._edge.runtime.clock, cause_of(self._visit), measures)

    async def load[C, E, S](self, decider: Decider[C, E, S], stream: str) -> Loaded[S]:
        """Fold a stream as it stands; version 0 means that there is none."""
        async with self.reading() as tx:
            return await tx.load(decider, stream)


@asynccontextmanager
async def read_only(engine: AsyncEngine, *, loose: bool = False) -> AsyncIterator[AsyncConnection]:
    """Open a connection on which nothing can be written; StoreBusyError when the database does not answer.

    A `loose` one begins no transaction, which saves two of four journeys to the database; so nothing keeps it from
    writing but that its statements are all known to be SELECTs.
    """
    options = {"isolation_level": "AUTOCOMMIT"} if loose else {"postgresql_readonly": True}
    try:
        async with engine.connect() as connection:
            await connection.execution_options(**options)
            yield connection
    except PoolTimeoutError as error:
        raise StoreBusyError("no connection to the database was free in time") from error
    except DBAPIError as error:
        raise classified(error) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        raise StoreBusyError("the database does not answer") from error


def cause_of(visit: Visit) -> Cause:
    """Say why a transaction happens: the caller, in the conversation its request id names."""
    return Cause(
        visit.caller.principal if visit.caller else "anyone",
        visit.request_id,
        traceparent=current_traceparent() or visit.traceparent,
    )
