"""Freezing: what a report says, as bytes that are told by their digest; and reading that again."""

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any

from django.conf import settings
from django.db import connection, transaction

from core import blobs
from core.events import chain_of
from core.models import ChainHead, User
from findings.services.rescoring import weights_of
from reports.metrics.behind import COLUMNS, Behind, behind
from reports.metrics.definitions import as_json
from reports.metrics.figures import figures_of
from reports.metrics.frame import Frame
from scopes.models import Scope

FORMAT = "ctem-report/1"
BLOCK = 1 << 20  # bytes that are read together


@contextmanager
def one_moment() -> Iterator[None]:
    """All is read as of one moment, whoever writes meanwhile."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def freeze(
    scopes: Sequence[Scope], frame: Frame, *, period: str, ordered_by: User, at: datetime
) -> tuple[str, str]:
    """Store snapshot and rows of a frame; return the digests of both.

    The files are stored after everything was read: a bucket may be slow.
    """
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as file:
        with one_moment():
            figures = figures_of(frame, at=at)
            told = [_scope(scope, head) for scope, head in _with_heads(scopes)]
            count = _write(file, behind(frame))
        file.seek(0)
        rows = blobs.store_stream(iter(lambda: file.read(BLOCK), b""), at=at)
    snapshot = {
        "format": FORMAT,
        "period": period,
        "since": frame.since.isoformat(),
        "until": frame.until.isoformat(),
        "made_at": at.isoformat(),
        "ordered_by": ordered_by.username,
        "scopes": told,
        "definitions": as_json(),
        "figures": figures,
        "rows": {"sha256": rows.pk, "count": count, "columns": list(COLUMNS)},
    }
    return blobs.store(as_bytes(snapshot), at=at).pk, rows.pk


def as_bytes(snapshot: dict[str, Any]) -> bytes:
    """The one way in which a snapshot is written: its digest is of these bytes. Members keep their order."""
    return json.dumps(snapshot, separators=(",", ":"), ensure_ascii=False).encode()


def _write(file: IO[bytes], rows: Iterable[Behind]) -> int:
    """Write the rows as CSV, values as they are: who makes a table for spreadsheets quotes them."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
    writer, count = csv.writer(text), 0  # ends lines with CR LF, and so quotes both
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(row.values())
        count += 1
    text.detach()  # flushes, and leaves the file open
    return count


def _with_heads(scopes: Sequence[Scope]) -> list[tuple[Scope, ChainHead | None]]:
    """Each scope with the end of its chain of events: what was known when it was frozen."""
    heads = ChainHead.objects.in_bulk([chain_of(scope.pk) for scope in scopes])
    return [(scope, heads.get(chain_of(scope.pk))) for scope in scopes]


def _scope(scope: Scope, head: ChainHead | None) -> dict[str, Any]:
    weights = weights_of(scope)
    return {
        "id": scope.pk,
        "name": scope.name,
        "slug": scope.slug,
        "owner": scope.owner,
        "exposure": scope.exposure,
        "criticality": scope.criticality,
        "gate_policy": {"name": scope.policy.name, "digest": scope.policy.digest},
        "priority_weights": {"name": weights.name, "digest": weights.digest},
        "sla_days": scope.sla_days,
        "counts_from": scope.adopted_on.isoformat(),
        "events": {"seq": head.seq, "hash": head.hash} if head else None,
    }


# --- reading -------------------------------------------------------------------------------------
def read_snapshot(sha256: str) -> dict[str, Any]:
    """Return what a snapshot says. Raises OSError as ``core.blobs.load``."""
    told: dict[str, Any] = json.loads(blobs.load(sha256))
    return told


def read_rows(sha256: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a report as they were frozen. Raises OSError as ``core.blobs.load``."""
    with blobs.unpacked(sha256) as path, path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
