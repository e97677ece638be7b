"""Rows of a read model to and from its table: many at once, in one statement whose text never changes."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
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
    names = key_names(table)
    wanted = [dict(zip(names, key, strict=True)) for key in found]
    result = await connection.execute(_select(table), {"keys": _json(wanted)})
    for row in result.mappings():
        found[key_of_row(names, dict(row))] = dict(row)
    return found


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


def _select(table: sa.Table) -> sa.TextualSelect:
    columns = ", ".join(f't."{name}"' for name in _column_names(table))
    return sa.text(
        f"SELECT {columns} FROM {_name(table)} t JOIN {_given(table, 'keys')} k ON {_same_key(table)}"
    ).columns(*table.c)


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


def _json(rows: list[dict[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()
