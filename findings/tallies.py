"""How many findings there are of each kind, counted by the database as they change.

Triggers keep the table ``Tally`` right whoever writes, so that pages never count findings. On
PostgreSQL each statement adds rows with differences, which nobody waits for, and ``compact`` sums
them up; SQLite, which has one writer, adds up in place. ``differences`` proves the sums.
The one module with engine-specific SQL for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Count, Sum

from findings.models import Finding, Tally

DIMENSIONS = ("scope", "asset", "tool", "status", "severity", "priority_band", "presence")
ENOUGH = 2_000  # rows of differences from which on summing up is worth it
Counts = dict[tuple[Any, ...], int]

_COLUMNS = tuple(f"{name}_id" if name in ("scope", "asset") else name for name in DIMENSIONS)
_LISTED = ", ".join(_COLUMNS)
_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION findings_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO findings_tally ({_LISTED}, n) SELECT {_LISTED}, count(*) FROM news GROUP BY {_LISTED};
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO findings_tally ({_LISTED}, n) SELECT {_LISTED}, -count(*) FROM olds GROUP BY {_LISTED};
  ELSE
    INSERT INTO findings_tally ({_LISTED}, n) SELECT {_LISTED}, sum(one) FROM (
      SELECT {_LISTED}, 1 AS one FROM news UNION ALL SELECT {_LISTED}, -1 FROM olds
    ) AS changed GROUP BY {_LISTED} HAVING sum(one) <> 0;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER findings_tally_insert AFTER INSERT ON findings_finding
REFERENCING NEW TABLE AS news FOR EACH STATEMENT EXECUTE FUNCTION findings_tally();
CREATE TRIGGER findings_tally_update AFTER UPDATE ON findings_finding
REFERENCING OLD TABLE AS olds NEW TABLE AS news FOR EACH STATEMENT EXECUTE FUNCTION findings_tally();
CREATE TRIGGER findings_tally_delete AFTER DELETE ON findings_finding
REFERENCING OLD TABLE AS olds FOR EACH STATEMENT EXECUTE FUNCTION findings_tally();
"""  # noqa: S608 - names of columns


def _add(row: str, one: int) -> str:
    values = ", ".join(f"{row}.{name}" for name in _COLUMNS)
    return (
        f"INSERT INTO findings_tally ({_LISTED}, n) VALUES ({values}, {one})"  # noqa: S608
        f" ON CONFLICT ({_LISTED}) DO UPDATE SET n = n + {one};"
    )


_SQLITE = (
    f"CREATE UNIQUE INDEX findings_tally_once ON findings_tally ({_LISTED})",
    f"CREATE TRIGGER findings_tally_insert AFTER INSERT ON findings_finding BEGIN {_add('NEW', 1)} END",
    f"CREATE TRIGGER findings_tally_update AFTER UPDATE OF {_LISTED} ON findings_finding WHEN "
    + " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in _COLUMNS)
    + f" BEGIN {_add('OLD', -1)} {_add('NEW', 1)} END",
    f"CREATE TRIGGER findings_tally_delete AFTER DELETE ON findings_finding BEGIN {_add('OLD', -1)} END",
)
KINDS = ("insert", "update", "delete")


def start_counting(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """For migrations: set the triggers and count what is there.

    Django remakes a SQLite table when a field changes and drops its triggers on the way: a migration
    that alters the table of findings must end with this again.
    """
    stop_counting(apps, editor)
    statements = _SQLITE if editor.connection.vendor == "sqlite" else (_POSTGRESQL,)
    for statement in statements:
        editor.execute(statement, params=None)
    editor.execute("DELETE FROM findings_tally")
    editor.execute(
        f"INSERT INTO findings_tally ({_LISTED}, n)"  # noqa: S608
        f" SELECT {_LISTED}, count(*) FROM findings_finding GROUP BY {_LISTED}"
    )


def stop_counting(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """For migrations: lift ``start_counting``."""
    on = "" if editor.connection.vendor == "sqlite" else " ON findings_finding"
    for kind in KINDS:
        editor.execute(f"DROP TRIGGER IF EXISTS findings_tally_{kind}{on}")
    if editor.connection.vendor == "sqlite":
        editor.execute("DROP INDEX IF EXISTS findings_tally_once")


def compact() -> None:
    """Sum up the differences, once there are many of them. Nobody waits for it."""
    if connection.vendor == "sqlite" or Tally.objects.count() < ENOUGH:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"WITH gone AS (DELETE FROM findings_tally RETURNING *)"  # noqa: S608
            f" INSERT INTO findings_tally ({_LISTED}, n)"
            f" SELECT {_LISTED}, sum(n) FROM gone GROUP BY {_LISTED} HAVING sum(n) <> 0"
        )


def differences() -> list[str]:
    """Say where the tally and the findings disagree, and which triggers are missing; empty: nowhere."""
    with _one_moment():
        told, truth = _sums(Tally.objects.all()), _counted(Finding.objects.all())
    lines = [
        f"{dict(zip(DIMENSIONS, key, strict=True))}: {told.get(key, 0)} in the tally,"
        f" {truth.get(key, 0)} findings"
        for key in sorted(told.keys() | truth.keys(), key=str)
        if told.get(key, 0) != truth.get(key, 0)
    ]
    return lines + [f"the trigger {name} is missing" for name in missing()]


@contextmanager
def _one_moment() -> Iterator[None]:
    """Both sides are read as of one moment, whoever writes meanwhile."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _sums(rows: models.QuerySet[Tally]) -> Counts:
    told = rows.order_by().values_list(*DIMENSIONS).annotate(total=Sum("n"))
    return {tuple(key): n for *key, n in told if n}


def _counted(rows: models.QuerySet[Finding]) -> Counts:
    told = rows.order_by().values_list(*DIMENSIONS).annotate(total=Count("pk"))
    return {tuple(key): n for *key, n in told}


def missing() -> list[str]:
    """The triggers that should exist on this database and do not."""
    sql = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    if connection.vendor == "sqlite":
        sql = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        present = {row[0] for row in cursor.fetchall()}
    return [name for kind in KINDS if (name := f"findings_tally_{kind}") not in present]
