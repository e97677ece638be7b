"""Expiring vouchers whose activity was not registered in time (art. 15(2)), many in one transaction."""

from collections.abc import Sequence
from datetime import date, timedelta

from services.issuance import due_vouchers
from services.issuance.deadlines import EXPIRE_UNREGISTERED, registration_ends
from services.issuance.domain.voucher import ExpireUnregistered, voucher
from services.issuance.domain.voucher_stages import Voucher
from services.issuance.settling import settle_many
from shared.events.issuance.vouchers import VoucherExpired
from shared.procedures.daily import Piece
from shared.store.transaction import Transaction

_PIECE = 2_000


async def expire_unregistered(tx: Transaction, voucher_ids: Sequence[str]) -> None:
    """Expire the vouchers that nobody registered; one that was, or has ended otherwise, is left alone."""
    held = await tx.load_many(voucher, [f"voucher-{voucher_id}" for voucher_id in voucher_ids])
    facts: list[VoucherExpired] = []
    for stream, loaded in held.items():
        if not isinstance(loaded.state, Voucher):
            raise TypeError(f"{stream} is waited for but was never claimed")
        expire = ExpireUnregistered(on=tx.today, terms=tx.measures.on(loaded.state.expires_on))
        new = voucher.decide(expire, loaded.state)
        tx.append(stream, loaded.version, new)
        facts.extend(fact for fact in new if isinstance(fact, VoucherExpired))
    await settle_many(tx, facts)


async def find_unregistered(tx: Transaction, day: date, stopped: str) -> Piece:
    """Put on the due list, on the day after their last one, the vouchers that still wait to be registered."""
    last_day = day - timedelta(days=1)
    seen, last = await due_vouchers.put_on_due_list(
        tx.connection,
        last_day=last_day,
        due_kind=EXPIRE_UNREGISTERED,
        due_at=registration_ends(last_day),
        after=int(stopped or 0),
        limit=_PIECE,
    )
    return Piece(seen=seen, go_on=str(last) if seen == _PIECE else "")
