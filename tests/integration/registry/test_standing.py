"""Experts and measures over HTTP, and what the audit finds, on a real database."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from shared.audit import Count
from shared.events.registry.providers import ProviderDelisted
from shared.events.registry.standing import PartySanctioned, SanctionLifted
from shared.http.policy import Role
from tests.integration.registry.bodies import company, fresh_code, institution, instrument
from tests.integration.registry.house import House, Person
from tests.integration.registry.profiles import described

A_DAY = timedelta(days=1)


async def sanctioned(house: House, party_id: str, measure: str, **more: Any) -> str:
    """Have one officer propose a measure and another impose it."""
    body = {"party_id": party_id, "measure": measure, "grounds": "经查实转让创新券", **more}
    proposed = await house.person(Role.OFFICER, "officer-1").post("/v1/sanctions", body)
    assert proposed.status_code == 201, proposed.text
    path = proposed.headers["location"]
    imposed = await house.person(Role.APPROVER, "officer-2").post(f"{path}/approval", version=proposed)
    assert (imposed.status_code, imposed.json()["stage"]) == (200, "in_force"), imposed.text
    return str(proposed.json()["sanction_id"])


async def enterprise(house: House, principal: str, **changes: Any) -> tuple[Person, str]:
    boss = house.person(Role.CLAIMANT, principal)
    made = await boss.post("/v1/claimants", company(**changes))
    return boss, made.json()["claimant_id"]


async def laboratory(house: House, principal: str, **changes: Any) -> tuple[Person, str]:
    officer = house.person(Role.OFFICER, "officer-1")
    made = await officer.post("/v1/providers", institution(principal=principal, **changes))
    return house.person(Role.PROVIDER, principal), made.json()["provider_id"]


async def test_an_expert_is_enrolled_once_with_an_employer_of_this_register(house: House) -> None:
    officer = house.person(Role.OFFICER, "officer-1")
    _, employer_id = await laboratory(house, "employer-1")
    made = await officer.post("/v1/experts", {"principal": "expert-1", "employer_id": employer_id})
    assert (made.status_code, made.json()["employer_id"]) == (201, employer_id)
    assert (await officer.get(made.headers["location"])).json() == made.json()
    twin = await officer.post("/v1/experts", {"principal": "expert-1"})
    assert (twin.status_code, twin.json()["code"]) == (409, "expert-already-enrolled")
    nobody = await officer.post("/v1/experts", {"principal": "expert-2", "employer_id": "prv_unknown"})
    assert (nobody.status_code, nobody.json()["code"]) == (422, "party-unknown")


async def test_two_officers_ban_a_claimant_and_time_ends_the_ban(house: House) -> None:
    boss, claimant_id = await enterprise(house, "banned-1")
    standing = f"/v1/parties/{claimant_id}/standing"
    assert (await boss.get(standing)).json()["good"] is True
    sanction_id = await sanctioned(house, claimant_id, "disqualify")
    imposed = (await house.facts())[-1]
    assert isinstance(imposed, PartySanctioned)
    assert (imposed.on.isoformat(), str(imposed.until)) == ("2026-11-23", "2029-11-23")
    told = (await boss.get(standing)).json()
    assert [(m["sanction_id"], m["until"]) for m in told["measures"]] == [(sanction_id, "2029-11-23")]
    assert "转让" not in (await boss.get(standing)).text
    assert (await house.person(Role.CLAIMANT, "stranger").get(standing)).status_code == 404
    began = house.clock.instant
    await house.wait(3 * 365 * A_DAY + A_DAY)  # its last day
    assert (await boss.get(standing)).json()["good"] is False
    await house.wait(A_DAY)
    assert isinstance((await house.facts())[-1], SanctionLifted)
    assert (await boss.get(standing)).json()["good"] is True
    house.clock.instant = began


async def test_nobody_imposes_the_own_proposal_and_nothing_has_happened(house: House) -> None:
    boss, claimant_id = await enterprise(house, "spared-1")
    body = {"party_id": claimant_id, "measure": "disqualify", "grounds": "经查实"}
    proposed = await house.person(Role.OFFICER, "officer-9").post("/v1/sanctions", body)
    same = house.person(Role.APPROVER, "officer-9")
    refused = await same.post(f"{proposed.headers['location']}/approval", version=proposed)
    assert (refused.status_code, refused.json()["code"]) == (403, "four-eyes")
    assert (await boss.get(f"/v1/parties/{claimant_id}/standing")).json()["good"] is True
    unknown = await same.post("/v1/sanctions/snc_00000000000000000000000000/approval", version=proposed)
    assert unknown.status_code == 404


async def test_a_banned_body_does_nothing_new_under_any_name(house: House) -> None:
    code = fresh_code()
    lab, provider_id = await laboratory(house, "banned-lab", credit_code=code)
    await sanctioned(house, provider_id, "disqualify")
    refused = await lab.post("/v1/facilities", instrument())
    assert (refused.status_code, refused.json()["code"]) == (409, "party-barred")
    other_name = await house.person(Role.CLAIMANT, "other-name").post("/v1/claimants", company(credit_code=code))
    assert (other_name.status_code, other_name.json()["code"]) == (409, "party-barred")


async def test_a_suspension_bars_from_nothing_new(house: House) -> None:
    lab, provider_id = await laboratory(house, "suspended-lab")
    await sanctioned(house, provider_id, "suspend_disbursement", until="2026-12-31")
    assert (await lab.post("/v1/facilities", instrument())).status_code == 201


async def test_a_delisted_provider_and_its_facilities_leave_the_public_lists(house: House) -> None:
    lab, provider_id = await laboratory(house, "struck-lab")
    await lab.post("/v1/facilities", instrument())
    await sanctioned(house, provider_id, "delist")
    assert [type(fact) for fact in (await house.facts())[-2:]] == [PartySanctioned, ProviderDelisted]
    await house.project()
    query = {"provider_id": provider_id}
    assert (await house.client.get("/v1/facilities", params=query)).json()["items"] == []
    shown = (await house.client.get("/v1/providers", params={"limit": 200})).json()["items"]
    assert provider_id not in {item["provider_id"] for item in shown}
    assert (await house.client.get(f"/v1/providers/{provider_id}")).json()["delisted_on"] is not None
    assert (await lab.post("/v1/facilities", instrument(number="X-2"))).status_code == 409


def barred(standing: httpx.Response) -> dict[str, list[str]]:
    """Give what stands against each act of a party."""
    return {each["act"]: [reason["code"] for reason in each["reasons"]] for each in standing.json()["may"]}


async def test_standing_says_what_a_company_may_do_today(house: House) -> None:
    boss, claimant_id = await enterprise(house, "asks-1")
    standing = f"/v1/parties/{claimant_id}/standing"
    assert barred(await boss.get(standing)) == {"claim": [], "contract": [], "redeem": []}
    made = await boss.get(f"/v1/claimants/{claimant_id}")
    changed = await boss.post(f"/v1/claimants/{claimant_id}/profile", described(staff=501), version=made)
    assert changed.json()["eligibility"] == "fail"
    told = await boss.get(standing)
    assert barred(told) == {"claim": ["claimant-not-eligible"], "contract": ["claimant-not-eligible"], "redeem": []}
    reason = told.json()["may"][0]["reasons"][0]
    assert (reason["article"], reason["title"]) == ("7", "申领单位不符合申领条件")
    await sanctioned(house, claimant_id, "disqualify")
    assert barred(await boss.get(standing)) == {
        "claim": ["party-barred", "claimant-not-eligible"],
        "contract": ["party-barred", "claimant-not-eligible"],
        "redeem": ["disbursement-suspended"],
    }


async def test_standing_says_what_an_institution_may_do_today(house: House) -> None:
    lab, provider_id = await laboratory(house, "asks-2")
    standing = f"/v1/parties/{provider_id}/standing"
    assert barred(await lab.get(standing)) == {"contract": [], "redeem": [], "be_appraised": []}
    firm, firm_id = await laboratory(house, "asks-3", third_party_testing=True)
    excluded = barred(await firm.get(f"/v1/parties/{firm_id}/standing"))
    assert excluded == {"contract": [], "redeem": [], "be_appraised": ["third-party-testing-excluded"]}
    await sanctioned(house, provider_id, "delist")
    assert barred(await lab.get(standing)) == {
        "contract": ["provider-not-listed", "party-barred"],
        "redeem": ["disbursement-suspended"],
        "be_appraised": ["provider-not-listed", "party-barred"],
    }


async def test_a_suspension_stands_to_the_end_of_its_last_day_and_no_longer(house: House) -> None:
    lab, provider_id = await laboratory(house, "asks-4")
    began = house.clock.instant
    await sanctioned(house, provider_id, "suspend_disbursement", until="2026-11-24")
    house.clock.instant += A_DAY  # its last day
    assert barred(await lab.get(f"/v1/parties/{provider_id}/standing"))["redeem"] == ["disbursement-suspended"]
    house.clock.instant += A_DAY  # over, though nobody has swept yet
    after = await lab.get(f"/v1/parties/{provider_id}/standing")
    assert (barred(after)["redeem"], after.json()["good"]) == ([], True)
    house.clock.instant = began


async def test_the_audit_finds_nothing_in_a_register_that_sanctions(house: House) -> None:
    assert {found for each in (await house.breaches()).values() for found in each} == set()


PLANTED = {
    "R1": "UPDATE claimants SET credit_code = '91110106MAY10000XX' WHERE principal = 'spared-1'",
    "R2": "UPDATE claimants SET profile = jsonb_set(profile, '{staff}', '3') WHERE principal = 'spared-1'",
    "R3": "UPDATE events SET data = jsonb_set(data, '{approved_by}', data->'proposed_by')"
    " WHERE type = 'cxq.registry.party-sanctioned.v1'",
    "M7": "UPDATE events SET data = jsonb_set(data, '{kind}', '\"beijing_based\"')"
    " WHERE type = 'cxq.registry.provider-listed.v1'",
    "M8": "UPDATE events SET data = jsonb_set(data, '{measure}', '\"disqualify\"')"
    " WHERE type = 'cxq.registry.party-sanctioned.v1' AND data->>'measure' = 'suspend_disbursement'",
}


@pytest.mark.parametrize("check", PLANTED)
async def test_a_planted_breach_is_named_by_its_check_alone(house: House, check: str) -> None:
    async with house.owner() as connection:
        await connection.execute(sa.text("ALTER TABLE events DISABLE TRIGGER events_append_only"))
        changed = await connection.execute(sa.text(PLANTED[check].replace(":", "\\:")))
        assert changed.rowcount > 0
        found = {each.id: [breach.found async for breach in each.look(connection, Count())]
                 for each in house.context.checks}  # fmt: skip
        await connection.rollback()
    assert [name for name, breaches in found.items() if breaches] == [check]
