"""Changes of the rules over HTTP: four eyes, a day to come, and every decision by the value of its day."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.commands.measures import lines_of, rules_announced
from shared.audit import Count
from shared.clock import SystemClock
from shared.events.registry.measures import MeasureChangeApproved, MeasureChangeProposed, MeasureChangeWithdrawn
from shared.http.policy import Role
from shared.kernel.ids import new_id
from shared.store.transaction import Cause, on
from tests.integration.registry.bodies import company
from tests.integration.registry.house import House

STAFF: dict[str, Any] = {
    "value": 300, "first_day": "2027-01-01", "article": "京科发〔2026〕40号 第2条", "quote": "职工总数不超过300人",
    "reason": "与中小企业划型标准一致",
}  # fmt: skip
LAST_MOMENT = datetime(2026, 12, 31, 15, 0, tzinfo=UTC)  # 23:00 in Beijing


async def proposed(house: House, parameter: str = "staff_max", **changes: Any) -> httpx.Response:
    officer = house.person(Role.OFFICER, "officer-1")
    return await officer.post(f"/v1/measures/{parameter}/changes", STAFF | changes)


async def announced(house: House, parameter: str = "staff_max", **changes: Any) -> httpx.Response:
    made = await proposed(house, parameter, **changes)
    assert made.status_code == 201, made.text
    approver = house.person(Role.APPROVER, "approver-1")
    return await approver.post(f"{made.headers['location']}/approval", version=made)


async def withdrawn(house: House, change: httpx.Response) -> None:
    path = f"/v1/measures/{change.json()['parameter']}/changes/{change.json()['change_id']}/withdrawal"
    gone = await house.person(Role.OFFICER, "officer-2").post(path, version=change)
    assert (gone.status_code, gone.json()["stage"]) == (200, "withdrawn"), gone.text


async def rules_on(house: House, day: str) -> dict[str, Any]:
    answer = await house.client.get("/v1/measures", params={"on": day})
    told: dict[str, Any] = answer.json()
    return told


def value_of(rules: dict[str, Any], parameter: str = "staff_max") -> Any:
    return next(item["in_force"]["value"] for item in rules["measures"] if item["parameter"] == parameter)


@pytest.fixture(autouse=True)
async def monday(house: House) -> None:
    house.clock.instant = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


async def test_two_people_announce_a_change_and_it_governs_from_its_first_day_on(house: House) -> None:
    done = await announced(house)
    assert (done.status_code, done.json()["stage"], done.json()["approved_by"]) == (200, "announced", "approver-1")
    facts = [fact for fact in await house.facts() if isinstance(fact, (MeasureChangeProposed, MeasureChangeApproved))]
    assert [type(fact).__name__ for fact in facts[-2:]] == ["MeasureChangeProposed", "MeasureChangeApproved"]
    assert {(fact.value, str(fact.first_day)) for fact in facts[-2:]} == {(300, "2027-01-01")}
    assert "划型标准" not in str(facts)
    before, after = await rules_on(house, "2026-12-31"), await rules_on(house, "2027-01-01")
    assert (value_of(before), value_of(after)) == (500, 300)
    assert [(one["parameter"], one["first_day"], one["value"]) for one in before["announced"]] == [
        ("staff_max", "2027-01-01", 300)
    ]
    assert after["announced"] == []
    assert (before["pack"]["pack"], after["pack"]["pack"]) == ("beijing-2023", "beijing-2023+1")
    history = (await house.client.get("/v1/measures/staff_max")).json()["values"]
    assert [(one["in_force_from"], one["in_force_until"]) for one in history] == [
        ("2023-10-01", "2026-12-31"),
        ("2027-01-01", None),
    ]
    checked = company(staff=400)
    house.clock.instant = datetime(2026, 12, 31, 15, 59, tzinfo=UTC)  # one minute to midnight in Beijing
    mine = house.person(Role.CLAIMANT, "four-hundred-1")
    made = await mine.post("/v1/claimants", checked)
    assert made.status_code == 201, made.text
    house.clock.instant = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
    late = await house.person(Role.CLAIMANT, "four-hundred-2").post("/v1/claimants", company(staff=400))
    assert (late.status_code, late.json()["code"]) == (422, "staff-over-limit"), late.text
    assert "300" in late.json()["detail"]
    small = await house.person(Role.CLAIMANT, "three-hundred-1").post("/v1/claimants", company(staff=300))
    assert small.status_code == 201, small.text
    packs = [fact.pack for fact in await house.facts() if type(fact).__name__ == "ClaimantRegistered"]
    assert packs[-2:] == ["beijing-2023", "beijing-2023+1"]
    assert (await house.breaches())["R5"] == []


async def test_nobody_approves_the_own_proposal_and_no_officer_approves_at_all(house: House) -> None:
    made = await proposed(house, "ban_years", value=5)
    path = f"{made.headers['location']}/approval"
    same = await house.person(Role.APPROVER, "officer-1").post(path, version=made)
    assert (same.status_code, same.json()["code"]) == (403, "four-eyes")
    officer = await house.person(Role.OFFICER, "officer-2").post(path, version=made)
    assert (officer.status_code, officer.json()["code"]) == (403, "not-allowed")
    assert value_of(await rules_on(house, "2027-01-01"), "ban_years") == 3
    await withdrawn(house, made)


async def test_what_is_withdrawn_before_its_day_never_governs(house: House) -> None:
    done = await announced(house, "registration_days", value=20)
    assert value_of(await rules_on(house, "2027-01-01"), "registration_days") == 20
    await withdrawn(house, done)
    assert isinstance((await house.facts())[-1], MeasureChangeWithdrawn)
    rules = await rules_on(house, "2027-01-01")
    assert value_of(rules, "registration_days") == 15
    again = await announced(house, "registration_days", value=25)
    assert again.status_code == 200, again.text
    house.clock.instant = LAST_MOMENT + timedelta(seconds=1)
    path = f"/v1/measures/registration_days/changes/{again.json()['change_id']}/withdrawal"
    late = await house.person(Role.OFFICER, "officer-1").post(path, version=again)
    assert (late.status_code, late.json()["code"]) == (409, "measure-change-too-late")
    house.clock.instant = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    await withdrawn(house, again)
    assert (await house.breaches())["R5"] == []


@pytest.mark.parametrize(
    ("parameter", "changes", "status", "code"),
    [
        ("staff_minimum", {}, 404, "not-found"),
        ("contract_share_max", {"value": 101}, 422, "measure-value-out-of-bounds"),
        ("contract_share_max", {"value": True}, 422, "measure-value-wrong-unit"),
        ("fields", {"value": 5}, 422, "measure-value-wrong-unit"),
        ("contract_share_max", {"value": 50}, 422, "measure-change-changes-nothing"),
        ("contract_share_max", {"value": 40, "first_day": "2026-11-23"}, 422, "measure-change-not-ahead"),
        ("contract_share_max", {"value": 40, "first_day": "2026-11-22"}, 422, "measure-change-not-ahead"),
        ("priority_projects", {"value": ["medicine"]}, 422, "measure-unknown"),
        ("vouchers_per_claim_max", {"value": 2}, 422, "measure-decides-nothing"),
    ],
)
async def test_what_is_wrong_with_a_proposal_is_said(
    house: House, parameter: str, changes: dict[str, Any], status: int, code: str
) -> None:
    refused = await proposed(house, parameter, **changes)
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text


async def test_a_second_change_ahead_is_refused_and_the_office_sees_them_all(house: House) -> None:
    first = await proposed(house, "team_student_share_over", value=60)
    second = await proposed(house, "team_student_share_over", value=80)
    assert (second.status_code, second.json()["code"]) == (409, "measure-change-pending")
    await withdrawn(house, first)
    third = await proposed(house, "team_student_share_over", value=80)
    await house.project()
    auditor = house.person(Role.AUDITOR, "auditor-1")
    listed = (await auditor.get("/v1/measure-changes", parameter="team_student_share_over")).json()["items"]
    assert {(one["value"], one["stage"], one["reason"]) for one in listed} == {
        (80, "proposed", None),
        (60, "withdrawn", None),
    }
    shown = await auditor.get(first.headers["location"])
    assert (shown.json()["stage"], shown.json()["reason"]) == ("withdrawn", STAFF["reason"])
    assert (await auditor.get(third.headers["location"])).headers["etag"] == third.headers["etag"]
    nobody = f"/v1/measures/team_student_share_over/changes/{new_id('mch', LAST_MOMENT)}"
    assert (await auditor.get(nobody)).status_code == 404
    assert (await house.person(Role.CLAIMANT, "somebody").get(third.headers["location"])).status_code == 403


async def test_codes_are_changed_as_a_list(house: House) -> None:
    done = await announced(house, "fields", value=["new_materials", "next_generation_it"])
    assert done.json()["value"] == ["new_materials", "next_generation_it"]
    assert done.json()["said"] == {
        "zh": "新材料、新一代信息技术",
        "en": "new materials, next-generation information technology",
    }
    assert value_of(await rules_on(house, "2027-01-01"), "fields") == ["new_materials", "next_generation_it"]
    await withdrawn(house, done)


async def test_the_audit_names_a_change_that_one_person_announced_or_somebody_altered(house: House) -> None:
    today = date(2026, 11, 23)
    async with house.owner() as connection:
        alone = MeasureChangeApproved(
            change_id="mch_alone", parameter="age_years_max", pack="beijing-2023", value=9, first_day=today,
            article="7", quote="q", proposed_by="o", approved_by="o", on=today,
        )  # fmt: skip
        tx = on(connection, "registry", SystemClock(), Cause(actor="test", correlation_id="c"))
        tx.append("measure-age_years_max", 0, [alone])
        await tx.flush()
        checks = {check.id: check for check in house.context.checks}
        found = [breach.found async for breach in checks["R5"].look(connection, Count())]
        await connection.rollback()
    assert found == [
        "mch_alone was announced by one person alone",
        "mch_alone was decided on when its first day had begun",
        "mch_alone is not kept as it was announced or withdrawn",
    ]


async def test_the_command_line_shows_the_rules_with_what_is_announced(house: House) -> None:
    done = await announced(house, "validity_months", value=6)
    before = await rules_announced(house.client, date(2026, 12, 31))
    told = "\n".join(lines_of(before))
    assert "announced: validity_months from 2027-01-01 on\n  6 个月 (6 months) — 京科发〔2026〕40号 第2条" in told
    after = await rules_announced(house.client, date(2027, 1, 1))
    assert {rule["parameter"]: rule["value"] for rule in after["measures"]}["validity_months"] == 6
    assert "  6 个月 (6 months) — 京科发〔2026〕40号 第2条" in "\n".join(lines_of(after))
    await withdrawn(house, done)
