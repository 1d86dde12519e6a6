"""Whether this process can do its work: database, migrations, broker, storage, bucket. Reads; one file is tried.

The answers are fixed sentences: what an error says (hosts, users) goes to the log alone.
"""

import logging
from collections.abc import Callable
from functools import lru_cache

from celery import current_app
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from kombu.exceptions import OperationalError

from core import blobs
from core.blob_folder import BlobFolder

OK = "ok"
BROKER_SECONDS = 2
log = logging.getLogger(__name__)


def readiness() -> dict[str, str]:
    """Return what each check says: "ok", or a sentence without any secret in it."""
    checks = CHECKS | ({"bucket": _bucket} if blobs.bucket() else {})
    return {name: _say(name, check) for name, check in checks.items()}


def _say(name: str, check: Callable[[], str]) -> str:
    try:
        return check()
    except (Error, OperationalError, OSError) as error:
        log.warning("not ready: %s: %s: %s", name, type(error).__name__, error)
        return FAILED[name]


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return OK


@lru_cache(maxsize=1)
def known_migrations() -> frozenset[tuple[str, str]]:
    """The migrations of this release. The files do not change while the process lives."""
    loader = MigrationLoader(None)
    return frozenset(loader.disk_migrations)


def _migrations() -> str:
    missing = known_migrations() - MigrationRecorder(connection).applied_migrations().keys()
    return f"{len(missing)} not applied: manage.py migrate" if missing else OK


def _broker() -> str:
    with current_app.connection_for_write() as bell:
        bell.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
    return OK


def _storage() -> str:
    BlobFolder().probe()  # beside a bucket, too: keys of certificates lie on the same disk
    return OK


def _bucket() -> str:
    blobs.probe()
    return OK


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    "storage": _storage,
}
FAILED = {
    "database": "does not answer",
    "migrations": "unknown: the database does not answer",
    "broker": "does not answer",
    "storage": "cannot be written",
    "bucket": "does not answer, or does not let us in",
}
