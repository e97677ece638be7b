"""Who serves at a provider's facilities, over HTTP (art. 6(3), 13)."""

from typing import Any

from shared.http.policy import Role
from tests.integration.registry.house import House
from tests.integration.registry.test_facility_changes import opened
from tests.integration.registry.test_providers import listed


def somebody(**changes: Any) -> dict[str, Any]:
    known = {"name": "顾南乔", "position": "电镜实验员", "qualifications": ["高级实验师"], "facility_ids": []}
    return known | {"active_from": "2026-12-01"} | changes


async def test_who_serves_is_entered_changed_and_let_go_and_stays_out_of_the_log(house: House) -> None:
    lab, made = await opened(house, "people-lab-1")
    facility_id = made.json()["facility_id"]
    entered = await lab.post("/v1/service-people", somebody())
    assert (entered.status_code, entered.json()["active_until"]) == (201, None)
    path = entered.headers["location"]
    details = {"name": "顾南乔", "position": "实验室主任", "qualifications": [], "facility_ids": [facility_id]}
    changed = await lab.post(f"{path}/details", details, version=entered)
    assert (changed.status_code, changed.json()["position"]) == (200, "实验室主任")
    assert (await lab.post(f"{path}/details", details, version=entered)).status_code == 412
    gone = await lab.post(f"{path}/departure", {"active_until": "2027-06-30"}, version=changed)
    assert gone.json()["active_until"] == "2027-06-30"
    found = []
    for day in ("2026-11-30", "2026-12-01", "2027-06-30", "2027-07-01"):
        page = (await lab.get("/v1/service-people", facility_id=facility_id, on=day)).json()
        found.append(len(page["items"]))
    assert found == [0, 1, 1, 0]
    assert all("顾南乔" not in str(fact) and "实验室主任" not in str(fact) for fact in await house.facts())


async def test_people_are_the_provider_s_own_and_the_office_s(house: House) -> None:
    lab, made = await opened(house, "people-lab-2")
    other, _ = await listed(house, "people-lab-3")
    foreign = await other.post("/v1/service-people", somebody(facility_ids=[made.json()["facility_id"]]))
    assert (foreign.status_code, foreign.json()["code"]) == (409, "facility-not-open")
    entered = await lab.post("/v1/service-people", somebody())
    path = entered.headers["location"]
    details = {name: value for name, value in somebody().items() if name != "active_from"}
    assert (await other.get(path)).status_code == 404
    assert (await other.post(f"{path}/details", details, version=entered)).status_code == 404
    assert (await other.post(f"{path}/departure", {"active_until": "2027-01-01"}, version=entered)).status_code == 404
    assert (await other.get("/v1/service-people")).json()["items"] == []
    assert (await house.person(Role.OFFICER, "officer-1").get(path)).json() == entered.json()
    assert (await house.person(Role.CLAIMANT, "boss-1").get("/v1/service-people")).status_code == 403
    early = await lab.post(f"{path}/departure", {"active_until": "2026-11-30"}, version=entered)
    assert (early.status_code, early.json()["code"]) == (422, "departure-before-arrival")
