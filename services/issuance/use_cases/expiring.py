"""Expiring vouchers whose activity was not registered in time (art. 15(2))."""

from services.issuance import ledger
from services.issuance.domain.voucher import ExpireUnregistered, Voucher, expires_on, voucher
from shared.events.issuance import VoucherExpired
from shared.store.transaction import Transaction


async def expire_unregistered(tx: Transaction, voucher_id: str) -> None:
    """Expire a voucher that nobody registered; one that was, or has ended otherwise, is left alone."""
    stream = f"voucher-{voucher_id}"
    held = await tx.load(voucher, stream)
    if not isinstance(held.state, Voucher):
        raise TypeError(f"{voucher_id} is waited for but was never claimed")
    expire = ExpireUnregistered(on=tx.today, terms=tx.measures.on(expires_on(held.state)))
    facts = voucher.decide(expire, held.state)
    tx.append(stream, held.version, facts)
    await ledger.settle(tx, (fact for fact in facts if isinstance(fact, VoucherExpired)))
