"""What must be written down at once so that the books can be kept later: a period's money, and who is paid for what."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.domain.budget import SetGrant, budget
from services.issuance.tables import contract_providers
from shared.store.transaction import Transaction


async def set_grant(tx: Transaction, period_id: str, amount: int) -> None:
    """Have the money at a period's disposal come to `amount` fen, in the transaction that decides about its plan."""
    await tx.handle(budget, f"quota-{period_id}", SetGrant(period_id=period_id, amount=amount, on=tx.today))


async def note_provider(connection: AsyncConnection, contract_id: str, provider_id: str) -> None:
    """Remember who is to be paid for a contract; it never becomes another."""
    statement = insert(contract_providers).values(contract_id=contract_id, provider_id=provider_id)
    await connection.execute(statement.on_conflict_do_nothing())
