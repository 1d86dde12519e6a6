"""Writing past keys, checks and triggers, as somebody can who owns the database. Engine-specific.

For tests that commit (``transaction=True``): SQLite's switches do nothing inside a transaction.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

Write = Callable[..., Any]
GUARDED = ("findings_finding", "scans_clearance", "scans_verification", "core_event")


@contextmanager
def unguarded() -> Iterator[Write]:
    """Give a function that runs one statement; the guards are back afterwards, the damage stays.

    On PostgreSQL the damage is undone at the end of the block, so look at it inside.
    """
    guards = _sqlite() if connection.vendor == "sqlite" else _postgresql()
    with guards as write:
        yield write


@contextmanager
def _sqlite() -> Iterator[Write]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        for name, _ in triggers:
            cursor.execute(f'DROP TRIGGER "{name}"')
        try:
            yield lambda statement, *values: cursor.execute(statement, values)
        finally:
            for _, statement in triggers:
                cursor.execute(statement)
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
            cursor.execute("PRAGMA foreign_keys = ON")


@contextmanager
def _postgresql() -> Iterator[Write]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE contype = 'c' AND conrelid::regclass::text = ANY(%s)",
            [list(GUARDED)],
        )
        for table, name in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        yield lambda statement, *values: cursor.execute(statement, values)
        transaction.set_rollback(True)
