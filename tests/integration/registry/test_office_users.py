"""Office users over HTTP: appointed by two others, and a duty that somebody has is nobody else's."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from shared.audit import Count
from shared.clock import SystemClock
from shared.events.registry.office import OfficeUserAppointed
from shared.http.policy import Role
from shared.store.transaction import Cause, on
from tests.integration.registry.bodies import company
from tests.integration.registry.house import House


@pytest.fixture(autouse=True)
async def monday(house: House) -> None:
    house.clock.instant = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


async def proposed(house: House, principal: str, *duties: str, **changes: Any) -> httpx.Response:
    body = {"principal": principal, "office": "voucher_office", "duties": list(duties), "valid_from": "2026-11-23"}
    return await house.person(Role.OFFICER, "officer-1").post("/v1/office-users", body | changes)


async def appointed(house: House, principal: str, *duties: str, **changes: Any) -> httpx.Response:
    made = await proposed(house, principal, *duties, **changes)
    assert made.status_code == 201, made.text
    return await house.person(Role.APPROVER, "approver-1").post(f"{made.headers['location']}/approval", version=made)


async def ended(house: House, user: httpx.Response) -> httpx.Response:
    path = f"/v1/office-users/{user.json()['office_user_id']}/end"
    return await house.person(Role.OFFICER, "officer-1").post(path, version=user)


async def listed_channel(house: House, officer: str, bank: str) -> httpx.Response:
    return await house.person(Role.OFFICER, officer).post("/v1/channels", {"principal": bank, "name": "某银行"})


async def test_a_duty_that_somebody_has_is_nobody_elses_on_those_days(house: House) -> None:
    assert (await listed_channel(house, "officer-9", "bank-a")).status_code == 201  # nobody is appointed yet
    made = await house.person(Role.OFFICER, "officer-2").post(
        "/v1/office-users",
        {"principal": "officer-1", "office": "commission", "duties": ["registry"], "valid_from": "2026-11-24",
         "valid_until": "2026-11-25"},
    )  # fmt: skip
    done = await house.person(Role.APPROVER, "approver-1").post(f"{made.headers['location']}/approval", version=made)
    assert (done.status_code, done.json()["stage"]) == (200, "appointed"), done.text
    assert isinstance((await house.facts())[-1], OfficeUserAppointed)
    assert (await listed_channel(house, "officer-9", "bank-b")).status_code == 201  # it begins tomorrow
    house.clock.instant = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # midnight in Beijing
    other = await listed_channel(house, "officer-9", "bank-c")
    assert (other.status_code, other.json()["code"]) == (403, "duty-missing")
    assert (await listed_channel(house, "officer-1", "bank-c")).status_code == 201
    house.clock.instant = datetime(2026, 11, 25, 15, 59, tzinfo=UTC)
    assert (await listed_channel(house, "officer-9", "bank-d")).status_code == 403
    house.clock.instant = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
    assert (await listed_channel(house, "officer-9", "bank-d")).status_code == 201


async def test_once_somebody_does_the_finance_no_other_officer_sees_a_whole_bank_account(house: House) -> None:
    boss, other = house.person(Role.CLAIMANT, "banked-1"), house.person(Role.OFFICER, "officer-8")
    path = (await boss.post("/v1/claimants", company())).headers["location"] + "/bank-account"
    account = {"holder": "户名有限公司", "bank": "某银行中关村支行", "account": "6222020200112233445"}
    assert (await boss.post(path, account)).status_code == 200
    assert (await other.get(path)).json()["masked"] is False  # nobody is appointed yet
    cashier = await appointed(house, "officer-7", "finance")
    assert (await other.get(path)).json()["account"] == "***************3445"
    assert (await house.person(Role.OFFICER, "officer-7").get(path)).json()["account"] == account["account"]
    assert (await ended(house, cashier)).status_code == 200


async def test_an_approver_with_the_duty_approves_and_another_does_not(house: House) -> None:
    user = await appointed(house, "approver-7", "approval")
    assert user.status_code == 200, user.text
    change = {"value": 9, "first_day": "2027-01-01", "article": "2", "quote": "q", "reason": "r"}
    made = await house.person(Role.OFFICER, "officer-1").post("/v1/measures/age_years_max/changes", change)
    path = f"{made.headers['location']}/approval"
    other = await house.person(Role.APPROVER, "approver-1").post(path, version=made)
    assert (other.status_code, other.json()["code"]) == (403, "duty-missing")
    right = await house.person(Role.APPROVER, "approver-7").post(path, version=made)
    assert right.status_code == 200, right.text
    assert (await ended(house, user)).json()["stage"] == "ended"
    back = await house.person(Role.OFFICER, "officer-2").post(path.replace("/approval", "/withdrawal"), version=right)
    assert back.status_code == 200


async def test_exclusive_duties_and_second_appointments_are_refused(house: House) -> None:
    both = await proposed(house, "clerk-1", "finance", "review")
    assert (both.status_code, both.json()["code"]) == (422, "duties-exclude-each-other")
    assert both.json()["detail"] == "不得兼任的职责：资金拨付与评审组织"
    assert both.json()["errors"][0]["value"] == ["finance + review"]
    own = await proposed(house, "officer-1", "planning")
    assert (own.status_code, own.json()["code"]) == (403, "not-ones-own-appointment")
    user = await appointed(house, "clerk-2", "finance")
    twice = await proposed(house, "clerk-2", "review")
    assert (twice.status_code, twice.json()["code"]) == (409, "principal-has-appointment")
    assert (await ended(house, user)).status_code == 200
    assert (await appointed(house, "clerk-2", "review")).status_code == 200
    house.clock.instant = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    auditor = house.person(Role.AUDITOR, "auditor-1")
    today = (await auditor.get("/v1/office-users", on="2026-11-24", duty="review")).json()["items"]
    assert [one["principal"] for one in today] == ["clerk-2"]
    assert (await auditor.get("/v1/office-users", on="2026-11-24", duty="finance")).json()["items"] == []
    assert (await house.person(Role.PROVIDER, "somebody").get("/v1/office-users")).status_code == 403


async def test_an_appointment_that_has_run_out_leaves_room_for_the_next(house: House) -> None:
    assert (await appointed(house, "clerk-3", "review", valid_until="2026-11-23")).status_code == 200
    early = await proposed(house, "clerk-3", "review")
    assert (early.status_code, early.json()["code"]) == (409, "principal-has-appointment")
    house.clock.instant = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    assert (await proposed(house, "clerk-3", "review", valid_from="2026-11-24")).status_code == 201


async def test_the_audit_names_an_appointment_in_too_few_hands(house: House) -> None:
    assert (await house.breaches())["R42"] == []
    alone = OfficeUserAppointed(
        office_user_id="ofu_x", principal="clerk-9", office="commission", duties=("approval", "finance"),
        valid_from=date(2026, 11, 23), valid_until=None, proposed_by="clerk-9", approved_by="approver-1",
        on=date(2026, 11, 23),
    )  # fmt: skip
    (check,) = (check for check in house.context.checks if check.id == "R42")
    async with house.owner() as connection:
        tx = on(connection, "registry", SystemClock(), Cause(actor="test", correlation_id="c"))
        tx.append("office-user-ofu_x", 0, [alone])
        await tx.flush()
        found = [breach.found async for breach in check.look(connection, Count())]
        await connection.rollback()
    assert found == ["clerk-9 was not appointed by two others", "clerk-9 has approval + finance"]
