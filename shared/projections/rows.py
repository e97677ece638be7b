"""Rows of a read model to and from its table: many at once, in one statement whose text never changes."""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from msgspec.structs import astuple
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.projections.birth import Newborn, as_row
from shared.projections.projection import Row, RowKey, Rows

type Change = tuple[sa.Table, Mapping[RowKey, Row | None], frozenset[str]]
"""Rows of a table to be written, those that are None to be removed; the columns named are added to what is there."""
type _Part = tuple[sa.Table, Literal["upsert", "delete"], frozenset[str]]


@cache
def key_names(table: sa.Table) -> tuple[str, ...]:
    """Name the columns of a table's primary key, in its order."""
    return tuple(str(column.name) for column in table.primary_key.columns)


def key_of_row(names: tuple[str, ...], row: Row) -> RowKey:
    """Give the key of a row, `names` being the columns of the primary key."""
    return tuple(row[name] for name in names)


async def load_rows(connection: AsyncConnection, table: sa.Table, keys: Iterable[RowKey]) -> Rows:
    """Read the rows of these keys in one SELECT; a key without a row stands for None."""
    (found,) = await load_rows_of_all(connection, [(table, keys)])
    return found


async def load_rows_of_all(
    connection: AsyncConnection, wanted: Sequence[tuple[sa.Table, Iterable[RowKey]]]
) -> list[Rows]:
    """Read the rows of these keys of several tables in one SELECT; a key without a row stands for None."""
    found: list[Rows] = [dict.fromkeys(keys) for _, keys in wanted]
    asked = [(number, table) for number, (table, _) in enumerate(wanted) if found[number]]
    if not asked:
        return found
    values = {
        f"key_{place}_{at}": list(column)
        for place, (number, _) in enumerate(asked)
        for at, column in enumerate(zip(*found[number], strict=True))
    }
    selected = (await connection.execute(_select(tuple(table for _, table in asked)), values)).one()
    for (number, table), records in zip(asked, selected, strict=True):
        names, columns, rows = key_names(table), _column_names(table), found[number]
        readers = _readers(table, connection.dialect)
        for record in records:
            row = dict(zip(columns, record, strict=True))
            for name, read in readers:
                row[name] = read(row[name])
            rows[key_of_row(names, row)] = row
    return found


async def copy_rows(connection: AsyncConnection, table: sa.Table, rows: Iterable[Row | Newborn]) -> None:
    """Load rows that are not in the table yet, in bulk, in the transaction that the connection has begun, if any."""
    driver = (await connection.get_raw_connection()).driver_connection
    if driver is None:
        raise AssertionError("an open connection has its driver's")
    records = _records(rows, table, connection.dialect)
    await driver.copy_records_to_table(table.name, records=records, columns=_column_names(table))


async def save_rows(connection: AsyncConnection, table: sa.Table, rows: Mapping[RowKey, Row | None]) -> None:
    """Write the rows with one upsert, and remove those that are None, in one statement."""
    await save_rows_of_all(connection, [(table, rows, frozenset())])


async def save_rows_of_all(connection: AsyncConnection, changes: Iterable[Change]) -> None:
    """Write rows of several tables, each named once, in one statement; those that are None are removed."""
    parts: list[_Part] = []
    values: dict[str, str] = {}
    for table, rows, sums in changes:
        kept = [row for row in rows.values() if row is not None]
        if kept:
            values[f"rows_{len(parts)}"] = _json(kept)
            parts.append((table, "upsert", sums))
        if len(kept) < len(rows):
            gone = [dict(zip(key_names(table), key, strict=True)) for key, row in rows.items() if row is None]
            values[f"rows_{len(parts)}"] = _json(gone)
            parts.append((table, "delete", sums))
    if parts:
        await connection.execute(_write(tuple(parts)), values)


@cache
def _select(tables: tuple[sa.Table, ...]) -> sa.TextClause:
    """Ask for each table's rows as an array: so they come in one answer, whatever their columns are."""
    return sa.text("SELECT " + ", ".join(_rows_by_key(place, table) for place, table in enumerate(tables)))


