"""Rows of a read model to and from its table: many at once, in one statement whose text never changes."""

import operator
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.projections.projection import Row, RowKey, Rows


def key_names(table: sa.Table) -> tuple[str, ...]:
    """Name the columns of a table's primary key, in its order."""
    return tuple(column.name for column in table.primary_key.columns)


def key_of_row(names: tuple[str, ...], row: Row) -> RowKey:
    """Give the key of a row, `names` being the columns of the primary key."""
    return tuple(row[name] for name in names)


async def load_rows(connection: AsyncConnection, table: sa.Table, keys: Iterable[RowKey]) -> Rows:
    """Read the rows of these keys in one SELECT; a key without a row stands for None."""
    found: Rows = dict.fromkeys(keys)
    if not found:
        return found
    names, columns = key_names(table), _column_names(table)
    values = {f"key_{place}": list(column) for place, column in enumerate(zip(*found, strict=True))}
    for read in await connection.execute(_select(table), values):
        row = dict(zip(columns, read, strict=True))
        found[key_of_row(names, row)] = row
    return found


async def copy_rows(connection: AsyncConnection, table: sa.Table, rows: Iterable[Row]) -> None:
    """Load rows that are not in the table yet, in bulk, in the transaction that the connection has begun, if any."""
    driver = (await connection.get_raw_connection()).driver_connection
    if driver is None:
        raise AssertionError("an open connection has its driver's")
    records = _records(rows, table, connection.dialect)
    await driver.copy_records_to_table(table.name, records=records, columns=_column_names(table))


async def save_rows(connection: AsyncConnection, table: sa.Table, rows: Mapping[RowKey, Row | None]) -> None:
    """Write the rows with one upsert, and remove those that are None with one DELETE."""
    kept = [row for row in rows.values() if row is not None]
    gone = [key for key, row in rows.items() if row is None]
    if kept:
        await connection.execute(_upsert(table), {"rows": _json(kept)})
    if gone:
        names = key_names(table)
        wanted = [dict(zip(names, key, strict=True)) for key in gone]
        await connection.execute(_delete(table), {"keys": _json(wanted)})


@cache
def _select(table: sa.Table) -> sa.TextualSelect:
    columns = ", ".join(f't."{name}"' for name in _column_names(table))
    names = ", ".join(f'"{name}"' for name in key_names(table))
    types = [column.type.compile(postgresql.dialect()) for column in table.primary_key.columns]  # type: ignore[no-untyped-call]
    arrays = ", ".join(f"CAST(:key_{place} AS {kind}[])" for place, kind in enumerate(types))
    return sa.text(
        f"SELECT {columns} FROM {_name(table)} t JOIN unnest({arrays}) AS k ({names}) ON {_same_key(table)}"
    ).columns(*table.c)


@cache
def _upsert(table: sa.Table) -> sa.TextClause:
    columns = ", ".join(f'"{name}"' for name in _column_names(table))
    keys = ", ".join(f'"{name}"' for name in key_names(table))
    others = [name for name in _column_names(table) if name not in key_names(table)]
    update = ", ".join(f'"{name}" = excluded."{name}"' for name in others)
    action = f"UPDATE SET {update}" if others else "NOTHING"
    return sa.text(
        f"INSERT INTO {_name(table)} ({columns}) SELECT {columns} FROM {_given(table, 'rows')}"
        f" ON CONFLICT ({keys}) DO {action}"
    )


@cache
def _delete(table: sa.Table) -> sa.TextClause:
    return sa.text(f"DELETE FROM {_name(table)} t USING {_given(table, 'keys')} k WHERE {_same_key(table)}")


def _given(table: sa.Table, parameter: str) -> str:
    """Turn one JSON parameter into rows of the table's type, so that the statement is prepared once for any number."""
    return f"json_populate_recordset(CAST(NULL AS {_name(table)}), CAST(CAST(:{parameter} AS text) AS json))"


def _same_key(table: sa.Table) -> str:
    return " AND ".join(f't."{name}" = k."{name}"' for name in key_names(table))


def _column_names(table: sa.Table) -> list[str]:
    return [column.name for column in table.columns]


def _name(table: sa.Table) -> str:
    return f'"{table.name}"'


def _records(rows: Iterable[Row], table: sa.Table, dialect: sa.Dialect) -> Iterable[tuple[Any, ...]]:
    """Turn rows into what the driver copies; most values it takes as they are."""
    names = _column_names(table)
    writers = {column.name: writer for column in table.columns if (writer := _writer(column, dialect))}
    if len(names) > 1 and not writers:
        return map(operator.itemgetter(*names), rows)
    written = [(name, writers.get(name, _as_it_is)) for name in names]
    return (tuple(write(row[name]) for name, write in written) for row in rows)


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
