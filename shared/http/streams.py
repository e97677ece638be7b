"""Reading one aggregate for an answer: its stream, folded as it stands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.http.edge import Edge, Visit
from shared.kernel.decider import Decider
from shared.store.execution import StoreBusyError, classified
from shared.store.transaction import Cause, Loaded, on


@asynccontextmanager
async def reading_connection(edge: Edge) -> AsyncIterator[AsyncConnection]:
    """Give a connection on which nothing can be written; StoreBusyError when the database does not answer."""
    try:
        async with edge.runtime.engine.connect() as connection:
            await connection.execution_options(postgresql_readonly=True)
            yield connection
    except PoolTimeoutError as error:
        raise StoreBusyError("no connection to the database was free in time") from error
    except DBAPIError as error:
        raise classified(error) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise StoreBusyError("the database does not answer") from error


async def load[C, E, S](edge: Edge, visit: Visit, decider: Decider[C, E, S], stream: str) -> Loaded[S]:
    """Fold a stream; version 0 means that there is none."""
    cause = Cause(actor="reader", correlation_id=visit.request_id)
    async with reading_connection(edge) as connection:
        tx = on(connection, edge.context.name, edge.runtime.clock, cause, edge.runtime.measures)
        return await tx.load(decider, stream)
