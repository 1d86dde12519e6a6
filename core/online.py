"""Operations of migrations that hold nobody up. See docs/operations.md, "Upgrades without a stop"."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState


class AddIndexOnline(AddIndexConcurrently):
    """An index for a table with rows: CONCURRENTLY on PostgreSQL, as usual on SQLite.

    Alone in its migration, which says ``atomic = False``.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState, to_state: ProjectState,
    ) -> None:  # fmt: skip
        """Build the index."""
        how: Any = self._how(schema_editor)
        how.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState, to_state: ProjectState,
    ) -> None:  # fmt: skip
        """Take the index away."""
        how: Any = self._how(schema_editor)
        how.database_backwards(self, app_label, schema_editor, from_state, to_state)

    @staticmethod
    def _how(editor: BaseDatabaseSchemaEditor) -> type[migrations.AddIndex]:
        online = editor.connection.vendor == "postgresql"
        return AddIndexConcurrently if online else migrations.AddIndex
