"""The rules as anyone may read them over HTTP, without signing in and without a database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.registry.app import CONTEXT
from shared.http.application import build_app
from shared.kernel.money import format_yuan
from shared.measures.reader import Measures
from shared.runtime import Runtime
from shared.settings import Settings
from tests.unit.measures.region import LAST_DAY, write_harbour

MEASURES = Measures.load()


class MorningClock:
    """A clock that stands at half past midnight in Beijing, when it is still yesterday in UTC."""

    def now(self) -> datetime:
        return datetime(2026, 12, 31, 16, 30, tzinfo=UTC)


@asynccontextmanager
async def registry(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Put the service together and open its door; nothing runs in the background."""
    app = build_app(CONTEXT, settings, runtime=Runtime(CONTEXT, settings, MorningClock()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://registry") as client:
        yield client


@pytest.fixture(scope="module")
async def anyone(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with registry(Settings(env="dev", state_dir=tmp_path_factory.mktemp("state"))) as client:
        yield client


async def rules_on(client: httpx.AsyncClient, day: str) -> dict[str, Any]:
    answer = await client.get("/v1/measures", params={"on": day})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_every_rule_in_force_on_a_day_is_listed_with_its_words(anyone: httpx.AsyncClient) -> None:
    listed = await rules_on(anyone, "2023-10-01")
    assert {item["parameter"] for item in listed["measures"]} == set(MEASURES.parameters)
    assert (listed["pack"]["pack"], listed["pack"]["digest"], listed["pack"]["excerpt"]) == (
        "beijing-2023",
        MEASURES.digest,
        False,
    )
    for item in listed["measures"]:
        cited = MEASURES.citation(item["parameter"], date(2023, 10, 1))
        shown = item["in_force"]
        value = list(cited.value) if isinstance(cited.value, tuple) else cited.value
        assert (shown["value"], shown["article"], shown["quote"], shown["reading"]) == (
            value,
            cited.article,
            cited.quote,
            cited.reading,
        )
        assert all(item[part][language] for part in ("description", "unit_said") for language in ("zh", "en"))


async def test_a_rule_can_be_read_by_people_in_both_languages(anyone: httpx.AsyncClient) -> None:
    listed = await rules_on(anyone, "2026-11-22")
    (cap,) = [item for item in listed["measures"] if item["parameter"] == "face_value_max"]
    assert cap["description"] == {"zh": "单张创新券的最高限额", "en": "Highest face value of one voucher"}
    assert cap["in_force"]["said"] == {"zh": format_yuan(5_000_000), "en": "50,000.00 yuan"}
    assert cap["in_force"]["article_said"] == {"zh": "第12条", "en": "art. 12"}


async def test_the_rules_stand_in_the_order_of_the_articles(anyone: httpx.AsyncClient) -> None:
    listed = await rules_on(anyone, "2026-11-22")
    articles = [item["in_force"]["article"] for item in listed["measures"]]
    assert articles.index("5") < articles.index("7(1)") < articles.index("12") < articles.index("15(2)")
    assert articles.index("20") < articles.index("faq 2") < articles.index("civil code 203")


async def test_the_day_before_the_measures_the_earlier_regime_is_listed(anyone: httpx.AsyncClient) -> None:
    listed = await rules_on(anyone, "2023-09-30")
    assert (listed["pack"]["pack"], listed["pack"]["excerpt"]) == ("faq-2020", True)
    assert "priority_projects" in {item["parameter"] for item in listed["measures"]}


async def test_a_day_without_rules_is_answered_as_such(anyone: httpx.AsyncClient) -> None:
    answer = await anyone.get("/v1/measures", params={"on": "2019-12-31"})
    assert (answer.status_code, answer.json()["code"]) == (404, "no-measures-in-force")


@pytest.mark.parametrize("day", ["20231001", "1699920000", "2023-02-29", "today", ""])
async def test_a_day_is_written_as_a_date(anyone: httpx.AsyncClient, day: str) -> None:
    answer = await anyone.get("/v1/measures", params={"on": day})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "query:on")


async def test_without_a_day_it_is_today_in_beijing(anyone: httpx.AsyncClient) -> None:
    answer = await anyone.get("/v1/measures")
    assert answer.json()["on"] == "2027-01-01"


async def test_one_rule_is_told_through_the_years(anyone: httpx.AsyncClient) -> None:
    told = (await anyone.get("/v1/measures/new_product_share_max")).json()
    assert [(one["pack"], one["in_force_from"], one["in_force_until"], one["value"]) for one in told["values"]] == [
        ("faq-2020", "2020-01-01", "2023-09-30", 30),
        ("beijing-2023", "2023-10-01", None, 30),
    ]
    assert told["unit"] == "percent"


async def test_a_rule_that_no_pack_has_is_not_found(anyone: httpx.AsyncClient) -> None:
    answer = await anyone.get("/v1/measures/face_value_maximum")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_region_s_own_rules_are_served_by_the_same_program(tmp_path: Path) -> None:
    write_harbour(tmp_path / "rules")
    settings = Settings(env="dev", state_dir=tmp_path, measures_dir=tmp_path / "rules", measures_pack="harbour-2027")
    async with registry(settings) as client:
        days = [(await rules_on(client, day.isoformat()))["pack"]["pack"] for day in _around(LAST_DAY)]
        told = (await client.get("/v1/measures/registration_days")).json()
    assert days == ["harbour-2025", "harbour-2027"]
    assert [one["value"] for one in told["values"]] == [20, 10]


def _around(day: date) -> tuple[date, date]:
    return day, day + timedelta(days=1)
