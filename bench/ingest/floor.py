"""The least that an import could take here: reading with the fastest reader, and COPY of the rows it wrote.

The very rows are read back, deleted, and copied in again: same tables, with their indexes, constraints
and triggers, in one transaction. After that the database is as it was.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any, NamedTuple

from psycopg import sql

from bench.ingest import ROOT
from bench.ingest.engines import PostgreSQL

TABLES = ("findings_finding", "findings_sighting")  # where an import adds a row for each result
READERS = ("msgspec", "json")


class Floor(NamedTuple):
    """Seconds; ``copied``: rows; ``copy_cpu``: processor seconds of the server."""

    results: int
    parse: dict[str, float]
    copy: float
    copy_cpu: float
    copied: int

    @property
    def seconds(self) -> float:
        """Reading and writing, one after the other."""
        return self.parse["msgspec"] + self.copy

    @property
    def cpu(self) -> float:
        """The same in processor seconds."""
        return self.parse["msgspec"] + self.copy_cpu


def parsed(report: Path) -> dict[str, float]:
    """Processor seconds of reading by reader. Raises CalledProcessError where a reader is missing."""
    found = {}
    for name in READERS:
        command = [sys.executable, "-m", "bench.ingest.parse", name, str(report)]
        told = subprocess.run(  # noqa: S603 - the command stands above
            command, cwd=ROOT, stdout=subprocess.PIPE, check=True
        )
        found[name] = json.loads(told.stdout)["seconds"]
    return found


def measured(engine: PostgreSQL, database: str, report: Path, results: int) -> Floor:
    """The floor of an import of ``report``, which must be all that the database holds."""
    with (
        contextlib.closing(engine.connect(database)) as connection,
        contextlib.ExitStack() as stack,
    ):
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in TABLES]
        copied = sum(
            _read(connection, table, file) for table, file in zip(TABLES, files, strict=True)
        )
        _forget(connection)
        cpu, began = engine.cpu(), time.perf_counter()
        with connection.transaction():
            for table, file in zip(TABLES, files, strict=True):
                _write(connection, table, file)
        took = time.perf_counter() - began
        used = engine.cpu() - cpu
    return Floor(results, parsed(report), took, used, copied)


def _read(connection: Any, table: str, file: IO[bytes]) -> int:
    query = sql.SQL("COPY (SELECT * FROM {} ORDER BY id) TO STDOUT").format(sql.Identifier(table))
    with connection.cursor() as cursor:
        with cursor.copy(query) as copy:
            for block in copy:
                file.write(block)
        return int(cursor.rowcount)


def _forget(connection: Any) -> None:
    """Delete the rows, with no look at who refers to them: nobody does, there is this import alone."""
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in reversed(TABLES):
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        connection.execute("DELETE FROM findings_tally")  # its trigger counts them again
    for table in TABLES:
        connection.execute(sql.SQL("VACUUM {}").format(sql.Identifier(table)))
    connection.execute("CHECKPOINT")


def _write(connection: Any, table: str, file: IO[bytes]) -> None:
    file.seek(0)
    query = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        while block := file.read(1 << 18):
            copy.write(block)
