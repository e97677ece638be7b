"""A claimant's owner invites others to act for it or to look, and they come and go (art. 10(1))."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.claimant import Command, Event, State, claimant
from services.registry.domain.claimant_users import (
    AcceptInvitation,
    ChangeUserRole,
    CloseInvitation,
    HandOverOwnership,
    InviteUser,
    RemoveUser,
)
from services.registry.tables import claimant_invitations, claimant_users
from services.registry.use_cases.acting_for_claimants import belonging_to, locked_claimant
from services.registry.use_cases.streams import stream_of
from shared.events.registry.claimants import (
    ClaimantInvitationClosed,
    ClaimantOwnershipHandedOver,
    ClaimantUserAdded,
    ClaimantUserRemoved,
    ClaimantUserRoleChanged,
    UserRole,
)
from shared.kernel.refusal import refuse
from shared.procedures.due import clear_deadline, set_deadline
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

INVITATION_ENDS = "claimant-invitation-ends"
INVITATION_LIFE = timedelta(days=14)
"""How long an invitation can be accepted: ours to choose, the Measures know of none."""


async def invite(
    tx: Transaction, invitation_id: str, claimant_id: str, owner: str, *, principal: str | None, role: UserRole,
    token: str | None,
) -> Handled[Event, State]:  # fmt: skip
    """Invite a principal, or whoever shows a one-time token, of which only the hash is kept."""
    await belonging_to(tx, claimant_id, owner)
    command = InviteUser(
        invitation_id=invitation_id,
        principal=principal,
        role=role,
        expires_at=tx.now + INVITATION_LIFE,
        by=owner,
        on=tx.today,
    )
    handled = await _handle(tx, claimant_id, command)
    await tx.connection.execute(
        insert(claimant_invitations).values(
            invitation_id=invitation_id,
            claimant_id=claimant_id,
            principal=principal,
            token_hash=_hash(token) if token is not None else None,
            role=role,
            expires_at=command.expires_at,
        )
    )
    await set_deadline(tx, INVITATION_ENDS, invitation_id, command.expires_at)
    return handled


async def accept(tx: Transaction, invitation_id: str, principal: str, token: str | None) -> Handled[Event, State]:
    """Become a user of the claimant; `UnknownSubjectError` for who is not invited, refused for who has a claimant."""
    invitation = await _invited(tx, invitation_id, principal, token)
    command = AcceptInvitation(
        invitation_id=invitation_id,
        by=principal,
        showed_token=invitation.principal is None,
        at=tx.now,
        on=tx.today,
    )
    return await _handle(tx, invitation.claimant_id, command)


async def decline(tx: Transaction, invitation_id: str, principal: str, token: str | None) -> Handled[Event, State]:
    """Say no; `UnknownSubjectError` for who is not invited."""
    invitation = await _invited(tx, invitation_id, principal, token)
    command = _closing(tx, invitation_id, "declined", principal, showed_token=invitation.principal is None)
    return await _handle(tx, invitation.claimant_id, command)


async def withdraw(tx: Transaction, claimant_id: str, invitation_id: str, owner: str) -> Handled[Event, State]:
    """Take an invitation back, as the owner."""
    await belonging_to(tx, claimant_id, owner)
    found = await _find(tx, invitation_id)
    if found is None or found.claimant_id != claimant_id:
        raise UnknownSubjectError(invitation_id)
    return await _handle(tx, claimant_id, _closing(tx, invitation_id, "withdrawn", owner))


async def expire(tx: Transaction, invitation_id: str) -> None:
    """Close an invitation that nobody has answered in time."""
    found = await _find(tx, invitation_id)
    if found is None:
        return
    await locked_claimant(tx, found.claimant_id)
    handled = await _handle(tx, found.claimant_id, _closing(tx, invitation_id, "expired", None))
    if not handled.events:
        await set_deadline(tx, INVITATION_ENDS, invitation_id, found.expires_at)  # Woken too early: wait on.


async def change_role(
    tx: Transaction, claimant_id: str, user: str, owner: str, role: UserRole, *, if_match: int | None
) -> Handled[Event, State]:
    """Let a user do more or less, as the owner."""
    await belonging_to(tx, claimant_id, owner)
    command = ChangeUserRole(principal=user, role=role, by=owner, on=tx.today)
    return await _handle(tx, claimant_id, command, if_match)


async def remove(
    tx: Transaction, claimant_id: str, user: str, by: str, *, if_match: int | None
) -> Handled[Event, State]:
    """Remove a user as the owner, or leave; the owner hands over first."""
    await belonging_to(tx, claimant_id, by)
    return await _handle(tx, claimant_id, RemoveUser(principal=user, by=by, on=tx.today), if_match)


async def hand_over(
    tx: Transaction, claimant_id: str, user: str, owner: str, *, if_match: int | None
) -> Handled[Event, State]:
    """Make another user the owner; who hands over stays as a member."""
    await belonging_to(tx, claimant_id, owner)
    return await _handle(tx, claimant_id, HandOverOwnership(principal=user, by=owner, on=tx.today), if_match)


async def _handle(
    tx: Transaction, claimant_id: str, command: Command, if_match: int | None = None
) -> Handled[Event, State]:
    """Decide, and keep who belongs to whom in line with it; the claimant's row is locked."""
    handled = await tx.handle(claimant, stream_of(claimant_id, "clm"), command, if_match=if_match)
    for event in handled.events:
        await _follow(tx, event)
    return handled


