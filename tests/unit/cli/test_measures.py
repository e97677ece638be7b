"""`cxq measures`: the rules of a day and the changes between packs, for people and for programs."""

import json
from pathlib import Path

import pytest

from shared.measures.reader import Measures
from tests.unit.cli.conftest import Cxq
from tests.unit.measures.region import write_harbour

DIGEST = Measures.load().digest


@pytest.fixture
def region(tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The rules of an invented region, where the setting says they are."""
    assert state.is_dir()
    folder = tmp_path / "rules"
    write_harbour(folder)
    monkeypatch.setenv("CXQ_MEASURES_DIR", str(folder))
    return folder


def test_the_rules_of_a_day_are_listed_for_people(cxq: Cxq) -> None:
    said = cxq("measures", "list", "--on", "2026-11-22")
    assert said.code == 0
    assert "face_value_max · 单张创新券的最高限额 · Highest face value of one voucher" in said.answer
    assert "  50,000.00 元 (50,000.00 yuan) — 第12条 (art. 12)：单张最高限额为 5 万元" in said.answer
    assert "  from 2023-10-01 · reading 8" in said.answer


def test_the_rules_of_a_day_are_listed_for_programs(cxq: Cxq) -> None:
    listed = json.loads(cxq("measures", "list", "--on", "2023-10-01", "--json").answer)
    assert (listed["pack"], listed["digest"], listed["on"]) == ("beijing-2023", DIGEST, "2023-10-01")
    (days,) = [one for one in listed["measures"] if one["parameter"] == "registration_days"]
    assert (days["value"], days["unit"], days["article"]) == (15, "days", "15(2)")


def test_the_day_before_lists_the_earlier_regime(cxq: Cxq) -> None:
    listed = json.loads(cxq("measures", "list", "--on", "2023-09-30", "--json").answer)
    assert (listed["pack"], listed["excerpt"], len(listed["measures"])) == ("faq-2020", True, 13)
    assert {one["in_force_until"] for one in listed["measures"]} == {"2023-09-30"}


def test_what_changes_between_two_packs_is_shown_line_by_line(cxq: Cxq, region: Path) -> None:
    assert region.is_dir()
    said = cxq("measures", "diff", "harbour-2025", "harbour-2027", "--on", "2027-01-01")
    lines = said.answer.splitlines()
    assert lines[:2] == ["- harbour-2025 on 2026-12-31 · 虚构的规定", "+ harbour-2027 on 2027-01-01 · 虚构的规定"]
    at = lines.index(
        "registration_days · 申领后完成科研活动登记的期限 · Days from the claim to the registration of the activity"
    )
    assert lines[at + 1].startswith("  - 20 日 (20 days) — 第15条第2项 (art. 15(2))：")
    assert lines[at + 2].startswith("  + 10 日 (10 days) — ")
    assert lines[-1] == "2 differ, 65 are the same."


def test_what_changes_between_two_packs_is_given_to_programs(cxq: Cxq) -> None:
    told = json.loads(cxq("measures", "diff", "faq-2020", "beijing-2023", "--on", "2023-10-01", "--json").answer)
    assert (told["before"]["read_on"], told["after"]["read_on"]) == ("2023-09-30", "2023-10-01")
    by_name = {one["parameter"]: one for one in told["differences"]}
    assert by_name["priority_projects"]["kind"] == "removed"
    assert by_name["priority_projects"]["after"] is None
    anew = by_name["listed_provider_required"]
    assert (anew["kind"], anew["before"]["article"], anew["after"]["article"]) == ("cited_anew", "faq 7", "10(2)")
    assert told["same"] == 11


def test_a_pack_or_a_day_that_is_not_known_is_said_so(cxq: Cxq) -> None:
    unknown = cxq("measures", "diff", "beijing-2023", "beijing-2033", "--on", "2026-11-22")
    assert unknown.code == 4
    assert unknown.told.startswith(
        "cxq: The rules are not there: no rule pack 'beijing-2033'; there are beijing-2023, "
    )
    early = cxq("measures", "list", "--on", "2019-12-31")
    assert (early.code, "2019-12-31" in early.told) == (1, True)
    assert cxq("measures", "list", "--on", "20231001").code == 2


def test_a_wrong_rule_file_is_named_with_its_line(cxq: Cxq, region: Path) -> None:
    file = region / "harbour-2025" / "registration_days.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("unit: days", "unit: hours"), encoding="utf-8")
    said = cxq("measures", "list", "--on", "2026-12-31", "--pack", "harbour-2027")
    assert said.code == 4
    assert said.told.startswith(f"cxq: A rule file is wrong: {file}:4: unknown unit `hours`")


def test_a_registry_that_does_not_answer_is_named(cxq: Cxq) -> None:
    said = cxq("measures", "list", "--on", "2026-11-22", "--registry", "http://127.0.0.1:1")
    assert said.code == 3
    assert said.told.startswith("cxq: The registry does not answer at http://127.0.0.1:1. Start it")
