"""Expiring vouchers whose activity was not registered in time (art. 15(2))."""

from services.issuance import ledger
from services.issuance.domain.voucher import ExpireUnregistered, voucher
from shared.events.issuance import VoucherExpired
from shared.store.transaction import Transaction


async def expire_unregistered(tx: Transaction, voucher_id: str) -> None:
    """Expire a voucher that nobody registered; one that was, or has ended otherwise, is left alone."""
    handled = await tx.handle(voucher, f"voucher-{voucher_id}", ExpireUnregistered(on=tx.today))
    await ledger.settle(tx, (event for event in handled.events if isinstance(event, VoucherExpired)))
