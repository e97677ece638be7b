"""A decider folds what happened, in order."""

from dataclasses import FrozenInstanceError

import pytest

from shared.kernel.decider import Decider, message


@message
class Counted:
    """How often, and what was last."""

    times: int = 0
    last: str = ""


def _evolve(state: Counted, event: str) -> Counted:
    return Counted(times=state.times + 1, last=event)


COUNTING: Decider[str, str, Counted] = Decider(
    decide=lambda command, _state: [command], evolve=_evolve, initial=Counted()
)


def test_a_stream_without_events_is_the_initial_state() -> None:
    assert COUNTING.fold([]) == Counted()


def test_events_are_folded_from_first_to_last() -> None:
    assert COUNTING.fold(["a", "b", "c"]) == Counted(times=3, last="c")


def test_a_state_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        COUNTING.initial.times = 1  # type: ignore[misc]
