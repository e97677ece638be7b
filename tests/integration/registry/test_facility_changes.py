"""Facilities as they change, over HTTP: description, status, right to operate, and the catalogue of a past day."""

from datetime import date
from typing import Any

import httpx

from shared.http.policy import Role
from tests.integration.registry.bodies import instrument, service
from tests.integration.registry.house import House, Person
from tests.integration.registry.test_providers import A_DAY, listed

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


async def opened(house: House, principal: str, **changes: Any) -> tuple[Person, httpx.Response]:
    """Put an institution on the list and have it open a facility."""
    lab, _ = await listed(house, principal)
    answer = await lab.post("/v1/facilities", instrument(**changes))
    assert answer.status_code == 201, answer.text
    return lab, answer


def described(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in instrument(**changes).items() if name not in {"number", "kind"}}


async def uploaded(person: Person, key: str) -> str:
    token = person.house.issuer.issue(person.role, person.principal)
    answer = await person.house.client.post(
        "/v1/documents",
        files={"file": ("证明.pdf", PDF)},
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["document_id"])


async def on(house: House, day: date | None, **query: str) -> list[dict[str, Any]]:
    if day is not None:
        query["on"] = day.isoformat()
    items: list[dict[str, Any]] = (await house.client.get("/v1/facilities", params=query)).json()["items"]
    return items


async def test_the_catalogue_of_a_past_day_says_what_it_said_then(house: House) -> None:
    lab, made = await opened(house, "change-lab-1", number="CH-1", name="透射电镜甲", original_value={"amount": 100})
    path, provider_id = made.headers["location"], made.json()["provider_id"]
    first = house.clock.instant.date()
    await house.wait(2 * A_DAY)
    body = described(name="透射电镜乙", site="北京市海淀区新址一号", original_value={"amount": 900})
    changed = await lab.post(f"{path}/description", body, version=made)
    assert (changed.status_code, changed.json()["name"], changed.json()["number"]) == (200, "透射电镜乙", "CH-1")
    same = await lab.post(f"{path}/description", body, version=changed)
    assert (same.status_code, same.headers["etag"]) == (200, changed.headers["etag"])
    assert (await lab.post(f"{path}/description", body, version=made)).status_code == 412
    again = await lab.post(f"{path}/description", body | {"name": "透射电镜丙"}, version=changed)
    stopped = await lab.post(f"{path}/status", {"status": "under_maintenance"}, version=again)
    assert stopped.json()["status"] == "under_maintenance"
    second = house.clock.instant.date()
    await house.wait(2 * A_DAY)
    await lab.post(f"{path}/withdrawal", version=stopped)
    await house.wait(A_DAY)
    await house.project()
    found = {
        day: await on(house, day, provider_id=provider_id) for day in (first - A_DAY, first, first + A_DAY, second)
    }
    seen = {
        day: [(item["name"], item["original_value"]["amount"], item["status"]) for item in items]
        for day, items in found.items()
    }
    before, after = ("透射电镜甲", 100, "in_service"), ("透射电镜丙", 900, "under_maintenance")
    assert seen == {first - A_DAY: [], first: [before], first + A_DAY: [before], second: [after]}
    assert found[second][0]["site"] == "北京市海淀区新址一号"
    assert await on(house, None, provider_id=provider_id) == []
    assert await on(house, second + 2 * A_DAY, provider_id=provider_id) == []
    assert [item["name"] for item in await on(house, first, name="电镜甲")] == ["透射电镜甲"]
    assert await on(house, second, name="电镜甲") == []
    assert await on(house, second, provider_id=provider_id, status="in_service") == []
    asked = [(await house.client.get(path, params={"on": day.isoformat()})) for day in (first - A_DAY, first, second)]
    assert [answer.status_code for answer in asked] == [404, 200, 200]
    told = [(each["name"], each["price_standard"], each["status"]) for each in (answer.json() for answer in asked[1:])]
    prices = instrument()["price_standard"]
    assert told == [("透射电镜甲", prices, "in_service"), ("透射电镜丙", prices, "under_maintenance")]
    assert asked[1].json()["original_value"]["amount"] == 100
    assert (await house.client.get(path)).json()["status"] == "withdrawn"
    future = await house.client.get("/v1/facilities", params={"on": "2031-01-01"})
    assert (future.status_code, future.json()["code"]) == (422, "day-not-yet-come")