def _rows_by_key(place: int, table: sa.Table) -> str:
    columns = ", ".join(f't."{name}"' for name in _column_names(table))
    names = ", ".join(f'"{name}"' for name in key_names(table))
    types = [column.type.compile(postgresql.dialect()) for column in table.primary_key.columns]  # type: ignore[no-untyped-call]
    arrays = ", ".join(f"CAST(:key_{place}_{at} AS {kind}[])" for at, kind in enumerate(types))
    return (
        f"ARRAY(SELECT ROW({columns}) FROM {_name(table)} t JOIN unnest({arrays}) AS k ({names}) ON {_same_key(table)})"
    )


@cache
def _write(parts: tuple[_Part, ...]) -> sa.TextClause:
    """Write all in one round trip; the parts do not see each other's effects, and need not."""
    written = [
        _upsert(table, f"rows_{number}", sums) if kind == "upsert" else _delete(table, f"rows_{number}")
        for number, (table, kind, sums) in enumerate(parts)
    ]
    *others, last = written
    named = ", ".join(f"w{number} AS ({part})" for number, part in enumerate(others))
    return sa.text(f"WITH {named} {last}" if named else last)


def _upsert(table: sa.Table, parameter: str, sums: frozenset[str]) -> str:
    columns = ", ".join(f'"{name}"' for name in _column_names(table))
    keys = ", ".join(f'"{name}"' for name in key_names(table))
    others = sorted(sums) or [name for name in _column_names(table) if name not in key_names(table)]
    update = ", ".join(f'"{name}" = {_added(name) if sums else _given_now(name)}' for name in others)
    action = f"UPDATE SET {update}" if others else "NOTHING"
    return (
        f"INSERT INTO {_name(table)} AS t ({columns}) SELECT {columns} FROM {_given(table, parameter)}"
        f" ON CONFLICT ({keys}) DO {action}"
    )


def _added(name: str) -> str:
    return f't."{name}" + excluded."{name}"'


def _given_now(name: str) -> str:
    return f'excluded."{name}"'


def _delete(table: sa.Table, parameter: str) -> str:
    return f"DELETE FROM {_name(table)} t USING {_given(table, parameter)} k WHERE {_same_key(table)}"


def _given(table: sa.Table, parameter: str) -> str:
    """Turn one JSON parameter into rows of the table's type, so that the statement is prepared once for any number."""
    return f"json_populate_recordset(CAST(NULL AS {_name(table)}), CAST(CAST(:{parameter} AS text) AS json))"


def _same_key(table: sa.Table) -> str:
    return " AND ".join(f't."{name}" = k."{name}"' for name in key_names(table))


@cache
def _column_names(table: sa.Table) -> tuple[str, ...]:
    # SQLAlchemy's names are strings with a memory, with which a dictionary finds things at a third of the speed
    return tuple(str(column.name) for column in table.columns)


def _name(table: sa.Table) -> str:
    return f'"{table.name}"'


def _records(rows: Iterable[Row | Newborn], table: sa.Table, dialect: sa.Dialect) -> Iterable[tuple[Any, ...]]:
    """Turn rows into what the driver copies; most values it takes as they are."""
    names = _column_names(table)
    writers = {column.name: writer for column in table.columns if (writer := _writer(column, dialect))}
    if len(names) > 1 and not writers:
        chosen = operator.itemgetter(*names)
        return (astuple(row) if isinstance(row, Newborn) else chosen(row) for row in rows)
    written = [(name, writers.get(name, _as_it_is)) for name in names]
    return (tuple(write(row[name]) for name, write in written) for row in map(as_row, rows))


@cache
def _readers(table: sa.Table, dialect: sa.Dialect) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Name the columns whose values the driver gives otherwise than Python has them, with what turns them."""
    readers = ((c.name, c.type.dialect_impl(dialect).result_processor(dialect, None)) for c in table.columns)
    return tuple((name, read) for name, read in readers if read is not None)


def _writer(column: sa.Column[Any], dialect: sa.Dialect) -> Callable[[Any], Any] | None:
    """Give what turns a Python value into what the driver takes, if it takes another; None is always NULL."""
    process = column.type.dialect_impl(dialect).bind_processor(dialect)
    if process is None or isinstance(column.type, sa.Boolean):
        return None
    return lambda value: None if value is None else process(value)


def _as_it_is(value: Any) -> Any:
    return value


def _json(rows: list[dict[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()
