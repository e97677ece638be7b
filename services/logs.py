"""The logs of all contexts, for what must agree between them."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.events.codec import decode
from shared.events.definition import TYPE_OF
from shared.store.tables import events

type Connections = Mapping[str, AsyncConnection]
"""A connection to each context's database, by the context's name."""


async def facts_in(connection: AsyncConnection, *kinds: type[Any]) -> AsyncIterator[tuple[int, Any]]:
    """Give every fact of these types with its position, older versions lifted."""
    names = [TYPE_OF[kind].name for kind in kinds]
    query = (
        sa.select(events.c.position, events.c.type, sa.cast(events.c.data, sa.Text))
        .where(sa.or_(*(events.c.type.like(f"{name}.v%") for name in names)))
        .order_by(events.c.position)
    )
    async for position, kind, data in await connection.stream(query):
        yield position, decode(kind, data)
