"""What every test stands on: no file, queue or password work outside the run's own folder.

Rows are made by tests/factories.py; the fixtures here only name the usual ones.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import TransactionTestCase
from rest_framework.test import APIClient

from tests import buckets, databases, factories
from tests.emptying import empty_database

FOLDERS = ("MEDIA_ROOT", "STATIC_ROOT", "CERTIFICATE_KEYS_DIR")


def engine() -> str:
    """Return "sqlite" or "postgresql": what the tests run on."""
    return connection.vendor


def pytest_configure(config):
    """Point the settings at a folder of this process, before any test or worker reads them."""
    folder = tempfile.TemporaryDirectory(prefix="ctem-test-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    data = Path(folder.name)
    for name in FOLDERS:
        setattr(django_settings, name, data / Path(getattr(django_settings, name)).name)
    django_settings.DATA_DIR = data
    database = django_settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):  # a file: threads and processes can share it
        database.setdefault("TEST", {})["NAME"] = str(data / "test.sqlite3")
    django_settings.BROKER_URL = "embedded://"
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_report_header():
    return f"database engine: {engine()}"


def pytest_collection_modifyitems(items):
    """Skip, with the reason, what this engine or this machine cannot run."""
    skips = []
    if engine() != "postgresql":
        skips.append(("postgresql", "needs PostgreSQL: scripts/test --engine postgresql"))
    if not chromium_path():
        skips.append(
            ("browser", "needs Chromium: CTEM_TEST_CHROMIUM is not set and none is on PATH")
        )
    for item in items:
        for marker, reason in skips:
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def chromium_path() -> str | None:
    """Return the program that browser tests start."""
    return os.environ.get("CTEM_TEST_CHROMIUM") or shutil.which("chromium")


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings, django_db_blocker):
    """The database is a copy of one that was migrated: Django has nothing to make."""
    with django_db_blocker.unblock():
        databases.provide()
        yield True
        databases.remove()


@pytest.fixture(autouse=True, scope="session")
def _emptied_not_flushed():
    """Tests that commit leave an empty database: ``flush`` would be refused by append-only tables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: empty_database())
        yield


@pytest.fixture
def files(settings, tmp_path):
    """A folder for uploads and keys that belongs to this one test."""
    for name in FOLDERS:
        setattr(settings, name, tmp_path / Path(getattr(settings, name)).name)
    return tmp_path


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    """The address of a real S3 server, which is in no environment but the tests' that ask for it."""
    with buckets.server(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture
def bucket(files, s3_server, settings, monkeypatch):
    """An empty bucket in which the files of this one test are stored."""
    for name, value in buckets.KEYS.items():
        monkeypatch.setenv(name, value)
    made = buckets.Bucket(s3_server)
    buckets.use(settings, made.url)
    return made


@pytest.fixture
def redis_url():
    """The address of a Redis that belongs to this test run; skips without one."""
    address = os.environ.get("CTEM_TEST_REDIS_URL")
    if not address:
        pytest.skip("needs Redis: CTEM_TEST_REDIS_URL is not set (scripts/test starts one)")
    return address


@pytest.fixture(scope="session")
def chromium():
    """The path of the Chromium to drive."""
    return chromium_path()


# --- one scope and its people --------------------------------------------------------------------
@pytest.fixture
def scope(db):
    return factories.make_scope(name="Shop", slug="shop")


@pytest.fixture
def asset(scope):
    return factories.make_asset(scope, name="web")


@pytest.fixture
def line(asset):
    return factories.default_line(asset)


@pytest.fixture
def viewer(scope):
    return factories.member(scope, "viewer")


@pytest.fixture
def analyst(scope):
    return factories.member(scope, "analyst")


@pytest.fixture
def developer(scope):
    return factories.member(scope, "developer")


@pytest.fixture
def approver(scope):
    return factories.member(scope, "approver")


@pytest.fixture
def admin(scope):
    return factories.member(scope, "admin")


@pytest.fixture
def pipeline(scope):
    return factories.member(scope, "pipeline")


@pytest.fixture
def ticketing(scope):
    return factories.member(scope, "ticketing")


@pytest.fixture
def outsider(db):
    """Somebody with an account and an administrator's role, in another scope."""
    return factories.member(factories.make_scope(name="Elsewhere", slug="elsewhere"), "admin")


@pytest.fixture
def api():
    """A client of the API; ``api.force_authenticate(viewer)`` signs in."""
    return APIClient()
