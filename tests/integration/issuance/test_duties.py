"""Who plans does not approve, and neither is anybody's who was not appointed, once somebody is (art. 18)."""

from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import SystemClock
from shared.events.registry.office import Duty, OfficeUserAppointed, OfficeUserEnded
from shared.kernel.ids import new_id
from shared.settings import Settings
from tests.integration.issuance.office import Office
from tests.integration.issuance.serving import Call, caller, today, visiting
from tests.integration.issuance.test_period_api import LI, WANG, ZHAO, _plan


def appointed(
    principal: str, *duties: Duty, first: date | None = None, last: date | None = None, office_user_id: str = ""
) -> OfficeUserAppointed:
    since = first or today()
    return OfficeUserAppointed(
        office_user_id=office_user_id or new_id("ofu", SystemClock().now()), principal=principal,
        office="voucher_office", duties=duties, valid_from=since, valid_until=last, proposed_by="a", approved_by="b",
        on=since,
    )  # fmt: skip


def ended(appointment: OfficeUserAppointed) -> OfficeUserEnded:
    return OfficeUserEnded(
        office_user_id=appointment.office_user_id, principal=appointment.principal, ended_by="a", on=today()
    )


@pytest.fixture
async def office(engine: AsyncEngine) -> Office:
    """An office at the present instant, because the service keeps its own clock, and that nobody is appointed to."""
    found = Office(engine)
    found.clock.at = SystemClock().now()
    async with engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM appointed_users")
    return found


async def proposed(call: Call, who: dict[str, Any], office: Office) -> httpx.Response:
    return await call("POST", "/v1/periods", body=_plan(office.clock), **who)


def refused(answer: httpx.Response) -> bool:
    """Tell whether a duty was missing; anything else but success is a mistake of the test."""
    if answer.status_code == 403:
        assert (answer.json()["code"], answer.json()["rule"]["article"]) == ("duty-missing", "18"), answer.text
        return True
    assert answer.status_code in {200, 201}, answer.text
    return False


async def test_a_duty_that_somebody_has_is_nobody_elses(settings: Settings, office: Office) -> None:
    async with visiting(settings, office.clock) as client:
        call = caller(client, settings)
        assert not refused(await proposed(call, LI, office))  # nobody is appointed yet: the role is enough
        await office.tell(appointed("officer-zhao", "planning"))
        await office.tell(appointed("officer-wang", "approval"))
        assert refused(await proposed(call, LI, office))
        made = await proposed(call, ZHAO, office)
        assert not refused(made)
        path = f"/v1/periods/{made.json()['period_id']}"
        for nobody in (LI, {"role": "approver", "principal": "officer-sun"}):
            assert refused(await call("POST", f"{path}/approval", version=1, **nobody))
        assert not refused(await call("POST", f"{path}/approval", version=1, **WANG))
        reason = {"reason": "系统维护，预计两小时后恢复"}
        assert refused(await call("POST", f"{path}/pause", version=2, body=reason, **LI))
        assert not refused(await call("POST", f"{path}/pause", version=2, body=reason, **ZHAO))
        assert refused(await call("POST", f"{path}/resumption", version=3, body=reason, **LI))
        assert refused(await call("POST", f"{path}/withdrawal", version=3, body=reason, **LI))
        assert refused(await call("POST", f"{path}/plan", version=3, body=_plan(office.clock), **LI))


@pytest.mark.parametrize(
    ("first", "last", "binds"),
    [
        (0, 0, True),
        (0, None, True),
        (-1, 1, True),
        (1, None, False),
        (-1, -1, False),
    ],
)
async def test_an_appointment_binds_on_its_days_both_included(
    settings: Settings,
    office: Office,
    first: int,
    last: int | None,
    binds: bool,  # noqa: FBT001 (a table)
) -> None:
    until = None if last is None else today(last)
    await office.tell(appointed("officer-zhao", "planning", first=today(first), last=until))
    async with visiting(settings, office.clock) as client:
        assert refused(await proposed(caller(client, settings), LI, office)) is binds


async def test_another_duty_binds_nothing_and_an_ended_appointment_no_more(settings: Settings, office: Office) -> None:
    appointment = appointed("officer-zhao", "planning")
    async with visiting(settings, office.clock) as client:
        call = caller(client, settings)
        await office.tell(appointed("officer-sun", "finance", "registry"))
        assert not refused(await proposed(call, LI, office))
        await office.tell(appointment)
        await office.tell(appointment)  # told twice
        assert refused(await proposed(call, LI, office))
        await office.tell(ended(appointment))
        assert not refused(await proposed(call, LI, office))
