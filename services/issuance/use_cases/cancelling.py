"""Cancelling a voucher: the claimant gives it back before its activity is registered."""

from services.issuance import ledger
from services.issuance.deadlines import EXPIRE_UNREGISTERED
from services.issuance.domain.voucher import CancelVoucher, Event, State, Voucher, voucher
from services.issuance.tables import withheld
from shared.events.issuance.vouchers import VoucherCancelled
from shared.procedures.acting import check_may_act
from shared.procedures.due import clear_deadline
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


async def cancel_voucher(
    tx: Transaction, *, voucher_id: str, claimant_id: str, if_match: int | None = None
) -> Handled[Event, State]:
    """Cancel the own voucher; somebody else's does not exist for the caller (UnknownSubjectError).

    The user who acts must not have been withheld by the claimant's owner.
    """
    await check_may_act(tx, withheld, claimant_id, tx.cause.actor)
    stream = f"voucher-{voucher_id}"
    state = (await tx.load(voucher, stream)).state
    if not isinstance(state, Voucher) or state.claimant_id != claimant_id:
        raise UnknownSubjectError(voucher_id)
    await clear_deadline(tx, EXPIRE_UNREGISTERED, voucher_id)
    cancel = CancelVoucher(on=tx.today, terms=tx.measures.on(tx.today))
    handled = await tx.handle(voucher, stream, cancel, if_match=if_match)
    await ledger.settle(tx, (event for event in handled.events if isinstance(event, VoucherCancelled)))
    return handled
