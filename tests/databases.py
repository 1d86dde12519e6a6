"""The test database: migrated once, then copied, as migrating takes longer than most tests.

SQLite: kept as a file for later runs, named by a digest of the migrations and of what they import.
PostgreSQL: a template on the server of the run.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
import psycopg
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "ctem_test_template"
IMPORTED = re.compile(
    r"^from ((?:core|scopes|findings|remediations|scans|forges)[\w.]*) import", re.M
)


def provide() -> None:
    """Make the database that the tests of this process will find, with all tables and nothing in them."""
    name = connection.creation._get_test_db_name()
    if connection.vendor == "sqlite":
        shutil.copyfile(_file(), name)
        return
    with _server() as server:
        _make_template(server)
        server.execute(f'DROP DATABASE IF EXISTS "{name}"')
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE}')


def remove() -> None:
    """Leave nothing on a server that somebody else started."""
    if connection.vendor == "postgresql":
        name = connection.settings_dict["NAME"]
        connection.close()
        with _server() as server:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _file() -> Path:
    folder = Path(tempfile.gettempdir(), f"ctem-test-databases-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{_digest()}.sqlite3"
    with _alone(folder / "lock"):
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=folder) as made:
                whole = Path(made, "made.sqlite3")
                _migrate(f"sqlite:///{whole}")
                whole.replace(path)
    return path


def _make_template(server: psycopg.Connection) -> None:
    """The others of this run wait; what a run that was killed left is made anew."""
    server.execute("SELECT pg_advisory_lock(1)")
    known = f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{TEMPLATE}'"  # noqa: S608
    found = server.execute(known).fetchone()
    if found != (_digest(),):
        server.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
        server.execute(f"CREATE DATABASE {TEMPLATE}")
        address = os.environ["DATABASE_URL"]
        _migrate(f"{address.rpartition('/')[0]}/{TEMPLATE}")
        server.execute(f"COMMENT ON DATABASE {TEMPLATE} IS '{_digest()}'")
    server.execute("SELECT pg_advisory_unlock(1)")


@contextmanager
def _server() -> Iterator[psycopg.Connection]:
    told = settings.DATABASES["default"]
    with psycopg.connect(
        dbname="postgres", user=told["USER"], password=told["PASSWORD"], host=told["HOST"],
        port=told["PORT"] or None, autocommit=True,
    ) as server:  # fmt: skip
        yield server


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _migrate(url: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity=0"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "DATABASE_URL": url}, check=True)


def _digest() -> str:
    """Of the migrations, and of the modules of ours that they import."""
    files = set(ROOT.glob("*/migrations/*.py"))
    told = "".join(path.read_text() for path in sorted(files))
    for module in sorted(set(IMPORTED.findall(told))):
        base = ROOT.joinpath(*module.split("."))
        told += next(
            p for p in (base.with_suffix(".py"), base / "__init__.py") if p.exists()
        ).read_text()
    return hashlib.sha256(f"{django.__version__} {sys.version} {told}".encode()).hexdigest()[:32]
