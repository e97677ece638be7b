"""Ids say what they name, sort by when they were made, and are never given twice."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.ids import is_id, new_id

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(INSTANTS, st.timedeltas(timedelta(milliseconds=1), timedelta(days=9_000)))
def test_ids_sort_by_the_millisecond_they_were_made_in(at: datetime, later: timedelta) -> None:
    assert new_id("vch", at) < new_id("vch", at + later)


def test_a_thousand_ids_of_one_instant_differ() -> None:
    assert len({new_id("vch", AT) for _ in range(1_000)}) == 1_000


def test_a_forked_process_does_not_give_the_ids_of_its_parent() -> None:
    code = (
        "import os; from datetime import UTC, datetime; from shared.kernel.ids import new_id\n"
        "at = datetime(2026, 3, 2, tzinfo=UTC); first = new_id('vch', at)\n"
        "child = os.fork(); os.write(1, f'{new_id(\"vch\", at)}\\n'.encode()); child and os.wait()"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)  # noqa: S603 (ours)
    told = ran.stdout.split()
    assert len(set(told)) == 2


def test_of_an_id_all_but_the_millisecond_the_version_and_the_variant_is_random() -> None:
    ids = [new_id("vch", AT) for _ in range(4_000)]
    found = ["".join(sorted({made[place] for made in ids})) for place in range(14, 30)]
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    assert found == ["ef", letters, letters, "89abrstv", *[letters] * 12]


def test_an_id_does_not_depend_on_the_zone_it_was_made_in() -> None:
    beijing = AT.astimezone(ZoneInfo("Asia/Shanghai"))
    assert new_id("vch", AT)[:14] == new_id("vch", beijing)[:14]


def test_an_id_holds_its_millisecond_and_is_a_uuid_of_version_7() -> None:
    number = 0
    for letter in new_id("vch", AT + timedelta(milliseconds=7)).removeprefix("vch_"):
        number = number * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(letter)
    assert number >> 80 == int(AT.timestamp()) * 1000 + 7
    assert number >> 76 & 15 == 7
    assert number >> 62 & 3 == 2


@given(INSTANTS)
def test_an_id_that_was_made_has_the_form_of_an_id_of_its_kind_only(at: datetime) -> None:
    made = new_id("prd", at)
    assert len(made) == 30
    assert is_id(made, "prd")
    assert not is_id(made, "vch")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "prd_",
        "prd_01kjp0000000000000000000",  # too short
        "prd_01kjp00000000000000000000000",  # too long
        "prd_81kjp000000000000000000000",  # beyond 128 bits
        "prd_01KJP000000000000000000000",  # upper case
        "prd_01kjp00000000000000000000l",  # a letter the alphabet leaves out
        "prd_01kjp000000000000000000000\n",
        "prd-01kjp000000000000000000000",
        "../prd_01kjp00000000000000000000",
    ],
)
def test_anything_else_is_no_id(text: str) -> None:
    assert is_id("prd_01kjp000000000000000000000", "prd")
    assert not is_id(text, "prd")
