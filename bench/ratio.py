"""The interleaved-ratio runner: two arms take turns in one command, and only their ratio is quoted."""

import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Self

type Arm = Callable[[], Awaitable[float]]
"""Runs once, for a moment, and says its rate (or its time, or its count)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median of what was found in the rounds, with its range."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Sum values up; ValueError when there are none."""
        found = sorted(values)
        if not found:
            raise ValueError("nothing was measured")
        return cls(median=median(found), low=found[0], high=found[-1])

    def __str__(self) -> str:
        return f"{digits(self.median)} [{digits(self.low)}..{digits(self.high)}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """What a measurement found: both arms, and their ratio round by round (not the ratio of the medians)."""

    numerator: Spread
    denominator: Spread
    value: Spread
    rounds: int

    @classmethod
    def of(cls, pairs: Iterable[tuple[float, float]]) -> Self:
        """Make the ratio of rounds, each numerator and denominator; ValueError when a denominator is not positive."""
        rounds = list(pairs)
        if any(below <= 0 for _, below in rounds):
            raise ValueError("an arm found nothing to compare with")
        return cls(
            numerator=Spread.of(above for above, _ in rounds),
            denominator=Spread.of(below for _, below in rounds),
            value=Spread.of(above / below for above, below in rounds),
            rounds=len(rounds),
        )


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
    return Ratio.of(pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A goal as the table of bench/README.md has it: `at_least` or `at_most` a target."""

    id: str
    what: str
    target: float
    at_least: bool = True

    def line(self, value: Spread) -> str:
        """Write the line every run ends with."""
        return f"GOAL {self.id} {self.what} {value} target{'>=' if self.at_least else '<='}{self.target}"

    def is_met(self, value: Spread) -> bool:
        """Tell whether the median reaches the target."""
        return value.median >= self.target if self.at_least else value.median <= self.target


def digits(value: float) -> str:
    """Write a number with three digits that mean something, and never with an exponent."""
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(0, 2 - magnitude)}f}"
