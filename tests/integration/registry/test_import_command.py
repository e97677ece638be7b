"""`cxq import facilities` sends a file, watches it to its last row and says what was refused."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from services.commands.importing import import_file, refused_rows
from services.commands.problems import CommandProblem
from tests.integration.registry.house import House
from tests.integration.registry.test_facility_imports import numbered
from tests.integration.registry.test_providers import listed
from tests.unit.registry.spreadsheets import changed, csv_file


async def test_a_file_is_sent_and_watched_to_its_last_row(house: House, tmp_path: Path) -> None:
    _, made = await listed(house, "command-lab-1")
    file = tmp_path / "facilities.csv"
    file.write_bytes(csv_file(*numbered(700), changed(类型="显微镜")))
    token, seen = house.issuer.issue("officer", "officer-1"), list[tuple[int, int]]()

    async def work() -> None:
        while not seen or seen[-1][0] < seen[-1][1]:
            await house.wait(timedelta(seconds=1))
            await asyncio.sleep(0.05)

    at_work = asyncio.create_task(work())
    async with asyncio.timeout(30):
        job = await import_file(
            house.client, file, made["provider_id"], token, lambda done, total: seen.append((done, total))
        )
        await at_work
    assert (job["created"], job["refused"], seen[-1]) == (700, 1, (701, 701))
    (row,) = await refused_rows(house.client, job["import_id"], token)
    assert (row["row"], row["code"]) == (702, "row-kind-unknown")
    assert row["message"].startswith("The kind is not known. ")


async def test_a_bad_file_is_told_in_one_sentence_with_its_remedy(house: House, tmp_path: Path) -> None:
    _, made = await listed(house, "command-lab-2")
    file = tmp_path / "facilities.csv"
    file.write_bytes(csv_file())
    token = house.issuer.issue("officer", "officer-1")
    with pytest.raises(CommandProblem) as told:
        await import_file(house.client, file, made["provider_id"], token, lambda *_: None)
    assert (told.value.message, bool(told.value.remedy)) == ("The file has no rows.", True)
