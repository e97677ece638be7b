"""Machine time typed, pushed and corrected, on a real database (art. 11)."""

import asyncio
from datetime import date, timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from services.registry.provider_tables import usage_records
from shared.events.registry.usage import UsageCorrected, UsageRecorded
from shared.http.policy import Role
from tests.integration.registry.house import House, Person
from tests.integration.registry.test_facility_changes import opened
from tests.integration.registry.test_providers import listed


def record(number: int, **changes: Any) -> dict[str, Any]:
    day = date(2026, 1, 1) + timedelta(days=number)
    known = {"record_id": f"LIMS-{number:04}", "facility_number": "KYSS-01-001", "minutes": 600}
    days = {"first_day": day.isoformat(), "last_day": day.isoformat()}
    return known | days | {"external_minutes": 240} | changes


async def pushed(lab: Person, *records: dict[str, Any], source: str = "lims-a") -> list[tuple[str, list[str]]]:
    answer = await lab.post("/v1/usage-pushes", {"source": source, "records": list(records)})
    assert answer.status_code == 200, answer.text
    return [(each["result"], each["codes"]) for each in answer.json()["results"]]


async def test_a_system_pushes_each_record_once_and_another_content_under_its_id_is_a_conflict(house: House) -> None:
    lab, made = await opened(house, "usage-lab-1")
    rows = [record(number) for number in range(200)]
    assert await pushed(lab, *rows) == [("recorded", [])] * 200
    assert await pushed(lab, *rows) == [("unchanged", [])] * 200
    other = await pushed(lab, record(7, minutes=601), record(200), record(200), record(7))
    assert other == [
        ("refused", ["usage-id-says-otherwise"]), ("recorded", []), ("unchanged", []), ("unchanged", []),
    ]  # fmt: skip
    facts = [fact for fact in await house.facts() if isinstance(fact, UsageRecorded)]
    of_lab = [fact for fact in facts if fact.provider_id == made.json()["provider_id"]]
    assert (len(of_lab), sum(fact.minutes for fact in of_lab)) == (201, 201 * 600)
    assert "LIMS-" not in str(of_lab)
    page = (await lab.get("/v1/usage-records", year=2026, limit=200)).json()
    assert len(page["items"]) == 200
    assert page["has_more"]
    assert (await lab.get("/v1/usage-records", year=2025)).json()["items"] == []


async def test_each_record_has_its_own_outcome_and_every_reason(house: House) -> None:
    lab, _ = await opened(house, "usage-lab-2")
    outcomes = await pushed(
        lab,
        record(1, minutes=1_441, external_minutes=1_442),
        record(2, facility_number="NOBODY-1"),
        record(3),
        record(4, record_id="LIMS-X", first_day="2026-01-03"),
        record(5, minutes=-1, external_minutes=-1),
        record(6, first_day="2025-12-31", last_day="2026-01-02"),
        record(9, last_day="2026-01-09"),
    )
    assert outcomes == [
        ("refused", ["usage-external-over-total", "usage-over-period"]),
        ("refused", ["usage-facility-unknown"]),
        ("recorded", []),
        ("refused", ["usage-overlaps"]),
        ("refused", ["usage-negative"]),
        ("refused", ["usage-spans-years"]),
        ("refused", ["usage-period-wrong"]),
    ]
    assert await pushed(lab, record(3), source="lims-b") == [("recorded", [])]
    answer = await lab.post("/v1/usage-pushes", {"source": "lims-a", "records": [record(8, minutes=2_000)]})
    assert answer.json()["results"][0]["message"].startswith("机时超过期间的总时长：")
    none = await lab.post("/v1/usage-pushes", {"source": "lims-a", "records": []})
    assert none.status_code == 422
    many = await lab.post("/v1/usage-pushes", {"source": "lims-a", "records": [record(1)] * 201})
    assert many.status_code == 422


async def test_use_is_typed_and_corrected_by_a_new_fact_that_a_resent_push_does_not_undo(house: House) -> None:
    lab, made = await opened(house, "usage-lab-3")
    body = {key: value for key, value in record(1).items() if key not in {"record_id", "facility_number"}}
    typed = await lab.post("/v1/usage-records", body | {"facility_id": made.json()["facility_id"]})
    assert (typed.status_code, typed.json()["source"]) == (201, "manual")
    twice = await lab.post("/v1/usage-records", body | {"facility_id": made.json()["facility_id"]})
    assert (twice.status_code, twice.json()["code"]) == (409, "usage-overlaps")
    await pushed(lab, record(2))
    (told,) = [row for row in (await lab.get("/v1/usage-records")).json()["items"] if row["source"] == "lims-a"]
    path = f"/v1/usage-records/{told['usage_id']}"
    seen = await lab.get(path)
    right = await lab.post(f"{path}/correction", {"minutes": 500, "external_minutes": 500}, version=seen)
    assert (right.status_code, right.json()["minutes"]) == (200, 500)
    assert (
        await lab.post(f"{path}/correction", {"minutes": 1, "external_minutes": 0}, version=seen)
    ).status_code == 412
    assert await pushed(lab, record(2)) == [("unchanged", [])]
    assert (await lab.get(path)).json()["minutes"] == 500
    wrong = await lab.post(f"{path}/correction", {"minutes": 1_441, "external_minutes": 0}, version=right)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "usage-over-period")
    assert isinstance((await house.facts())[-1], UsageCorrected)


async def test_use_is_the_provider_s_own_and_still_owed_when_it_has_withdrawn_the_facility(house: House) -> None:
    lab, made = await opened(house, "usage-lab-4")
    other, _ = await listed(house, "usage-lab-5")
    facility_id = made.json()["facility_id"]
    body = {"facility_id": facility_id, "first_day": "2026-10-01", "last_day": "2026-10-31"}
    figures = {"minutes": 600, "external_minutes": 0}
    foreign = await other.post("/v1/usage-records", body | figures)
    assert (foreign.status_code, foreign.json()["code"]) == (422, "usage-facility-unknown")
    await lab.post(f"/v1/facilities/{facility_id}/withdrawal", version=made)
    late = await lab.post("/v1/usage-records", body | figures)
    assert late.status_code == 201
    path = late.headers["location"]
    assert (await other.get(path)).status_code == 404
    assert (await other.post(f"{path}/correction", figures, version=late)).status_code == 404
    assert (await other.get("/v1/usage-records")).json()["items"] == []
    assert (await house.person(Role.AUDITOR, "auditor-1").get(path)).json() == late.json()
    for role in (Role.CLAIMANT, Role.OFFICER):
        stranger = house.person(role, "boss-1")
        assert (await stranger.post("/v1/usage-records", body | figures)).status_code == 403
    nobody = await house.person(Role.PROVIDER, "usage-nobody").post("/v1/usage-records", body | figures)
    assert (nobody.status_code, nobody.json()["code"]) == (409, "provider-not-listed")


async def test_one_record_pushed_by_many_at_once_is_recorded_once(house: House) -> None:
    lab, made = await opened(house, "usage-lab-6")

    async def push(number: int) -> httpx.Response:
        return await lab.post("/v1/usage-pushes", {"source": f"lims-{number % 2}", "records": [record(3)]})

    answers = await asyncio.gather(*(push(number) for number in range(12)))
    results = [answer.json()["results"][0]["result"] for answer in answers]
    assert sorted(results) == ["recorded"] * 2 + ["unchanged"] * 10
    async with house.owner() as connection:
        of_lab = sa.select(sa.func.count()).where(usage_records.c.provider_id == made.json()["provider_id"])
        assert (await connection.execute(of_lab)).scalar_one() == 2
