"""Two officers pay, in the first three quarters, and not to a party under a measure (art. 15(5), 17)."""

import sqlalchemy as sa

from services.redemption.domain.commands import Disburse, OrderDisbursement
from services.redemption.domain.redemption import Event, redemption
from services.redemption.domain.stages import State
from services.redemption.tables import sanctions
from services.redemption.use_cases.opening_windows import stream
from services.redemption.use_cases.owning import existing
from shared.store.transaction import Handled, Transaction


async def order(tx: Transaction, redemption_id: str, officer: str, *, if_match: int | None) -> Handled[Event, State]:
    """Propose the payment."""
    command = OrderDisbursement(
        ordered_by=officer,
        suspended=await _suspended(tx, redemption_id),
        disbursement_last_quarter=tx.measures.on(tx.today).redemption.disbursement_last_quarter,
        on=tx.today,
    )
    return await tx.handle(redemption, stream(redemption_id), command, if_match=if_match)


async def disburse(tx: Transaction, redemption_id: str, officer: str, *, if_match: int | None) -> Handled[Event, State]:
    """Approve the payment as the second pair of eyes, and pay."""
    command = Disburse(
        approved_by=officer,
        suspended=await _suspended(tx, redemption_id),
        disbursement_last_quarter=tx.measures.on(tx.today).redemption.disbursement_last_quarter,
        on=tx.today,
    )
    return await tx.handle(redemption, stream(redemption_id), command, if_match=if_match)


async def _suspended(tx: Transaction, redemption_id: str) -> tuple[str, ...]:
    """List the parties of a redemption that are under a measure today."""
    file = await existing(tx, redemption_id)
    in_force = sanctions.c.until.is_(None) | (sanctions.c.until >= tx.today)
    found = await tx.connection.execute(
        sa.select(sanctions.c.party_id)
        .where(sanctions.c.party_id.in_([file.claimant_id, file.provider_id]), in_force)
        .distinct()
        .order_by(sanctions.c.party_id)
    )
    return tuple(found.scalars())
