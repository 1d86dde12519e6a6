"""An index that is built while others write: on PostgreSQL without holding them, on SQLite at all."""

import pytest
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader

from core.online import AddIndexOnline


@pytest.mark.django_db(transaction=True)
def test_an_index_is_built_and_taken_away_on_either_engine():
    index = models.Index(fields=["kind"], name="job_kind_probe")
    operation = AddIndexOnline("job", index)
    before = MigrationLoader(connection).project_state()
    after = before.clone()
    operation.state_forwards("core", after)
    for do, there in ((operation.database_forwards, True), (operation.database_backwards, False)):
        states = (before, after) if there else (after, before)
        with connection.schema_editor(atomic=False) as editor:
            editor.collect_sql = False
            do("core", editor, *states)
        with connection.cursor() as cursor:
            names = connection.introspection.get_constraints(cursor, "core_job")
        assert ("job_kind_probe" in names) is there


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_on_postgresql_it_holds_nobody(django_assert_num_queries):
    operation = AddIndexOnline("job", models.Index(fields=["kind"], name="job_kind_probe"))
    before = MigrationLoader(connection).project_state()
    after = before.clone()
    operation.state_forwards("core", after)
    with django_assert_num_queries(1) as captured, connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("core", editor, before, after)
    assert "CREATE INDEX CONCURRENTLY" in captured[0]["sql"]
    with connection.schema_editor(atomic=False) as editor:
        operation.database_backwards("core", editor, after, before)
