"""Append-only tables, in the database itself. The one module with engine-specific SQL for it.

Django remakes a SQLite table when a field changes and drops its triggers on the way: a migration
that alters a protected table must end with ``protect`` again. ``missing`` lists what lacks a
trigger; a test and ``audit_fsck`` call it.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# table → columns that may change, one way (see ONE_WAY) and as the table's own CHECKs allow
PROTECTED: dict[str, tuple[str, ...]] = {
    "core_event": (),
    "findings_findingevent": (),
    "findings_prioritychange": (),
    "findings_discoveryrule": (
        "approved_at",
        "approved_by_id",
        "ended_at",
        "ended_by_id",
        "ended_because",
    ),
    "remediations_review": (),
    "remediations_waiver": ("revoked_at", "revoked_by_id", "revoked_reason"),
    "remediations_dispute": (
        "state",
        "second_id",
        "second_at",
        "withdrawn_at",
        "withdrawn_by_id",
        "withdrawn_reason",
    ),
    "remediations_secretrevocation": (),
    "remediations_proof": (),
    "remediations_release": (),
    "remediations_standingapproval": ("ended_at", "ended_by_id", "ended_reason"),
    "scans_verification": (),
    "scans_verificationscan": (),
    "scans_disposition": (),
    "scans_scandescent": (),
    "scans_rangediff": (),
    "scans_revocation": (),
    "scans_scannerrecipe": (),
    "scans_clearance": ("live", "revoked_at", "revoked_by_id", "revoked_reason"),
}

# table → what an update of its free columns must not do: go back, or happen twice
ONE_WAY: dict[str, tuple[str, ...]] = {
    "findings_discoveryrule": (
        "OLD.ended_at IS NOT NULL",
        "OLD.approved_at IS NOT NULL AND NOT (NEW.approved_at = OLD.approved_at"
        " AND COALESCE(NEW.approved_by_id, 0) = OLD.approved_by_id)",
    ),
    "scans_clearance": ("NOT OLD.live",),
    "remediations_waiver": ("OLD.revoked_at IS NOT NULL",),
    "remediations_standingapproval": ("OLD.ended_at IS NOT NULL",),
    "remediations_dispute": (
        "NEW.state = 'proposed'",
        "OLD.state = 'withdrawn'",
        # who confirmed it, and when, stays
        "OLD.state = 'confirmed' AND NOT (NEW.state = 'withdrawn'"
        " AND COALESCE(NEW.second_id, 0) = OLD.second_id AND NEW.second_at = OLD.second_at)",
    ),
}

_SQLITE = """
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} WHEN {changed}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
"""
_POSTGRESQL = """
CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{table} is append-only' USING ERRCODE = '23000'; END $$;
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({changed})
EXECUTE FUNCTION {table}_append_only();
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW
EXECUTE FUNCTION {table}_append_only();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT
EXECUTE FUNCTION {table}_append_only();
"""


def protect(table: str) -> Callable[[Any, BaseDatabaseSchemaEditor], None]:
    """Return a RunPython function that makes ``table`` append-only."""

    def forward(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
        unprotect(table)(apps, editor)
        free = PROTECTED[table]
        with editor.connection.cursor() as cursor:
            names = [
                column.name
                for column in editor.connection.introspection.get_table_description(cursor, table)
            ]
        frozen = [name for name in names if name not in free]
        differs = "IS NOT" if editor.connection.vendor == "sqlite" else "IS DISTINCT FROM"
        clauses = [f'OLD."{name}" {differs} NEW."{name}"' for name in frozen]
        clauses += [f"({clause})" for clause in ONE_WAY.get(table, ())]
        changed = " OR ".join(clauses) if free else "1=1"
        template = _SQLITE if editor.connection.vendor == "sqlite" else _POSTGRESQL
        _run(editor, template.format(table=table, changed=changed))

    return forward


def unprotect(table: str) -> Callable[[Any, BaseDatabaseSchemaEditor], None]:
    """Return a RunPython function that lifts ``protect``; for migrations that change the table."""

    def backward(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
        suffix = "" if editor.connection.vendor == "sqlite" else f" ON {table}"
        for kind in ("update", "delete", "truncate"):
            editor.execute(f"DROP TRIGGER IF EXISTS {table}_no_{kind}{suffix}")

    return backward


def _run(editor: BaseDatabaseSchemaEditor, script: str) -> None:
    if editor.connection.vendor == "sqlite":
        statements: Iterable[str] = (part + "END;" for part in script.split("END;") if part.strip())
    else:
        statements = [script]
    for statement in statements:
        editor.execute(statement, params=None)


def missing() -> list[str]:
    """Return the triggers that should exist on this database and do not."""
    kinds: tuple[str, ...] = ("update", "delete", "truncate")
    if connection.vendor == "sqlite":  # knows no other way to empty a table
        kinds = kinds[:2]
    present = triggers()
    wanted = [f"{table}_no_{kind}" for table in PROTECTED for kind in kinds]
    return [name for name in wanted if name not in present]


def triggers() -> set[str]:
    """Return the names of the triggers on this database, but for those that are switched off."""
    sql = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    if connection.vendor == "sqlite":
        sql = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return {row[0] for row in cursor.fetchall()}
