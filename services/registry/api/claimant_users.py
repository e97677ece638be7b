"""Several users of one claimant: invited, accepted, changed, removed, and always one owner."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Path, Response

from services.registry.api.claimant_models import (
    AnswerBody,
    ClaimantUsersView,
    DeclinedView,
    InvitationBody,
    InvitationItem,
    InvitationView,
    OpenInvitationView,
    OwnerBody,
    RoleBody,
    UserView,
)
from services.registry.api.claimant_profiles import check_visible
from services.registry.domain.claimant import Event, Registered, State, claimant
from services.registry.tables import claimant_invitations, claimants
from services.registry.use_cases import inviting_users
from services.registry.use_cases.streams import stream_of
from shared.http.commands import CommandRequest, Presented
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Handled, Transaction

router = router_for("registry", tag="claimant-users")
ClaimantId = Annotated[str, Path(max_length=40)]
InvitationId = Annotated[str, Path(max_length=40)]
UserName = Annotated[str, Path(max_length=128)]
_USER_CODES = ("owner-only", "user-unknown", "owner-hands-over-first")


@router.get(
    "/claimants/{claimant_id}/users",
    operation_id="listClaimantUsers",
    response_model=ClaimantUsersView,
    summary="申领单位成员 · Who acts for a claimant",
    openapi_extra=operation(idempotent=False),
)
async def list_claimant_users(claimant_id: ClaimantId, request: ReadRequest) -> Response:
    """Show users and open invitations to the claimant's users and to the office."""
    await check_visible(claimant_id, request)
    loaded = await request.load(claimant, stream_of(claimant_id, "clm"))
    return request.answer(Presented(body=_users(loaded.state), version=loaded.version))


@router.post(
    "/claimants/{claimant_id}/invitations",
    operation_id="inviteClaimantUser",
    status_code=201,
    response_model=InvitationView,
    summary="邀请成员 · Invite a user",
    openapi_extra=operation(
        # An answer that is kept with its key would keep the token.
        idempotent=False,
        codes=("owner-only", "user-already-added", "user-already-invited", "too-many-users"),
    ),
)
async def invite_claimant_user(claimant_id: ClaimantId, body: InvitationBody, request: CommandRequest) -> Response:
    """Invite a principal, or get a one-time token to hand on; it is shown this once."""
    invitation_id = request.new_id("inv")
    token = inviting_users.fresh_token() if body.principal is None else None

    async def invite(tx: Transaction) -> Handled[Event, State]:
        return await inviting_users.invite(
            tx, invitation_id, claimant_id, request.caller.principal, principal=body.principal, role=body.role,
            token=token,
        )  # fmt: skip

    def presented(handled: Handled[Event, State]) -> Presented:
        made = _registered(handled.state).users.invitations[invitation_id]
        view = InvitationView(
            claimant_id=claimant_id,
            invitation_id=invitation_id,
            principal=made.principal,
            role=made.role,
            expires_at=made.expires_at,
            token=token,
        )
        location = f"/v1/claimant-invitations/{invitation_id}"
        return Presented(body=view, version=handled.version, status=201, location=location)

    return await request.run(invite, presented)


@router.post(
    "/claimants/{claimant_id}/invitations/{invitation_id}/withdrawal",
    operation_id="withdrawClaimantInvitation",
    response_model=ClaimantUsersView,
    summary="撤回邀请 · Withdraw an invitation",
    openapi_extra=operation(codes=("owner-only", "invitation-over")),
)
async def withdraw_claimant_invitation(
    claimant_id: ClaimantId, invitation_id: InvitationId, request: CommandRequest
) -> Response:
    """Take back an invitation that nobody has answered."""

    async def withdraw(tx: Transaction) -> Handled[Event, State]:
        return await inviting_users.withdraw(tx, claimant_id, invitation_id, request.caller.principal)

    return await request.run(withdraw, _presented)


@router.get(
    "/claimant-invitations",
    operation_id="listClaimantInvitations",
    response_model=Page[InvitationItem],
    summary="我收到的邀请 · Invitations to the caller",
    openapi_extra=operation(idempotent=False),
)
async def list_claimant_invitations(
    request: ReadRequest, limit: Limit = 50, cursor: CursorText = None
) -> Page[InvitationItem]:
    """List the open invitations that name the caller."""
    table = claimant_invitations
    query = (
        sa.select(table, claimants.c.name)
        .join(claimants, claimants.c.claimant_id == table.c.claimant_id)
        .where(table.c.principal == request.caller.principal, table.c.expires_at > request.now)
    )
    return await request.page(query, [table.c.invitation_id], limit, cursor, _invitation)


