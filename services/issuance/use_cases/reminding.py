"""Reminding claimants of the last days of their vouchers, a piece of a day's reminders at a time (art. 15(2))."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from services.issuance import due_vouchers
from services.issuance.domain.reminding import reminder, reminder_days
from services.issuance.domain.voucher import voucher
from shared.events.issuance.vouchers import DeadlineKind
from shared.procedures.daily import Piece
from shared.store.tables import events
from shared.store.transaction import Transaction

_PIECE = 250


@dataclass(frozen=True, slots=True)
class Reminding:
    """The day's reminders of one kind of deadline."""

    deadline: DeadlineKind

    async def __call__(self, tx: Transaction, day: date, stopped: str) -> Piece:
        """Write the next reminders of a day, of vouchers that still wait; each is a stream of its own, so it is one."""
        steps = reminder_days(tx.measures.on(day).voucher)
        last_days = [day + timedelta(days=step) for step in steps]
        found = await due_vouchers.due_on(tx.connection, self.deadline, last_days, stopped, limit=_PIECE)
        named = {self._stream(each.voucher_id, each.last_day, day): each for each in found}
        for stream in await _written(tx, named):
            del named[stream]
        held = await tx.load_many(voucher, list(dict.fromkeys(f"voucher-{each.voucher_id}" for each in named.values())))
        for stream, each in named.items():
            reminded = reminder(
                held[f"voucher-{each.voucher_id}"].state,
                self.deadline,
                last_day=each.last_day,
                days_before=(each.last_day - day).days,
                on=tx.today,
                steps=steps,
            )
            if reminded is not None:
                tx.append(stream, 0, [reminded])
        return Piece(seen=len(found), go_on=found[-1].place if len(found) == _PIECE else "")

    def _stream(self, voucher_id: str, last_day: date, day: date) -> str:
        return f"reminder-{voucher_id}-{self.deadline}-{last_day}-{(last_day - day).days}"


async def _written(tx: Transaction, streams: Iterable[str]) -> list[str]:
    """List the reminders that were written before: a voucher may be registered twice with the same last day."""
    known = sa.select(events.c.stream).where(events.c.stream.in_(list(streams)))
    return list((await tx.connection.execute(known)).scalars())