async def test_facilities_are_found_by_district_and_status_and_services_by_price(house: House) -> None:
    lab, made = await opened(house, "change-lab-2")
    facility_id = made.json()["facility_id"]
    offered = await lab.post("/v1/services", service(facility_id, unit_price={"amount": 60_000}))
    assert offered.status_code == 201
    await house.project()
    mine = {"provider_id": made.json()["provider_id"]}
    assert [len(await on(house, None, district=district, **mine)) for district in ("怀柔区", "海淀区")] == [1, 0]
    assert [len(await on(house, None, status=status, **mine)) for status in ("in_service", "out_of_service")] == [1, 0]
    for capability, number in (("testing", 1), ("industrial_design", 0)):
        assert len(await on(house, None, capability=capability, **mine)) == number
    past = house.clock.instant.date()
    await house.wait(A_DAY)
    provider = f"/v1/providers/{mine['provider_id']}"
    officer, body = house.person(Role.OFFICER, "officer-1"), {"capabilities": ["compute"], "third_party_testing": False}
    await officer.post(f"{provider}/capabilities", body, version=await officer.get(provider))
    await house.project()
    for day, capability, number in (
        (None, "compute", 1),
        (None, "testing", 0),
        (past, "compute", 0),
        (past, "testing", 1),
    ):
        assert len(await on(house, day, capability=capability, **mine)) == number
    counts = []
    for price in (59_999, 60_000):
        found = await house.client.get("/v1/services", params={"unit_price_max": price, "facility_id": facility_id})
        counts.append(len(found.json()["items"]))
    assert counts == [0, 1]


async def test_the_right_to_operate_is_shown_by_an_own_document_that_the_public_does_not_see(house: House) -> None:
    lab, made = await opened(house, "change-lab-3")
    other, _ = await listed(house, "change-lab-4")
    path, document_id = made.headers["location"], await uploaded(lab, "proof-upload-1")
    theirs = await uploaded(other, "proof-upload-2")
    wrong = await lab.post(f"{path}/proofs", {"right": "owned", "document_id": theirs}, version=made)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "document-unknown")
    body = {"right": "entrusted", "document_id": document_id}
    assert (await other.post(f"{path}/proofs", body, version=made)).status_code == 404
    filed = await lab.post(f"{path}/proofs", body, version=made)
    assert (filed.status_code, filed.json()["right"]) == (201, "entrusted")
    assert document_id not in (await house.client.get(path)).text
    officer = house.person(Role.OFFICER, "officer-1")
    for person in (lab, officer):
        items = (await person.get(f"{path}/proofs")).json()["items"]
        assert [item["document_id"] for item in items] == [document_id]
        assert (await person.get(f"/v1/documents/{document_id}")).content == PDF
    assert (await other.get(f"{path}/proofs")).status_code == 404
    assert (await other.get(f"/v1/documents/{document_id}")).status_code == 404
    assert (await house.person(Role.CLAIMANT, "boss-1").get(f"{path}/proofs")).status_code == 403


async def test_a_facility_is_changed_by_its_own_provider_alone(house: House) -> None:
    _, made = await opened(house, "change-lab-5")
    other, _ = await listed(house, "change-lab-6")
    path = made.headers["location"]
    for part, body in (("description", described()), ("status", {"status": "out_of_service"})):
        assert (await other.post(f"{path}/{part}", body, version=made)).status_code == 404
        assert (
            await house.person(Role.OFFICER, "officer-1").post(f"{path}/{part}", body, version=made)
        ).status_code == 403
