"""Finding by CWE number: the one module with engine-specific SQL for it.

On PostgreSQL an inverted index serves it: entries wait in a list and are sorted in together, which
costs imports little. On SQLite the text of the list is read.
"""

from typing import Any

from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import TextField
from django.db.models.functions import Cast

from findings.models import FindingQuerySet

INDEX = "finding_by_cwe"


def with_cwe(findings: FindingQuerySet, number: int) -> FindingQuerySet:
    """Those of ``findings`` that name the weakness."""
    name = f"CWE-{number}"
    if connection.vendor == "sqlite":  # a quoted member cannot match half of another
        told = findings.annotate(cwe_text=Cast("cwes", TextField()))
        return told.filter(cwe_text__contains=f'"{name}"')
    return findings.filter(cwes__contains=[name])


def start_indexing(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """For migrations."""
    if editor.connection.vendor == "postgresql":
        editor.execute(f"CREATE INDEX {INDEX} ON findings_finding USING gin (cwes jsonb_path_ops)")


def stop_indexing(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """For migrations: lift ``start_indexing``."""
    if editor.connection.vendor == "postgresql":
        editor.execute(f"DROP INDEX IF EXISTS {INDEX}")
