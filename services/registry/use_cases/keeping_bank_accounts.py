"""A claimant's bank account, for finance to see and for nothing else: it is in no event and in no log."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.claimant import Registered, claimant
from services.registry.tables import claimant_bank_accounts
from services.registry.use_cases.acting_for_claimants import acting_for
from services.registry.use_cases.streams import stream_of
from shared.kernel.refusal import refuse
from shared.store.transaction import Transaction


async def keep_bank_account(
    tx: Transaction, claimant_id: str, owner: str, *, holder: str, bank: str, account: str
) -> None:
    """Give another bank account, as the owner; the one before stays known to finance."""
    await acting_for(tx, claimant_id, owner)
    state = (await tx.load(claimant, stream_of(claimant_id, "clm"))).state
    if not isinstance(state, Registered) or state.users.owner != owner:
        raise refuse("owner-only", article="10(1)", kind="state")
    of_claimant = claimant_bank_accounts.c.claimant_id == claimant_id
    before = sa.select(sa.func.coalesce(sa.func.max(claimant_bank_accounts.c.number), 0)).where(of_claimant)
    await tx.connection.execute(
        insert(claimant_bank_accounts).values(
            claimant_id=claimant_id,
            number=(await tx.connection.execute(before)).scalar_one() + 1,
            holder=holder,
            bank=bank,
            account=account,
            changed_by=owner,
            changed_at=tx.now,
        )
    )
