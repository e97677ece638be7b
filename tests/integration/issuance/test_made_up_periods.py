"""Who claims in periods that somebody made up is told so, and costs the database no connection and no row."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.issuance.intake import intake
from services.issuance.tables import period_writers
from shared.kernel.ids import new_id
from shared.store.transaction import UnknownSubjectError
from tests.integration.issuance.office import Office

FACE = 100
_INTAKES = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cxq-intake-test' AND datname = current_database()"
)


async def _connections(office: Office) -> int:
    async with office.engine.connect() as connection:
        return int((await connection.execute(sa.text(_INTAKES))).scalar_one())


async def test_a_made_up_period_keeps_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    under_way, most, connect = 0, 0, Office._connect

    async def counted(self: Office) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await connect(self)
        finally:
            under_way -= 1

    monkeypatch.setattr(Office, "_connect", counted)
    companies = [await office.register() for _ in range(20)]
    made_up = [new_id("prd", office.clock.now() + timedelta(milliseconds=number)) for number in range(20)]
    asked = [office.ask(period_id, company, FACE) for period_id, company in zip(made_up, companies, strict=True)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers] == [UnknownSubjectError] * 20
    assert most == intake._OPENING_MAX
    async with asyncio.timeout(10):
        while await _connections(office):  # noqa: ASYNC110 (the server tells nobody)
            await asyncio.sleep(0.01)
    assert (len(office.intake._sequencers), len(office.intake._tasks)) == (0, 0)
    async with office.engine.connect() as connection:
        noted = (await connection.execute(sa.select(period_writers.c.period_id))).scalars()
        assert set(noted).isdisjoint(made_up)


async def test_a_period_that_was_asked_for_before_there_was_one_is_served_when_there_is(office: Office) -> None:
    company, other = await office.register(), await office.register()
    period_id = new_id("prd", office.clock.now())
    for _ in range(2):
        with pytest.raises(UnknownSubjectError):
            await office.ask(period_id, company, FACE, key="the-same")
    await office.open_period(period_id=period_id)
    answers = await asyncio.gather(
        office.ask(period_id, company, FACE, key="the-same"), office.ask(period_id, other, FACE)
    )
    assert [answer.status for answer in answers] == [201, 201]
