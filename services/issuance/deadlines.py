"""What issuance waits for, and until when."""

from datetime import date, timedelta

from services.issuance.domain.period import Period
from shared.kernel.calendar import Deadline
from shared.procedures.due import set_deadline
from shared.store.transaction import Transaction

OPEN_PERIOD = "open-period"
CLOSE_PERIOD = "close-period"
EXPIRE_UNREGISTERED = "expire-unregistered"

GRACE = timedelta(hours=1)
"""How long after midnight a contract that was submitted on the last day may still arrive from its own context."""


async def await_opening_and_closing(tx: Transaction, period: Period) -> None:
    """Have an approved period opened and closed at its instants."""
    await set_deadline(tx, OPEN_PERIOD, period.period_id, period.opens_at)
    await set_deadline(tx, CLOSE_PERIOD, period.period_id, period.closes_at)


async def await_registration(tx: Transaction, voucher_id: str, register_by: date) -> None:
    """Have a voucher expired when its last day to register has ended (art. 15(2)) and the grace is over."""
    ends = Deadline(last_day=register_by, provisional=False).due_at
    await set_deadline(tx, EXPIRE_UNREGISTERED, voucher_id, ends + GRACE)
