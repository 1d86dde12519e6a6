"""Waiting for others where there is no row yet to lock. Locks on rows belong to the services that hold them."""

from django.db import connection


def wait_for_others(name: str) -> None:
    """Let those who ask for one name go one after another, each until its transaction ends.

    What was read before may be old by then: read again. On SQLite there is one writer anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
