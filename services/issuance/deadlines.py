"""What issuance waits for, and until when."""

from datetime import date, datetime, timedelta

import sqlalchemy as sa

from services.issuance.domain.entry_terms import draw_ends
from services.issuance.domain.period_phases import Period
from shared.kernel.calendar import Deadline, start_of
from shared.procedures.due import clear_deadline, set_deadline
from shared.store.tables import deadlines
from shared.store.transaction import Transaction

OPEN_PERIOD = "open-period"
CLOSE_PERIOD = "close-period"
RELEASE_CLASSES = "release-classes"
EXPIRE_UNREGISTERED = "expire-unregistered"
PROVE_BALANCES = "prove-balances"
FIND_UNREGISTERED = "find-unregistered"
REMIND_OF_REGISTRATION = "remind-of-registration"
REMIND_OF_VALIDITY = "remind-of-validity"
SERVE_ENTRIES = "serve-entries"

GRACE = timedelta(hours=1)
"""How long after midnight a contract that was submitted on the last day may still arrive from its own context."""
IN_LINE = timedelta(seconds=5)
"""How long a claim that came in time may stand in line: nobody waits longer for an answer (`intake/sequencer.py`)."""
REMINDERS_BEGIN = timedelta(hours=9)
"""How long after midnight the day's reminders are sent: nobody is woken by one."""


async def await_opening_and_closing(tx: Transaction, period: Period) -> None:
    """Have an approved period opened and closed at its instants, and its entries decided at theirs.

    No claim that comes at the close or later is granted, whenever that is written down; who came before it and still
    stands in line is served first.
    """
    await set_deadline(tx, OPEN_PERIOD, period.period_id, period.opens_at)
    await set_deadline(tx, CLOSE_PERIOD, period.period_id, period.closes_at + IN_LINE)
    drawn = draw_ends(period.entries, period.opens_at)
    if period.entries is not None and period.entries.window is not None:
        await await_serving(tx, period.period_id, "window", period.entries.window.until)
    if drawn is not None:
        await await_serving(tx, period.period_id, "draw", drawn)
    await await_class_end(tx, period, period.opens_at)


async def await_class_end(tx: Transaction, period: Period, after: datetime) -> None:
    """Have it written down what classes leave for everybody, at the first instant after one at which one is over."""
    ends = [each.until for each in period.classes if each.until is not None and each.until > after]
    if ends:
        await set_deadline(tx, RELEASE_CLASSES, period.period_id, min(ends))


async def await_serving(tx: Transaction, period_id: str, why: str, at: datetime | None = None) -> None:
    """Have a period's entries looked at, now or at an instant, for a reason of its own name.

    Each reason has a row: who holds the quota's row never waits for somebody who serves, and waits for that row.
    """
    await set_deadline(tx, SERVE_ENTRIES, f"{period_id}/{why}", at or tx.now)


async def is_serving_awaited(tx: Transaction, period_id: str) -> bool:
    """Tell whether a period's entries will be looked at anyway."""
    due = sa.select(deadlines.c.subject).where(
        deadlines.c.kind == SERVE_ENTRIES, deadlines.c.subject.startswith(f"{period_id}/", autoescape=True)
    )
    return (await tx.connection.execute(due.limit(1))).first() is not None


async def forget_opening_and_closing(tx: Transaction, period_id: str) -> None:
    """Have nothing opened or closed whose plan is changed or withdrawn; it may not have been approved at all."""
    await clear_deadline(tx, OPEN_PERIOD, period_id)
    await clear_deadline(tx, CLOSE_PERIOD, period_id)
    await clear_deadline(tx, SERVE_ENTRIES, f"{period_id}/window")
    await clear_deadline(tx, SERVE_ENTRIES, f"{period_id}/draw")
    await clear_deadline(tx, RELEASE_CLASSES, period_id)


async def await_registration(tx: Transaction, voucher_id: str, register_by: date) -> None:
    """Have a voucher expired when its last day to register has ended (art. 15(2)) and the grace is over."""
    await set_deadline(tx, EXPIRE_UNREGISTERED, voucher_id, registration_ends(register_by))


def registration_ends(register_by: date) -> datetime:
    """Say when a voucher nobody registered is to expire: its last day has ended (art. 15(2)), the grace is over."""
    return Deadline(last_day=register_by, provisional=False).due_at + GRACE


NIGHTLY = "nightly"
_PROOF_BEGINS = timedelta(hours=2)
_BREATH = timedelta(milliseconds=50)
"""Between two pages of a proof, for whoever else wants the database."""


async def await_proof(tx: Transaction, today: date) -> None:
    """Have the next night's proof begun: at two in the morning in Beijing of the day after."""
    await set_deadline(tx, PROVE_BALANCES, NIGHTLY, start_of(today + timedelta(days=1)) + _PROOF_BEGINS)


async def go_on_proving(tx: Transaction) -> None:
    """Have the next page of a proof done soon, when all that was due before is done."""
    await set_deadline(tx, PROVE_BALANCES, NIGHTLY, tx.now + _BREATH)
