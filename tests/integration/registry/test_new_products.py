"""The list of certified new products over HTTP: files, the answer for any day, and what is wrong with a row."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from services.commands.importing import send_file
from shared.events.registry.products import NewProductChanged, NewProductListed, NewProductWithdrawn
from shared.http.policy import Role
from tests.integration.registry.house import House
from tests.unit.registry.spreadsheets import csv_file

HEADER = ("证书编号", "产品（服务）名称", "持有单位", "有效期起", "有效期止")
ROW = ("XCP2026-0118", "自适应降噪模组", "北京听潮科技有限公司", "2026-01-01", "2028-12-31")


async def imported(house: House, *rows: Sequence[str], role: Role = Role.OFFICER) -> httpx.Response:
    token = house.issuer.issue(role, "officer-1")
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"products-{house.clock.now().timestamp()}"}
    file = {"file": ("list.csv", csv_file(*rows, header=HEADER))}
    return await house.client.post("/v1/new-product-imports", files=file, headers=headers)


async def checked(house: House, number: str, day: str) -> dict[str, Any]:
    answer = await house.client.get("/v1/new-product-checks", params={"certificate_number": number, "on": day})
    told: dict[str, Any] = answer.json()
    return told


async def test_a_file_lists_changes_and_leaves_each_row_with_its_own_result(house: House) -> None:
    first = await imported(house, ROW, ("bad number", *ROW[1:]), ("XCP2026-0119", *ROW[1:]), ROW)
    assert first.status_code == 200, first.text
    told = first.json()
    assert (told["created"], told["refused"]) == (2, 2)
    refused = [(row["row"], row["code"]) for row in told["rows"] if row["result"] == "refused"]
    assert refused == [(3, "row-certificate-number-malformed"), (5, "row-certificate-twice")]
    assert told["rows"][1]["message"].startswith("证书编号格式不正确：")
    again = (await imported(house, ROW, ("XCP2026-0119", "改名的模组", *ROW[2:4], "2029-12-31"))).json()
    assert (again["unchanged"], again["changed"]) == (1, 1)
    facts = [fact for fact in await house.facts() if type(fact).__module__.endswith("products")]
    assert [type(fact) for fact in facts] == [NewProductListed, NewProductListed, NewProductChanged]
    assert "听潮" not in str(facts)
    await house.project()
    listed = (await house.client.get("/v1/new-products", params={"on": "2029-06-01"})).json()["items"]
    assert [(item["certificate_number"], item["name"]) for item in listed] == [("XCP2026-0119", "改名的模组")]
    named = (await house.client.get("/v1/new-products", params={"on": "2026-06-01", "name": "降噪"})).json()["items"]
    assert [item["certificate_number"] for item in named] == ["XCP2026-0118"]


async def test_whether_a_product_was_listed_and_valid_has_an_answer_for_every_day(house: House) -> None:
    made = (await imported(house, ("XCP2026-0200", *ROW[1:]))).json()
    product = f"/v1/new-products/{made['rows'][0]['product_id']}"
    shown = await house.client.get(product)
    officer = house.person(Role.OFFICER, "officer-1")
    gone = await officer.post(f"{product}/withdrawal", {"reason": "证书被撤销"}, version=shown)
    assert (gone.status_code, gone.json()["withdrawn_on"]) == (200, "2026-11-23"), gone.text
    assert isinstance((await house.facts())[-1], NewProductWithdrawn)
    assert "撤销" not in str((await house.facts())[-1])
    twice = await officer.post(f"{product}/withdrawal", {"reason": "再次"}, version=gone)
    assert (twice.status_code, twice.json()["code"]) == (409, "new-product-not-listed")
    await house.project()
    days = {"2025-12-31": "not_yet_valid", "2026-11-22": "", "2026-11-23": "withdrawn"}
    told = {day: await checked(house, "xcp2026-0200", day) for day in days}
    assert {day: each["because"] for day, each in told.items()} == days
    assert [each["valid"] for each in told.values()] == [False, True, False]
    assert (await checked(house, "XCP-NOBODY", "2026-11-22"))["because"] == "unknown"
    back = (await imported(house, ("XCP2026-0200", *ROW[1:]))).json()
    assert back["created"] == 1
    await house.project()
    assert (await checked(house, "XCP2026-0200", "2026-11-23"))["valid"] is True


async def test_a_file_that_is_no_list_and_anybody_else_is_refused(house: House) -> None:
    empty = await imported(house)
    assert (empty.status_code, empty.json()["code"]) == (422, "import-has-no-rows")
    many = await imported(house, *((f"XCP-{n:05}", *ROW[1:]) for n in range(1_001)))
    assert (many.status_code, many.json()["code"]) == (422, "import-too-many-rows")
    provider = await imported(house, ROW, role=Role.PROVIDER)
    assert (provider.status_code, provider.json()["code"]) == (403, "not-allowed")


async def test_a_thousand_rows_are_listed_at_once(house: House) -> None:
    made = await imported(house, *((f"XCP-K{n:05}", *ROW[1:]) for n in range(1_000)))
    assert (made.status_code, made.json()["created"]) == (200, 1_000), made.text[:300]


async def test_the_command_line_sends_a_list_and_gives_its_rows(house: House, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(csv_file(("XCP-CLI-1", *ROW[1:]), ("XCP-CLI-2", *ROW[1:4], "2025-01-01"), header=HEADER))
    token = house.issuer.issue("officer", "officer-1")
    told = await send_file(house.client, "/v1/new-product-imports", file, token)
    assert (told["created"], told["refused"]) == (1, 1)
    assert told["rows"][1]["message"] == "The validity ends before it begins. Copy both days from the certificate"
