"""Many rows in few statements: COPY on PostgreSQL, one prepared statement run many times on SQLite.

The one module with engine-specific SQL for it. Values are given as the database takes them: JSON
columns as JSON text, enumerations as their value. Constraints hold as for any other write; what
models do on saving does not happen. Call inside a transaction.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any

from django.db import connection, models
from django.db.models.expressions import RawSQL

Row = Sequence[Any]
STAGED = "ctem_staged"  # the temporary table of one update
AT_ONCE = 50_000  # rows of one statement on PostgreSQL, which ends a statement that takes too long


def new_ids(model: type[models.Model], number: int) -> Sequence[int]:
    """Return ``number`` primary keys that nobody else gets, in ascending order."""
    table = model._meta.db_table
    if number == 0:
        return ()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":  # the writer is alone: nobody takes them meanwhile
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
            (last,) = cursor.fetchone() or (0,)
            # Taken at once: more may be asked for before the first are used.
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
            cursor.execute("INSERT INTO sqlite_sequence VALUES (%s, %s)", [table, last + number])
            return range(last + 1, last + 1 + number)
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [table, _pk(model), number],
        )
        return sorted(row[0] for row in cursor.fetchall())


def insert(model: type[models.Model], names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add rows; ``names`` are fields of the model, in the order of each row's values.

    Of fields that are not named the database's own defaults count, not the model's.
    """
    rows = iter(rows)
    columns = [_column(model, name) for name in names]
    if connection.vendor == "sqlite":
        marks = ", ".join(["%s"] * len(columns))
        sql = f"INSERT INTO {_table(model)} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
        with connection.cursor() as cursor:
            for part in _parts(rows):
                cursor.executemany(sql, part)
    else:
        for run in _runs(rows):
            _copy(f"{_table(model)} ({', '.join(columns)})", run)


def insert_missing(model: type[models.Model], names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add the rows whose key is not there yet; the others stay as they are. For few rows."""
    columns = [_column(model, name) for name in names]
    sql = (
        f"INSERT INTO {_table(model)} ({', '.join(columns)})"  # noqa: S608
        f" VALUES ({', '.join(['%s'] * len(columns))}) ON CONFLICT DO NOTHING"
    )
    with connection.cursor() as cursor:
        cursor.executemany(sql, list(rows))


def update(model: type[models.Model], names: Sequence[str], rows: Iterable[Row]) -> None:
    """Set the fields ``names`` of many rows, each to values of its own.

    Each row: the primary key, then the values in the order of ``names``.
    """
    rows = iter(rows)
    columns = [_column(model, name) for name in names]
    key = connection.ops.quote_name(_pk(model))
    if connection.vendor == "sqlite":
        told = ", ".join(f"{column} = %s" for column in columns)
        sql = f"UPDATE {_table(model)} SET {told} WHERE {key} = %s"  # noqa: S608
        with connection.cursor() as cursor:
            for part in _parts(rows):
                cursor.executemany(sql, [(*row[1:], row[0]) for row in part])
        return
    for run in _runs(rows):
        _update_run(_table(model), key, columns, run)


def _update_run(table: str, key: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    listed = ", ".join([key, *columns])
    told = ", ".join(f"{column} = {STAGED}.{column}" for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE {STAGED} ON COMMIT DROP AS"  # noqa: S608
            f" SELECT {listed} FROM {table} WITH NO DATA"
        )
        _copy(f"{STAGED} ({listed})", rows)
        cursor.execute(
            f"UPDATE {table} SET {told} FROM {STAGED} WHERE {table}.{key} = {STAGED}.{key}"  # noqa: S608
        )
        cursor.execute(f"DROP TABLE {STAGED}")


def listed(ids: Iterable[int]) -> RawSQL:
    """Any number of ids as one parameter, to be looked up with ``__in``."""
    if connection.vendor == "sqlite":
        return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(ids))])
    return RawSQL("SELECT unnest(%s::bigint[])", [list(ids)])


def listed_texts(texts: Iterable[str]) -> RawSQL:
    """Any number of texts as one parameter, to be looked up with ``__in``."""
    if connection.vendor == "sqlite":
        return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(texts))])
    return RawSQL("SELECT unnest(%s::text[])", [list(texts)])


def moment(at: datetime | None) -> Any:
    """A moment, or none, as ``insert`` and ``update`` take it."""
    return connection.ops.adapt_datetimefield_value(at)


def _copy(target: str, rows: Iterable[Row]) -> None:
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,  # leaving the copy is no method of Django's cursor
        cursor.copy(f"COPY {target} FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _runs(rows: Iterator[Row]) -> Iterator[Iterator[Row]]:
    """The same rows, to be taken run by run."""
    for first in rows:
        yield chain([first], islice(rows, AT_ONCE - 1))


def _parts(rows: Iterator[Row], size: int = 10_000) -> Iterator[list[Row]]:
    while part := list(islice(rows, size)):
        yield part


def _table(model: type[models.Model]) -> str:
    return str(connection.ops.quote_name(model._meta.db_table))


def _column(model: type[models.Model], name: str) -> str:
    field: Any = model._meta.get_field(name)
    return str(connection.ops.quote_name(field.column))


def _pk(model: type[models.Model]) -> str:
    return str(model._meta.pk.column)
