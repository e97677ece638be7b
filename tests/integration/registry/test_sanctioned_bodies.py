"""A measure of art. 17 concerns the body, whatever it takes part as; experts and agencies bear one too."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from shared.audit import Count
from shared.events.registry.standing import PartySanctioned, SanctionLifted
from shared.http.policy import Role
from tests.integration.registry.bodies import company, fresh_code
from tests.integration.registry.house import House
from tests.integration.registry.institutions import (
    insisted,
    laboratory_form,
    referral_agency,
    service_agency,
)
from tests.integration.registry.institutions import laboratory as catalogued
from tests.integration.registry.test_bookings import bench
from tests.integration.registry.test_standing import barred, enterprise, laboratory, sanctioned

A_DAY = timedelta(days=1)


async def measures_of(house: House, party_id: str) -> list[dict[str, Any]]:
    """Give what stands against a party today, as the office sees it."""
    answer = await house.person(Role.AUDITOR, "auditor-1").get(f"/v1/parties/{party_id}/standing")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["measures"]
    return found


async def test_a_ban_found_on_a_provider_stands_against_the_claimant_it_is_too(house: House) -> None:
    code = fresh_code()
    _, provider_id = await laboratory(house, "two-hats-lab", credit_code=code)
    boss, claimant_id = await enterprise(house, "two-hats-boss", credit_code=code)
    _, stranger_id = await enterprise(house, "one-hat-boss")
    sanction_id = await sanctioned(house, provider_id, "disqualify")
    first, second = (await house.facts())[-3::2]
    assert isinstance(first, PartySanctioned)
    assert isinstance(second, PartySanctioned)
    assert (first.party_id, second.party_id, second.party_kind) == (provider_id, claimant_id, "claimant")
    assert (first.until, first.approved_by) == (second.until, second.approved_by)
    told = await boss.get(f"/v1/parties/{claimant_id}/standing")
    assert barred(told)["claim"] == ["party-barred"]
    (carried,) = told.json()["measures"]
    shown = await house.person(Role.OFFICER, "officer-1").get(f"/v1/sanctions/{carried['sanction_id']}")
    assert (shown.json()["carried_from"], shown.json()["grounds"]) == (sanction_id, "经查实转让创新券")
    assert await measures_of(house, stranger_id) == []
    began = house.clock.instant
    await house.wait(3 * 365 * A_DAY + 2 * A_DAY)
    lifted = {fact.party_id for fact in await house.facts() if isinstance(fact, SanctionLifted)}
    assert {provider_id, claimant_id} <= lifted
    assert (await boss.get(f"/v1/parties/{claimant_id}/standing")).json()["good"] is True
    house.clock.instant = began


async def test_payments_of_a_body_are_suspended_under_an_id_it_takes_later_too(house: House) -> None:
    code = fresh_code()
    _, claimant_id = await enterprise(house, "suspended-first", credit_code=code)
    await sanctioned(house, claimant_id, "suspend_disbursement", until="2026-12-31")
    lab, provider_id = await laboratory(house, "provider-later", credit_code=code)
    assert [(each["measure"], each["until"]) for each in await measures_of(house, provider_id)] == [
        ("suspend_disbursement", "2026-12-31")
    ]
    assert barred(await lab.get(f"/v1/parties/{provider_id}/standing"))["redeem"] == ["disbursement-suspended"]


async def test_who_was_struck_off_the_list_of_providers_may_still_claim(house: House) -> None:
    code, later = fresh_code(), fresh_code()
    _, provider_id = await laboratory(house, "struck-two-hats", credit_code=code)
    boss, claimant_id = await enterprise(house, "struck-boss", credit_code=code)
    await sanctioned(house, provider_id, "delist")
    assert barred(await boss.get(f"/v1/parties/{claimant_id}/standing"))["claim"] == []
    _, provider_id = await laboratory(house, "struck-before", credit_code=later)
    await sanctioned(house, provider_id, "delist")
    made = await house.person(Role.CLAIMANT, "claims-after").post("/v1/claimants", company(credit_code=later))
    assert made.status_code == 201, made.text


async def test_a_ban_and_a_registration_at_once_leave_no_unbarred_claimant(house: House) -> None:
    for number in range(4):
        code = fresh_code()
        _, provider_id = await laboratory(house, f"racing-lab-{number}", credit_code=code)
        body = {"party_id": provider_id, "measure": "disqualify", "grounds": "经查实套取财政资金"}
        proposed = await house.person(Role.OFFICER, "officer-1").post("/v1/sanctions", body)
        approver, boss = house.person(Role.APPROVER, "officer-2"), house.person(Role.CLAIMANT, f"racing-boss-{number}")
        imposed, made = await asyncio.gather(
            approver.post(f"{proposed.headers['location']}/approval", version=proposed),
            insisted(boss, "/v1/claimants", company(credit_code=code)),
        )
        assert imposed.status_code == 200, imposed.text
        if made.status_code == 409:
            assert made.json()["code"] == "party-barred"
        else:
            assert await measures_of(house, made.json()["claimant_id"]), "registered, and not barred"


async def test_an_expert_is_disqualified_and_asks_what_is_still_allowed(house: House) -> None:
    officer, expert = house.person(Role.OFFICER, "officer-1"), house.person(Role.EXPERT, "expert-sold")
    made = await officer.post("/v1/experts", {"principal": "expert-sold"})
    expert_id = made.json()["expert_id"]
    standing = f"/v1/parties/{expert_id}/standing"
    assert barred(await expert.get(standing)) == {"judge": []}
    assert (await house.person(Role.EXPERT, "expert-other").get(standing)).status_code == 404
    body = {"party_id": expert_id, "measure": "suspend_disbursement", "until": "2026-12-31", "grounds": "泄漏商业秘密"}
    nothing = await officer.post("/v1/sanctions", body)
    assert (nothing.status_code, nothing.json()["code"]) == (422, "nothing-to-suspend")
    await sanctioned(house, expert_id, "disqualify")
    imposed = (await house.facts())[-1]
    assert isinstance(imposed, PartySanctioned)
    assert (imposed.party_id, imposed.party_kind) == (expert_id, "expert")
    assert barred(await expert.get(standing)) == {"judge": ["party-barred"]}


async def test_agencies_and_laboratories_are_told_what_a_measure_takes(house: House) -> None:
    referrer, joined = await referral_agency(house, "sanctioned-referrer")
    referrer_id = joined.json()["party_id"]
    assert barred(await referrer.get(f"/v1/parties/{referrer_id}/standing")) == {"refer": []}
    await sanctioned(house, referrer_id, "disqualify")
    assert barred(await referrer.get(f"/v1/parties/{referrer_id}/standing")) == {"refer": ["party-barred"]}
    agency, joined, provider = await service_agency(house, "sanctioned-agency")
    agency_id = joined.json()["party_id"]
    lab_id = (await catalogued(house, agency)).json()["party_id"]
    auditor = house.person(Role.AUDITOR, "auditor-1")
    assert barred(await auditor.get(f"/v1/parties/{lab_id}/standing")) == {"be_catalogued": []}
    await sanctioned(house, provider["provider_id"], "disqualify")  # the organisation that the laboratory belongs to
    assert barred(await auditor.get(f"/v1/parties/{lab_id}/standing")) == {"be_catalogued": ["party-barred"]}
    assert barred(await agency.get(f"/v1/parties/{agency_id}/standing")) == {"represent": []}
    await sanctioned(house, agency_id, "disqualify")
    assert barred(await agency.get(f"/v1/parties/{agency_id}/standing")) == {"represent": ["party-barred"]}
    refused = await agency.post("/v1/laboratories", await laboratory_form(agency, name="另一个实验室"))
    assert (refused.status_code, refused.json()["code"]) == (409, "party-barred")


@pytest.mark.parametrize("side", ["claimant", "provider"])
async def test_a_ban_between_the_wish_and_its_confirmation_stops_a_booking(house: House, side: str) -> None:
    here = await bench(house, f"barred-{side}")
    asked = await here.boss.post("/v1/bookings", here.slot(house.clock.instant + A_DAY))
    assert asked.status_code == 201, asked.text
    await sanctioned(house, here.claimant_id if side == "claimant" else asked.json()["provider_id"], "disqualify")
    stopped = await here.lab.post(f"{asked.headers['location']}/confirmation", version=asked)
    assert (stopped.status_code, stopped.json()["code"]) == (409, "party-barred")


@pytest.mark.parametrize("side", ["claimant", "agency"])
async def test_a_ban_between_the_offer_and_the_consent_stops_a_referral(house: House, side: str) -> None:
    agency, joined = await referral_agency(house, f"offers-{side}")
    agency_id = joined.json()["party_id"]
    owner, claimant_id = await enterprise(house, f"offered-by-{side}")
    path = f"/v1/referral-agencies/{agency_id}/referrals"
    assert (await agency.post(path, {"claimant_id": claimant_id})).status_code == 201
    await sanctioned(house, claimant_id if side == "claimant" else agency_id, "disqualify")
    stopped = await owner.post(f"{path}/{claimant_id}/consent")
    assert (stopped.status_code, stopped.json()["code"]) == (409, "party-barred")
    assert (await owner.post(f"{path}/{claimant_id}/end")).status_code == 200  # declining is nothing new


async def test_a_laboratory_of_a_barred_organisation_becomes_no_design_centre(house: House) -> None:
    agency, _, provider = await service_agency(house, "design-agency")
    lab_id = (await catalogued(house, agency)).json()["party_id"]
    await sanctioned(house, provider["provider_id"], "disqualify")
    officer = house.person(Role.OFFICER, "officer-1")
    stopped = await officer.post("/v1/design-centres", {"laboratory_id": lab_id})
    assert (stopped.status_code, stopped.json()["code"]) == (409, "party-barred")


_LAST = """UPDATE events SET data = jsonb_set(data, '{{{field}}}', '"{value}"') WHERE position = (
    SELECT max(position) FROM events WHERE type = 'cxq.registry.party-sanctioned.v1'
        AND data->>'party_kind' = '{kind}' AND data->>'measure' = '{measure}')"""
PLANTED = {
    "another day": _LAST.format(field="until", value="2031-01-01", kind="claimant", measure="disqualify"),
    "another measure": _LAST.format(field="measure", value="delist", kind="provider", measure="suspend_disbursement"),
}


async def test_the_audit_finds_nothing_in_a_register_of_sanctioned_bodies(house: House) -> None:
    assert {found for each in (await house.breaches()).values() for found in each} == set()


@pytest.mark.parametrize("breach", PLANTED)
async def test_a_measure_that_stops_at_one_id_is_named_by_the_audit(house: House, breach: str) -> None:
    code, suffix = fresh_code(), "-".join(breach.split())
    _, provider_id = await laboratory(house, f"lab-{suffix}", credit_code=code)
    await enterprise(house, f"boss-{suffix}", credit_code=code)
    await sanctioned(house, provider_id, "disqualify")
    await sanctioned(house, provider_id, "suspend_disbursement", until="2032-01-31")
    (check,) = (check for check in house.context.checks if check.id == "R6")
    async with house.owner() as connection:
        await connection.execute(sa.text("ALTER TABLE events DISABLE TRIGGER events_append_only"))
        changed = await connection.execute(sa.text(PLANTED[breach].replace(":", "\\:")))
        assert changed.rowcount == 1
        found = [each.found async for each in check.look(connection, Count())]
        await connection.rollback()
    assert found
    assert all("which is the same body" in each for each in found)
