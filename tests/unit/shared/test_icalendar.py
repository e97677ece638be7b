"""Calendars are written as RFC 5545 has it: folded, escaped, and read back as they were meant."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from shared.icalendar import Entry, written

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def _entry(*, summary: str = "登记截止", description: str = "", tentative: bool = False) -> Entry:
    return Entry(
        uid="vch_1-registration@issuance.cxq",
        sequence=3,
        day=date(2026, 2, 28),
        summary=summary,
        description=description,
        tentative=tentative,
        alarms=(5, 3, 1),
        alarm_hour=9,
    )


def _calendar(*entries: Entry) -> bytes:
    return written(entries, name="期限", time_zone="Asia/Shanghai", made_at=AT)


def _unfolded(calendar: bytes) -> list[str]:
    return calendar.decode().replace("\r\n ", "").split("\r\n")


def _property(calendar: bytes, name: str) -> str:
    (value,) = [line.removeprefix(f"{name}:") for line in _unfolded(calendar) if line.startswith(f"{name}:")]
    return value


def test_a_day_lasts_until_the_next_and_rings_at_nine_before_it() -> None:
    assert _unfolded(_calendar(_entry())) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//cxq//vouchers//ZH",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "X-WR-CALNAME:期限",
        "X-WR-TIMEZONE:Asia/Shanghai",
        "BEGIN:VEVENT",
        "UID:vch_1-registration@issuance.cxq",
        "SEQUENCE:3",
        "DTSTAMP:20260302T013000Z",
        "DTSTART;VALUE=DATE:20260228",
        "DTEND;VALUE=DATE:20260301",
        "SUMMARY:登记截止",
        "DESCRIPTION:",
        "STATUS:CONFIRMED",
        "TRANSP:TRANSPARENT",
        *(
            line
            for trigger in ("-P4DT15H", "-P2DT15H", "-P0DT15H")
            for line in (
                "BEGIN:VALARM",
                "ACTION:DISPLAY",
                "DESCRIPTION:登记截止",
                f"TRIGGER:{trigger}",
                "END:VALARM",
            )
        ),
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


def test_a_day_that_may_still_move_is_tentative() -> None:
    assert _property(_calendar(_entry(tentative=True)), "STATUS") == "TENTATIVE"


def test_an_empty_calendar_is_one_too() -> None:
    assert _unfolded(_calendar())[-2:] == ["END:VCALENDAR", ""]


@pytest.mark.parametrize("shift", range(4))
def test_a_line_of_wide_characters_is_broken_between_them(shift: int) -> None:
    said = "x" * shift + "创新券" * 40
    lines = _calendar(_entry(description=said)).split(b"\r\n")
    assert max(map(len, lines)) in {73, 74, 75}
    assert said in "".join(line.decode().removeprefix(" ") for line in lines)


@for_all(said=st.text(max_size=300).filter(lambda text: "\r" not in text))
def test_whatever_is_said_is_folded_within_75_octets_and_read_back_as_it_was(said: str) -> None:
    try:
        said.encode()
    except UnicodeEncodeError:
        said = "half a character"
    calendar = written([_entry(description=said)], name="n", time_zone="Asia/Shanghai", made_at=AT)
    lines = calendar.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert all(line.decode() for line in lines[:-1])  # no character is cut in two
    (escaped,) = [
        line.removeprefix("DESCRIPTION:")
        for line in _unfolded(calendar)
        if line.startswith("DESCRIPTION:") and line != "DESCRIPTION:登记截止"
    ] or [""]
    assert _read(escaped) == said


def _read(escaped: str) -> str:
    read, signs = "", iter(escaped)
    for sign in signs:
        if sign == "\\":
            following = next(signs)
            read += "\n" if following == "n" else following
        else:
            assert sign not in ",;\n"
            read += sign
    return read
