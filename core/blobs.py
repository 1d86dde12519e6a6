"""Content-addressed files below MEDIA_ROOT, gzip-compressed. Written before the row, never changed."""

import gzip
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from django.conf import settings

from core.models import Blob

BLOCK = 1 << 20  # bytes that are unpacked together
LEVEL = 3  # of reports: a ninth of their size; 5 takes nearly twice as long for a tenth less


def _path(sha256: str) -> Path:
    return Path(settings.MEDIA_ROOT) / "blobs" / sha256[:2] / f"{sha256}.gz"


def store(data: bytes, *, at: datetime) -> Blob:
    """Keep ``data`` and return its row; the same bytes twice are one blob."""
    return store_stream([data], at=at)


def store_stream(blocks: Iterable[bytes], *, at: datetime) -> Blob:
    """Keep bytes that come in blocks, and are never held whole; return their row.

    The file is complete and synced before the row exists, so a crash leaves at most an unused file.
    What ``blocks`` raises leaves nothing. Bytes that are here already are not packed again.
    """
    digest, size = hashlib.sha256(), 0
    with tempfile.SpooledTemporaryFile(BLOCK, dir=settings.FILE_UPLOAD_TEMP_DIR) as plain:
        for block in blocks:
            digest.update(block)
            size += len(block)
            plain.write(block)
        sha256 = digest.hexdigest()
        if not _path(sha256).exists():
            plain.seek(0)
            _pack(plain, _path(sha256))
    Blob.objects.bulk_create([Blob(sha256=sha256, size=size, stored_at=at)], ignore_conflicts=True)
    return Blob.objects.get(pk=sha256)


def _pack(plain: IO[bytes], path: Path) -> None:
    """Write a file compressed and synced; it is at ``path`` once it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = tempfile.NamedTemporaryFile(dir=path.parent, delete=False)
    try:
        with file, gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as packed:
            shutil.copyfileobj(plain, packed, BLOCK)
            packed.close()
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, path)
    except BaseException:
        os.unlink(file.name)
        raise


@contextmanager
def unpacked(sha256: str) -> Iterator[Path]:
    """The bytes of a blob as a file that is there meanwhile. Raises OSError as ``load``."""
    with tempfile.TemporaryDirectory(prefix="ctem-blob-") as folder:
        path, digest = Path(folder) / sha256, hashlib.sha256()
        with gzip.open(_path(sha256)) as packed, path.open("wb") as file:
            while block := packed.read(BLOCK):
                digest.update(block)
                file.write(block)
        _check(sha256, digest.hexdigest())
        yield path


def load(sha256: str) -> bytes:
    """Return the bytes of a blob. Raises OSError when the file is gone or no longer has its digest."""
    data = gzip.decompress(_path(sha256).read_bytes())
    _check(sha256, hashlib.sha256(data).hexdigest())
    return data


def _check(sha256: str, found: str) -> None:
    if found != sha256:
        raise OSError(f"The stored file {sha256[:12]} does not have its digest any more.")
