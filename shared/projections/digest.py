"""Whether two tables hold the same rows, whatever their order."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.projections.rows import key_names

_SIXTY_FOUR_BITS = (1 << 64) - 1


async def digest(connection: AsyncConnection, table: sa.Table) -> str:
    """Sum up a table: the number of its rows and the sum of their hashes, `120-9f3c…`; the order does not matter."""
    statement = sa.text(f'SELECT count(*), coalesce(sum(hash_record_extended(t, 0)), 0) FROM "{table.name}" t')
    rows, total = (await connection.execute(statement)).one()
    return f"{rows}-{int(total) & _SIXTY_FOUR_BITS:016x}"


async def rows_different(connection: AsyncConnection, one: sa.Table, other: sa.Table) -> int:
    """Count the keys whose rows differ between two tables, or that only one of them has."""
    same_key = " AND ".join(f'a."{name}" = b."{name}"' for name in key_names(one))
    statement = sa.text(
        f'SELECT count(*) FROM "{one.name}" a FULL JOIN "{other.name}" b ON {same_key}'
        " WHERE CAST(a AS text) IS DISTINCT FROM CAST(b AS text)"
    )
    return int((await connection.execute(statement)).scalar_one())
