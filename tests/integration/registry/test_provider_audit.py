"""The audit of use, bookings and delegated duties: clean after honest work, and every planted breach is named."""

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from services.registry.app import CONTEXT
from shared.audit import Count
from tests.integration.registry.house import House, open_house
from tests.integration.registry.test_bookings import WHY, bench
from tests.integration.registry.test_providers import A_DAY
from tests.integration.registry.test_representation import agency, offer
from tests.integration.registry.test_usage import pushed, record

PLANTED = {
    "R30": "UPDATE usage_records SET minutes = minutes + 1 WHERE record_id = 'LIMS-0001'",
    "R30 overlap": "ALTER TABLE usage_records DROP CONSTRAINT usage_records_no_overlap;"
    " UPDATE usage_records SET first_day = '2026-01-02' WHERE record_id = 'LIMS-0002'",
    "R31": "UPDATE bookings SET stage = 'confirmed' WHERE stage = 'cancelled'",
    "R31 slot": "UPDATE bookings SET takes_slot = false WHERE stage = 'requested'",
    "R31 overlap": "ALTER TABLE bookings DROP CONSTRAINT bookings_no_overlap;"
    " UPDATE bookings SET facility_id = (SELECT max(facility_id) FROM bookings)",
    "R32": "UPDATE events SET data = jsonb_set(data, '{valid_from}', '\"2026-12-01\"')"
    " WHERE type = 'cxq.registry.delegation-proposed.v1'",
}


@pytest.fixture(scope="module")
async def house(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house of its own, with some honest work: two delegations after one another, use, and bookings."""
    async with open_house(CONTEXT, postgres_url, tmp_path_factory.mktemp("state")) as opened:
        here = await bench(opened, "audit")
        there = await bench(opened, "audit-2")
        assert await pushed(here.lab, record(1), record(2)) == [("recorded", [])] * 2
        typed = (await here.lab.get("/v1/usage-records")).json()["items"][0]
        path = f"/v1/usage-records/{typed['usage_id']}"
        await here.lab.post(
            f"{path}/correction", {"minutes": 9, "external_minutes": 9}, version=await here.lab.get(path)
        )
        begins = opened.clock.instant + A_DAY
        first = await here.boss.post("/v1/bookings", here.slot(begins))
        await here.boss.post(f"{first.headers['location']}/cancellation", WHY, version=first)
        for bookable in (here, there):
            assert (await bookable.boss.post("/v1/bookings", bookable.slot(begins))).status_code == 201
        for name, days in (("care-a", ("2026-12-01", "2026-12-31")), ("care-b", ("2027-01-01", "2027-01-31"))):
            care = await agency(opened, name)
            body = offer(care, valid_from=days[0], valid_until=days[1])
            offered = await here.lab.post("/v1/delegations", body)
            taken = await care.post(f"{offered.headers['location']}/acceptance", version=offered)
            assert taken.status_code == 200, taken.text
        yield opened


@pytest.mark.parametrize("planted", PLANTED)
async def test_the_audit_is_clean_and_names_a_planted_breach(house: House, planted: str) -> None:
    found = await house.breaches()
    assert [found[check] for check in ("R30", "R31", "R32")] == [[], [], []]
    async with house.owner() as connection:
        await connection.execute(sa.text("ALTER TABLE events DISABLE TRIGGER events_append_only"))
        for statement in PLANTED[planted].split(";"):
            await connection.execute(sa.text(statement.replace(":", "\\:")))
        (check,) = [each for each in house.context.checks if each.id == planted[:3]]
        assert [breach.found async for breach in check.look(connection, Count())]
        await connection.rollback()
