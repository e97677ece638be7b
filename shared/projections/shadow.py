"""The table a rebuild fills beside the live one, and the step in which it takes the live one's place."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.projections.birth import Newborn
from shared.projections.projection import Row
from shared.projections.rows import copy_rows

_NAME_LENGTH = 63
_INDEXES = sa.text(
    "SELECT i.relname AS name, c.contype, c.conname, x.indisunique, pg_get_indexdef(x.indexrelid) AS definition,"
    " pg_get_constraintdef(c.oid) AS constraint_definition"
    " FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
    " LEFT JOIN pg_constraint c"
    " ON c.conindid = x.indexrelid AND c.conrelid = x.indrelid AND c.contype IN ('p', 'u', 'x')"
    " WHERE x.indrelid = CAST(CAST(:live AS text) AS regclass) ORDER BY x.indisprimary DESC, i.relname"
)
_GRANTS = sa.text(
    "SELECT a.privilege_type, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END"
    " FROM pg_class t CROSS JOIN LATERAL aclexplode(t.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee"
    " WHERE t.oid = CAST(CAST(:live AS text) AS regclass)"
)


class Shadow:
    """A table like a live one, empty at first; its indexes come after the load.

    What the live table is, is asked of PostgreSQL, so that nothing a migration made gets lost: columns, defaults,
    checks, indexes, grants.
    """

    def __init__(self, live: sa.Table) -> None:
        self.live = live
        self.table = live.to_metadata(sa.MetaData(), name=f"{live.name}__rebuild")
        if len(self.table.name) + 3 > _NAME_LENGTH:
            raise ValueError(f"{live.name} is too long a name for a table that can be rebuilt")

    async def create(self, connection: AsyncConnection) -> None:
        """Make the table anew; what an earlier rebuild left behind goes."""
        await connection.execute(sa.text(f"DROP TABLE IF EXISTS {self._shadow}"))
        await connection.execute(
            sa.text(f"CREATE TABLE {self._shadow} (LIKE {self._live} INCLUDING ALL EXCLUDING INDEXES)")
        )

    async def copy(self, connection: AsyncConnection, rows: Iterable[Row | Newborn]) -> None:
        """Load rows that are not in the table yet, in bulk; the connection commits by itself."""
        await copy_rows(connection, self.table, rows)

    async def index_key(self, connection: AsyncConnection) -> None:
        """Add the primary key, which upserts need."""
        await self._index(connection, primary=True)

    async def index_rest(self, connection: AsyncConnection) -> None:
        """Add the other indexes, and let the planner know the table."""
        await self._index(connection, primary=False)
        await connection.execute(sa.text(f"ANALYZE {self._shadow}"))

    async def replace_live(self, connection: AsyncConnection) -> None:
        """Take the live table's place, with its names and grants, when the transaction commits.

        Who reads the live table waits from here on, so that all is done in one round trip.
        """
        indexes = (await connection.execute(_INDEXES, {"live": self._live})).all()
        grants = (await connection.execute(_GRANTS, {"live": self._live})).all()
        steps = [
            f"LOCK TABLE {self._live} IN ACCESS EXCLUSIVE MODE",
            f"DROP TABLE {self._live}",
            f'ALTER TABLE {self._shadow} RENAME TO "{self.live.name}"',
            # a constraint's name goes with its index's
            *(f'ALTER INDEX "{self._index_name(n)}" RENAME TO "{index.name}"' for n, index in enumerate(indexes)),
            *(f"GRANT {privilege} ON {self._live} TO {role}" for privilege, role in grants),
        ]
        await connection.execute(sa.text(f"DO $swap$ BEGIN {'; '.join(steps)}; END $swap$".replace(":", "\\:")))

    async def _index(self, connection: AsyncConnection, *, primary: bool) -> None:
        for number, index in enumerate((await connection.execute(_INDEXES, {"live": self._live})).all()):
            name = self._index_name(number)
            if (index.contype == b"p") is not primary:
                continue
            if index.contype is not None:
                statement = f'ALTER TABLE {self._shadow} ADD CONSTRAINT "{name}" {index.constraint_definition}'
            else:
                unique = "UNIQUE " if index.indisunique else ""
                how = index.definition.partition(" USING ")[2]
                statement = f'CREATE {unique}INDEX "{name}" ON {self._shadow} USING {how}'
            await connection.execute(sa.text(statement.replace(":", "\\:")))

    def _index_name(self, number: int) -> str:
        return f"{self.table.name}_{number}"

    @property
    def _shadow(self) -> str:
        return f'"{self.table.name}"'

    @property
    def _live(self) -> str:
        return f'"{self.live.name}"'
