"""How many findings there are of each kind, counted by the database as they change.

Triggers keep the table ``Tally`` right whoever writes, so that pages never count findings. On
PostgreSQL each statement adds rows with differences, which nobody waits for, and ``compact`` sums
them up; SQLite, which has one writer, adds up in place. ``differences`` proves the sums.
The one module with engine-specific SQL for it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, models, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Count, Sum

from core.append_only import triggers
from findings.models import Finding, Tally

DIMENSIONS = (
    "scope", "asset", "tool", "status", "severity", "priority_band", "priority_score", "presence",
    "set_aside", "tool_class",
)  # fmt: skip
ENOUGH = 2_000  # rows of differences from which on summing up is worth it
Counts = dict[tuple[Any, ...], int]


def _columns(names: Sequence[str]) -> list[str]:
    return [f"{name}_id" if name in ("scope", "asset") else name for name in names]


_LISTED = ", ".join(_columns(DIMENSIONS))


def _postgresql(listed: str) -> str:
    return f"""
CREATE OR REPLACE FUNCTION findings_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO findings_tally ({listed}, n) SELECT {listed}, count(*) FROM news GROUP BY {listed};
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO findings_tally ({listed}, n) SELECT {listed}, -count(*) FROM olds GROUP BY {listed};
  ELSE
    INSERT INTO findings_tally ({listed}, n) SELECT {listed}, sum(one) FROM (
      SELECT {listed}, 1 AS one FROM news UNION ALL SELECT {listed}, -1 FROM olds
    ) AS changed GROUP BY {listed} HAVING sum(one) <> 0;
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


def _sqlite(columns: Sequence[str]) -> Sequence[str]:
    listed = ", ".join(columns)

    def add(row: str, one: int) -> str:
        values = ", ".join(f"{row}.{name}" for name in columns)
        return (
            f"INSERT INTO findings_tally ({listed}, n) VALUES ({values}, {one})"  # noqa: S608
            f" ON CONFLICT ({listed}) DO UPDATE SET n = n + {one};"
        )

    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)
    trigger = "CREATE TRIGGER findings_tally"
    return (
        f"CREATE UNIQUE INDEX findings_tally_once ON findings_tally ({listed})",
        f"{trigger}_insert AFTER INSERT ON findings_finding BEGIN {add('NEW', 1)} END",
        f"{trigger}_update AFTER UPDATE OF {listed} ON findings_finding WHEN {changed}"
        f" BEGIN {add('OLD', -1)} {add('NEW', 1)} END",
        f"{trigger}_delete AFTER DELETE ON findings_finding BEGIN {add('OLD', -1)} END",
    )


KINDS = ("insert", "update", "delete")


def start_counting(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """For migrations: set the triggers and count what is there.

    Django remakes a SQLite table when a field changes and drops its triggers on the way: a migration
    that alters the table of findings must end with this again.
    """
    stop_counting(apps, editor)
    known = {field.name for field in apps.get_model("findings", "Tally")._meta.get_fields()}
    columns = _columns([name for name in DIMENSIONS if name in known])  # as of this migration
    listed = ", ".join(columns)
    sqlite = editor.connection.vendor == "sqlite"
    for statement in _sqlite(columns) if sqlite else (_postgresql(listed),):
        editor.execute(statement, params=None)
    editor.execute("DELETE FROM findings_tally")
    editor.execute(
        f"INSERT INTO findings_tally ({listed}, n)"  # noqa: S608
        f" SELECT {listed}, count(*) FROM findings_finding GROUP BY {listed}"
    )


def stop_counting(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """For migrations: lift ``start_counting``."""
    on = "" if editor.connection.vendor == "sqlite" else " ON findings_finding"
    for kind in KINDS:
        editor.execute(f"DROP TRIGGER IF EXISTS findings_tally_{kind}{on}")
    if editor.connection.vendor == "sqlite":
        editor.execute("DROP INDEX IF EXISTS findings_tally_once")


def by_value(
    names: Sequence[str], *, given: Mapping[str, Sequence[Any]], chosen: Mapping[str, Sequence[Any]]
) -> tuple[dict[str, Counter[str]], int]:
    """Count the findings by each of ``names``, in one statement; and how many there are in all.

    ``given`` and ``chosen``: dimension → values that are let through. What is chosen of a dimension
    does not narrow its own counts. Values are answered as text.
    """
    column = dict(zip(DIMENSIONS, _columns(DIMENSIONS), strict=True))
    listed = ", ".join(column[name] for name in names)
    where, values = _where({column[name]: told for name, told in given.items()})
    parts = []
    for name in (*names, ""):
        others = {column[other]: told for other, told in chosen.items() if other != name}
        which, more = _where(others)
        values += more
        value = f"CAST({column[name]} AS TEXT)" if name else "''"
        group = f" GROUP BY {column[name]}" if name else ""
        parts.append(f"SELECT '{name}', {value}, SUM(n) FROM seen WHERE {which}{group}")  # noqa: S608
    sql = (
        f"WITH seen AS (SELECT {listed}, SUM(n) AS n FROM findings_tally WHERE {where}"  # noqa: S608
        f" GROUP BY {listed}) {' UNION ALL '.join(parts)}"
    )
    counts: dict[str, Counter[str]] = {name: Counter() for name in (*names, "")}
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        for name, value, n in cursor.fetchall():
            counts[name][value] = int(n or 0)
    return counts, counts.pop("")[""]


def _where(which: Mapping[str, Sequence[Any]]) -> tuple[str, list[Any]]:
    """A condition and its values; a column without values lets nothing through."""
    told = [
        f"{column} IN ({', '.join(['%s'] * len(values))})" if values else "1 = 0"
        for column, values in which.items()
    ]
    return " AND ".join(told) or "1 = 1", [value for values in which.values() for value in values]


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
    present = triggers()
    return [name for kind in KINDS if (name := f"findings_tally_{kind}") not in present]
