"""The line every run ends with, and the goals there are."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from bench import goals
from bench.ratio import Goal, Spread, digits

ROOT = Path(__file__).parents[3]


def test_the_line_is_read_as_the_goals_are_written() -> None:
    goal = Goal(id="A1", what="claims/noop", target=2.0)
    line = goal.line(Spread(median=2.311, low=2.05, high=2.6))
    assert line == "GOAL A1 claims/noop 2.31 [2.05..2.60] target>=2.0"


def test_a_goal_to_stay_below_says_so() -> None:
    goal = Goal(id="A8", what="wal-syncs/claim", target=0.02, at_least=False)
    line = goal.line(Spread(median=1.2345, low=0.01876, high=1200.4))
    assert line == "GOAL A8 wal-syncs/claim 1.23 [0.0188..1200] target<=0.02"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (0.00012345, "0.000123"), (0.999, "0.999"), (63.25, "63.2"), (250.0, "250"), (48_211.7, "48212")],
)
def test_three_digits_say_enough_and_no_exponent_is_written(value: float, text: str) -> None:
    assert digits(value) == text


@pytest.mark.parametrize(
    ("at_least", "median", "met"),
    [(True, 2.0, True), (True, 1.99, False), (False, 2.0, True), (False, 2.01, False)],
)
def test_a_goal_is_met_by_the_median_and_on_its_side(*, at_least: bool, median: float, met: bool) -> None:
    goal = Goal(id="X1", what="this/that", target=2.0, at_least=at_least)
    assert goal.is_met(Spread(median=median, low=0.0, high=9.0)) is met


def test_every_goal_is_in_the_table_with_its_target() -> None:
    table = (ROOT / "bench" / "README.md").read_text()
    measured = {module.name.upper() for module in pkgutil.iter_modules(goals.__path__)}
    assert measured >= {"A1", "A8", "B1", "B3", "C1", "C4", "D1"}
    assert measured == set(re.findall(r"^\| ([A-Z]+\d+) \|", table, re.MULTILINE))
    for name in measured:
        goal = importlib.import_module(f"bench.goals.{name.lower()}").GOAL
        row = re.search(rf"^\| {name} \|.*$", table, re.MULTILINE)
        assert goal.id == name
        assert row is not None
        assert goal.what in row[0]
        assert f"{'≥' if goal.at_least else '≤'} {goal.target}" in row[0]