@router.post(
    "/claimant-invitations/{invitation_id}/acceptance",
    operation_id="acceptClaimantInvitation",
    response_model=ClaimantUsersView,
    summary="接受邀请 · Accept an invitation",
    openapi_extra=operation(codes=("invitation-over", "user-already-added", "principal-has-claimant")),
)
async def accept_claimant_invitation(
    invitation_id: InvitationId, body: AnswerBody, request: CommandRequest
) -> Response:
    """Become a user of the claimant; who is not invited finds nothing here."""

    async def accept(tx: Transaction) -> Handled[Event, State]:
        return await inviting_users.accept(tx, invitation_id, request.caller.principal, body.token)

    return await request.run(accept, _presented)


@router.post(
    "/claimant-invitations/{invitation_id}/refusal",
    operation_id="declineClaimantInvitation",
    response_model=DeclinedView,
    summary="谢绝邀请 · Decline an invitation",
    openapi_extra=operation(codes=("invitation-over",)),
)
async def decline_claimant_invitation(
    invitation_id: InvitationId, body: AnswerBody, request: CommandRequest
) -> Response:
    """Say no; the invitation is over."""

    async def decline(tx: Transaction) -> Handled[Event, State]:
        return await inviting_users.decline(tx, invitation_id, request.caller.principal, body.token)

    return await request.run(decline, lambda _: Presented(body=DeclinedView(invitation_id=invitation_id)))


@router.post(
    "/claimants/{claimant_id}/users/{principal}/role",
    operation_id="changeClaimantUserRole",
    response_model=ClaimantUsersView,
    summary="变更成员权限 · Change what a user may do",
    openapi_extra=operation(if_match=True, codes=_USER_CODES),
)
async def change_claimant_user_role(
    claimant_id: ClaimantId, principal: UserName, body: RoleBody, request: CommandRequest
) -> Response:
    """Let a user act, or only look."""

    async def change(tx: Transaction) -> Handled[Event, State]:
        return await inviting_users.change_role(
            tx, claimant_id, principal, request.caller.principal, body.role, if_match=request.if_match
        )

    return await request.run(change, _presented)


@router.post(
    "/claimants/{claimant_id}/users/{principal}/removal",
    operation_id="removeClaimantUser",
    response_model=ClaimantUsersView,
    summary="移除成员或退出 · Remove a user, or leave",
    openapi_extra=operation(if_match=True, codes=_USER_CODES),
)
async def remove_claimant_user(claimant_id: ClaimantId, principal: UserName, request: CommandRequest) -> Response:
    """Remove somebody as the owner, or leave under the own name; the owner hands over first."""

    async def remove(tx: Transaction) -> Handled[Event, State]:
        return await inviting_users.remove(
            tx, claimant_id, principal, request.caller.principal, if_match=request.if_match
        )

    return await request.run(remove, _presented)


@router.post(
    "/claimants/{claimant_id}/ownership",
    operation_id="handOverClaimant",
    response_model=ClaimantUsersView,
    summary="移交负责人 · Hand over ownership",
    openapi_extra=operation(if_match=True, codes=("owner-only", "user-unknown")),
)
async def hand_over_claimant(claimant_id: ClaimantId, body: OwnerBody, request: CommandRequest) -> Response:
    """Make another user the owner; who hands over stays as a member."""

    async def hand_over(tx: Transaction) -> Handled[Event, State]:
        return await inviting_users.hand_over(
            tx, claimant_id, body.principal, request.caller.principal, if_match=request.if_match
        )

    return await request.run(hand_over, _presented)


def _presented(handled: Handled[Event, State]) -> Presented:
    return Presented(body=_users(handled.state), version=handled.version)


def _users(state: State) -> ClaimantUsersView:
    registered = _registered(state)
    return ClaimantUsersView(
        claimant_id=registered.claimant_id,
        users=[UserView(principal=name, role=role) for name, role in sorted(registered.users.roles.items())],
        invitations=[
            OpenInvitationView(
                invitation_id=invitation_id, principal=each.principal, role=each.role, expires_at=each.expires_at
            )
            for invitation_id, each in sorted(registered.users.invitations.items())
        ],
    )


def _registered(state: State) -> Registered:
    if not isinstance(state, Registered):
        raise TypeError("nobody has registered under this id")
    return state


def _invitation(row: Any) -> InvitationItem:
    return InvitationItem(
        invitation_id=row.invitation_id,
        claimant_id=row.claimant_id,
        claimant_name=row.name,
        role=row.role,
        expires_at=row.expires_at,
    )
