"""Who acts for a claimant: one owner always, members who act, others who only look; by invitation (art. 10(1), 16).

Pure parts of the claimant's decider: commands, the state they need, and what comes of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Literal, assert_never

from shared.events.registry.claimants import (
    ClaimantInvitationClosed,
    ClaimantOwnershipHandedOver,
    ClaimantUserAdded,
    ClaimantUserInvited,
    ClaimantUserRemoved,
    ClaimantUserRoleChanged,
    UserRole,
)
from shared.kernel.decider import message
from shared.kernel.refusal import Reason, refuse, refuse_unless

USERS_MAX = 50
INVITATIONS_MAX = 20
"""What one claimant may have at once: bounds of ours, so that nothing grows without end."""


@message
class InviteUser:
    """`principal` None invites whoever shows the one-time token."""

    invitation_id: str
    principal: str | None
    role: UserRole
    expires_at: datetime
    by: str
    on: date


@message
class AcceptInvitation:
    """`showed_token` says that the caller had the one-time token; `at` is the instant it came."""

    invitation_id: str
    by: str
    showed_token: bool
    at: datetime
    on: date


@message
class CloseInvitation:
    """Decline it as the invited, withdraw it as the owner, or let time close it (`by` is None)."""

    invitation_id: str
    outcome: Literal["declined", "withdrawn", "expired"]
    by: str | None
    showed_token: bool
    at: datetime
    on: date


@message
class ChangeUserRole:
    principal: str
    role: UserRole
    by: str
    on: date


@message
class RemoveUser:
    """Remove somebody as the owner, or leave."""

    principal: str
    by: str
    on: date


@message
class HandOverOwnership:
    principal: str
    by: str
    on: date


@message
class Invitation:
    principal: str | None
    role: UserRole
    expires_at: datetime


@message
class Users:
    """Everybody with a role, and the invitations nobody has answered."""

    roles: Mapping[str, UserRole]
    invitations: Mapping[str, Invitation]

    @property
    def owner(self) -> str:
        """Name the one owner."""
        (owner,) = (principal for principal, role in self.roles.items() if role == "owner")
        return owner


type UsersCommand = (
    InviteUser | AcceptInvitation | CloseInvitation | ChangeUserRole | RemoveUser | HandOverOwnership
)  # fmt: skip
type UsersEvent = (
    ClaimantUserInvited
    | ClaimantInvitationClosed
    | ClaimantUserAdded
    | ClaimantUserRoleChanged
    | ClaimantOwnershipHandedOver
    | ClaimantUserRemoved
)


def founded_by(principal: str) -> Users:
    """Begin with the one who registered, as the owner."""
    return Users(roles={principal: "owner"}, invitations={})


def decide_users(command: UsersCommand, claimant_id: str, users: Users) -> list[UsersEvent]:
    """Say what becomes of the users, or refuse."""
    match command:
        case InviteUser():
            refuse_unless(*_against_inviting(command, users))
            return [
                ClaimantUserInvited(
                    claimant_id=claimant_id,
                    invitation_id=command.invitation_id,
                    principal=command.principal,
                    role=command.role,
                    expires_at=command.expires_at,
                    invited_by=command.by,
                    on=command.on,
                )
            ]
        case AcceptInvitation():
            return [_accepted(command, claimant_id, users)]
        case CloseInvitation():
            return _closed(command, claimant_id, users)
        case ChangeUserRole():
            return _role_changed(command, claimant_id, users)
        case RemoveUser():
            return [_removed(command, claimant_id, users)]
        case HandOverOwnership():
            refuse_unless(_not_the_owner(command.by, users), _not_a_user(command.principal, users))
            if command.principal == users.owner:
                return []
            return [
                ClaimantOwnershipHandedOver(
                    claimant_id=claimant_id, owner=command.principal, previous=users.owner, on=command.on
                )
            ]
    assert_never(command)


def evolve_users(users: Users, event: UsersEvent) -> Users:
    """Fold one fact into the users."""
    match event:
        case ClaimantUserInvited():
            invitation = Invitation(principal=event.principal, role=event.role, expires_at=event.expires_at)
            return replace(users, invitations={**users.invitations, event.invitation_id: invitation})
        case ClaimantInvitationClosed():
            return replace(users, invitations=_without(users.invitations, event.invitation_id))
        case ClaimantUserAdded():
            return Users(
                roles={**users.roles, event.principal: event.role},
                invitations=_without(users.invitations, event.invitation_id),
            )
        case ClaimantUserRoleChanged():
            return replace(users, roles={**users.roles, event.principal: event.role})
        case ClaimantOwnershipHandedOver():
            return replace(users, roles={**users.roles, event.previous: "member", event.owner: "owner"})
        case ClaimantUserRemoved():
            return replace(users, roles=_without(users.roles, event.principal))
    assert_never(event)


def may_write(role: UserRole) -> bool:
    """Tell whether a role acts for the claimant or only looks."""
    return role in {"owner", "member"}


def is_invited(invitation: Invitation, principal: str | None, *, showed_token: bool) -> bool:
    """Tell whether an invitation is for this principal; who is not invited does not learn that there is one."""
    return showed_token if invitation.principal is None else invitation.principal == principal


def _against_inviting(command: InviteUser, users: Users) -> tuple[Reason | None, ...]:
    return (
        _not_the_owner(command.by, users),
        _ownership_is_handed_over(command.role),
        Reason(code="user-already-added", article="10(1)", kind="state") if command.principal in users.roles else None,
        Reason(code="user-already-invited", article="10(1)", kind="state")
        if command.principal is not None
        and command.principal in {invitation.principal for invitation in users.invitations.values()}
        else None,
        _too_many(len(users.roles) + len(users.invitations), USERS_MAX),
        _too_many(len(users.invitations), INVITATIONS_MAX),
    )


def _accepted(command: AcceptInvitation, claimant_id: str, users: Users) -> ClaimantUserAdded:
    invitation = _open(command.invitation_id, command.by, users, showed_token=command.showed_token)
    refuse_unless(
        Reason(code="invitation-over", article="10(1)", kind="state") if command.at >= invitation.expires_at else None,
        Reason(code="user-already-added", article="10(1)", kind="state") if command.by in users.roles else None,
    )
    return ClaimantUserAdded(
        claimant_id=claimant_id,
        principal=command.by,
        role=invitation.role,
        invitation_id=command.invitation_id,
        on=command.on,
    )


def _closed(command: CloseInvitation, claimant_id: str, users: Users) -> list[UsersEvent]:
    closed = ClaimantInvitationClosed(
        claimant_id=claimant_id,
        invitation_id=command.invitation_id,
        outcome=command.outcome,
        closed_by=command.by,
        on=command.on,
    )
    match command.outcome:
        case "declined":
            _open(command.invitation_id, command.by, users, showed_token=command.showed_token)
        case "withdrawn":
            refuse_unless(_not_the_owner(command.by, users))
            _open(command.invitation_id, None, users, showed_token=True, whoever=True)
        case "expired":
            invitation = users.invitations.get(command.invitation_id)
            if invitation is None or command.at < invitation.expires_at:
                return []  # Answered meanwhile, or woken too early.
        case _:
            assert_never(command.outcome)
    return [closed]


def _role_changed(command: ChangeUserRole, claimant_id: str, users: Users) -> list[UsersEvent]:
    refuse_unless(
        _not_the_owner(command.by, users),
        _not_a_user(command.principal, users),
        _ownership_is_handed_over(command.role),
        _owner_stays(command.principal, users),
    )
    if users.roles[command.principal] == command.role:
        return []
    return [
        ClaimantUserRoleChanged(
            claimant_id=claimant_id,
            principal=command.principal,
            role=command.role,
            changed_by=command.by,
            on=command.on,
        )
    ]


def _removed(command: RemoveUser, claimant_id: str, users: Users) -> ClaimantUserRemoved:
    leaves = command.principal == command.by
    refuse_unless(
        None if leaves else _not_the_owner(command.by, users),
        _not_a_user(command.principal, users),
        _owner_stays(command.principal, users),
    )
    return ClaimantUserRemoved(
        claimant_id=claimant_id, principal=command.principal, removed_by=command.by, on=command.on
    )


def _open(invitation_id: str, by: str | None, users: Users, *, showed_token: bool, whoever: bool = False) -> Invitation:
    invitation = users.invitations.get(invitation_id)
    if invitation is None or not (whoever or is_invited(invitation, by, showed_token=showed_token)):
        raise refuse("invitation-over", article="10(1)", kind="state")
    return invitation


def _not_the_owner(principal: str | None, users: Users) -> Reason | None:
    return None if principal == users.owner else Reason(code="owner-only", article="10(1)", kind="state")


def _not_a_user(principal: str, users: Users) -> Reason | None:
    return None if principal in users.roles else Reason(code="user-unknown", article="10(1)", value=principal)


def _owner_stays(principal: str, users: Users) -> Reason | None:
    """There is always one owner: it changes by handing over, and in no other way."""
    return Reason(code="owner-hands-over-first", article="10(1)", kind="state") if principal == users.owner else None


def _ownership_is_handed_over(role: UserRole) -> Reason | None:
    return Reason(code="ownership-is-handed-over", article="10(1)") if role == "owner" else None


def _too_many(number: int, limit: int) -> Reason | None:
    return Reason(code="too-many-users", article="10(1)", value=number, limit=limit) if number >= limit else None


def _without[V](mapping: Mapping[str, V], key: str) -> dict[str, V]:
    return {name: value for name, value in mapping.items() if name != key}
