"""Who may read a file that somebody sent to the registry, beside whoever sent it (art. 9(3), 16)."""

import sqlalchemy as sa

from services.registry.institution_tables import affiliations
from services.registry.use_cases.appointing_field_centres import principal_of
from shared.http.identity import Caller
from shared.http.policy import Role
from shared.store.transaction import Transaction


async def may_read_document(tx: Transaction, caller: Caller, document_id: str) -> bool:
    """Let the office read every document, and a field centre those of a laboratory that wants to join it."""
    if caller.role is not Role.SERVICE_AGENCY:
        return caller.role in {Role.OFFICER, Role.APPROVER, Role.AUDITOR}
    asking = sa.select(affiliations.c.through).where(affiliations.c.documents.contains([document_id]))
    through = set((await tx.connection.execute(asking)).scalars())
    return any([await principal_of(tx, field_centre_id) == caller.principal for field_centre_id in through])
