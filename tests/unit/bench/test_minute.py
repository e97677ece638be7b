"""The table, the page and the picture of an opening minute."""

import xml.etree.ElementTree as ET

import pytest

from bench.crowd import BOT, Coming, Kind
from bench.door import Call
from bench.drawing import Second, picture
from bench.minute import Minute, by_second, report, table


def one(
    due: float, status: int, *, code: str = "", replayed: bool = False, kind: Kind = Kind.CLAIM
) -> tuple[Coming, Call]:
    client = BOT if kind is Kind.BAD_TOKEN else 0
    call = Call(due=due, client=client, wire=b"", status=status, seconds=due / 100, code=code, replayed=replayed)
    return Coming(due, kind, client, 0), call


@pytest.fixture
def minute() -> Minute:
    played = [
        one(0.1, 201),
        one(1.9, 201, replayed=True, kind=Kind.RETRY),
        one(2.0, 409, code="quota-exhausted"),
        one(2.1, 503, code="busy"),
        one(2.2, 0),
        one(61.8, 401, code="token-invalid", kind=Kind.BAD_TOKEN),
        one(61.9, 503, code="busy", kind=Kind.BAD_TOKEN),
    ]
    return Minute(
        seed=7, clients=3, winners=1, played=played, oversold=0, overtaken=[4, 9], behind_own=5, duplicates=0,
        checks=17, late=0.012, resent=1,
    )  # fmt: skip


def test_what_failed_is_5xx_or_no_answer(minute: Minute) -> None:
    assert minute.failed == 3


def test_every_request_is_in_one_second_and_one_part_of_it(minute: Minute) -> None:
    seconds = by_second(minute)
    assert [(each.granted, each.refused, each.failed) for each in seconds] == [
        (1, 0, 0),
        (0, 1, 0),
        (0, 1, 2),
        (0, 1, 1),
    ]


def test_the_table_tells_the_rush_from_what_follows(minute: Minute) -> None:
    lines = table(minute)
    assert "| requests | 2 | 5 | 7 |" in lines
    assert "| granted | 1 | 0 | 1 |" in lines
    assert "| granted before, told again | 1 | 0 | 1 |" in lines
    assert "| 409 `quota-exhausted` | 0 | 1 | 1 |" in lines
    assert "| 5xx | 0 | 2 | 2 |" in lines
    assert "| 5xx, to bots | 0 | 1 | 1 |" in lines
    assert "| not answered | 0 | 1 | 1 |" in lines


def test_the_page_says_what_may_not_be_and_where_it_was_played(minute: Minute) -> None:
    page = report(minute, ["machine: 2 cores", "WARNING: the machine is busy"])
    assert "| oversold | claims in the log beyond 1, or money below zero | 0 |" in page
    assert "holds the stamp | 2 |" in page
    assert page.endswith("machine: 2 cores  \nWARNING: the machine is busy\n")
    assert max(len(line) for line in page.splitlines() if not line.startswith("|")) <= 120


def test_the_picture_is_svg_with_a_bar_for_all_that_came() -> None:
    seconds = [
        Second(granted=2_000, refused=900, failed=100, p50=20, p99=480),
        Second(granted=0, refused=0, failed=0, p50=0, p99=0),
    ]
    drawn = ET.fromstring(picture(seconds, "A minute"))  # noqa: S314 (it is our own)
    bars = [bar.attrib for bar in drawn.iter("{http://www.w3.org/2000/svg}rect")][-3:]
    lines = list(drawn.iter("{http://www.w3.org/2000/svg}polyline"))
    assert [float(bar["height"]) for bar in bars] == pytest.approx([104.0, 46.8, 5.2])
    assert [float(bar["y"]) for bar in bars] == pytest.approx([216.0, 169.2, 164.0])
    assert len(lines) == 2
