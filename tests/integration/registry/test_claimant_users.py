"""Several users of one claimant over HTTP: what each may do, invitations, and two who want one principal at once."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.registry.tables import claimant_invitations, claimant_users
from shared.events.registry.claimants import (
    ClaimantInvitationClosed,
    ClaimantOwnershipHandedOver,
    ClaimantUserAdded,
    ClaimantUserRemoved,
    ClaimantUserRoleChanged,
)
from shared.http.policy import Role
from tests.integration.registry.bodies import company
from tests.integration.registry.house import House, Person
from tests.integration.registry.profiles import described

CERTIFICATES: dict[str, Any] = {"certificates": []}
ACCOUNT = {"holder": "北京璟算软件技术有限公司", "bank": "某银行北京中关村支行", "account": "11001010400000001"}


async def owner_of(house: House, principal: str) -> tuple[Person, str]:
    boss = house.person(Role.CLAIMANT, principal)
    made = await boss.post("/v1/claimants", company())
    assert made.status_code == 201, made.text
    return boss, str(made.headers["location"])


async def joined(house: House, boss: Person, path: str, principal: str, role: str = "member") -> Person:
    """Let somebody become a user by an invitation that names the principal."""
    invited = await boss.post(f"{path}/invitations", {"role": role, "principal": principal})
    assert invited.status_code == 201, invited.text
    user = house.person(Role.CLAIMANT, principal)
    accepted = await user.post(f"{invited.headers['location']}/acceptance", {})
    assert accepted.status_code == 200, accepted.text
    return user


async def users(person: Person, path: str) -> dict[str, str]:
    seen = (await person.get(f"{path}/users")).json()
    return {user["principal"]: user["role"] for user in seen["users"]}


async def test_the_invited_sees_the_invitation_and_joins(house: House) -> None:
    boss, path = await owner_of(house, "owner-1")
    user = house.person(Role.CLAIMANT, "colleague-1")
    assert (await user.get(path)).status_code == 404
    invited = await boss.post(f"{path}/invitations", {"role": "member", "principal": "colleague-1"})
    assert (invited.status_code, invited.json()["token"]) == (201, None)
    (seen,) = (await user.get("/v1/claimant-invitations")).json()["items"]
    assert (seen["invitation_id"], seen["claimant_name"]) == (
        invited.json()["invitation_id"],
        "北京璟算软件技术有限公司",
    )
    accepted = await user.post(f"{invited.headers['location']}/acceptance", {})
    assert accepted.status_code == 200
    assert await users(user, path) == {"owner-1": "owner", "colleague-1": "member"}
    assert (await user.get(path)).status_code == 200
    assert (await user.get("/v1/claimant-invitations")).json()["items"] == []
    await house.project()
    listed = (await user.get("/v1/claimants")).json()["items"]
    assert [item["claimant_id"] for item in listed] == [path.rpartition("/")[2]]
    assert (await user.get(f"/v1/parties/{path.rpartition('/')[2]}/standing")).status_code == 200


async def test_a_one_time_token_works_once_and_only_its_hash_is_kept(house: House) -> None:
    boss, path = await owner_of(house, "owner-2")
    invited = await boss.post(f"{path}/invitations", {"role": "read_only"}, key="an-invitation-key")
    token, where = invited.json()["token"], invited.headers["location"]
    async with house.owner() as connection:
        (kept,) = (await connection.execute(sa.select(claimant_invitations.c.token_hash))).scalars()
        answers = await connection.exec_driver_sql("SELECT convert_from(body, 'UTF8') FROM idempotency")
        log = await connection.exec_driver_sql("SELECT data::text || metadata::text FROM events")
        written = "".join([*answers.scalars(), *log.scalars()])
    assert kept == hashlib.sha256(token.encode()).hexdigest()
    assert token not in written
    stranger = house.person(Role.CLAIMANT, "colleague-2")
    assert (await stranger.post(f"{where}/acceptance", {})).status_code == 404
    assert (await stranger.post(f"{where}/acceptance", {"token": "x" * 43})).status_code == 404
    assert (await stranger.post(f"{where}/refusal", {"token": "x" * 43})).status_code == 404
    assert (await stranger.post(f"{where}/acceptance", {"token": token})).status_code == 200
    assert await users(boss, path) == {"owner-2": "owner", "colleague-2": "read_only"}
    late = await house.person(Role.CLAIMANT, "colleague-2b").post(f"{where}/acceptance", {"token": token})
    assert late.status_code == 404


async def test_an_invitation_is_declined_withdrawn_or_ends_by_itself(house: House) -> None:
    boss, path = await owner_of(house, "owner-3")
    user = house.person(Role.CLAIMANT, "colleague-3")
    for outcome in ("declined", "withdrawn", "expired"):
        made = await boss.post(f"{path}/invitations", {"role": "member", "principal": "colleague-3"})
        where, invitation_id = made.headers["location"], made.json()["invitation_id"]
        if outcome == "declined":
            assert (await user.post(f"{where}/refusal", {})).json()["state"] == "declined"
        elif outcome == "withdrawn":
            withdrawal = f"{path}/invitations/{invitation_id}/withdrawal"
            assert (await user.post(withdrawal)).status_code == 404
            assert (await boss.post(withdrawal)).json()["invitations"] == []
        else:
            assert await house.wait(timedelta(days=13)) == 0
            assert await house.wait(timedelta(days=1)) > 0
        closed = (await house.facts())[-1]
        assert isinstance(closed, ClaimantInvitationClosed)
        assert (closed.invitation_id, closed.outcome) == (invitation_id, outcome)
        assert (await user.post(f"{where}/acceptance", {})).status_code == 404
    assert await users(boss, path) == {"owner-3": "owner"}


async def operations(person: Person, path: str, version: httpx.Response) -> dict[str, int]:
    """Try everything that changes a claimant, on a version that is known to be old: 412 is let in, 403 is not."""
    stale = httpx.Response(200, headers={"etag": '"0"'})
    return {
        "profile": (await person.post(f"{path}/profile", described(), version=stale)).status_code,
        "certificates": (await person.post(f"{path}/certificates", CERTIFICATES, version=stale)).status_code,
        "related parties": (await person.post(f"{path}/related-parties", {"parties": []}, version=stale)).status_code,
        "bank account": (await person.post(f"{path}/bank-account", ACCOUNT)).status_code,
        "invitation": (await person.post(f"{path}/invitations", {"role": "member"})).status_code,
        "role": (await person.post(f"{path}/users/nobody/role", {"role": "member"}, version=version)).status_code,
        "removal": (await person.post(f"{path}/users/nobody/removal", version=version)).status_code,
        "ownership": (await person.post(f"{path}/ownership", {"principal": "nobody"}, version=version)).status_code,
    }


@pytest.mark.parametrize(
    ("role", "acts", "owns"), [("owner", 412, 422), ("member", 412, 403), ("read_only", 403, 403), ("", 404, 404)]
)
async def test_each_role_may_do_what_it_may(house: House, role: str, acts: int, owns: int) -> None:
    boss, path = await owner_of(house, f"owner-of-{role or 'stranger'}")
    person = boss
    if role in {"member", "read_only"}:
        person = await joined(house, boss, path, f"{role}-a", role)
    elif not role:
        person = house.person(Role.CLAIMANT, "stranger-a")
    version = await boss.get(path)
    expected = {"profile": acts, "certificates": acts, "related parties": acts}
    expected |= {"bank account": 200 if role == "owner" else owns, "invitation": 201 if role == "owner" else owns}
    if role == "owner":  # Its own invitation has made the version an old one.
        owns = 412
    expected |= {"role": owns, "removal": owns, "ownership": owns}
    assert await operations(person, path, version) == expected
    seen = {
        what: (await person.get(path + what)).status_code
        for what in ("", "/users", "/profile-versions", "/eligibility", "/related-parties")
    }
    assert set(seen.values()) == {200 if role else 404}


async def test_who_is_removed_or_may_only_read_changes_nothing_from_that_moment(house: House) -> None:
    boss, path = await owner_of(house, "owner-4")
    user = await joined(house, boss, path, "colleague-4")
    changed = await user.post(f"{path}/certificates", CERTIFICATES, version=await user.get(path))
    assert changed.status_code == 200
    less = await boss.post(f"{path}/users/colleague-4/role", {"role": "read_only"}, version=changed)
    assert less.status_code == 200
    refused = await user.post(f"{path}/certificates", CERTIFICATES, version=await user.get(path))
    assert (refused.status_code, refused.json()["code"]) == (403, "user-may-only-read")
    assert refused.json()["rule"]["article"] == "10(1)"
    gone = await boss.post(f"{path}/users/colleague-4/removal", version=less)
    assert gone.status_code == 200
    assert (await user.post(f"{path}/certificates", CERTIFICATES, version=gone)).status_code == 404
    assert (await user.get(path)).status_code == 404
    facts = [fact for fact in await house.facts() if getattr(fact, "principal", "") == "colleague-4"]
    assert [type(fact) for fact in facts[1:]] == [ClaimantUserAdded, ClaimantUserRoleChanged, ClaimantUserRemoved]


async def test_ownership_is_handed_over_and_the_founder_may_then_found_another(house: House) -> None:
    boss, path = await owner_of(house, "owner-5")
    heir = await joined(house, boss, path, "heir-5")
    stays = await boss.post(f"{path}/users/owner-5/removal", version=await boss.get(path))
    assert (stays.status_code, stays.json()["code"]) == (409, "owner-hands-over-first")
    over = await boss.post(f"{path}/ownership", {"principal": "heir-5"}, version=await boss.get(path))
    assert over.status_code == 200
    assert isinstance((await house.facts())[-1], ClaimantOwnershipHandedOver)
    assert await users(heir, path) == {"owner-5": "member", "heir-5": "owner"}
    assert (await boss.post("/v1/claimants", company())).json()["code"] == "principal-has-claimant"
    left = await boss.post(f"{path}/users/owner-5/removal", version=over)
    assert left.status_code == 200
    assert (await boss.post("/v1/claimants", company())).status_code == 201


async def test_a_principal_belongs_to_one_claimant(house: House) -> None:
    boss, path = await owner_of(house, "owner-6")
    _, other_path = await owner_of(house, "owner-7")
    invited = await boss.post(f"{path}/invitations", {"role": "member", "principal": "owner-7"})
    refused = await house.person(Role.CLAIMANT, "owner-7").post(f"{invited.headers['location']}/acceptance", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "principal-has-claimant")
    assert other_path != path


async def test_of_two_claimants_that_want_one_principal_at_once_one_gets_it(house: House) -> None:
    wanted = house.person(Role.CLAIMANT, "wanted-1")
    places = []
    for number in range(4):
        boss, path = await owner_of(house, f"wooer-{number}")
        places.append(
            (await boss.post(f"{path}/invitations", {"role": "member", "principal": "wanted-1"})).headers["location"]
        )
    answers = await asyncio.gather(
        wanted.post("/v1/claimants", company()), *(wanted.post(f"{place}/acceptance", {}) for place in places)
    )
    won = [answer for answer in answers if answer.is_success]
    lost = [answer.json()["code"] for answer in answers if not answer.is_success]
    assert len(won) == 1
    assert lost == ["principal-has-claimant"] * 4
    async with house.owner() as connection:
        mine = sa.select(claimant_users).where(claimant_users.c.principal == "wanted-1")
        assert len((await connection.execute(mine)).all()) == 1


async def test_of_two_who_show_one_token_at_once_one_joins(house: House) -> None:
    boss, path = await owner_of(house, "owner-8")
    invited = await boss.post(f"{path}/invitations", {"role": "member"})
    rivals = [house.person(Role.CLAIMANT, f"bearer-{number}") for number in range(4)]
    token = {"token": invited.json()["token"]}
    answers = await asyncio.gather(
        *(rival.post(f"{invited.headers['location']}/acceptance", token) for rival in rivals)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]
    assert len(await users(boss, path)) == 2


async def test_the_audit_finds_a_user_nobody_has_added_and_an_owner_who_is_missing(house: House) -> None:
    _, path = await owner_of(house, "owner-9")
    assert (await house.breaches())["R10"] == []
    intruder = {"principal": "intruder", "claimant_id": path.rpartition("/")[2], "role": "member"}
    async with house.owner() as connection:
        await connection.execute(sa.insert(claimant_users).values(**intruder))
    assert (await house.breaches())["R10"] == ["its users are not those of the log"]
    async with house.owner() as connection:
        await connection.execute(sa.delete(claimant_users).where(claimant_users.c.principal == "intruder"))
        await connection.execute(sa.delete(claimant_users).where(claimant_users.c.principal == "owner-9"))
    assert (await house.breaches())["R10"] == ["its users are not those of the log"]
    async with house.owner() as connection:
        await connection.execute(
            sa.insert(claimant_users).values(principal="owner-9", claimant_id=path.rpartition("/")[2], role="owner")
        )
    assert (await house.breaches())["R10"] == []
