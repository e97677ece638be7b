"""Which row of a read model a fact concerns, where the fact's own fields name it."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from shared.projections.projection import RowKey


def row_of(*fields: str) -> Callable[[Any], Sequence[RowKey]]:
    """Find the one row whose key is these fields of a fact; a field may be of a field, as in `on.year`."""
    values = tuple(attrgetter(field) for field in fields)
    return lambda fact: (tuple(value(fact) for value in values),)
