"""T24: what is written for good is guarded by the database itself, on both engines."""

import re

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from core.append_only import PROTECTED, missing, protect, unprotect
from core.events import append_event
from core.models import Event
from tests.factories import now

pytestmark = pytest.mark.django_db


def columns(table: str) -> list[str]:
    with connection.cursor() as cursor:
        return [c.name for c in connection.introspection.get_table_description(cursor, table)]


def test_after_all_migrations_every_protected_table_has_its_triggers():
    executor = MigrationExecutor(connection)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []
    assert missing() == []


def test_the_tables_that_must_not_change_are_protected():
    promised = {
        "core_event", "remediations_review", "scans_verification", "scans_verificationscan",
        "scans_disposition", "scans_clearance", "remediations_waiver", "remediations_dispute",
        "scans_revocation", "remediations_secretrevocation", "remediations_proof",
        "remediations_release", "remediations_standingapproval", "scans_scandescent", "scans_rangediff",
        "scans_scannerrecipe", "findings_discoveryrule", "findings_prioritychange",
        "findings_findingevent",
    }  # fmt: skip
    assert set(PROTECTED) == promised
    assert promised <= {model._meta.db_table for model in apps.get_models()}


def test_a_migration_that_touches_a_protected_table_protects_it_again():
    """SQLite remakes a table that changes and drops its triggers; PostgreSQL's would not know the column."""
    loader = MigrationExecutor(connection).loader
    tables = {(m._meta.app_label, m._meta.model_name): m._meta.db_table for m in apps.get_models()}
    guarded: set[str] = set()
    for app, name in loader.graph._generate_plan(loader.graph.leaf_nodes(), at_end=True):
        left_open = set()
        for operation in loader.get_migration(app, name).operations:
            made = protected_by(operation)
            guarded |= made
            left_open -= made
            model = getattr(operation, "model_name", None) or getattr(operation, "name", "")
            left_open |= {tables.get((app, str(model).lower()))} & guarded
        assert not left_open, f"{app}.{name} must end with protect() for {left_open}"
    assert guarded == set(PROTECTED)


def protected_by(operation) -> set[str]:
    """The table that a ``RunPython(protect(table), …)`` protects."""
    code = getattr(operation, "code", None)
    if code is None or not code.__qualname__.startswith("protect."):
        return set()
    return {cell.cell_contents for cell in code.__closure__ if isinstance(cell.cell_contents, str)}


@pytest.mark.parametrize("table", PROTECTED)
def test_a_trigger_that_is_gone_is_named(table):
    with _editor() as editor:
        unprotect(table)(apps, editor)
        assert {name.removeprefix(table) for name in missing()} >= {"_no_update", "_no_delete"}
        protect(table)(apps, editor)
    assert missing() == []


class _editor:
    """A schema editor inside the test's own transaction."""

    def __enter__(self):
        self.editor = connection.SchemaEditorClass(connection, atomic=False)
        self.editor.deferred_sql = []
        return self.editor

    def __exit__(self, *_) -> None:
        return None


def test_every_column_of_a_protected_table_is_guarded_but_those_named_free():
    """A column that a later migration adds must be in the trigger: it is made again or forgotten."""
    for table, free in PROTECTED.items():
        if not free:
            continue  # guarded whole, whatever the columns
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(
                    "SELECT sql FROM sqlite_master WHERE name = %s", [f"{table}_no_update"]
                )
            else:
                cursor.execute(
                    "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = %s",
                    [f"{table}_no_update"],
                )
            condition = cursor.fetchone()[0].lower().replace('"', "")
        compared = r"old\.(\w+)\)?(?:::\w+)? is (?:not|distinct from) \(?new\."
        guarded = re.findall(compared, condition)
        assert sorted(guarded) == sorted(set(columns(table)) - set(free))


@pytest.fixture
def event():
    return append_event(
        scope_id=None, action="test.happened", subject="test", subject_id=1, by=None, at=now()
    )


def writes(event: Event) -> dict:
    def raw(sql: str, *values) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)

    event.action = "test.denied"
    return {
        "save": event.save,
        "update": lambda: Event.objects.filter(pk=event.pk).update(action="test.denied"),
        "bulk_update": lambda: Event.objects.bulk_update([event], ["action"]),
        "upsert": lambda: Event.objects.bulk_create(
            [event], update_conflicts=True, update_fields=["action"], unique_fields=["id"]
        ),
        "raw update": lambda: raw("UPDATE core_event SET action = 'x' WHERE id = %s", event.pk),
        "delete": event.delete,
        "raw delete": lambda: raw("DELETE FROM core_event WHERE id = %s", event.pk),
        "delete all": lambda: raw("DELETE FROM core_event"),
        "no change at all": lambda: raw(
            "UPDATE core_event SET action = action WHERE id = %s", event.pk
        ),
    }


WAYS = (
    "save", "update", "bulk_update", "upsert", "raw update", "delete", "raw delete", "delete all",
    "no change at all",
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_an_event_cannot_be_changed_or_deleted(event, way):
    before = Event.objects.filter(pk=event.pk).values().get()
    ways = writes(event)
    assert set(ways) == set(WAYS)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ways[way]()
    assert Event.objects.filter(pk=event.pk).values().get() == before


@pytest.mark.postgresql
@pytest.mark.parametrize("table", PROTECTED)
def test_a_protected_table_cannot_be_emptied_in_one_stroke(table):
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"TRUNCATE {table} CASCADE")


def test_a_row_is_not_replaced_under_the_same_number(event):
    """SQLite's REPLACE deletes without asking the delete trigger unless recursive triggers are on."""
    if connection.vendor != "sqlite":
        pytest.skip("REPLACE is SQLite's alone")
    names = ", ".join(columns("core_event"))
    values = ", ".join("'x'" if n == "action" else n for n in columns("core_event"))
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            f"INSERT OR REPLACE INTO core_event ({names})"  # noqa: S608
            f" SELECT {values} FROM core_event WHERE id = {event.pk}"
        )
