"""Cancelling a voucher: the claimant gives it back before its activity is registered."""

from services.issuance import ledger
from services.issuance.asked_by_channel import act_on_voucher
from services.issuance.deadlines import EXPIRE_UNREGISTERED
from services.issuance.domain.voucher import CancelVoucher, Event, voucher
from services.issuance.domain.voucher_stages import State, Voucher
from services.issuance.tables import withheld
from shared.events.issuance.vouchers import VoucherCancelled
from shared.procedures.acting import check_may_act
from shared.procedures.due import clear_deadline
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


async def cancel_voucher(
    tx: Transaction, *, voucher_id: str, claimant_id: str | None, if_match: int | None = None
) -> Handled[Event, State]:
    """Cancel the own voucher; somebody else's does not exist for the caller (UnknownSubjectError).

    The user who acts must not have been withheld by the claimant's owner. Without a `claimant_id` a channel acts, on
    what it has asked for itself.
    """
    if claimant_id is not None:
        await check_may_act(tx, withheld, claimant_id, tx.cause.actor)
    stream = f"voucher-{voucher_id}"
    state = (await tx.load(voucher, stream)).state
    if not isinstance(state, Voucher) or claimant_id not in {None, state.claimant_id}:
        raise UnknownSubjectError(voucher_id)
    if claimant_id is None:
        await act_on_voucher(tx, voucher_id, state.claimant_id)
    await clear_deadline(tx, EXPIRE_UNREGISTERED, voucher_id)
    cancel = CancelVoucher(on=tx.today, terms=tx.measures.on(tx.today))
    handled = await tx.handle(voucher, stream, cancel, if_match=if_match)
    await ledger.settle(tx, (event for event in handled.events if isinstance(event, VoucherCancelled)))
    return handled
