"""Users of a claimant: invited, accepted, changed, removed, and always one owner."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.registry.domain.claimant import Registered, claimant
from services.registry.domain.claimant_users import (
    INVITATIONS_MAX,
    USERS_MAX,
    AcceptInvitation,
    ChangeUserRole,
    CloseInvitation,
    HandOverOwnership,
    InviteUser,
    RemoveUser,
)
from shared.events.registry.claimants import (
    ClaimantInvitationClosed,
    ClaimantOwnershipHandedOver,
    ClaimantUserAdded,
    ClaimantUserInvited,
    ClaimantUserRemoved,
    ClaimantUserRoleChanged,
    UserRole,
)
from shared.kernel.refusal import Refused
from tests.specification import Specification
from tests.unit.registry.facts import TODAY
from tests.unit.registry.test_claimant import KNOWN

spec = Specification(claimant)
NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
EXPIRES = NOW + timedelta(days=14)
A_MOMENT = timedelta(microseconds=1)


def invite(principal: str | None = "user-2", role: UserRole = "member", by: str = "user-1", number: int = 1) -> Any:
    return InviteUser(
        invitation_id=f"inv_{number}", principal=principal, role=role, expires_at=EXPIRES, by=by, on=TODAY
    )


def invited(principal: str | None = "user-2", role: UserRole = "member", number: int = 1) -> ClaimantUserInvited:
    return ClaimantUserInvited(
        claimant_id="clm_1", invitation_id=f"inv_{number}", principal=principal, role=role, expires_at=EXPIRES,
        invited_by="user-1", on=TODAY,
    )  # fmt: skip


def accept(by: str = "user-2", at: datetime = NOW, *, showed_token: bool = False) -> AcceptInvitation:
    return AcceptInvitation(invitation_id="inv_1", by=by, showed_token=showed_token, at=at, on=TODAY)


def close(outcome: Any, by: str | None, at: datetime = NOW, *, showed_token: bool = False) -> CloseInvitation:
    return CloseInvitation(
        invitation_id="inv_1", outcome=outcome, by=by, showed_token=showed_token, at=at, on=TODAY
    )  # fmt: skip


def closed(outcome: Any, by: str | None) -> ClaimantInvitationClosed:
    return ClaimantInvitationClosed(
        claimant_id="clm_1", invitation_id="inv_1", outcome=outcome, closed_by=by, on=TODAY
    )  # fmt: skip


def added(principal: str = "user-2", role: UserRole = "member", number: int = 1) -> ClaimantUserAdded:
    return ClaimantUserAdded(
        claimant_id="clm_1", principal=principal, role=role, invitation_id=f"inv_{number}", on=TODAY
    )


HANDED_OVER = ClaimantOwnershipHandedOver(claimant_id="clm_1", owner="user-2", previous="user-1", on=TODAY)


def roles(*history: Any) -> dict[str, str]:
    state = claimant.fold(history)
    assert isinstance(state, Registered)
    return dict(state.users.roles)


def test_who_registers_is_the_owner() -> None:
    assert roles(*KNOWN) == {"user-1": "owner"}


@pytest.mark.parametrize("role", ["member", "read_only"])
def test_the_owner_invites_and_the_invited_accepts(role: UserRole) -> None:
    spec.given(*KNOWN).when(invite(role=role)).then(invited(role=role))
    spec.given(*KNOWN, invited(role=role)).when(accept()).then(added(role=role))
    assert roles(*KNOWN, invited(role=role), added(role=role)) == {"user-1": "owner", "user-2": role}


def test_only_the_owner_invites() -> None:
    spec.given(*KNOWN, invited(), added()).when(invite("user-3", by="user-2", number=2)).then_refused("owner-only")


def test_nobody_is_invited_as_an_owner_nor_twice() -> None:
    spec.given(*KNOWN).when(invite(role="owner")).then_refused("ownership-is-handed-over")
    spec.given(*KNOWN, invited()).when(invite(number=2)).then_refused("user-already-invited")
    spec.given(*KNOWN, invited(), added()).when(invite(number=2)).then_refused("user-already-added")
    spec.given(*KNOWN, invited(None)).when(invite(None, number=2)).then(invited(None, number=2))


def test_an_invitation_is_for_the_one_it_names() -> None:
    spec.given(*KNOWN, invited()).when(accept("user-3")).then_refused("invitation-over")
    spec.given(*KNOWN, invited()).when(accept("user-3", showed_token=True)).then_refused("invitation-over")


def test_a_token_is_for_whoever_shows_it_and_once() -> None:
    spec.given(*KNOWN, invited(None)).when(accept("user-9")).then_refused("invitation-over")
    spec.given(*KNOWN, invited(None)).when(accept("user-9", showed_token=True)).then(added("user-9"))
    spec.given(*KNOWN, invited(None), added("user-9")).when(accept("user-8", showed_token=True)).then_refused(
        "invitation-over"
    )


def test_an_invitation_ends_at_its_instant() -> None:
    spec.given(*KNOWN, invited()).when(accept(at=EXPIRES - A_MOMENT)).then(added())
    spec.given(*KNOWN, invited()).when(accept(at=EXPIRES)).then_refused("invitation-over")
    spec.given(*KNOWN, invited()).when(close("expired", None, EXPIRES - A_MOMENT)).then_nothing()
    spec.given(*KNOWN, invited()).when(close("expired", None, EXPIRES)).then(closed("expired", None))
    spec.given(*KNOWN, invited(), added()).when(close("expired", None, EXPIRES)).then_nothing()


def test_the_invited_declines_and_the_owner_withdraws() -> None:
    spec.given(*KNOWN, invited()).when(close("declined", "user-2")).then(closed("declined", "user-2"))
    spec.given(*KNOWN, invited()).when(close("declined", "user-3")).then_refused("invitation-over")
    spec.given(*KNOWN, invited()).when(close("withdrawn", "user-1")).then(closed("withdrawn", "user-1"))
    spec.given(*KNOWN, invited()).when(close("withdrawn", "user-2")).then_refused("owner-only")
    gone = (*KNOWN, invited(), closed("withdrawn", "user-1"))
    spec.given(*gone).when(accept()).then_refused("invitation-over")
    spec.given(*gone).when(close("withdrawn", "user-1")).then_refused("invitation-over")


def test_the_owner_changes_what_others_may_do_but_never_its_own() -> None:
    two = (*KNOWN, invited(), added())
    less = ChangeUserRole(principal="user-2", role="read_only", by="user-1", on=TODAY)
    changed = ClaimantUserRoleChanged(
        claimant_id="clm_1", principal="user-2", role="read_only", changed_by="user-1", on=TODAY
    )
    spec.given(*two).when(less).then(changed)
    spec.given(*two, changed).when(less).then_nothing()
    spec.given(*two).when(ChangeUserRole(principal="user-1", role="member", by="user-1", on=TODAY)).then_refused(
        "owner-hands-over-first"
    )
    spec.given(*two).when(ChangeUserRole(principal="user-2", role="owner", by="user-1", on=TODAY)).then_refused(
        "ownership-is-handed-over"
    )
    spec.given(*two).when(ChangeUserRole(principal="user-2", role="member", by="user-2", on=TODAY)).then_refused(
        "owner-only"
    )
    spec.given(*two).when(ChangeUserRole(principal="user-9", role="member", by="user-1", on=TODAY)).then_refused(
        "user-unknown"
    )


def test_a_user_is_removed_by_the_owner_or_leaves_but_the_owner_hands_over_first() -> None:
    two = (*KNOWN, invited(), added())
    for by in ("user-1", "user-2"):
        gone = ClaimantUserRemoved(claimant_id="clm_1", principal="user-2", removed_by=by, on=TODAY)
        spec.given(*two).when(RemoveUser(principal="user-2", by=by, on=TODAY)).then(gone)
        assert roles(*two, gone) == {"user-1": "owner"}
    spec.given(*two).when(RemoveUser(principal="user-1", by="user-1", on=TODAY)).then_refused("owner-hands-over-first")
    spec.given(*two).when(RemoveUser(principal="user-1", by="user-2", on=TODAY)).then_refused(
        "owner-only", "owner-hands-over-first"
    )
    spec.given(*KNOWN).when(RemoveUser(principal="user-9", by="user-1", on=TODAY)).then_refused("user-unknown")


def test_ownership_is_handed_over_and_the_one_before_may_then_leave() -> None:
    two = (*KNOWN, invited(), added())
    spec.given(*two).when(HandOverOwnership(principal="user-2", by="user-1", on=TODAY)).then(HANDED_OVER)
    assert roles(*two, HANDED_OVER) == {"user-1": "member", "user-2": "owner"}
    spec.given(*two).when(HandOverOwnership(principal="user-2", by="user-2", on=TODAY)).then_refused("owner-only")
    spec.given(*two).when(HandOverOwnership(principal="user-9", by="user-1", on=TODAY)).then_refused("user-unknown")
    spec.given(*two).when(HandOverOwnership(principal="user-1", by="user-1", on=TODAY)).then_nothing()
    gone = ClaimantUserRemoved(claimant_id="clm_1", principal="user-1", removed_by="user-1", on=TODAY)
    spec.given(*two, HANDED_OVER).when(RemoveUser(principal="user-1", by="user-1", on=TODAY)).then(gone)


def test_a_claimant_has_so_many_users_and_open_invitations_and_no_more() -> None:
    open_ = tuple(invited(f"user-i{n}", number=n) for n in range(INVITATIONS_MAX))
    spec.given(*KNOWN, *open_[1:]).when(invite(number=99)).then(invited(number=99))
    spec.given(*KNOWN, *open_).when(invite(number=99)).then_refused("too-many-users")
    users = [
        fact for n in range(USERS_MAX - 1) for fact in (invited(f"user-u{n}", number=n), added(f"user-u{n}", number=n))
    ]
    spec.given(*KNOWN, *users[:-2]).when(invite(number=99)).then(invited(number=99))
    spec.given(*KNOWN, *users).when(invite(number=99)).then_refused("too-many-users")


NAMES = st.sampled_from(["user-1", "user-2", "user-3", "user-4"])
ROLES: st.SearchStrategy[UserRole] = st.sampled_from(["owner", "member", "read_only"])
NUMBERS = st.integers(1, 3)
COMMANDS: st.SearchStrategy[Any] = st.one_of(
    st.builds(invite, st.one_of(st.none(), NAMES), ROLES, NAMES, NUMBERS),
    st.builds(
        lambda by, n, token, late: AcceptInvitation(
            invitation_id=f"inv_{n}", by=by, showed_token=token, at=NOW + late * timedelta(days=15), on=TODAY
        ),
        NAMES, NUMBERS, st.booleans(), st.integers(0, 1),
    ),
    st.builds(lambda p, role, by: ChangeUserRole(principal=p, role=role, by=by, on=TODAY), NAMES, ROLES, NAMES),
    st.builds(lambda p, by: RemoveUser(principal=p, by=by, on=TODAY), NAMES, NAMES),
    st.builds(lambda p, by: HandOverOwnership(principal=p, by=by, on=TODAY), NAMES, NAMES),
)  # fmt: skip


@for_all(st.lists(COMMANDS, max_size=25))
def test_whatever_is_asked_there_is_one_owner_and_only_the_owner_changed_others(commands: list[Any]) -> None:
    state = claimant.fold(KNOWN)
    for command in commands:
        assert isinstance(state, Registered)
        owner = state.users.owner
        try:
            new = claimant.decide(command, state)
        except Refused:
            continue
        for fact in new:
            state = claimant.evolve(state, fact)
        assert isinstance(state, Registered)
        assert [role for role in state.users.roles.values() if role == "owner"] == ["owner"]
        if new and not isinstance(command, AcceptInvitation):
            assert command.by in {owner, getattr(command, "principal", None)}
