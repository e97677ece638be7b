"""A contract is completed: its provider may apply from now on, and until the window closes."""

from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.redemption.domain.commands import Lapse, OpenRedemption, RefuseForRevocation
from services.redemption.domain.redemption import redemption
from services.redemption.domain.stages import Awaited, Returned
from services.redemption.tables import seats, vouchers, windows
from shared.events.contracts import ContractCompleted
from shared.kernel.calendar import start_of
from shared.kernel.ids import new_id
from shared.procedures.due import clear_deadline, set_deadline
from shared.store.transaction import Transaction

LAPSES = "redemption-lapses"


def stream(redemption_id: str) -> str:
    """Name the stream of a redemption."""
    return f"redemption-{redemption_id}"


async def open_window(tx: Transaction, completed: ContractCompleted) -> str:
    """Open the redemption of a completed contract, once, and give its id."""
    fresh = new_id("rdm", tx.now)
    await tx.connection.execute(
        insert(windows).values(contract_id=completed.contract_id, redemption_id=fresh).on_conflict_do_nothing()
    )
    of_contract = sa.select(windows.c.redemption_id).where(windows.c.contract_id == completed.contract_id)
    redemption_id = str((await tx.connection.execute(of_contract)).scalar_one())
    handled = await tx.handle(
        redemption,
        stream(redemption_id),
        OpenRedemption(
            redemption_id=redemption_id,
            contract_id=completed.contract_id,
            claimant_id=completed.claimant_id,
            provider_id=completed.provider_id,
            vouchers=completed.vouchers,
            amount=completed.amount,
            invoiced_amount=completed.invoiced_amount,
            actual_amount=completed.actual_amount,
            ended_on=completed.ended_on,
            redeem_by=completed.redeem_by,
            provisional=completed.provisional,
            on=tx.today,
        ),
    )
    if handled.events:
        await wait_until(tx, redemption_id, completed.redeem_by)
        for voucher in completed.vouchers:
            if await _know(tx, voucher.voucher_id, redemption_id=redemption_id):
                await refuse_for_revocation(tx, voucher.voucher_id)
    return redemption_id


async def refuse_for_revocation(tx: Transaction, voucher_id: str) -> None:
    """End the redemption that a revoked voucher was to pay in, if there is one yet (art. 17)."""
    await _know(tx, voucher_id, revoked=True)
    of_voucher = sa.select(vouchers.c.redemption_id).where(vouchers.c.voucher_id == voucher_id)
    redemption_id = (await tx.connection.execute(of_voucher)).scalar_one()
    if redemption_id is not None:
        command = RefuseForRevocation(voucher_id=voucher_id, on=tx.today)
        if (await tx.handle(redemption, stream(redemption_id), command)).events:
            await stop_waiting(tx, redemption_id)
            await leave_seats(tx, redemption_id)


async def _know(tx: Transaction, voucher_id: str, **fact: str | bool) -> bool:
    """Note where a voucher pays, or that it was revoked, and say whether it was."""
    noted = insert(vouchers).values(voucher_id=voucher_id, **fact)
    statement = noted.on_conflict_do_update(index_elements=["voucher_id"], set_=fact).returning(vouchers.c.revoked)
    return bool((await tx.connection.execute(statement)).scalar_one())


async def leave_seats(tx: Transaction, redemption_id: str) -> None:
    """The panel of a redemption has nothing more to judge: its experts may be drawn for others."""
    await tx.connection.execute(sa.delete(seats).where(seats.c.redemption_id == redemption_id))


async def wait_until(tx: Transaction, redemption_id: str, last_day: date) -> None:
    """Have the redemption lapse after a day, unless something is handed in."""
    await set_deadline(tx, LAPSES, redemption_id, start_of(last_day + timedelta(days=1)))


async def stop_waiting(tx: Transaction, redemption_id: str) -> None:
    """Something was handed in: nothing lapses for now."""
    await clear_deadline(tx, LAPSES, redemption_id)


async def lapse(tx: Transaction, redemption_id: str) -> None:
    """Let a redemption lapse that nobody applied for, or corrected, in time (art. 15(3))."""
    handled = await tx.handle(redemption, stream(redemption_id), Lapse(on=tx.today))
    match handled.state:  # Woken too early: wait on.
        case Awaited(file=file):
            await wait_until(tx, redemption_id, file.redeem_by)
        case Returned(correct_by=correct_by):
            await wait_until(tx, redemption_id, correct_by)
        case _:
            pass
