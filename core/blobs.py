"""Content-addressed files, gzip-compressed, in a folder or a bucket. Written before the row, never changed.

Where they lie is the storage "blobs" of the settings: core/blob_folder.py or core/blob_bucket.py. What
has its name there is whole, and the names are the same in both.
"""

import gzip
import hashlib
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol, cast

from django.conf import settings
from django.core.files import File
from django.core.files.storage import storages

from core.models import Blob

BLOCK = 1 << 20  # bytes that are unpacked together
LEVEL = 3  # of reports: a ninth of their size; 5 takes nearly twice as long for a tenth less


class Place(Protocol):
    """What a storage of ours does. Whatever goes wrong in it is an OSError."""

    address: str  # of a bucket: s3://bucket/prefix; "": a folder on this machine

    def exists(self, name: str) -> bool:
        """Return whether there is a file of that name."""

    def save(self, name: str, content: File) -> str:
        """Write a file, whole or not at all, over the same one if need be."""

    def open(self, name: str) -> File:
        """Open a file to read. Raises FileNotFoundError."""

    def probe(self) -> None:
        """Raise OSError if it cannot be used, after seconds at most."""


def _place() -> Place:
    return cast(Place, storages["blobs"])


def bucket() -> str:
    """Return the address of the bucket in which the files lie, "" where it is a folder."""
    return _place().address


def probe() -> None:
    """Raise OSError, after seconds at most, if the files can be neither read nor written."""
    _place().probe()


def name_of(sha256: str) -> str:
    """Return the name of a blob's file in its place."""
    return f"blobs/{sha256[:2]}/{sha256}.gz"


def store(data: bytes, *, at: datetime) -> Blob:
    """Keep ``data`` and return its row; the same bytes twice are one blob."""
    return store_stream([data], at=at)


def store_stream(blocks: Iterable[bytes], *, at: datetime) -> Blob:
    """Keep bytes that come in blocks, and are never held whole; return their row.

    The file is complete and synced before the row exists, so a crash leaves at most an unused file.
    What ``blocks`` raises leaves nothing. Bytes that are here already are not packed again.
    """
    digest, size = hashlib.sha256(), 0
    with _scratch() as plain:
        for block in blocks:
            digest.update(block)
            size += len(block)
            plain.write(block)
        sha256 = digest.hexdigest()
        if not _place().exists(name_of(sha256)):
            plain.seek(0)
            with _scratch() as packed:
                _pack(plain, packed)
                _place().save(name_of(sha256), File(packed))
    Blob.objects.bulk_create([Blob(sha256=sha256, size=size, stored_at=at)], ignore_conflicts=True)
    return Blob.objects.get(pk=sha256)


def _scratch() -> IO[bytes]:
    """A file for the moment, in memory as long as it is small; it never has a name."""
    return tempfile.SpooledTemporaryFile(BLOCK, dir=settings.FILE_UPLOAD_TEMP_DIR)


def _pack(plain: IO[bytes], packed: IO[bytes]) -> None:
    with gzip.GzipFile("", "wb", LEVEL, packed, mtime=0) as file:  # no time: the same bytes again
        shutil.copyfileobj(plain, file, BLOCK)
    packed.seek(0)


def put_packed(path: Path) -> None:
    """Keep a file that was packed and named before, as a backup brings it. Raises OSError."""
    name = name_of(path.name.removesuffix(".gz"))
    if not _place().exists(name):
        with path.open("rb") as file:
            _place().save(name, File(file))


@contextmanager
def unpacked(sha256: str) -> Iterator[Path]:
    """The bytes of a blob as a file that is there meanwhile. Raises OSError as ``load``."""
    with tempfile.TemporaryDirectory(prefix="ctem-blob-") as folder:
        path = Path(folder) / sha256
        with path.open("wb") as file:
            file.writelines(_blocks(sha256))
        yield path


def load(sha256: str) -> bytes:
    """Return the bytes of a blob. Raises OSError when the file is gone or no longer has its digest."""
    return b"".join(_blocks(sha256))


def verify(sha256: str) -> None:
    """Read a blob to its end, block by block. Raises OSError as ``load``."""
    for _ in _blocks(sha256):
        pass


def _blocks(sha256: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    try:
        with (
            _place().open(name_of(sha256)) as file,
            gzip.GzipFile("", "rb", fileobj=file) as packed,
        ):
            while block := packed.read(BLOCK):
                digest.update(block)
                yield block
    except (EOFError, zlib.error) as error:
        raise OSError(f"The stored file {sha256[:12]} cannot be unpacked any more.") from error
    if digest.hexdigest() != sha256:
        raise OSError(f"The stored file {sha256[:12]} does not have its digest any more.")
