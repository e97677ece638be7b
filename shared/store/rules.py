"""The rules in force as every transaction sees them: the pack of the files, and the changes announced since."""

import asyncio
from dataclasses import asdict
from math import inf
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.measures.changes import Change
from shared.measures.reader import Measures
from shared.store.tables import announced_changes

FRESH_S = 1.0
"""How old a reading may be: a change is announced an hour before it is in force, so none is ever missed by this."""


class RulesInForce:
    """The rules of a process: read from its database before anything is decided, and again once a second."""

    def __init__(self, pack: Measures) -> None:
        self._pack, self._latest = pack, pack
        self._changes: tuple[Change, ...] = ()
        self._read_at = -inf

    @property
    def latest(self) -> Measures:
        """The rules as last read; those of the pack alone before the first reading."""
        return self._latest

    async def read(self, connection: AsyncConnection, *, afresh: bool = False) -> Measures:
        """Give the rules by which a transaction on this connection decides; `afresh` asks the database in any case."""
        began = asyncio.get_running_loop().time()
        if not afresh and self._is_fresh(began):
            return self._latest
        changes = await announced(connection)
        if began >= self._read_at:  # who began to read later has seen more
            if changes != self._changes:
                self._latest, self._changes = self._pack.with_changes(changes), changes
            self._read_at = began
        return self._latest

    async def current(self, engine: AsyncEngine) -> Measures:
        """Give the rules to whoever decides on a connection that is not SQLAlchemy's; as fresh as a transaction's."""
        if self._is_fresh(asyncio.get_running_loop().time()):
            return self._latest
        async with engine.connect() as connection:
            return await self.read(connection)

    def _is_fresh(self, at: float) -> bool:
        return at - self._read_at < FRESH_S


type Rules = Measures | RulesInForce
"""What may be given to whatever begins transactions: rules that never change, or those in force."""


async def rules_for(connection: AsyncConnection, rules: Rules | None) -> Measures | None:
    """Give the rules for a transaction that begins on a connection."""
    return await rules.read(connection) if isinstance(rules, RulesInForce) else rules


async def announced(connection: AsyncConnection) -> tuple[Change, ...]:
    """List the announced changes this context knows, in the order in which they come into force."""
    table = announced_changes.c
    rows = await connection.execute(sa.select(announced_changes).order_by(table.first_day, table.change_id))
    return tuple(Change(**{**row, "value": _value(row["value"])}) for row in rows.mappings())


async def keep_announced(connection: AsyncConnection, change: Change) -> None:
    """Keep a change; one that is known already stays as it is."""
    row: dict[str, Any] = asdict(change)
    await connection.execute(insert(announced_changes).values(row).on_conflict_do_nothing())


async def drop_announced(connection: AsyncConnection, change_id: str) -> None:
    """Forget a change that was withdrawn before it came into force."""
    await connection.execute(sa.delete(announced_changes).where(announced_changes.c.change_id == change_id))


def _value(kept: Any) -> Any:
    return tuple(kept) if isinstance(kept, list) else kept
