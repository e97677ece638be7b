"""What a read model is, and how an event changes it."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Literal

import sqlalchemy as sa

from shared.events.definition import TYPE_OF, Recorded
from shared.projections.birth import Birth

type Row = dict[str, Any]
"""A row of the projection's table by column name; treat it as immutable and return a new one."""
type RowKey = tuple[Any, ...]
"""The values of the table's primary key, in the table's order."""
type Rows = MutableMapping[RowKey, Row | None]
"""Rows in memory by key; None is a row known not to exist."""


class PoisonEventError(Exception):
    """A projection cannot apply an event; the message names both and the reason."""

    def __init__(self, projection: str, event_id: str, event_type: str, reason: str) -> None:
        super().__init__(f"{projection} cannot apply {event_id} ({event_type}): {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A read model: which rows an event touches, and what each becomes.

    `rows` says for each event type which primary keys it touches; `evolve(row | None, event, key)` gives the new row,
    or None to have none. A row names every column of the table. Live running and rebuild use the same `evolve`.
    `poison`: a money projection halts on an event it cannot apply, others park the event's key and go on.
    With `keyed_by_record` the functions in `rows` are given the record instead of its data, for rows that are named by
    their event's position. The rows of the events in `begins` are never there before them: nobody looks for those.
    `births` tells of those among them that begin one row each, and do nothing else, what `evolve` makes of them.
    `sums` are columns that every event only adds to, whatever they hold, where the key says all the rest of the row:
    what a batch comes to is added to what is there, and live running looks at nothing before.

    The events of a row must share a key (owner), or their effects must commute: only the order per key is kept.
    """

    name: str
    table: sa.Table
    rows: Mapping[type[Any], Callable[[Any], Sequence[RowKey]]]
    evolve: Callable[[Row | None, Recorded[Any], RowKey], Row | None]
    poison: Literal["halt", "park"]
    keyed_by_record: bool = False
    begins: frozenset[type[Any]] = frozenset()
    births: tuple[Birth, ...] = ()
    sums: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Make sure that sums and key are the whole row."""
        if self.sums and self.sums ^ _columns(self.table) != {column.name for column in self.table.primary_key}:
            raise ValueError(f"{self.name}: what is not a sum must be the key")

    @property
    def contexts(self) -> tuple[str, ...]:
        """The contexts whose topics feed this read model."""
        return tuple(sorted({TYPE_OF[cls].context for cls in self.rows}))

    @property
    def consumer(self) -> str:
        """The name under which the positions are kept."""
        return f"projection:{self.name}"

    def touches(self, event: Recorded[Any]) -> Sequence[RowKey]:
        """Say which rows an event touches; none when its type does not matter here."""
        keys = self.rows.get(type(event.data))
        if keys is None:
            return ()
        try:
            return keys(event if self.keyed_by_record else event.data)
        except Exception as error:
            raise PoisonEventError(self.name, event.id, event.type, _reason(error)) from error

    def known_before(self, events: Sequence[Recorded[Any]], touched: Sequence[Sequence[RowKey]]) -> dict[RowKey, None]:
        """Name the rows that may be there before the first of these events that touches them."""
        if not self.begins:
            return dict.fromkeys(chain.from_iterable(touched))
        begun: set[RowKey] = set()
        known: dict[RowKey, None] = {}
        for event, keys in zip(events, touched, strict=True):
            if type(event.data) in self.begins:
                begun.update(keys)
            else:
                for key in keys:
                    if key not in begun:
                        known[key] = None
        return known

    def fold(
        self, rows: Rows, events: Iterable[Recorded[Any]], touched: Iterable[Sequence[RowKey]] | None = None
    ) -> None:
        """Apply events in order to the rows in memory; every row touched and not in `rows` counts as absent.

        `touched` are the keys of each event, where somebody has asked `touches` already.
        Raises `PoisonEventError` at the first event that cannot be applied; `rows` then holds what those before it did.
        """
        columns = _columns(self.table)
        known: list[str] = []  # an order in which a row has named all columns; most rows follow it
        asked = ((event, self.touches(event)) for event in events)
        for event, keys in asked if touched is None else zip(events, touched, strict=True):
            try:
                changed = {key: self.evolve(rows.get(key), event, key) for key in keys}
            except Exception as error:
                raise PoisonEventError(self.name, event.id, event.type, _reason(error)) from error
            for row in changed.values():
                if row is None or (named := [*row]) == known:
                    continue
                if row.keys() != columns:
                    reason = f"columns {sorted(row)} instead of {sorted(columns)}"
                    raise PoisonEventError(self.name, event.id, event.type, reason)
                known = named
            rows.update(changed)


@cache
def _columns(table: sa.Table) -> frozenset[str]:
    return frozenset(str(column.name) for column in table.columns)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
