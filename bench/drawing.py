"""The opening minute as a picture: what came and what became of it second by second, and how long it took."""

from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH, _LEFT, _RIGHT = 960, 70, 20
_TOP, _COUNTS, _GAP, _TIMES, _BOTTOM = 60, 260, 60, 160, 50
_GRANTED, _REFUSED, _FAILED, _MEDIAN, _SLOWEST = "#1b7f5c", "#b9c4cf", "#c0392b", "#1f5fa8", "#d98324"
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """What was due in one second: how many of it were granted, answered otherwise, or failed; times in ms."""

    granted: int
    refused: int
    failed: int
    p50: float
    p99: float


def picture(seconds: Sequence[Second], title: str) -> str:
    """Draw two panels over the same seconds: bars of requests above, lines of their times below, as SVG."""
    wide = (_WIDTH - _LEFT - _RIGHT) / len(seconds)
    floor, bed = _TOP + _COUNTS, _TOP + _COUNTS + _GAP + _TIMES
    most = _ceiling(max(one.granted + one.refused + one.failed for one in seconds))
    slowest = _ceiling(max(one.p99 for one in seconds))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bed + _BOTTOM}" font-family="sans-serif"'
        ' font-size="13" fill="#222">',
        f"<title>{title}</title>",
        f'<rect width="{_WIDTH}" height="{bed + _BOTTOM}" fill="#fff"/>',
        _text(_LEFT, 24, title, "start", 'font-size="16" font-weight="bold"'),
        *_legend(),
        *_scale(floor, _COUNTS, most, "requests/s"),
        *_scale(bed, _TIMES, slowest, "ms"),
    ]
    for number, one in enumerate(seconds):
        top, left = float(floor), _LEFT + number * wide
        for count, colour in ((one.granted, _GRANTED), (one.refused, _REFUSED), (one.failed, _FAILED)):
            high = _COUNTS * count / most
            top -= high
            if count:
                parts.append(
                    f'<rect x="{left:.1f}" y="{top:.1f}" width="{wide - 1:.1f}" height="{high:.1f}" fill="{colour}"/>'
                )
        if number % 10 == 0:
            parts += [_text(left, y + 18, f"{number} s", "start") for y in (floor, bed)]
    for times, colour in (([one.p50 for one in seconds], _MEDIAN), ([one.p99 for one in seconds], _SLOWEST)):
        points = " ".join(
            f"{_LEFT + (number + 0.5) * wide:.1f},{bed - _TIMES * time / slowest:.1f}"
            for number, time in enumerate(times)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return "\n".join([*parts, "</svg>", ""])


def _ceiling(value: float) -> float:
    """Give the end of a scale: the first round number that is not exceeded."""
    return next((step for step in _STEPS if step >= value), value)


def _scale(floor: float, high: float, most: float, unit: str) -> list[str]:
    marks = []
    for part in range(5):
        y = floor - high * part / 4
        marks.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e3e3e3"/>')
        marks.append(_text(_LEFT - 8, y + 4, f"{most * part / 4:g}", "end"))
    return [*marks, _text(8, floor - high - 12, unit, "start")]


def _legend() -> list[str]:
    named = (("granted", _GRANTED), ("refused, or answered again", _REFUSED), ("failed", _FAILED),
             ("median time", _MEDIAN), ("99 of 100", _SLOWEST))  # fmt: skip
    parts, left = [], float(_LEFT + 60)
    for name, colour in named:
        parts.append(f'<rect x="{left:.0f}" y="36" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(left + 18, 47, name, "start"))
        left += 40 + 7.2 * len(name)
    return parts


def _text(x: float, y: float, said: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{said}</text>'
