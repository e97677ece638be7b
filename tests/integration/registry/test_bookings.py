"""Bookings over HTTP, on a real database: a slot is one booking's, whoever else wants it (art. 5, 9(2))."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from services.registry.provider_tables import bookings
from shared.events.registry.bookings import BookingLapsed, BookingRequested
from shared.http.policy import Role
from tests.integration.registry.bodies import company, instrument
from tests.integration.registry.house import House, Person
from tests.integration.registry.test_exits import REASON, joined
from tests.integration.registry.test_facility_changes import opened
from tests.integration.registry.test_providers import A_DAY, listed

HOUR = timedelta(hours=1)
WHY = {"reason": "设备临时检修"}


@dataclass(frozen=True, slots=True)
class Bench:
    """A facility, who has it, and a claimant that wants it."""

    lab: Person
    boss: Person
    claimant_id: str
    facility_id: str
    made: httpx.Response

    def slot(self, begins: datetime, hours: int = 2, **changes: Any) -> dict[str, Any]:
        whole = begins.replace(minute=0, second=0, microsecond=0)
        times = {"starts_at": whole.isoformat(), "ends_at": (whole + hours * HOUR).isoformat()}
        return {"facility_id": self.facility_id, "purpose": "样品微观形貌分析", **times, **changes}


async def claimant(house: House, principal: str) -> tuple[Person, str]:
    boss = house.person(Role.CLAIMANT, principal)
    registered = await boss.post("/v1/claimants", company(certificates=[]))
    assert registered.status_code == 201, registered.text
    return boss, registered.json()["claimant_id"]


async def bench(house: House, name: str) -> Bench:
    lab, made = await opened(house, f"lab-{name}")
    boss, claimant_id = await claimant(house, f"boss-{name}")
    return Bench(lab, boss, claimant_id, made.json()["facility_id"], made)


async def test_a_slot_is_asked_for_confirmed_used_and_its_machine_time_counted(house: House) -> None:
    here = await bench(house, "book-1")
    tomorrow = house.clock.instant + A_DAY
    asked = await here.boss.post("/v1/bookings", here.slot(tomorrow))
    assert (asked.status_code, asked.json()["stage"], asked.json()["machine_minutes"]) == (201, "requested", 120)
    path = asked.headers["location"]
    confirmed = await here.lab.post(f"{path}/confirmation", version=asked)
    assert (confirmed.status_code, confirmed.json()["stage"]) == (200, "confirmed")
    early = await here.lab.post(f"{path}/outcome", {"outcome": "used", "machine_minutes": 100}, version=confirmed)
    assert (early.status_code, early.json()["code"]) == (409, "booking-not-over")
    await house.wait(2 * A_DAY)
    used = await here.lab.post(f"{path}/outcome", {"outcome": "used", "machine_minutes": 100}, version=confirmed)
    assert (used.status_code, used.json()["stage"], used.json()["machine_minutes"]) == (200, "used", 100)
    (fact,) = [fact for fact in await house.facts() if isinstance(fact, BookingRequested)]
    assert (fact.claimant_id, fact.machine_minutes) == (here.claimant_id, 120)
    assert all("样品微观形貌分析" not in str(fact) for fact in await house.facts())


async def test_of_many_who_want_one_slot_at_once_one_gets_it(house: House) -> None:
    here = await bench(house, "book-2")
    rivals = [here.boss] + [(await claimant(house, f"rival-{number}"))[0] for number in range(5)]
    begins = house.clock.instant + A_DAY
    bodies = [here.slot(begins + number % 2 * HOUR) for number in range(len(rivals))]
    answers = await asyncio.gather(
        *(rival.post("/v1/bookings", body) for rival, body in zip(rivals, bodies, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"slot-taken"}
    after = await here.boss.post("/v1/bookings", here.slot(begins + 3 * HOUR))
    before = await here.boss.post("/v1/bookings", here.slot(begins - 2 * HOUR))
    assert (after.status_code, before.status_code) == (201, 201)
    async with house.owner() as connection:
        (row,) = (
            await connection.execute(sa.select(bookings).where(bookings.c.booking_id == after.json()["booking_id"]))
        ).all()
        twin = dict(row._mapping) | {"booking_id": "bkg_twin"}
        with pytest.raises(IntegrityError, match="bookings_no_overlap"):
            await connection.execute(sa.insert(bookings).values(twin))
        await connection.rollback()


async def test_the_public_sees_busy_and_free_and_the_parties_see_whose(house: House) -> None:
    here = await bench(house, "book-3")
    other, _ = await claimant(house, "boss-book-3-other")
    stranger, _ = await listed(house, "lab-book-3-other")
    day = (house.clock.instant + 2 * A_DAY).date()
    hours = [{"weekday": day.isoweekday(), "opens": 9 * 60, "closes": 12 * 60}]
    set_ = await here.lab.post(
        f"/v1/facilities/{here.facility_id}/booking-terms", {"opening": hours, "notice_hours": 24}
    )
    assert set_.status_code == 200, set_.text
    begins = datetime.combine(day, datetime.min.time(), house.clock.instant.tzinfo) + 2 * HOUR  # ten in Beijing
    asked = await here.boss.post("/v1/bookings", here.slot(begins, 1))
    assert asked.status_code == 201, asked.text
    late = await other.post("/v1/bookings", here.slot(begins + HOUR, 2))
    assert (late.status_code, late.json()["code"]) == (422, "booking-outside-hours")
    query = {"first_day": day.isoformat(), "days": "1"}
    seen = (await house.client.get(f"/v1/facilities/{here.facility_id}/calendar", params=query)).json()
    assert [(slot["starts_at"], slot["ends_at"]) for slot in seen["busy"]] == [
        (asked.json()["starts_at"], asked.json()["ends_at"])
    ]
    assert [slot["starts_at"][11:16] for slot in seen["free"]] == ["01:00", "03:00"]
    assert here.claimant_id not in str(seen)
    path = asked.headers["location"]
    for person, status in ((here.boss, 200), (here.lab, 200), (other, 404), (stranger, 404)):
        assert (await person.get(path)).status_code == status
        items = (await person.get("/v1/bookings", facility_id=here.facility_id)).json()["items"]
        assert len(items) == (status == 200)
    for action, body in (("confirmation", None), ("refusal", WHY), ("cancellation", WHY)):
        assert (await stranger.post(f"{path}/{action}", body, version=asked)).status_code == 404
    assert (await other.post(f"{path}/cancellation", WHY, version=asked)).status_code == 404
    assert (await here.boss.post(f"{path}/confirmation", version=asked)).status_code == 403
    assert (await stranger.post(f"/v1/facilities/{here.facility_id}/booking-terms", {})).status_code == 404
    await here.lab.post(f"/v1/facilities/{here.facility_id}/status", {"status": "out_of_service"}, version=here.made)
    stopped = (await house.client.get(f"/v1/facilities/{here.facility_id}/calendar", params=query)).json()
    assert (len(stopped["busy"]), stopped["free"]) == (1, [])


async def test_a_slot_that_is_declined_cancelled_or_not_answered_is_free_again(house: House) -> None:
    here = await bench(house, "book-4")
    await here.lab.post(f"/v1/facilities/{here.facility_id}/booking-terms", {"notice_hours": 48})
    begins = house.clock.instant + A_DAY
    asked = await here.boss.post("/v1/bookings", here.slot(begins))
    declined = await here.lab.post(f"{asked.headers['location']}/refusal", WHY, version=asked)
    assert (declined.json()["stage"], declined.json()["reason"]) == ("declined", WHY["reason"])
    again = await here.boss.post("/v1/bookings", here.slot(begins))
    sure = await here.lab.post(f"{again.headers['location']}/confirmation", version=again)
    late = await here.boss.post(f"{again.headers['location']}/cancellation", WHY, version=sure)
    assert (late.json()["stage"], late.json()["late"]) == ("cancelled", True)
    third = await here.boss.post("/v1/bookings", here.slot(begins))
    assert third.status_code == 201
    assert await house.wait(2 * A_DAY) >= 1
    lapsed = await here.boss.get(third.headers["location"])
    assert lapsed.json()["stage"] == "lapsed"
    facts = await house.facts()
    lapses = [fact.booking_id for fact in facts if isinstance(fact, BookingLapsed)]
    assert lapses.count(third.json()["booking_id"]) == 1
    assert all(WHY["reason"] not in str(fact) for fact in facts)


async def test_nothing_new_is_booked_where_the_facility_or_a_party_may_not(house: House) -> None:
    here = await bench(house, "book-5")
    body = here.slot(house.clock.instant + A_DAY)
    nobody = await house.person(Role.CLAIMANT, "boss-unregistered").post("/v1/bookings", body)
    assert (nobody.status_code, nobody.json()["code"]) == (409, "claimant-not-registered")
    nowhere = await here.boss.post("/v1/bookings", body | {"facility_id": "fac_01kdvdna00ek7990e5df8shghf"})
    assert nowhere.status_code == 404
    status = f"/v1/facilities/{here.facility_id}/status"
    stopped = await here.lab.post(status, {"status": "under_maintenance"}, version=here.made)
    refused = await here.boss.post("/v1/bookings", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "facility-not-in-service")
    back = await here.lab.post(status, {"status": "in_service"}, version=stopped)
    past = await here.boss.post("/v1/bookings", here.slot(house.clock.instant - A_DAY))
    assert (past.status_code, past.json()["code"]) == (422, "booking-day-wrong")
    ages = await here.boss.post(
        "/v1/bookings", body | {"starts_at": "0001-01-01T00:00:00Z", "ends_at": "9999-12-31T23:59:00Z"}
    )
    assert (ages.status_code, ages.json()["code"]) == (422, "booking-times-wrong")
    asked = await here.boss.post("/v1/bookings", body)
    assert asked.status_code == 201
    officer, approver = house.person(Role.OFFICER, "officer-1"), house.person(Role.APPROVER, "approver-1")
    ban = {"party_id": here.claimant_id, "measure": "disqualify", "grounds": "提供虚假信息"}
    proposed = await officer.post("/v1/sanctions", ban)
    imposed = await approver.post(f"{proposed.headers['location']}/approval", version=proposed)
    assert imposed.status_code == 200, imposed.text
    barred = await here.boss.post("/v1/bookings", here.slot(house.clock.instant + 3 * A_DAY))
    assert (barred.status_code, barred.json()["code"]) == (409, "party-barred")
    gone = await here.lab.post(f"/v1/facilities/{here.facility_id}/withdrawal", version=back)
    assert [each["booking_id"] for each in gone.json()["affected_bookings"]] == [asked.json()["booking_id"]]
    withdrawn = await (await claimant(house, "boss-book-5-late"))[0].post("/v1/bookings", body)
    assert (withdrawn.status_code, withdrawn.json()["code"]) == (409, "facility-not-in-service")
    assert (await house.breaches())["M8"] == []


async def test_a_provider_that_leaves_takes_no_new_bookings_and_is_told_of_the_open_ones(house: House) -> None:
    lab, provider_id, _ = await joined(house, "lab-book-6")
    made = await lab.post("/v1/facilities", instrument())
    assert made.status_code == 201, made.text
    boss, claimant_id = await claimant(house, "boss-book-6")
    here = Bench(lab, boss, claimant_id, made.json()["facility_id"], made)
    asked = await boss.post("/v1/bookings", here.slot(house.clock.instant + A_DAY))
    assert asked.status_code == 201, asked.text
    leaving = await lab.post(
        f"/v1/providers/{provider_id}/exit", REASON, version=await lab.get(f"/v1/providers/{provider_id}")
    )
    assert (leaving.status_code, leaving.json()["open_bookings"]) == (201, 1)
    refused = await boss.post("/v1/bookings", here.slot(house.clock.instant + 2 * A_DAY))
    assert (refused.status_code, refused.json()["code"]) == (409, "provider-is-leaving")
    kept = await lab.post(f"{asked.headers['location']}/confirmation", version=asked)
    assert kept.status_code == 200
    await house.wait(2 * A_DAY)
    missed = await lab.post(
        f"{asked.headers['location']}/outcome", {"outcome": "no_show", "machine_minutes": 0}, version=kept
    )
    assert missed.json()["stage"] == "no_show"
    assert (await lab.get(f"/v1/providers/{provider_id}/exit")).json()["open_bookings"] == 0