async def _follow(tx: Transaction, event: Event) -> None:
    match event:
        case ClaimantUserAdded():
            await _add(tx, event)
            await _forget(tx, event.invitation_id)
        case ClaimantInvitationClosed():
            await _forget(tx, event.invitation_id)
        case ClaimantUserRoleChanged():
            await _set_role(tx, event.principal, event.role)
        case ClaimantOwnershipHandedOver():
            await _set_role(tx, event.previous, "member")
            await _set_role(tx, event.owner, "owner")
        case ClaimantUserRemoved():
            await tx.connection.execute(sa.delete(claimant_users).where(claimant_users.c.principal == event.principal))
        case _:
            pass


async def _add(tx: Transaction, event: ClaimantUserAdded) -> None:
    """Take the principal for this claimant; of two claimants that want it at once, one gets it."""
    row = {"principal": event.principal, "claimant_id": event.claimant_id, "role": event.role}
    statement = insert(claimant_users).values(**row).on_conflict_do_nothing().returning(claimant_users.c.principal)
    if (await tx.connection.execute(statement)).first() is None:
        raise refuse("principal-has-claimant", article="15(1)", kind="state")


async def _set_role(tx: Transaction, principal: str, role: UserRole) -> None:
    changed = sa.update(claimant_users).where(claimant_users.c.principal == principal)
    await tx.connection.execute(changed.values(role=role))


async def _forget(tx: Transaction, invitation_id: str) -> None:
    await tx.connection.execute(
        sa.delete(claimant_invitations).where(claimant_invitations.c.invitation_id == invitation_id)
    )
    await clear_deadline(tx, INVITATION_ENDS, invitation_id)


async def _find(tx: Transaction, invitation_id: str) -> Any:
    found = await tx.connection.execute(
        sa.select(claimant_invitations).where(claimant_invitations.c.invitation_id == invitation_id)
    )
    return found.one_or_none()


async def _invited(tx: Transaction, invitation_id: str, principal: str, token: str | None) -> Any:
    """Give the open invitation of a principal or of the token shown, its claimant's row locked."""
    found = await _find(tx, invitation_id)
    if found is not None:
        await locked_claimant(tx, found.claimant_id)
        found = await _find(tx, invitation_id)  # As it stands after whoever came first.
    if found is None:
        raise UnknownSubjectError(invitation_id)
    if found.principal is not None:
        welcome = found.principal == principal
    else:
        welcome = token is not None and hmac.compare_digest(_hash(token), found.token_hash)
    if not welcome:
        raise UnknownSubjectError(invitation_id)
    return found


def _closing(
    tx: Transaction, invitation_id: str, outcome: Literal["declined", "withdrawn", "expired"], by: str | None, *,
    showed_token: bool = False,
) -> CloseInvitation:  # fmt: skip
    at: datetime = tx.now
    return CloseInvitation(
        invitation_id=invitation_id, outcome=outcome, by=by, showed_token=showed_token, at=at, on=tx.today
    )


def fresh_token() -> str:
    """Make a one-time token: 256 random bits, shown once."""
    return secrets.token_urlsafe(32)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
