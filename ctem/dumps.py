"""The database as one file and back: pg_dump and pg_restore, or SQLite's own backup. The one place that knows both.

A dump is of one moment, while people go on working. Nothing here looks at what is in it.
"""

import contextlib
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from django.db import connection

# libpq reads these from its environment: no password on a command line, where anybody could see it.
LIBPQ = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD"}
LIBPQ_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey")


class Failed(Exception):
    """A program for dumps is missing, or refused; the text says which and why."""


def dump(target: Path) -> None:
    """Write the whole database into ``target``, which exists and is empty. Raises Failed."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with contextlib.closing(sqlite3.connect(target)) as copy:
            connection.connection.backup(copy)
        return
    _run("pg_dump", "--format=custom", f"--file={target}")


def load(source: Path) -> None:
    """Fill this empty database from a dump: all of it, or nothing. Raises Failed."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        try:
            with contextlib.closing(
                sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)
            ) as kept:
                kept.backup(connection.connection)
        except sqlite3.Error as error:
            raise Failed(f"SQLite does not read the dump: {error}") from error
        connection.close()  # what was known of the empty one
        return
    name = connection.settings_dict["NAME"]
    _run("pg_restore", "--single-transaction", "--exit-on-error", f"--dbname={name}", str(source))


def is_empty() -> bool:
    """Whether the database has no table at all."""
    return not connection.introspection.table_names()


def _run(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL's on our database; owners and grants are the new server's matter."""
    path = shutil.which(program)
    if path is None:
        raise Failed(f"{program} is missing: install postgresql-client, as new as the server")
    done = subprocess.run(  # noqa: S603  (a program of PostgreSQL's, our own arguments)
        [path, "--no-owner", "--no-privileges", "--no-password", *arguments],
        env=_environ(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise Failed(f"{program}: {done.stderr.strip()[-2000:]}")


def _environ() -> dict[str, str]:
    settings = connection.settings_dict
    options = settings.get("OPTIONS", {})
    told = {name: str(settings[key]) for key, name in LIBPQ.items() if settings.get(key)}
    told |= {f"PG{key.upper()}": str(options[key]) for key in LIBPQ_OPTIONS if options.get(key)}
    return {**os.environ, **told, "PGDATABASE": str(settings["NAME"])}
