"""The databases of a run: one that holds what the migrations make, and a copy of it for each measurement.

PostgreSQL runs with its own defaults for durability. It counts statements itself (pg_stat_statements):
of the web and of the worker, each of which has its own role.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import servers
from psycopg import sql

# Roles: the first one is made with the cluster, the last one is ours, who looks and counts.
WEB, WORKER, BENCH = "ctem", "ctem_worker", "ctem_bench"
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
COUNTING = "pg_stat_statements"
OF_KEYS = "SELECT % FROM ONLY % FOR KEY SHARE OF x"  # how the server itself looks foreign keys up, at a commit


class PostgreSQL:
    """A server of our own."""

    name = "postgresql"

    def __init__(self, url: str, counts: bool) -> None:
        self._url = url.rpartition("/")[0]
        self._counts = counts
        self._admin = psycopg.connect(self.url("postgres"), autocommit=True)
        password = self._url.split(":")[2].partition("@")[0]
        for role in (WORKER, BENCH):
            self._do("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}", role, password)
        if counts:
            self._do("CREATE EXTENSION {}", COUNTING)
        self.version = str(self._admin.execute("SHOW server_version").fetchone()[0])  # type: ignore[index]

    def url(self, database: str, role: str = WEB) -> str:
        """The address of a database for one of the roles."""
        return f"{self._url.replace(f'//{WEB}:', f'//{role}:')}/{database}"

    def create(self, database: str, like: str = "template0") -> None:
        """Make a database as a copy of another one, which nobody may be connected to."""
        self._do("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)
        self._do(
            "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", database, sql.Identifier(like)
        )
        self._admin.execute("CHECKPOINT")

    def drop(self, database: str) -> None:
        """Forget a database, whoever is connected."""
        self._do("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)

    def connect(self, database: str) -> Any:
        """A connection that sees what is committed."""
        return psycopg.connect(self.url(database, BENCH), autocommit=True)

    def start_counting(self) -> None:
        """Forget the statements so far."""
        if self._counts:
            self._admin.execute("SELECT pg_stat_statements_reset()")

    def counted(self, database: str) -> dict[str, int] | None:
        """Statements of web and worker since ``start_counting``; None where nobody counts."""
        if not self._counts:
            return None
        rows = self._admin.execute(
            "SELECT rolname, sum(calls)::int FROM pg_stat_statements s"
            " JOIN pg_roles r ON r.oid = userid JOIN pg_database d ON d.oid = dbid"
            " WHERE datname = %s AND query NOT LIKE %s GROUP BY rolname",
            [database, OF_KEYS],
        )  # fmt: skip
        told: dict[str, int] = dict(rows.fetchall())
        return {"web": told.get(WEB, 0), "worker": told.get(WORKER, 0)}

    def cpu(self) -> float:
        """Processor seconds of the server and all its processes, those that ended too."""
        row = self._admin.execute("SELECT pg_backend_pid()").fetchone()
        parent = int(_stat(int(row[0]))[1])  # type: ignore[index]
        own, ended = _seconds(parent)
        return own + ended + sum(_seconds(pid)[0] for pid in children(parent))

    def _do(self, statement: str, *names: Any) -> None:
        """Run a statement with names in it; the second name of CREATE ROLE is a text."""
        is_role = statement.startswith("CREATE ROLE")
        made = [
            name if isinstance(name, sql.Identifier)
            else sql.Literal(name) if is_role and at else sql.Identifier(name)
            for at, name in enumerate(names)
        ]  # fmt: skip
        self._admin.execute(sql.SQL(statement).format(*made))

    def close(self) -> None:
        self._admin.close()


class SQLite:
    """Files in a folder."""

    name = "sqlite"
    version = sqlite3.sqlite_version

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, database: str) -> Path:
        return self._folder / f"{database}.sqlite3"

    def url(self, database: str, role: str = WEB) -> str:
        """The address of a database; there are no roles."""
        return f"sqlite:///{self._path(database)}"

    def create(self, database: str, like: str = "") -> None:
        """Make a database as a copy of another one; without one it is made on first use."""
        self.drop(database)
        if like:
            shutil.copyfile(self._path(like), self._path(database))

    def drop(self, database: str) -> None:
        """Forget a database."""
        for tail in ("", "-wal", "-shm"):
            Path(f"{self._path(database)}{tail}").unlink(missing_ok=True)

    def connect(self, database: str) -> Any:
        """A connection that reads what is committed."""
        return sqlite3.connect(f"file:{self._path(database)}?mode=ro", uri=True, timeout=20)

    def start_counting(self) -> None:
        """Nobody counts here."""

    def counted(self, database: str) -> None:
        """None: nobody counts here."""

    def cpu(self) -> float:
        """It works in our own processes."""
        return 0.0

    def close(self) -> None:
        """There is nothing to close."""


Engine = PostgreSQL | SQLite


@contextlib.contextmanager
def started(name: str, folder: Path) -> Iterator[Engine]:
    """An engine for one run. Raises servers.NotStarted."""
    if name == "sqlite":
        yield SQLite(folder)
        return
    programs = servers.find_postgresql()
    counts = programs is not None and _has_counting(programs)
    more = {"shared_preload_libraries": COUNTING} if counts else {}
    with servers.postgresql(**DURABLE, **more) as url:
        engine = PostgreSQL(url, counts)
        try:
            yield engine
        finally:
            engine.close()


def _has_counting(programs: Path) -> bool:
    told = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        [programs / "postgres", "-C", "dynamic_library_path"], capture_output=True, check=False
    )
    places = [programs.parent / "lib", Path(told.stdout.decode().strip() or "/")]
    return any((place / f"{COUNTING}.so").exists() for place in places)


# --- processes -----------------------------------------------------------------------------------
def children(pid: int) -> list[int]:
    """Processes that a process started and that live."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _seconds(pid: int) -> tuple[float, float]:
    """Processor seconds of a process, and of its children that ended."""
    try:
        told = [int(value) / os.sysconf("SC_CLK_TCK") for value in _stat(pid)[11:15]]
    except OSError:
        return 0.0, 0.0
    return told[0] + told[1], told[2] + told[3]


def cpu_of(pids: list[int]) -> float:
    """Processor seconds of processes that live."""
    return sum(_seconds(pid)[0] for pid in pids)


def peak_of(pid: int) -> int:
    """The most memory that a process held (VmHWM), in MB of 2**20 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0


def forget_peak(pid: int) -> None:
    """Let the peak begin again at what the process holds now."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")
