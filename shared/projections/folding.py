"""Rows in memory while the events of a log are folded into them."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

from shared.events.definition import Recorded
from shared.projections.birth import Newborn, as_row
from shared.projections.opening import Told
from shared.projections.projection import Projection, RowKey
from shared.projections.rows import key_names


class Folding(dict[RowKey, Any]):
    """Rows by key, None for one that is gone; those that have only been begun so far are kept as they were read.

    `get` and `pop` give each as the row that it is.
    """

    def __init__(self, projection: Projection) -> None:
        super().__init__()
        self._projection = projection
        self.key_of = _key_of(key_names(projection.table))

    def get(self, key: RowKey, default: Any = None) -> Any:
        """Give the row of a key."""
        return as_row(super().get(key, default))

    def pop(self, key: RowKey, default: Any = None) -> Any:
        """Give the row of a key, and forget it."""
        return as_row(super().pop(key, default))

    def apply(self, events: Sequence[Told]) -> None:
        """Fold events in order; raises `PoisonEventError` when one of them cannot be applied."""
        key_of, others = self.key_of, list[Recorded[Any]]()
        for event in events:
            if isinstance(event, Newborn):
                if others:
                    self._projection.fold(self, others)
                    others = []
                self[key_of(event)] = event
            else:
                others.append(event)
        if others:
            self._projection.fold(self, others)


def _key_of(names: tuple[str, ...]) -> Callable[[Newborn], RowKey]:
    get = operator.attrgetter(*names)
    if len(names) > 1:
        return get
    return lambda newborn: (get(newborn),)
