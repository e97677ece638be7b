"""The interleaved-ratio runner: two arms take turns in one command, and only their ratio is quoted."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median

type Arm = Callable[[], Awaitable[float]]
"""Runs once, for a moment, and says its rate (or its time, or its count)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Medians over the rounds; `low` and `high` are the extremes of the ratio."""

    numerator: float
    denominator: float
    value: float
    low: float
    high: float
    rounds: int


async def interleaved(numerator: Arm, denominator: Arm, *, rounds: int, warm_up: bool = True) -> Ratio:
    """Run A B, B A, A B, … so that a drift of the machine's speed falls on both; the warm-up round does not count."""
    if warm_up:
        await numerator()
        await denominator()
    pairs: list[tuple[float, float]] = []
    for number in range(rounds):
        if number % 2:
            below = await denominator()
            above = await numerator()
        else:
            above = await numerator()
            below = await denominator()
        pairs.append((above, below))
    ratios = [above / below for above, below in pairs]
    return Ratio(
        numerator=median(above for above, _ in pairs),
        denominator=median(below for _, below in pairs),
        value=median(ratios),
        low=min(ratios),
        high=max(ratios),
        rounds=rounds,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A goal of docs/performance.md: `at_least` or `at_most` a target."""

    id: str
    what: str
    target: float
    at_least: bool = True

    def line(self, value: float, low: float, high: float) -> str:
        """Write the line every run ends with."""
        return (
            f"GOAL {self.id} {self.what} {value:.3g} [{low:.3g}..{high:.3g}] "
            f"target{'>=' if self.at_least else '<='}{self.target:g}"
        )
