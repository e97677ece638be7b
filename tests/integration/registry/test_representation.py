"""Departments and delegated agencies over HTTP: who acts for a provider on a day (art. 9(1), 13)."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from shared.events.registry.representation import DepartmentNamed
from shared.http.policy import Role
from tests.integration.registry.house import House, Person
from tests.integration.registry.institutions import service_agency
from tests.integration.registry.test_providers import A_DAY, listed

DEPARTMENT = {"name": "科研条件与资产处", "contact": "沈知微", "phone": "010-62550000"}


@dataclass(frozen=True, slots=True)
class Agency(Person):
    """Somebody who signs in for a service agency on the register."""

    agency_id: str


async def agency(house: House, principal: str) -> Agency:
    person, joined, _ = await service_agency(house, principal)
    return Agency(house, person.principal, person.role, joined.json()["party_id"])


def offer(to: Agency, **changes: Any) -> dict[str, Any]:
    duties = ["maintenance", "service_operation"]
    known = {"agency_id": to.agency_id, "duties": duties, "valid_from": "2026-12-01", "valid_until": "2027-11-30"}
    return known | changes


async def test_a_department_is_public_by_name_and_its_contact_is_not(house: House) -> None:
    lab, made = await listed(house, "dept-lab-1")
    path = f"/v1/providers/{made['provider_id']}"
    assert (await lab.get(f"{path}/department")).status_code == 404
    named = await lab.post(f"{path}/department", DEPARTMENT)
    assert (named.status_code, named.json()["contact"]) == (201, "沈知微")
    await house.wait(A_DAY)
    await lab.post(f"{path}/department", DEPARTMENT | {"name": "公共技术服务中心"})
    before = (await house.client.get(f"{path}/representation", params={"on": named.json()["since"]})).json()
    today = (await house.client.get(f"{path}/representation")).json()
    assert (before["department"], today["department"]) == ("科研条件与资产处", "公共技术服务中心")
    assert "沈知微" not in str(today)
    other, _ = await listed(house, "dept-lab-2")
    assert (await other.get(f"{path}/department")).status_code == 404
    assert (await other.post(f"{path}/department", DEPARTMENT)).status_code == 404
    assert (await house.person(Role.CLAIMANT, "boss-1").get(f"{path}/department")).status_code == 403
    assert (await house.person(Role.AUDITOR, "auditor-1").get(f"{path}/department")).json()["phone"] == "010-62550000"
    facts = await house.facts()
    assert sum(isinstance(fact, DepartmentNamed) for fact in facts) == 2
    assert all(DEPARTMENT["contact"] not in str(fact) and DEPARTMENT["name"] not in str(fact) for fact in facts)


async def test_an_agency_acts_on_the_days_agreed_and_no_others(house: House) -> None:
    lab, made = await listed(house, "dlg-lab-1")
    start = house.clock.instant.date()
    care, other = await agency(house, "care-1"), await agency(house, "care-2")
    first, last = start + timedelta(days=2), start + timedelta(days=9)
    body = offer(care, valid_from=first.isoformat(), valid_until=last.isoformat())
    made_offer = await lab.post("/v1/delegations", body)
    assert (made_offer.status_code, made_offer.json()["stage"]) == (201, "proposed")
    path = made_offer.headers["location"]
    assert (await other.post(f"{path}/acceptance", version=made_offer)).status_code == 404
    assert (await other.get(path)).status_code == 404
    assert (await lab.post(f"{path}/acceptance", version=made_offer)).status_code == 403
    taken = await care.post(f"{path}/acceptance", version=made_offer)
    assert (taken.status_code, taken.json()["stage"]) == (200, "accepted")
    for agent, seen in ((care, 1), (other, 0), (lab, 1)):
        assert len((await agent.get("/v1/delegations")).json()["items"]) == seen
    await house.wait(12 * A_DAY)
    asked = f"/v1/providers/{made['provider_id']}/representation"
    acting = []
    for day in (first - A_DAY, first, last, last + A_DAY):
        found = (await house.client.get(asked, params={"on": day.isoformat()})).json()
        acting.append([each["agency_id"] for each in found["agencies"]])
    assert acting == [[], [care.agency_id], [care.agency_id], []]
    ended = await lab.post(f"{path}/end", version=taken)
    assert (ended.status_code, ended.json()["code"]) == (409, "delegation-is-over")


async def test_an_end_takes_effect_today_and_comes_from_either_side_alone(house: House) -> None:
    lab, made = await listed(house, "dlg-lab-2")
    stranger, _ = await listed(house, "dlg-lab-3")
    care, other = await agency(house, "care-3"), await agency(house, "care-4")
    start = house.clock.instant.date()
    body = offer(care, valid_from=start.isoformat(), valid_until=(start + 90 * A_DAY).isoformat())
    made_offer = await lab.post("/v1/delegations", body)
    path = made_offer.headers["location"]
    taken = await care.post(f"{path}/acceptance", version=made_offer)
    for who in (stranger, other):
        assert (await who.post(f"{path}/end", version=taken)).status_code == 404
    await house.wait(3 * A_DAY)
    ended = await care.post(f"{path}/end", version=taken)
    assert (ended.status_code, ended.json()["stage"]) == (200, "ended")
    asked = f"/v1/providers/{made['provider_id']}/representation"
    assert (await house.client.get(asked)).json()["agencies"] == []
    yesterday = {"on": (start + 2 * A_DAY).isoformat()}
    assert len((await house.client.get(asked, params=yesterday)).json()["agencies"]) == 1
    future = await house.client.get(asked, params={"on": "2031-01-01"})
    assert (future.status_code, future.json()["code"]) == (422, "day-not-yet-come")


async def test_of_agencies_that_take_one_duty_at_once_one_gets_it(house: House) -> None:
    lab, made = await listed(house, "dlg-lab-4")
    agencies = [await agency(house, f"racer-{number}") for number in range(4)]
    start = house.clock.instant.date()
    days = {"valid_from": start.isoformat(), "valid_until": (start + 30 * A_DAY).isoformat()}
    offers = [await lab.post("/v1/delegations", offer(each, **days)) for each in agencies]

    async def take(who: Agency, offered: httpx.Response) -> httpx.Response:
        return await who.post(f"{offered.headers['location']}/acceptance", version=offered)

    answers = await asyncio.gather(*(take(*pair) for pair in zip(agencies, offers, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "duty-delegated-already"}
    later = {"valid_from": (start + 31 * A_DAY).isoformat(), "valid_until": (start + 40 * A_DAY).isoformat()}
    after = await lab.post("/v1/delegations", offer(agencies[0], **later))
    assert (await take(agencies[0], after)).status_code == 200
    asked = f"/v1/providers/{made['provider_id']}/representation"
    assert len((await house.client.get(asked)).json()["agencies"]) == 1


async def test_duties_go_to_a_service_agency_only(house: House) -> None:
    lab, _ = await listed(house, "dlg-lab-5")
    care = await agency(house, "care-5")
    for nobody_s in ("prv_01kdvdna00ek7990e5df8shghf", "sag_01kdvdna00ek7990e5df8shghf"):
        wrong = await lab.post("/v1/delegations", offer(care, agency_id=nobody_s))
        assert (wrong.status_code, wrong.json()["code"]) == (422, "service-agency-unknown")
    offered = await lab.post("/v1/delegations", offer(care))
    path = f"/v1/affiliations/{care.agency_id}"
    ended = await care.post(f"{path}/withdrawal", {"reason": "不再从事该项服务"}, version=await care.get(path))
    assert ended.status_code == 200, ended.text
    gone = await care.post(f"{offered.headers['location']}/acceptance", version=offered)
    assert (gone.status_code, gone.json()["code"]) == (422, "service-agency-unknown")
    nobody = house.person(Role.PROVIDER, "dlg-nobody")
    refused = await nobody.post("/v1/delegations", offer(care))
    assert (refused.status_code, refused.json()["code"]) == (409, "provider-not-listed")
