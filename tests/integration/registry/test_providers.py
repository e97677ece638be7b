"""Providers, their facilities and their services over HTTP, on a real database."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.events.registry.facilities import FacilityWithdrawn, ServiceWithdrawn
from shared.events.registry.providers import ProviderListed
from shared.http.policy import Role
from tests.integration.registry.bodies import institution, instrument, service
from tests.integration.registry.house import House, Person
from tests.unit.registry.facts import CONDITIONS

A_DAY = timedelta(days=1)


async def listed(house: House, principal: str, **changes: Any) -> tuple[Person, dict[str, Any]]:
    """Put a municipal institution on the list and let it sign in."""
    officer = house.person(Role.OFFICER, "officer-1")
    made = await officer.post("/v1/providers", institution(principal=principal, **changes))
    assert made.status_code == 201
    return house.person(Role.PROVIDER, principal), made.json()


async def on_notice(house: House, principal: str) -> tuple[Person, str, httpx.Response]:
    """Have an institution apply and pass the check of all six conditions."""
    applicant, officer = house.person(Role.PROVIDER, principal), house.person(Role.OFFICER, "officer-1")
    answer = await applicant.post("/v1/provider-applications", institution())
    path = answer.headers["location"]
    for condition in CONDITIONS:
        body = {"condition": condition, "met": True, "remark": "已核查"}
        answer = await officer.post(f"{path}/condition-checks", body, version=answer)
        assert answer.status_code == 200
    assert answer.json()["stage"] == "on_notice"
    return applicant, path, answer


async def test_a_municipal_provider_is_public_at_once_without_its_code(house: House) -> None:
    _, made = await listed(
        house, "lab-1", name="北京市泽衡材料科学研究院", capabilities=["testing", "industrial_design"]
    )
    await house.project()
    seen = (await house.client.get(f"/v1/providers/{made['provider_id']}")).json()
    assert seen == made
    assert (seen["kind"], seen["name"]) == ("municipal", "北京市泽衡材料科学研究院")
    assert "credit_code" not in seen
    designers = (await house.client.get("/v1/providers", params={"capability": "industrial_design"})).json()["items"]
    assert [item["provider_id"] for item in designers] == [made["provider_id"]]
    assert (await house.client.get("/v1/providers", params={"capability": "compute"})).json()["items"] == []


async def test_a_code_and_a_person_have_one_open_provider(house: House) -> None:
    _, _made = await listed(house, "lab-2")
    officer = house.person(Role.OFFICER, "officer-1")
    twin = await officer.post("/v1/providers", institution(principal="lab-2"))
    assert (twin.status_code, twin.json()["code"]) == (409, "principal-has-provider")
    wrong = await officer.post("/v1/providers", institution(principal="lab-3", credit_code="1" * 18))
    assert (wrong.status_code, wrong.json()["code"]) == (422, "credit-code-invalid")


async def test_a_beijing_based_institution_is_listed_when_its_notice_is_over(house: House) -> None:
    applicant, path, answer = await on_notice(house, "lab-4")
    provider_id, until = answer.json()["provider_id"], answer.json()["notice"]["until"]
    assert (until, len(answer.json()["conditions"])) == ("2026-11-30", 6)
    assert (await house.client.get(f"/v1/providers/{provider_id}")).status_code == 404
    assert (await house.person(Role.PROVIDER, "stranger").get(path)).status_code == 404
    await house.project()
    notices = (await house.client.get("/v1/provider-notices", params={"state": "running"})).json()["items"]
    assert [notice["provider_id"] for notice in notices] == [provider_id]
    await house.wait(7 * A_DAY)  # its last day, a Monday
    assert (await applicant.get(path)).json()["stage"] == "on_notice"
    assert await house.wait(1 * A_DAY) >= 1
    assert (await applicant.get(path)).json()["stage"] == "listed"
    assert (await house.client.get(f"/v1/providers/{provider_id}")).json()["listed_on"] == "2026-12-01"


async def test_an_objection_holds_a_listing_up_and_an_upheld_one_ends_it(house: House) -> None:
    applicant, path, answer = await on_notice(house, "lab-5")
    officer, citizen = house.person(Role.OFFICER, "officer-1"), house.person(Role.EXPERT, "citizen-1")
    receipt = await citizen.post(f"{path}/objections", {"text": "该机构近三年有不良诚信记录"})
    assert receipt.status_code == 201
    assert "citizen-1" not in (await applicant.get(path)).text
    await house.wait(10 * A_DAY)
    assert (await applicant.get(path)).json()["stage"] == "on_notice"
    written = (await officer.get(f"{path}/objections")).json()["items"]
    assert [(item["objector"], item["answer"]) for item in written] == [("citizen-1", None)]
    assert (await applicant.get(f"{path}/objections")).status_code == 403
    reply = f"{path}/objections/{receipt.json()['objection_id']}/answer"
    stale = await officer.post(reply, {"upheld": True, "answer": "属实"}, version=answer)
    assert stale.status_code == 412
    ended = await officer.post(reply, {"upheld": True, "answer": "属实"}, version=await officer.get(path))
    assert (ended.status_code, ended.json()["stage"], ended.json()["cause"]) == (200, "refused", "objection_upheld")
    late = await citizen.post(f"{path}/objections", {"text": "再次异议"})
    assert late.status_code == 404
    again = await applicant.post("/v1/provider-applications", institution())
    assert again.status_code == 201


async def test_a_rejected_objection_lets_the_listing_go_on(house: House) -> None:
    applicant, path, _ = await on_notice(house, "lab-6")
    officer = house.person(Role.OFFICER, "officer-1")
    receipt = await house.person(Role.CLAIMANT, "citizen-2").post(f"{path}/objections", {"text": "异议"})
    await house.wait(12 * A_DAY)
    reply = f"{path}/objections/{receipt.json()['objection_id']}/answer"
    await officer.post(reply, {"upheld": False, "answer": "不属实"}, version=await officer.get(path))
    await house.wait(timedelta())
    assert (await applicant.get(path)).json()["stage"] == "listed"


async def test_a_condition_that_is_not_met_refuses_the_application(house: House) -> None:
    applicant, officer = house.person(Role.PROVIDER, "lab-7"), house.person(Role.OFFICER, "officer-1")
    answer = await applicant.post("/v1/provider-applications", institution())
    path = answer.headers["location"]
    for condition in CONDITIONS:
        body = {"condition": condition, "met": condition != "service_team", "remark": f"关于 {condition}"}
        answer = await officer.post(f"{path}/condition-checks", body, version=answer)
    assert (answer.json()["stage"], answer.json()["cause"]) == ("refused", "conditions_not_met")
    assert [c["condition"] for c in answer.json()["conditions"] if not c["met"]] == ["service_team"]
    unknown = "/v1/provider-applications/prv_00000000000000000000000000/condition-checks"
    body = {"condition": CONDITIONS[0], "met": True, "remark": "无"}
    assert (await officer.post(unknown, body, version=answer)).status_code == 404


async def test_a_provider_opens_offers_and_withdraws_and_the_public_sees_it(house: House) -> None:
    lab, made = await listed(house, "lab-8", name="北京市瑞湖生物医药研究所")
    opened = await lab.post("/v1/facilities", instrument(name="100%_扫描电镜"))
    facility_id = opened.json()["facility_id"]
    offered = await lab.post("/v1/services", service(facility_id))
    assert (opened.status_code, offered.status_code) == (201, 201)
    assert (await lab.post("/v1/facilities", instrument())).json()["code"] == "facility-number-taken"
    await house.project()
    for name, found in (("扫描", 1), ("100%_", 1), ("0__", 0), ("%", 1)):
        query = {"name": name, "kind": "large_instrument", "provider_id": made["provider_id"]}
        assert len((await house.client.get("/v1/facilities", params=query)).json()["items"]) == found
    (item,) = (await house.client.get("/v1/services", params={"facility_id": facility_id})).json()["items"]
    assert (item["unit_price"]["amount"], item["provider_name"]) == (60_000, "北京市瑞湖生物医药研究所")
    gone = await lab.post(f"/v1/facilities/{facility_id}/withdrawal", version=opened)
    assert gone.json()["withdrawn_on"] == gone.json()["opened_on"]
    facility_fact, service_fact = (await house.facts())[-2:]
    assert isinstance(facility_fact, FacilityWithdrawn)
    assert isinstance(service_fact, ServiceWithdrawn)
    await house.project()
    query = {"provider_id": made["provider_id"]}
    assert (await house.client.get("/v1/facilities", params=query)).json()["items"] == []
    assert (await house.client.get("/v1/services", params=query)).json()["items"] == []
    withdrawn = await house.client.get(f"/v1/services/{offered.json()['service_id']}")
    assert withdrawn.json()["withdrawn_on"] is not None
    late = await lab.post("/v1/services", service(facility_id))
    assert (late.status_code, late.json()["code"]) == (409, "facility-not-open")
    assert (await lab.post("/v1/facilities", instrument())).status_code == 201


async def test_nobody_touches_another_provider_s_facility_or_service(house: House) -> None:
    lab, _ = await listed(house, "lab-9")
    other, _ = await listed(house, "lab-10")
    opened = await lab.post("/v1/facilities", instrument())
    facility_id = opened.json()["facility_id"]
    offered = await lab.post("/v1/services", service(facility_id))
    assert (await other.post("/v1/services", service(facility_id))).status_code == 404
    assert (await other.post(f"/v1/facilities/{facility_id}/withdrawal", version=opened)).status_code == 404
    path = f"/v1/services/{offered.json()['service_id']}/withdrawal"
    assert (await other.post(path, version=offered)).status_code == 404
    assert (await lab.post(path, version=offered)).status_code == 200


@pytest.mark.parametrize("principal", ["nobody-1", "lab-11"])
async def test_only_who_is_on_the_list_opens_anything(house: House, principal: str) -> None:
    applicant = house.person(Role.PROVIDER, principal)
    if principal == "lab-11":
        await applicant.post("/v1/provider-applications", institution())
    refused = await applicant.post("/v1/facilities", instrument())
    assert (refused.status_code, refused.json()["code"]) == (409, "provider-not-listed")


async def test_the_audit_finds_nothing_in_a_register_at_work(house: House) -> None:
    assert any(isinstance(fact, ProviderListed) and fact.kind == "beijing_based" for fact in await house.facts())
    assert {found for each in (await house.breaches()).values() for found in each} == set()


async def test_the_office_changes_what_a_provider_can_do_and_the_list_of_a_past_day_stays(house: House) -> None:
    lab, made = await listed(house, "lab-able", capabilities=["testing"], name="北京市能力变更研究院")
    officer = house.person(Role.OFFICER, "officer-1")
    path, before = f"/v1/providers/{made['provider_id']}", house.clock.instant.date()
    body = {"capabilities": ["testing", "industrial_design"], "third_party_testing": True}
    await house.wait(A_DAY)
    seen = await officer.get(path)
    assert (await lab.post(f"{path}/capabilities", body, version=seen)).status_code == 403
    answer = await officer.post(f"{path}/capabilities", body, version=seen)
    assert (answer.status_code, answer.json()["third_party_testing"]) == (200, True)
    assert (await officer.post(f"{path}/capabilities", body, version=seen)).status_code == 412
    await house.project()
    for on, able in (({}, True), ({"on": before.isoformat()}, False)):
        query = {"capability": "industrial_design", "name": "能力变更", "district": "怀柔区", **on}
        items = (await house.client.get("/v1/providers", params=query)).json()["items"]
        assert [item["provider_id"] for item in items] == ([made["provider_id"]] if able else [])
        one = (await house.client.get(path, params=on)).json()
        assert (one["third_party_testing"], "industrial_design" in one["capabilities"]) == (able, able)
    assert (await house.client.get("/v1/providers", params={"district": "门头沟区"})).json()["items"] == []
