"""Stored files: complete before their row exists, never changed, checked when read."""

import gzip
import hashlib
import tracemalloc
from pathlib import Path

import pytest

from core import blobs
from core.errors import TooLarge
from core.models import Blob
from tests.factories import now
from tests.races import errors, race

pytestmark = pytest.mark.django_db


def only_file(folder: Path) -> Path:
    (path,) = [path for path in folder.rglob("*") if path.is_file()]
    return path


def test_bytes_come_back_as_they_were_and_the_same_bytes_are_one_file(files):
    data = b"\x00\xff{}" * 1000
    first, second = blobs.store(data, at=now()), blobs.store(data, at=now())
    assert first == second
    assert first.size == len(data)
    assert blobs.load(first.sha256) == data
    assert only_file(files).stat().st_mode & 0o077 == 0


def test_bytes_that_come_in_blocks_are_the_same_blob(files):
    data = b"\x00\xff{}" * 100_000
    blob = blobs.store_stream((data[at : at + 7777] for at in range(0, len(data), 7777)), at=now())
    assert (blob.sha256, blob.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert blobs.load(blob.sha256) == data
    assert blobs.store(data, at=now()) == blob
    assert blobs.store_stream([], at=now()) == blobs.store(b"", at=now())
    (kept,) = files.rglob(f"{blob.sha256}*")
    assert kept.stat().st_mode & 0o077 == 0


def test_blocks_that_end_in_an_error_leave_neither_file_nor_row(files):
    def broken():
        yield b"evid"
        raise TooLarge("file", "larger than allowed")

    with pytest.raises(TooLarge):
        blobs.store_stream(broken(), at=now())
    assert not [path for path in files.rglob("*") if path.is_file()]
    assert not Blob.objects.exists()


def test_blocks_are_written_as_they_come_and_not_held(files):
    blobs.store_stream([b"x"], at=now())  # what is loaded on first use is not counted
    block = bytes(1 << 20)
    tracemalloc.start()
    try:
        blob = blobs.store_stream((block for _ in range(64)), at=now())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert blob.size == 64 << 20
    assert peak < 4 << 20


def test_a_file_that_was_changed_on_disk_is_refused(files):
    blob = blobs.store(b"evidence", at=now())
    only_file(files).write_bytes(gzip.compress(b"forgery"))
    with pytest.raises(OSError, match="does not have its digest any more"):
        blobs.load(blob.sha256)


def test_a_file_that_is_gone_is_an_error_with_its_name(files):
    blob = blobs.store(b"evidence", at=now())
    only_file(files).unlink()
    with pytest.raises(FileNotFoundError, match=blob.sha256):
        blobs.load(blob.sha256)


@pytest.mark.parametrize("left", [b"", b"evid", b"not gzip at all"])
def test_a_file_that_was_cut_is_an_error_and_not_a_crash(files, left):
    blob = blobs.store(b"evidence", at=now())
    only_file(files).write_bytes(left)
    with pytest.raises(OSError):
        blobs.load(blob.sha256)


@pytest.mark.django_db(transaction=True)
def test_many_who_store_the_same_bytes_at_once_share_one_file(files):
    answers = race(*[lambda: blobs.store(b"evidence", at=now())] * 8)
    assert not errors(answers)
    assert Blob.objects.count() == 1
    assert blobs.load(answers[0].sha256) == b"evidence"
    assert len([path for path in files.rglob("*") if path.is_file()]) == 1
