"""The rows of a rebuild while events are folded into them: in memory up to a limit, else in the shadow table."""

from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.projections.birth import Newborn
from shared.projections.folding import Folding
from shared.projections.opening import Told
from shared.projections.projection import Projection, Row, RowKey
from shared.projections.rows import load_rows, save_rows
from shared.projections.shadow import Shadow

_UPSERTED_AT_ONCE = 5_000


class Gathering:
    """Folds events into rows; the shadow table is written when the memory limit is reached, and at the end.

    `connection` commits each statement by itself: a rebuild that is killed leaves a table that nobody reads.
    """

    def __init__(
        self, projection: Projection, shadow: Shadow, connection: AsyncConnection, *, rows_in_memory_max: int
    ) -> None:
        self._projection, self._shadow, self._connection = projection, shadow, connection
        self._limit = rows_in_memory_max
        self._stored: dict[RowKey, Row | None] = {}
        self._rows = Folding(projection)
        self._copied = self._keyed = False

    async def apply(self, events: Sequence[Told]) -> None:
        """Fold events in order; raises `PoisonEventError` when one of them cannot be applied."""
        if self._copied:
            await self._load(events)
        self._rows.apply(events)
        if len(self._rows) > self._limit:
            await self.settle()

    async def _load(self, events: Sequence[Told]) -> None:
        """Read the rows that may be in the table already."""
        told = [event for event in events if not isinstance(event, Newborn)]
        begun = {self._rows.key_of(event) for event in events if isinstance(event, Newborn)}
        touched = [self._projection.touches(event) for event in told]
        known = self._projection.known_before(told, touched).keys() - self._rows.keys() - begun
        if not known:
            return
        await self._have_key()
        found = await load_rows(self._connection, self._shadow.table, known)
        self._stored.update(found)
        self._rows.update(found)

    async def finish(self) -> None:
        """Settle, and have the key that the writes of the last events need."""
        await self.settle()
        await self._have_key()

    async def settle(self) -> None:
        """Bring the shadow table up to date, in bulk, and forget the rows."""
        known = {key for key, row in self._stored.items() if row is not None}
        await self._shadow.copy(
            self._connection, (row for key, row in self._rows.items() if row is not None and key not in known)
        )
        self._copied = True
        await self._write(self._connection, self._changed(known))
        self._stored.clear()
        self._rows.clear()

    async def _have_key(self) -> None:
        """Index the key: only when somebody looks for a row, as a table without indexes is filled faster."""
        if not self._keyed:
            await self._shadow.index_key(self._connection)
            self._keyed = True

    async def write(self, connection: AsyncConnection) -> None:
        """Write what is in memory in somebody's transaction, and keep it, as that transaction may not commit."""
        await self._write(connection, self._changed(self._rows.keys()))

    def _changed(self, keys: Iterable[RowKey]) -> dict[RowKey, Row | None]:
        now = ((key, self._rows.get(key)) for key in keys)
        return {key: row for key, row in now if row != self._stored.get(key)}

    async def _write(self, connection: AsyncConnection, rows: dict[RowKey, Row | None]) -> None:
        changes = list(rows.items())
        for start in range(0, len(changes), _UPSERTED_AT_ONCE):
            await save_rows(connection, self._shadow.table, dict(changes[start : start + _UPSERTED_AT_ONCE]))
