"""Rows that one event begins: said once, as columns, so that live running and a rebuild make the same row of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

import msgspec
import sqlalchemy as sa
from msgspec.structs import asdict

from shared.events.definition import Recorded

_UNHEARD_OF = "\x7f"
"""Begins the names by which no payload calls a field: what a column holds at first is not for the event to say."""


class Newborn(msgspec.Struct, gc=False, kw_only=True):
    """A row of a table as an event begins it, its columns in the table's order; of each `Birth` a class of its own."""


def as_row[R](row: R | Newborn) -> R | dict[str, Any]:
    """Give the row that a newborn one is; any other is one."""
    return asdict(row) if isinstance(row, Newborn) else row


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """How an event begins a row.

    `fields` names the field of the event that a column takes, `recorded_at` the column that takes the instant at which
    it was recorded; each other column holds what `at_first` says. ValueError unless each column is named just once.
    """

    of: type[Any]
    table: sa.Table
    fields: Mapping[str, str]
    at_first: Mapping[str, Any]
    recorded_at: str

    def __post_init__(self) -> None:
        named = sorted([*self.fields, *self.at_first, self.recorded_at])
        if named != sorted(column.name for column in self.table.columns):
            raise ValueError(f"the columns of {self.table.name} are not {named}")

    def row(self, event: Recorded[Any]) -> dict[str, Any]:
        """Make the row of an event."""
        fact = event.data
        row = {**self.at_first, self.recorded_at: event.recorded_at}
        for column, field in self.fields.items():
            row[column] = getattr(fact, field)
        return row

    def newborn(self) -> type[msgspec.Struct]:
        """Make the `Newborn` that is read from an event's payload; who opens the event adds `recorded_at`."""
        kinds = get_type_hints(self.of)
        fields: list[Any] = []
        for name in (str(column.name) for column in self.table.columns):
            if name in self.fields:
                fields.append((name, kinds[self.fields[name]], msgspec.field(name=self.fields[name])))
            else:
                fields.append((name, Any, msgspec.field(name=_UNHEARD_OF + name, default=self.at_first.get(name))))
        return msgspec.defstruct(f"Newborn{self.of.__name__}", fields, bases=(Newborn,), gc=False, kw_only=True)
