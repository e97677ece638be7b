"""Who may no longer act for a claimant: how a context refuses whom the owner has removed, or lets only look.

A token says for which claimant it was issued (`party`); what has changed among the claimant's users since then is what
the registry tells. Nobody is in this copy whose token is to be believed as it is.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared.bus.reactions import Reaction, Reactions
from shared.events.definition import Recorded
from shared.events.registry.claimants import (
    ClaimantOwnershipHandedOver,
    ClaimantUserAdded,
    ClaimantUserRemoved,
    ClaimantUserRoleChanged,
)
from shared.kernel.refusal import refuse
from shared.store.transaction import Transaction, UnknownSubjectError

type UserFact = ClaimantUserAdded | ClaimantUserRoleChanged | ClaimantUserRemoved | ClaimantOwnershipHandedOver


def withheld_users(metadata: sa.MetaData) -> sa.Table:
    """Describe the copy in a context's own database: principals who may not act for a claimant, or not even look."""
    return sa.Table(
        "withheld_users",
        metadata,
        sa.Column("claimant_id", sa.Text, primary_key=True),
        sa.Column("principal", sa.Text, primary_key=True),
        sa.Column("reads", sa.Boolean, nullable=False),
    )


def following_users(table: sa.Table) -> Reactions:
    """Give the reactions that keep a context's copy up to date, for its `REACTIONS`."""

    async def follow(tx: Transaction, event: Recorded[UserFact]) -> None:
        match event.data:
            case ClaimantUserRemoved(claimant_id=claimant_id, principal=principal):
                await _withhold(tx, table, claimant_id, principal, reads=False)
            case ClaimantUserAdded() | ClaimantUserRoleChanged() as fact if fact.role == "read_only":
                await _withhold(tx, table, fact.claimant_id, fact.principal, reads=True)
            case ClaimantUserAdded() | ClaimantUserRoleChanged() as fact:
                await _trust(tx, table, fact.claimant_id, fact.principal)
            case ClaimantOwnershipHandedOver(claimant_id=claimant_id, owner=owner, previous=previous):
                await _trust(tx, table, claimant_id, owner, previous)

    reaction: Reaction = follow
    return dict.fromkeys(
        (ClaimantUserAdded, ClaimantUserRoleChanged, ClaimantUserRemoved, ClaimantOwnershipHandedOver), reaction
    )


async def check_may_act(tx: Transaction, table: sa.Table, claimant_id: str, principal: str) -> None:
    """Refuse a principal who only looks (`user-may-only-read`); `UnknownSubjectError` for one who was removed."""
    found = await tx.connection.execute(
        sa.select(table.c.reads).where(table.c.claimant_id == claimant_id, table.c.principal == principal)
    )
    match found.scalar_one_or_none():
        case None:
            return
        case True:
            raise refuse("user-may-only-read", article="10(1)", kind="state")
        case _:
            raise UnknownSubjectError(claimant_id)


async def _withhold(tx: Transaction, table: sa.Table, claimant_id: str, principal: str, *, reads: bool) -> None:
    statement = insert(table).values(claimant_id=claimant_id, principal=principal, reads=reads)
    await tx.connection.execute(
        statement.on_conflict_do_update(index_elements=["claimant_id", "principal"], set_={"reads": reads})
    )


async def _trust(tx: Transaction, table: sa.Table, claimant_id: str, *principals: str) -> None:
    await tx.connection.execute(
        sa.delete(table).where(table.c.claimant_id == claimant_id, table.c.principal.in_(principals))
    )
