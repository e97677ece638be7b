"""Work that comes up once a day for many subjects: a deadline for the day, worked off in pieces, none of them long."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta

from shared.kernel.calendar import business_date, start_of
from shared.procedures.due import set_deadline
from shared.store.transaction import Transaction

FIRST = "first"
"""The subject of the deadline that a migration sets: the work begins on the day on which that is done."""

_ONE_DAY = timedelta(days=1)
_DAYS_AT_ONCE = 100
"""Days without any work that one transaction makes up for, after a long rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What a piece of a day's work came to: how many subjects were `seen`, where it goes on ("" at the day's end)."""

    seen: int
    go_on: str = ""


type DailyWork = Callable[[Transaction, date, str], Awaitable[Piece]]
"""Does a piece of a day's work: the day, and where the piece before has stopped ("" for the first one of the day)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """A handler of the due list for work that comes up on every day, `after` so long from its midnight in Beijing.

    The subject of its one deadline is the day, and where the work stands: `2026-03-12` or `2026-03-12/…`. Days that
    were missed are made up for in order, each by itself. What comes due between two pieces is done between them.
    """

    kind: str
    after: timedelta
    work: DailyWork

    async def __call__(self, tx: Transaction, subject: str) -> None:
        """Do a piece, and wait for the next one: at once, or on the next day."""
        written, _, stopped = subject.partition("/")
        day = business_date(tx.now - self.after) if written == FIRST else date.fromisoformat(written)
        for _ in range(_DAYS_AT_ONCE):
            if start_of(day) + self.after > tx.now:
                break
            piece = await self.work(tx, day, stopped)
            if piece.go_on:
                await set_deadline(tx, self.kind, f"{day}/{piece.go_on}", tx.now)
                return
            day, stopped = day + _ONE_DAY, ""
            if piece.seen:
                break
        await set_deadline(tx, self.kind, day.isoformat(), start_of(day) + self.after)
