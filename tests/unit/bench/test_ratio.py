"""Two arms take turns; what is quoted is their ratio."""

from collections.abc import Iterator

import pytest

from bench.ratio import Arm, Ratio, Spread, interleaved


def arm(name: str, values: Iterator[float], ran: list[str]) -> Arm:
    """Make an arm that finds what it is told to find, and notes that it ran."""

    async def run() -> float:
        ran.append(name)
        return next(values)

    return run


async def test_the_arms_take_turns_and_swap_places_each_round() -> None:
    ran: list[str] = []
    ones = iter([1.0] * 10)
    await interleaved(arm("A", ones, ran), arm("B", ones, ran), rounds=4, warm_up=False)
    assert "".join(ran) == "ABBAABBA"


async def test_a_value_belongs_to_its_arm_whichever_ran_first() -> None:
    above, below = iter([10.0, 20.0, 30.0]), iter([2.0, 4.0, 5.0])
    ratio = await interleaved(arm("A", above, []), arm("B", below, []), rounds=3, warm_up=False)
    assert ratio == Ratio.of([(10.0, 2.0), (20.0, 4.0), (30.0, 5.0)])
    assert ratio.rounds == 3


async def test_the_warm_up_runs_both_arms_and_does_not_count() -> None:
    ran: list[str] = []
    above, below = iter([1000.0, 6.0]), iter([1.0, 2.0])
    ratio = await interleaved(arm("A", above, ran), arm("B", below, ran), rounds=1)
    assert ran == ["A", "B", "A", "B"]
    assert ratio.value == Spread(median=3.0, low=3.0, high=3.0)


def test_the_ratio_is_taken_round_by_round_and_not_of_the_medians() -> None:
    ratio = Ratio.of([(10.0, 1.0), (2.0, 2.0), (9.0, 3.0)])
    assert ratio.value == Spread(median=3.0, low=1.0, high=10.0)
    assert ratio.numerator == Spread(median=9.0, low=2.0, high=10.0)
    assert ratio.denominator == Spread(median=2.0, low=1.0, high=3.0)


def test_an_even_number_of_rounds_has_its_median_in_the_middle() -> None:
    assert Spread.of([4.0, 1.0, 3.0, 2.0]) == Spread(median=2.5, low=1.0, high=4.0)


@pytest.mark.parametrize("below", [0.0, -1.0])
def test_an_arm_that_found_nothing_gives_no_ratio(below: float) -> None:
    with pytest.raises(ValueError, match="nothing to compare with"):
        Ratio.of([(1.0, 1.0), (1.0, below)])


def test_no_round_gives_no_ratio() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        Ratio.of([])


async def test_an_arm_that_fails_ends_the_measurement() -> None:
    async def fails() -> float:
        raise RuntimeError("a claim was answered with 500")

    with pytest.raises(RuntimeError, match="500"):
        await interleaved(fails, arm("B", iter([1.0]), []), rounds=1)
