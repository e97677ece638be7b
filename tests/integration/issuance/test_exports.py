"""The journal as a file over HTTP: a signed link for ten minutes, and a file that says what the entries say."""

import csv
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy.ext.asyncio import AsyncEngine

from services.commands.exporting import export_ledger
from services.commands.problems import CommandProblem
from services.issuance.api import exports
from services.issuance.reports.ledger_file import BOM, HEADINGS
from shared.clock import SystemClock
from shared.http.links import VALID_FOR
from shared.http.local_issuer import LocalIssuer
from shared.settings import Settings
from tests.integration.issuance.office import Office
from tests.integration.issuance.serving import Call
from tests.integration.issuance.stories import FACE, FIRST_DAY, PAID, Season, catch_up, told_season


@dataclass(slots=True)
class LateClock:
    """Goes as the machine's does, so much later."""

    by: timedelta = timedelta(0)

    def now(self) -> datetime:
        """Give the instant."""
        return SystemClock().now() + self.by


@pytest.fixture(scope="module")
def clock() -> LateClock:
    return LateClock()


@pytest.fixture(scope="module")
async def lived(engine: AsyncEngine) -> Season:
    return await told_season(engine)


async def _order(call: Call, **wanted: Any) -> dict[str, Any]:
    answer = await call("POST", "/v1/ledger/exports", role="officer", body=wanted)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == answer.json()["href"]
    order: dict[str, Any] = answer.json()
    return order


def _rows(content: bytes) -> list[list[str]]:
    text = content.decode("utf-8")
    assert text.startswith(BOM)
    return list(csv.reader(io.StringIO(text.removeprefix(BOM), newline="")))


async def test_the_file_has_every_entry_in_the_order_of_the_log(
    call: Call, client: httpx.AsyncClient, lived: Season, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_CHUNK", 3)
    order = await _order(call, format="csv")
    fetched = await client.get(order["href"])
    assert fetched.headers["content-type"].startswith("text/csv")
    assert fetched.headers["content-disposition"] == f'attachment; filename="ledger-{order["as_of"]}.csv"'
    heading, *rows = _rows(fetched.content)
    assert heading == list(HEADINGS)
    assert len(rows) == order["entries"] > 20
    places = [(int(row[0]), int(row[1])) for row in rows]
    assert places == sorted(set(places))
    assert sum(int(row[7]) for row in rows if row[3] == "兑现") == PAID
    assert {row[6] for row in rows if row[3] == "领取"} == {f"{FACE / 100:.2f}"}
    assert {tuple(row[4:6] + row[13:]) for row in rows if row[3] == "领取"} == {
        ("已领取", "周期额度", "reserved", "quota")
    }
    assert lived.period_id


async def test_a_workbook_holds_the_same_as_the_csv(
    call: Call, client: httpx.AsyncClient, lived: Season, tmp_path: Path
) -> None:
    wanted = {"claimant_id": lived.claimant_id, "since": str(FIRST_DAY), "until": str(FIRST_DAY)}
    plain = _rows((await client.get((await _order(call, format="csv", **wanted))["href"])).content)
    fetched = await client.get((await _order(call, format="xlsx", **wanted))["href"])
    path = tmp_path / "ledger.xlsx"
    path.write_bytes(fetched.content)
    sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    assert sheet[0] == plain[0] == list(HEADINGS)
    assert len(sheet) == len(plain) == 5
    assert [row[7] for row in sheet[1:]] == [int(row[7]) for row in plain[1:]] == [FACE] * 4
    assert [row[10] for row in sheet[1:]] == [lived.claimant_id] * 4


async def test_what_comes_after_the_order_is_not_in_the_file(
    call: Call, client: httpx.AsyncClient, lived: Season, office: Office
) -> None:
    order = await _order(call, format="csv", account="reserved")
    before = (await client.get(order["href"])).content
    await office.claim(lived.period_id, await office.register(), 1_000)
    await catch_up(office.engine)
    assert (await client.get(order["href"])).content == before
    assert (await _order(call, format="csv", account="reserved"))["entries"] == order["entries"] + 1


async def test_a_link_is_good_for_ten_minutes_and_for_nothing_else(
    call: Call, client: httpx.AsyncClient, lived: Season, clock: LateClock
) -> None:
    href = (await _order(call, format="csv"))["href"]
    path, _, link = href.rpartition("/")
    for wrong in (link[:-2], f"{link}AA", "A" * len(link), "é", "x"):
        refused = await client.get(f"{path}/{wrong}")
        assert (refused.status_code, refused.json()["code"]) == (404, "link-not-valid"), wrong
    try:
        clock.by = VALID_FOR - timedelta(minutes=2)
        assert (await client.get(href)).status_code == 200
        clock.by = VALID_FOR
        assert (await client.get(href)).json()["code"] == "link-not-valid"
    finally:
        clock.by = timedelta(0)
    assert lived.period_id


async def test_only_the_office_orders_and_a_workbook_has_its_limit(
    call: Call, lived: Season, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = {"format": "csv"}
    own = await call("POST", "/v1/ledger/exports", party=lived.claimant_id, body=order)
    assert own.status_code == 403
    monkeypatch.setattr(exports, "WORKBOOK_ROWS_MAX", 3)
    large = await call("POST", "/v1/ledger/exports", role="auditor", body={"format": "xlsx"})
    assert (large.status_code, large.json()["code"]) == (422, "export-too-large")
    assert (await call("POST", "/v1/ledger/exports", role="auditor", body={"format": "ods"})).status_code == 422
    assert (
        await call("POST", "/v1/ledger/exports", role="auditor", body=order | {"account": "cash"})
    ).status_code == 422


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
async def test_the_command_writes_a_file_that_is_whole_or_not_there(
    client: httpx.AsyncClient, settings: Settings, lived: Season, tmp_path: Path, suffix: str
) -> None:
    token = LocalIssuer(settings).issue("officer", "officer-li")
    heard: list[tuple[int, int]] = []
    file = tmp_path / f"ledger{suffix}"
    wanted = {"claimant_id": lived.claimant_id, "year": 2026, "account": None}
    order = await export_ledger(client, file, wanted, token, lambda done, total: heard.append((done, total)))
    assert heard[-1] == (order["entries"], order["entries"])
    rows = _rows(file.read_bytes()) if suffix == ".csv" else _sheet(file)
    assert len(rows) == order["entries"] + 1
    assert {row[10] for row in rows[1:]} == {lived.claimant_id}
    assert _names(tmp_path) == [file.name]


async def test_a_refused_order_is_told_in_the_service_s_words_and_leaves_no_file(
    client: httpx.AsyncClient, settings: Settings, lived: Season, tmp_path: Path
) -> None:
    token = LocalIssuer(settings).issue("claimant", "user-1", lived.claimant_id)
    with pytest.raises(CommandProblem, match="This is for: approvers, auditors, officers"):
        await export_ledger(client, tmp_path / "ledger.csv", {}, token, lambda _done, _total: None)
    assert _names(tmp_path) == []


def _sheet(file: Path) -> list[list[Any]]:
    return CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()


def _names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())
