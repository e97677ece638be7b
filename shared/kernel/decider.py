"""The decider: the shape every consistency boundary in this system takes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import dataclass_transform


@dataclass_transform(frozen_default=True, kw_only_default=True)
def message[T](cls: type[T]) -> type[T]:
    """Declare a command or a state: immutable, compared by value, named arguments."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


@dataclass(frozen=True, slots=True)
class Decider[C, E, S]:
    """Two pure functions and the state they start from.

    `decide` answers a command with new events or raises `Refused`; `evolve` folds one fact and refuses nothing.
    """

    decide: Callable[[C, S], list[E]]
    evolve: Callable[[S, E], S]
    initial: S

    def fold(self, events: Iterable[E]) -> S:
        """Replay a stream from the initial state."""
        return reduce(self.evolve, events, self.initial)
