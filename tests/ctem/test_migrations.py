"""An upgrade stops nobody: while a release is rolled out, the one before still reads and writes the same tables.

The rule stands in docs/operations.md ("Upgrades without a stop"). What a migration since BASELINE does is
held against it here; one that cannot keep it is listed with its reason, and its release says so.
"""

import re
from pathlib import Path

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader

from core.append_only import protect
from core.online import AddIndexOnline

# The last migration of each app in the last release, moved on when a release is made. Empty: there was
# none yet, so nothing runs anywhere that could be stopped.
BASELINE: dict[str, str] = {}
ROOT = Path(__file__).resolve().parents[2]
WITH_A_STOP: dict[str, str] = {}  # app.name → why it cannot be done while somebody works
OURS = (
    "core",
    "ctem",
    "findings",
    "forges",
    "remediations",
    "reports",
    "scans",
    "scopes",
    "tickets",
)
TAKEN_AWAY = (
    migrations.RemoveField, migrations.DeleteModel, migrations.RenameField,
    migrations.RenameModel, migrations.AlterModelTable,
)  # fmt: skip
TIGHTENED = (migrations.AddConstraint, migrations.AlterField, migrations.AlterUniqueTogether)
OF_APPEND_ONLY = protect.__module__


def objections(operations, existing):
    """Yield why an operation would stop who works; ``existing``: models that the last release has."""
    for operation in operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from objections(operation.database_operations, existing)
        elif why := _objection(operation, existing):
            yield f"{operation.describe()}: {why}"


def _objection(operation, existing):
    model = getattr(operation, "model_name", getattr(operation, "name", ""))
    known = str(model).lower() in existing
    if isinstance(operation, migrations.RunSQL):
        return "raw SQL: say in WITH_A_STOP what it locks"
    if isinstance(operation, migrations.RunPython):
        ours = operation.code.__module__ == OF_APPEND_ONLY
        return "" if ours else "rows are changed in one transaction: a job in batches does it"
    if isinstance(operation, TAKEN_AWAY) and (known or _old_name(operation) in existing):
        return "the last release still uses it: stop using it now, take it away a release later"
    if isinstance(operation, migrations.AddField) and known and _must_be_told(operation.field):
        return "the last release does not fill it: null=True or db_default"
    if isinstance(operation, TIGHTENED) and known:
        return "it holds the table, or refuses what the last release writes"
    if isinstance(operation, migrations.AddIndex) and known:
        return (
            ""
            if isinstance(operation, AddIndexConcurrently)
            else "nobody writes meanwhile: core.online.AddIndexOnline"
        )
    return ""


def _old_name(operation):
    return getattr(operation, "old_name_lower", "")


def _must_be_told(field):
    return not (field.null or field.many_to_many or field.has_db_default())


@pytest.fixture(scope="module")
def loader():
    return MigrationLoader(None)


def test_once_there_is_a_release_its_migrations_are_the_baseline():
    versions = re.findall(r"^## (.*)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    released = [version for version in versions if "unreleased" not in version]
    assert bool(BASELINE) == bool(released), "BASELINE is of the last release in CHANGELOG.md"


def found_since(baseline, loader):
    """Return by migration what is objected to in those that came after ``baseline``."""
    at = list(baseline.items())
    assert set(at) <= loader.disk_migrations.keys(), "the baseline names what is not there"
    released = loader.project_state(at).models
    before = {key for node in at for key in loader.graph.forwards_plan(node)}
    found = {}
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if app in OURS and (app, name) not in before:
            existing = {model for label, model in released if label == app}
            if whys := list(objections(migration.operations, existing)):
                found[f"{app}.{name}"] = whys
    return found


def test_no_migration_since_the_last_release_stops_who_works(loader):
    found = found_since(BASELINE, loader) if BASELINE else {}
    assert found.keys() <= WITH_A_STOP.keys(), found


def test_the_sweep_sees_a_migration_that_would_have_stopped_the_one_before(loader):
    at = {"remediations": "0006_protect_evidence_beside_scans"}
    (why,) = found_since(at, loader)["remediations.0008_landed_from"]
    assert "null=True or db_default" in why


CHAR = models.CharField(max_length=9)
STOPPING = [
    migrations.RemoveField("scan", "error"),
    migrations.DeleteModel("Scan"),
    migrations.RenameField("scan", "error", "reason"),
    migrations.RenameModel("Scan", "Run"),
    migrations.AlterModelTable("scan", "runs"),
    migrations.AddField("scan", "reason", CHAR),
    migrations.AddField("scan", "reason", models.CharField(max_length=9, default="")),
    migrations.AlterField("scan", "error", CHAR),
    migrations.AddIndex("scan", models.Index(fields=["error"], name="i")),
    migrations.AddConstraint("scan", models.UniqueConstraint(fields=["error"], name="c")),
    migrations.RunSQL("UPDATE scans_scan SET error = ''"),
    migrations.RunPython(lambda apps, editor: None),
    migrations.SeparateDatabaseAndState([migrations.DeleteModel("Scan")], []),
]
GOING_ON = [
    migrations.CreateModel("Report", [("id", models.BigAutoField(primary_key=True))]),
    migrations.AddField("scan", "reason", models.CharField(max_length=9, db_default="")),
    migrations.AddField("scan", "by", models.BigIntegerField(null=True)),
    migrations.AddField("report", "reason", CHAR),
    migrations.AddConstraint("report", models.UniqueConstraint(fields=["reason"], name="c")),
    migrations.AddIndex("report", models.Index(fields=["reason"], name="i")),
    migrations.RemoveConstraint("scan", "c"),
    AddIndexOnline("scan", models.Index(fields=["error"], name="i")),
    migrations.RunPython(protect("scans_verification")),
    migrations.SeparateDatabaseAndState([], [migrations.DeleteModel("Scan")]),
]


@pytest.mark.parametrize("operation", STOPPING, ids=lambda one: one.describe())
def test_what_would_stop_who_works_is_objected_to(operation):
    assert len(list(objections([operation], {"scan"}))) == 1


@pytest.mark.parametrize("operation", GOING_ON, ids=lambda one: one.describe())
def test_what_the_last_release_does_not_notice_is_not(operation):
    assert list(objections([operation], {"scan"})) == []
