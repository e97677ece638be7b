"""Facilities come by the thousand: files and pushes, row by row, on a real database."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.registry.use_cases import importing_facilities
from shared.events.registry.facilities import FacilityChanged, FacilityOpened
from shared.http.policy import Role
from tests.integration.registry.bodies import instrument
from tests.integration.registry.house import House, Person
from tests.integration.registry.test_providers import listed
from tests.unit.registry.spreadsheets import HEADER as HEADINGS
from tests.unit.registry.spreadsheets import ROW as GOOD
from tests.unit.registry.spreadsheets import changed, csv_file, sheet, workbook

_COLUMNS = ("number", "name", "kind", "original_value_yuan", "site", "service_norms", "price_standard")


def numbered(count: int, **cells: str) -> list[tuple[str, ...]]:
    """Make so many good rows."""
    return [changed(资产编号=f"A-{number:05}", 名称=f"光谱仪{number}号", **cells) for number in range(count)]


async def sent(person: Person, content: bytes, *, key: str, **form: str) -> httpx.Response:
    """Upload a file."""
    token = person.house.issuer.issue(person.role, person.principal)
    return await person.house.client.post(
        "/v1/facility-imports",
        files={"file": ("设施.csv", content)},
        data=form,
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
    )


async def worked_off(house: House, person: Person, answer: httpx.Response) -> dict[str, Any]:
    """Let the due list work, and show the job."""
    assert answer.status_code == 202, answer.text
    await house.wait(timedelta(seconds=1))
    job: dict[str, Any] = (await person.get(answer.headers["location"])).json()
    assert job["state"] == "finished"
    return job


def counted(job: dict[str, Any]) -> tuple[int, ...]:
    return tuple(job[name] for name in ("created", "changed", "unchanged", "refused"))


async def test_a_file_is_imported_and_sent_again_changes_only_what_changed(house: House) -> None:
    lab, made = await listed(house, "import-lab-1")
    before = len(await house.facts())
    rows = numbered(1_203)
    first = await worked_off(house, lab, await sent(lab, csv_file(*rows), key="import-1-first"))
    assert (first["rows"], first["done"], counted(first)) == (1_203, 1_203, (1_203, 0, 0, 0))
    again = await worked_off(house, lab, await sent(lab, csv_file(*rows, encoding="gb18030"), key="import-1-again"))
    assert counted(again) == (0, 0, 1_203, 0)
    rows[7] = changed(资产编号="A-00007", 名称="质谱仪", **{"原值（元）": "10"})
    third = await worked_off(house, lab, await sent(lab, workbook(sheet(HEADINGS, *rows)), key="import-1-third"))
    assert counted(third) == (0, 1, 1_202, 0)
    facts = (await house.facts())[before:]
    assert [type(fact) for fact in facts] == [FacilityOpened] * 1_203 + [FacilityChanged]
    await house.project()
    query = {"name": "质谱", "provider_id": made["provider_id"]}
    (item,) = (await house.client.get("/v1/facilities", params=query)).json()["items"]
    assert (item["name"], item["original_value"]["amount"]) == ("质谱仪", 1_000)
    query["name"] = "光谱仪7号"
    assert (await house.client.get("/v1/facilities", params=query)).json()["items"] == []


async def test_each_row_has_its_own_outcome_with_number_and_reason_in_both_languages(house: House) -> None:
    lab, _ = await listed(house, "import-lab-2")
    rows = [
        GOOD, changed(资产编号="B 1"), changed(资产编号="B-2", 收费标准="=1+1"), changed(资产编号="B-3"), GOOD,
        changed(资产编号="B-4", 类型="显微镜"),
    ]  # fmt: skip
    answer = await sent(lab, csv_file(*rows), key="import-2-first")
    job = await worked_off(house, lab, answer)
    assert counted(job) == (2, 0, 0, 4)
    path = answer.headers["location"] + "/rows"
    refused = (await lab.get(path, result="refused")).json()["items"]
    assert [(row["row"], row["code"], row["column"]) for row in refused] == [
        (3, "row-number-malformed", "number"),
        (4, "row-has-formula", ""),
        (6, "row-number-twice", "number"),
        (7, "row-kind-unknown", "kind"),
    ]
    assert refused[1]["message"].startswith("单元格含公式：")
    headers = {**lab._headers(), "Accept-Language": "en"}
    english = (await house.client.get(path, params={"result": "refused"}, headers=headers)).json()["items"]
    assert english[1]["message"].startswith("A cell holds a formula. ")
    first = (await lab.get(path, limit=4)).json()
    rest = (await lab.get(path, limit=4, cursor=first["next_cursor"])).json()
    assert [row["row"] for row in first["items"] + rest["items"]] == [2, 3, 4, 5, 6, 7]


async def test_a_number_in_two_portions_of_a_file_is_taken_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing_facilities, "PORTION", 2)
    lab, _ = await listed(house, "import-lab-3")
    twins = [*numbered(3), changed(资产编号="A-00000", 名称="另一台")]
    job = await worked_off(house, lab, await sent(lab, csv_file(*twins), key="import-3-first"))
    assert counted(job) == (3, 0, 0, 1)


async def test_a_file_is_the_provider_s_own_or_an_officer_s(house: House) -> None:
    lab, made = await listed(house, "import-lab-4")
    other, _ = await listed(house, "import-lab-5")
    officer, stranger = house.person(Role.OFFICER, "officer-1"), house.person(Role.PROVIDER, "import-nobody")
    mine = {"provider_id": made["provider_id"]}
    assert (await sent(other, csv_file(GOOD), key="import-4-other", **mine)).status_code == 404
    refused = await sent(stranger, csv_file(GOOD), key="import-4-stranger")
    assert (refused.status_code, refused.json()["code"]) == (409, "provider-not-listed")
    assert (await sent(officer, csv_file(GOOD), key="import-4-nowhere")).status_code == 404
    answer = await sent(officer, csv_file(GOOD), key="import-4-officer", **mine)
    job = await worked_off(house, officer, answer)
    assert (job["provider_id"], counted(job)) == (made["provider_id"], (1, 0, 0, 0))
    assert (await lab.get(answer.headers["location"])).status_code == 200
    for path in (answer.headers["location"], answer.headers["location"] + "/rows"):
        assert (await other.get(path)).status_code == 404
    assert (await house.person(Role.CLAIMANT, "boss-1").get(answer.headers["location"])).status_code == 403


async def test_a_file_sent_twice_under_one_key_is_one_job(house: House) -> None:
    lab, _ = await listed(house, "import-lab-6")
    first = await sent(lab, csv_file(GOOD), key="import-6-first")
    again = await sent(lab, csv_file(GOOD), key="import-6-first")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert counted(await worked_off(house, lab, first)) == (1, 0, 0, 0)


async def test_a_bad_file_is_answered_as_a_whole_and_leaves_nothing(house: House) -> None:
    lab, _ = await listed(house, "import-lab-7")
    before = len(await house.facts())
    bad = await sent(lab, csv_file(GOOD[:-1], header=HEADINGS[:-1]), key="import-7-column")
    assert (bad.status_code, bad.json()["code"]) == (422, "import-columns-missing")
    assert bad.json()["detail"] == "应各有一列：收费标准"
    assert bad.json()["errors"][0]["value"] == ["price_standard"]
    line = await sent(lab, b"x" * (20 * 1024 * 1024), key="import-7-line")
    assert (line.status_code, line.json()["code"]) == (422, "import-line-too-long")
    large = await sent(lab, b"x" * (21 * 1024 * 1024), key="import-7-large")
    assert large.status_code == 413
    assert await house.wait(timedelta(seconds=1)) == 0
    assert len(await house.facts()) == before


async def test_a_portion_that_fails_leaves_nothing_half_imported_and_goes_on_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing_facilities, "PORTION", 2)
    lab, _ = await listed(house, "import-lab-8")
    answer = await sent(lab, csv_file(*numbered(5)), key="import-8-first")
    async with house.owner() as connection:
        await connection.execute(sa.text("ALTER TABLE facility_import_rows ADD CHECK (row <> 5) NOT VALID"))
    await house.wait(timedelta(seconds=1))
    stuck = (await lab.get(answer.headers["location"])).json()
    assert (stuck["state"], stuck["done"], stuck["created"]) == ("running", 2, 2)
    async with house.owner() as connection:
        await connection.execute(
            sa.text("ALTER TABLE facility_import_rows DROP CONSTRAINT facility_import_rows_row_check")
        )
        count = sa.text(
            "SELECT count(*) FROM facilities f JOIN providers p USING (provider_id) WHERE p.principal = 'import-lab-8'"
        )
        assert (await connection.execute(count)).scalar_one() == 2
    await house.wait(timedelta(hours=1))
    assert counted((await lab.get(answer.headers["location"])).json()) == (5, 0, 0, 0)


async def test_a_laboratory_system_pushes_and_what_was_opened_by_hand_is_known(house: House) -> None:
    lab, _ = await listed(house, "import-lab-9")
    by_hand = instrument()
    assert (await lab.post("/v1/facilities", by_hand)).status_code == 201
    same = {name: by_hand[name] for name in ("number", "name", "kind", "site", "service_norms", "price_standard")}
    same["original_value_yuan"] = "4788000"
    other = dict(zip(_COLUMNS, changed(资产编号="C-1"), strict=True))
    pushed = await lab.post("/v1/facility-pushes", {"facilities": [same, other, other, {"number": "C-2"}]})
    assert pushed.status_code == 200
    outcomes = [(row["row"], row["result"], row["code"]) for row in pushed.json()["results"]]
    assert outcomes == [
        (1, "unchanged", ""), (2, "created", ""), (3, "refused", "row-number-twice"), (4, "refused", "row-lacks-value"),
    ]  # fmt: skip
    other["kind"] = "算力设备"
    kind = await lab.post("/v1/facility-pushes", {"facilities": [other]})
    assert kind.json()["results"][0]["code"] == "facility-kind-stays"
    assert (
        await house.person(Role.OFFICER, "officer-1").post("/v1/facility-pushes", {"facilities": [same]})
    ).status_code == 403
