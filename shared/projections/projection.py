"""What a read model is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from shared.events.definition import TYPE_OF, Recorded

type Row = dict[str, Any]
"""A row of the projection's table by column name; treat it as immutable and return a new one."""
type RowKey = tuple[Any, ...]
"""The values of the table's primary key, in the table's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A read model: which rows an event touches, and what each becomes.

    `rows` says for each event type which primary keys it touches; `evolve(row | None, event, key)` gives the new row, or
    None to have none. Live running and rebuild use the same `evolve`. `poison`: a money projection halts on an event it
    cannot apply, others park the event's key and go on.

    The events of a row must share a key (owner), or their effects must commute: only the order per key is kept.
    """

    name: str
    table: sa.Table
    rows: Mapping[type[Any], Callable[[Any], Sequence[RowKey]]]
    evolve: Callable[[Row | None, Recorded[Any], RowKey], Row | None]
    poison: Literal["halt", "park"]

    @property
    def contexts(self) -> tuple[str, ...]:
        """The contexts whose topics feed this read model."""
        return tuple(sorted({TYPE_OF[cls].context for cls in self.rows}))

    @property
    def consumer(self) -> str:
        """The name under which the positions are kept."""
        return f"projection:{self.name}"
