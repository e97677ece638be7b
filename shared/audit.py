"""The audit: every invariant checked on a live system, each breach named with its place."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One thing that is not as promised: where (a position, a stream, a row) and what was found."""

    where: str
    found: str


@dataclass(slots=True)
class Count:
    """How many things a check has looked at."""

    checked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """An invariant of a context's database: `id` and `promise` as docs/architecture.md lists them.

    `look` reads one consistent snapshot (repeatable read), counts what it looked at and yields every breach.
    """

    id: str
    promise: str
    look: Callable[[AsyncConnection, Count], AsyncIterator[Breach]]
