"""Whom a claimant's owner has removed, or lets only look, proposes nothing, whatever the token still says."""

from collections.abc import Callable
from typing import Any

import pytest

from services.contracts.tables import withheld
from shared.events.registry.claimants import (
    ClaimantOwnershipHandedOver,
    ClaimantUserAdded,
    ClaimantUserRemoved,
    ClaimantUserRoleChanged,
    UserRole,
)
from shared.http.policy import Role
from shared.kernel.refusal import Refused
from shared.procedures.acting import check_may_act
from shared.store.transaction import UnknownSubjectError
from tests.integration.contracts.office import MARCH_2, Office, Pair
from tests.integration.contracts.test_api import Doors, doors, proposal

__all__ = ["doors"]


def added(pair: Pair, role: UserRole, user: str = "user-2") -> ClaimantUserAdded:
    return ClaimantUserAdded(claimant_id=pair.claimant_id, principal=user, role=role, invitation_id="inv_1", on=MARCH_2)


def changed(pair: Pair, role: UserRole, user: str = "user-2") -> ClaimantUserRoleChanged:
    return ClaimantUserRoleChanged(
        claimant_id=pair.claimant_id, principal=user, role=role, changed_by="user-1", on=MARCH_2
    )


def removed(pair: Pair, user: str = "user-2") -> ClaimantUserRemoved:
    return ClaimantUserRemoved(claimant_id=pair.claimant_id, principal=user, removed_by="user-1", on=MARCH_2)


def handed_over(pair: Pair, owner: str = "user-2") -> ClaimantOwnershipHandedOver:
    return ClaimantOwnershipHandedOver(claimant_id=pair.claimant_id, owner=owner, previous="user-1", on=MARCH_2)


STORIES: list[tuple[list[Callable[[Pair], Any]], str]] = [
    ([], "acts"),
    ([lambda pair: added(pair, "member")], "acts"),
    ([lambda pair: added(pair, "read_only")], "looks"),
    ([lambda pair: added(pair, "read_only"), lambda pair: changed(pair, "member")], "acts"),
    ([lambda pair: added(pair, "member"), lambda pair: changed(pair, "read_only")], "looks"),
    ([lambda pair: added(pair, "member"), removed], "gone"),
    ([lambda pair: added(pair, "read_only"), removed], "gone"),
    ([lambda pair: added(pair, "member"), removed, lambda pair: added(pair, "member")], "acts"),
    ([lambda pair: added(pair, "member"), removed, lambda pair: added(pair, "read_only")], "looks"),
    ([lambda pair: added(pair, "read_only"), handed_over], "acts"),
    ([removed, removed], "gone"),
]


@pytest.mark.parametrize(("story", "outcome"), STORIES)
async def test_the_last_thing_said_of_a_user_counts(
    office: Office, story: list[Callable[[Pair], Any]], outcome: str
) -> None:
    office.clock.set_to(MARCH_2)
    pair, other = await office.meet(), await office.meet()
    for fact in story:
        await office.hear(fact(pair))
    assert await _may_act(office, pair) == outcome
    assert await _may_act(office, other) == "acts"


async def _may_act(office: Office, pair: Pair) -> str:
    try:
        await office.do(lambda tx: check_may_act(tx, withheld, pair.claimant_id, "user-2"))
    except Refused as refused:
        return {"user-may-only-read": "looks"}[" ".join(reason.code for reason in refused.reasons)]
    except UnknownSubjectError:
        return "gone"
    return "acts"


async def test_a_token_that_is_older_than_the_removal_proposes_nothing(doors: Doors) -> None:
    pair = await doors.office.meet()
    user = f"company-{pair.claimant_id}"
    desk = doors.claimant(pair)
    assert (await desk.post("/projects", proposal(pair))).status_code == 201
    await doors.office.hear(changed(pair, "read_only", user))
    refused = await desk.post("/projects", proposal(pair))
    assert (refused.status_code, refused.json()["code"]) == (403, "user-may-only-read")
    await doors.office.hear(removed(pair, user))
    assert (await desk.post("/projects", proposal(pair))).status_code == 404
    await doors.office.hear(added(pair, "member", user))
    assert (await desk.post("/projects", proposal(pair))).status_code == 201
    assert (await doors.role(Role.OFFICER).get("/projects")).status_code == 200
