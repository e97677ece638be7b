"""Waiting as a fact: deadlines are rows, worked off in order of their due time."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared.store.tables import deadlines
from shared.store.transaction import Transaction

type DueHandler = Callable[[Transaction, str], Awaitable[None]]
"""Does what is due for a subject, in the transaction that also removes the deadline; early, late, twice: harmless."""


@dataclass(frozen=True, slots=True)
class Together:
    """A handler that does many subjects of its kind in few statements, in the order given; else like a `DueHandler`.

    What fails for one of them fails for all: they are then given to it again one by one, so that the others are done.
    """

    do: Callable[[Transaction, Sequence[str]], Awaitable[None]]


type DueHandlers = Mapping[str, DueHandler | Together]
"""By kind of deadline."""


async def set_deadline(tx: Transaction, kind: str, subject: str, due_at: datetime) -> None:
    """Have `kind` handled for `subject` once `due_at` has passed; an earlier deadline of that kind is replaced."""
    fresh = {"due_at": due_at, "attempts": 0, "retry_at": None, "failure": None}
    statement = insert(deadlines).values(kind=kind, subject=subject, **fresh)
    await tx.connection.execute(
        statement.on_conflict_do_update(index_elements=[deadlines.c.kind, deadlines.c.subject], set_=fresh)
    )


async def clear_deadline(tx: Transaction, kind: str, subject: str) -> None:
    """Forget a deadline that no longer matters; there may be none."""
    await tx.connection.execute(sa.delete(deadlines).where(deadlines.c.kind == kind, deadlines.c.subject == subject))
