"""Tianjin's and Hebei's lists over HTTP: file and push, the difference, four eyes, and the list of any day."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.commands.importing import difference_lines, send_file
from shared.events.registry.recognition import MutualListApproved
from shared.http.policy import Role
from tests.integration.registry.bodies import fresh_code
from tests.integration.registry.house import House
from tests.unit.registry.spreadsheets import csv_file

HEADER = ("统一社会信用代码", "机构名称", "服务内容")
_KEYS = count(1)


@pytest.fixture(autouse=True)
async def monday(house: House) -> None:
    house.clock.instant = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def institution(name: str = "天津市测试研究中心") -> tuple[str, str, str]:
    return fresh_code("12"), name, "材料检测"


async def imported(house: House, region: str, first_day: str, *rows: Sequence[str]) -> httpx.Response:
    token = house.issuer.issue(Role.OFFICER, "officer-1")
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"mutual-list-{next(_KEYS)}"}
    return await house.client.post(
        f"/v1/mutual-lists/{region}/imports",
        files={"file": ("list.csv", csv_file(*rows, header=HEADER))},
        data={"first_day": first_day},
        headers=headers,
    )


async def approved(house: House, received: httpx.Response) -> httpx.Response:
    edition = received.json()["edition"]
    path = f"/v1/mutual-lists/{edition['region']}/editions/{edition['edition_id']}/approval"
    return await house.person(Role.APPROVER, "approver-1").post(path, version=received)


async def names_on(house: House, region: str, day: str) -> set[str]:
    answer = await house.client.get(f"/v1/mutual-lists/{region}/institutions", params={"on": day})
    return {item["name"] for item in answer.json()["items"]}


async def test_a_new_edition_replaces_the_former_from_its_first_day_and_old_days_keep_theirs(house: House) -> None:
    one, two, three = institution("甲所"), institution("乙所"), institution("丙所")
    first = await imported(house, "tianjin", "2026-12-01", one, two)
    assert (first.status_code, first.json()["edition"]["added"]) == (200, 2), first.text
    assert await names_on(house, "tianjin", "2026-12-01") == set()
    assert (await approved(house, first)).json()["stage"] == "approved"
    second = await imported(house, "tianjin", "2027-01-01", (one[0], "甲研究所", one[2]), three)
    edition = second.json()["edition"]
    assert (edition["added"], edition["removed"], edition["changed"]) == (1, 1, 1)
    kinds = {each["kind"]: each for each in edition["differences"]}
    assert (kinds["changed"]["before"]["name"], kinds["changed"]["after"]["name"]) == ("甲所", "甲研究所")
    assert (await approved(house, second)).status_code == 200
    days = {"2026-11-30": set(), "2026-12-31": {"甲所", "乙所"}, "2027-01-01": {"甲研究所", "丙所"}}
    assert {day: await names_on(house, "tianjin", day) for day in days} == days
    told = [fact for fact in await house.facts() if isinstance(fact, MutualListApproved)]
    assert [len(fact.institutions) for fact in told] == [2, 2]
    assert (await house.breaches())["R40"] == []


async def test_a_bad_row_keeps_the_whole_list_from_being_proposed(house: House) -> None:
    good = institution()
    received = await imported(house, "hebei", "2026-12-01", good, ("121300000000000000", "丁所", "检测"), good)
    assert received.status_code == 200
    told = [(row["row"], row["code"]) for row in received.json()["refused"]]
    assert told == [(3, "row-credit-code-invalid"), (4, "row-institution-twice")]
    assert received.json()["edition"] is None
    officer = house.person(Role.OFFICER, "officer-1")
    assert (await officer.get("/v1/mutual-lists/hebei/editions")).json()["items"] == []


async def test_who_proposed_does_not_approve_and_a_dropped_list_leaves_room(house: House) -> None:
    received = await imported(house, "hebei", "2026-12-01", institution())
    path = f"/v1/mutual-lists/hebei/editions/{received.json()['edition']['edition_id']}"
    same = await house.person(Role.APPROVER, "officer-1").post(f"{path}/approval", version=received)
    assert (same.status_code, same.json()["code"]) == (403, "four-eyes")
    elsewhere = path.replace("hebei", "tianjin")
    lost = await house.person(Role.APPROVER, "approver-1").post(f"{elsewhere}/approval", version=received)
    assert lost.status_code == 404
    waiting = await imported(house, "hebei", "2026-12-02", institution())
    assert (waiting.status_code, waiting.json()["code"]) == (409, "edition-waits-for-approval")
    dropped = await house.person(Role.OFFICER, "officer-2").post(f"{path}/rejection", version=received)
    assert (dropped.status_code, dropped.json()["stage"]) == (200, "dropped"), dropped.text
    today = await imported(house, "hebei", "2026-11-23", institution())
    assert (today.status_code, today.json()["code"]) == (422, "edition-not-ahead")


async def test_an_edition_is_not_approved_when_its_first_day_has_begun_in_beijing(house: House) -> None:
    received = await imported(house, "hebei", "2027-02-01", institution())
    house.clock.instant = datetime(2027, 1, 31, 16, 0, tzinfo=UTC)  # midnight in Beijing
    late = await approved(house, received)
    assert (late.status_code, late.json()["code"]) == (422, "edition-not-ahead")
    house.clock.instant = datetime(2027, 1, 31, 15, 59, tzinfo=UTC)
    assert (await approved(house, received)).status_code == 200


async def test_a_partner_pushes_its_own_list_and_sees_no_other(house: House) -> None:
    code, name, services = institution("河北省推送所")
    body: dict[str, Any] = {
        "first_day": "2027-06-01",
        "institutions": [{"credit_code": code, "name": name, "services": services}],
    }
    token = house.issuer.issue(Role.PARTNER, "hebei-system", party="hebei")
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "partner-push-1"}
    pushed = await house.client.post("/v1/mutual-lists/hebei/pushes", json=body, headers=headers)
    assert (pushed.status_code, pushed.json()["edition"]["proposed_by"]) == (200, "hebei-system"), pushed.text
    foreign = await house.client.post(
        "/v1/mutual-lists/tianjin/pushes", json=body, headers=headers | {"Idempotency-Key": "partner-push-2"}
    )
    assert foreign.status_code == 404
    assert (await house.client.get("/v1/mutual-lists/tianjin/editions", headers=headers)).status_code == 404
    assert (await house.client.get("/v1/mutual-lists/hebei/editions", headers=headers)).status_code == 200
    assert (await approved(house, pushed)).status_code == 200
    assert name in await names_on(house, "hebei", "2027-06-01")


async def test_an_altered_list_is_named_by_the_audit(house: House) -> None:
    received = await imported(house, "hebei", "2028-01-01", institution("原名所"))
    assert (await approved(house, received)).status_code == 200
    alter = sa.text("UPDATE mutual_entries SET name = :new WHERE name = :old")
    async with house.owner() as connection:
        await connection.execute(alter, {"new": "改名所", "old": "原名所"})
    (found,) = (await house.breaches())["R40"]
    assert found.endswith("is not the list that was proposed")
    async with house.owner() as connection:
        await connection.execute(alter, {"new": "原名所", "old": "改名所"})


async def test_the_command_line_sends_a_list_and_shows_what_it_changes(house: House, tmp_path: Path) -> None:
    file, row = tmp_path / "list.csv", institution("命令行所")
    file.write_bytes(csv_file(row, header=HEADER))
    token = house.issuer.issue("officer", "officer-1")
    told = await send_file(house.client, "/v1/mutual-lists/tianjin/imports", file, token, first_day="2029-01-01")
    lines = difference_lines(told["edition"]["differences"])
    assert f"+ {row[0]} 命令行所" in lines
    assert {line[0] for line in lines} == {"+", "-"}
