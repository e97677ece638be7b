"""Bad files of facilities over HTTP: one clear answer for the whole, and nothing of them is kept (art. 5, 6)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from services.registry.tables import facility_import_portions, facility_import_rows, facility_imports
from shared.events.registry.facilities import FacilityChanged, FacilityOpened
from tests.integration.registry.house import House
from tests.integration.registry.test_facility_imports import _COLUMNS, numbered, sent
from tests.integration.registry.test_providers import listed
from tests.unit.registry.files.test_reading import REPEATED, SHARED
from tests.unit.registry.spreadsheets import HEADER, ROW, csv_file, sheet, workbook

BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "wrong-encoding": (lambda: csv_file(ROW, encoding="utf-16"), "import-encoding-unknown"),
    "column-missing": (lambda: csv_file(ROW[:-1], header=HEADER[:-1]), "import-columns-missing"),
    "one-line": (lambda: b"x" * (20 * 1024 * 1024 - 4_096), "import-line-too-long"),
    "spreadsheet-bomb": (lambda: workbook(REPEATED, shared=SHARED), "file-unpacks-to-too-much"),
    "zip-bomb": (lambda: workbook(f"<row><!--{' ' * 210_000_000}--></row>"), "file-unpacks-to-too-much"),
    "two-sheets": (lambda: workbook(sheet(HEADER, ROW), sheet(HEADER, ROW)), "import-one-sheet-only"),
    "broken": (lambda: workbook("<row><c>"), "import-malformed"),
    "nothing-in-it": (csv_file, "import-has-no-rows"),
}


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_file_has_one_clear_answer_and_leaves_nothing(house: House, bad: str) -> None:
    make, code = BAD[bad]
    lab, _ = await listed(house, f"bad-{bad}")
    before = len(await house.facts())
    answer = await sent(lab, make(), key=f"bad-file-{bad}")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["remedy"]
    assert await house.wait(timedelta(seconds=1)) == 0
    assert len(await house.facts()) == before
    async with house.owner() as connection:
        for table in (facility_import_portions, facility_import_rows):
            assert (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one() == 0
        own = sa.select(sa.func.count()).where(facility_imports.c.requested_by == f"bad-{bad}")
        assert (await connection.execute(own)).scalar_one() == 0


async def test_a_push_that_comes_again_changes_only_what_changed(house: House) -> None:
    lab, made = await listed(house, "push-again")
    rows = [dict(zip(_COLUMNS, row, strict=True)) for row in numbered(60)]

    async def results(told: list[dict[str, str]]) -> list[str]:
        answer = await lab.post("/v1/facility-pushes", {"facilities": told})
        return [row["result"] for row in answer.json()["results"]]

    assert await results(rows) == ["created"] * 60
    assert await results(rows) == ["unchanged"] * 60
    rows[3] |= {"price_standard": "900 元/小时"}
    rows[41] |= {"original_value_yuan": "17"}
    expected = ["unchanged"] * 60
    expected[3] = expected[41] = "changed"
    assert await results(rows) == expected
    own = made["provider_id"]
    kinds = (FacilityOpened, FacilityChanged)
    facts = [type(fact) for fact in await house.facts() if isinstance(fact, kinds) and fact.provider_id == own]
    assert facts == [FacilityOpened] * 60 + [FacilityChanged] * 2
