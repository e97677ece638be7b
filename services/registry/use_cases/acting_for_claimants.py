"""Who may act for a claimant: its users, as the register knows them now, whatever a token says (art. 9(3), 16)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.domain.claimant_users import may_write
from services.registry.tables import claimant_users, claimants
from services.registry.use_cases.checking_channels import may_act
from shared.events.registry.channels import ChannelScope
from shared.kernel.refusal import refuse
from shared.store.transaction import Transaction, UnknownSubjectError


async def locked_claimant(tx: Transaction, claimant_id: str) -> Any:
    """Lock a claimant's row until the transaction ends and give it; `UnknownSubjectError` when there is none.

    Whatever changes a claimant begins here, so that its changes come one after the other.
    """
    statement = sa.select(claimants).where(claimants.c.claimant_id == claimant_id).with_for_update()
    row = (await tx.connection.execute(statement)).one_or_none()
    if row is None:
        raise UnknownSubjectError(claimant_id)
    return row


async def acting_for(tx: Transaction, claimant_id: str, principal: str, *, scope: ChannelScope | None = None) -> Any:
    """Lock the claimant a principal acts for and give its row.

    `scope` is the matter in which a channel may act too, where the claimant has authorised it. `UnknownSubjectError`
    for everybody else's claimant, `Refused` for a user who may only look.
    """
    row = await locked_claimant(tx, claimant_id)
    role = await role_in(tx.connection, claimant_id, principal)
    if role is None and scope is not None and await may_act(tx.connection, principal, claimant_id, tx.today, scope):
        return row
    if role is None:
        raise UnknownSubjectError(claimant_id)
    if not may_write(role):
        raise refuse("user-may-only-read", article="10(1)", kind="state")
    return row


async def belonging_to(tx: Transaction, claimant_id: str, principal: str) -> Any:
    """Lock the claimant a principal is any user of and give its row; `UnknownSubjectError` for everybody else's."""
    row = await locked_claimant(tx, claimant_id)
    if await role_in(tx.connection, claimant_id, principal) is None:
        raise UnknownSubjectError(claimant_id)
    return row


async def role_in(connection: AsyncConnection, claimant_id: str, principal: str) -> Any:
    """Say which role a principal has in a claimant (`UserRole`), or None."""
    statement = sa.select(claimant_users.c.role).where(
        claimant_users.c.claimant_id == claimant_id, claimant_users.c.principal == principal
    )
    return (await connection.execute(statement)).scalar_one_or_none()
