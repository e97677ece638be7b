"""Calendars in the form of RFC 5545: whole days with alarms before them, as every calendar program reads them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

MEDIA_TYPE = "text/calendar"
_LINE_OCTETS = 75
"""What a line may hold without its end (RFC 5545, 3.1)."""
_HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A day in a calendar.

    `uid` stays the same for the same thing for ever, `sequence` grows when what is said of it changes. `alarms` are
    days before; each rings at `alarm_hour` by the reader's own clock. A `tentative` day may still move.
    """

    uid: str
    sequence: int
    day: date
    summary: str
    description: str
    tentative: bool
    alarms: Sequence[int]
    alarm_hour: int


def written(entries: Sequence[Entry], *, name: str, time_zone: str, made_at: datetime) -> bytes:
    """Write a calendar; `made_at` is aware."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//cxq//vouchers//ZH",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_text(name)}",
        f"X-WR-TIMEZONE:{time_zone}",
        *(line for entry in entries for line in _entry(entry, made_at)),
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines).encode()


def _entry(entry: Entry, made_at: datetime) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{entry.uid}"
    yield f"SEQUENCE:{entry.sequence}"
    yield f"DTSTAMP:{made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    yield f"DTSTART;VALUE=DATE:{entry.day:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{entry.day + timedelta(days=1):%Y%m%d}"
    yield f"SUMMARY:{_text(entry.summary)}"
    yield f"DESCRIPTION:{_text(entry.description)}"
    yield f"STATUS:{'TENTATIVE' if entry.tentative else 'CONFIRMED'}"
    yield "TRANSP:TRANSPARENT"
    for days in entry.alarms:
        yield "BEGIN:VALARM"
        yield "ACTION:DISPLAY"
        yield f"DESCRIPTION:{_text(entry.summary)}"
        yield f"TRIGGER:{_before(days, entry.alarm_hour)}"
        yield "END:VALARM"
    yield "END:VEVENT"


def _before(days: int, hour: int) -> str:
    """Say how long before the day's midnight it rings.

    >>> _before(1, 9), _before(5, 0)
    ('-P0DT15H', '-P5DT0H')
    """
    hours = days * _HOURS_A_DAY - hour
    return f"-P{hours // _HOURS_A_DAY}DT{hours % _HOURS_A_DAY}H"


def _text(said: str) -> str:
    """Escape a text (RFC 5545, 3.3.11)."""
    escaped = said.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\r\n", "\\n").replace("\r", "\\n").replace("\n", "\\n")


def _folded(line: str) -> str:
    """Break a line where it is too long, never inside a character; each further piece begins with a space."""
    pieces: list[str] = []
    piece, octets = "", 0
    for sign in line:
        size = len(sign.encode())
        if octets + size > _LINE_OCTETS:
            pieces.append(piece)
            piece, octets = " ", 1
        piece += sign
        octets += size
    return "\r\n".join([*pieces, piece])
