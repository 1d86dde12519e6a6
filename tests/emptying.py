"""Emptying the test database after a test that committed. Engine-specific, as the triggers are.

Django's flush cannot do it: append-only tables refuse. Triggers are put back as the migrations
made them, in the same transaction, so that no test ever runs without them.
"""

from django.db import connection, transaction

KEPT = {"django_migrations", "django_content_type", "auth_permission"}


def empty_database() -> None:
    """Delete all rows but those that migrations made."""
    tables = sorted(set(connection.introspection.django_table_names(only_existing=True)) - KEPT)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            _empty_sqlite(cursor, tables)
        else:
            _empty_postgresql(cursor, tables)


def _empty_sqlite(cursor, tables: list[str]) -> None:
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    triggers = cursor.fetchall()
    for name, _ in triggers:
        cursor.execute(f'DROP TRIGGER "{name}"')
    for table in tables:
        cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608
    for _, sql in triggers:
        cursor.execute(sql)


def _empty_postgresql(cursor, tables: list[str]) -> None:
    cursor.execute(
        "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger"
        " WHERE NOT tgisinternal AND tgenabled <> 'D'"
    )
    guarded = [row[0] for row in cursor.fetchall()]
    for table in guarded:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for table in tables:
        cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in guarded:
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
