"""Stored files, in a folder and in a bucket: complete before their row exists, never changed, checked when read."""

import gzip
import hashlib
import io
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc

import pytest
from django.conf import settings
from django.core.files import File
from django.core.files.storage import storages

from core import blobs
from core.errors import TooLarge, Unavailable
from core.models import Blob
from tests import buckets
from tests.factories import now
from tests.races import errors, race

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["folder", "bucket"])
def place(request, files, settings):
    """Where files are stored in this test, and what lies there."""
    if request.param == "folder":
        return buckets.Folder(settings.MEDIA_ROOT)
    return request.getfixturevalue("bucket")


def kept(blob):
    return blobs.name_of(blob.sha256)


def test_bytes_come_back_as_they_were_and_the_same_bytes_are_one_file(place):
    data = b"\x00\xff{}" * 1000
    first, second = blobs.store(data, at=now()), blobs.store(data, at=now())
    assert first == second
    assert first.size == len(data)
    assert blobs.load(first.sha256) == data
    blobs.verify(first.sha256)
    with blobs.unpacked(first.sha256) as path:
        assert path.read_bytes() == data
    assert not path.exists()
    assert place.names() == [kept(first)]


def test_files_are_for_their_owner_alone(files, settings):
    blobs.store(b"evidence", at=now())
    modes = [path.stat().st_mode & 0o077 for path in settings.MEDIA_ROOT.rglob("*.gz")]
    assert modes == [0]


def test_bytes_that_come_in_blocks_are_the_same_blob(place):
    data = b"\x00\xff{}" * 100_000
    blob = blobs.store_stream((data[at : at + 7777] for at in range(0, len(data), 7777)), at=now())
    assert (blob.sha256, blob.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert blobs.load(blob.sha256) == data
    assert blobs.store(data, at=now()) == blob
    empty = blobs.store_stream([], at=now())
    assert empty == blobs.store(b"", at=now())
    assert blobs.load(empty.sha256) == b""
    assert sorted(place.names()) == sorted([kept(blob), kept(empty)])


@pytest.mark.slow
def test_a_file_of_many_parts_comes_back_and_is_never_held(place):
    """What cannot be packed is sent in parts, and waits on disk when it is read."""
    blobs.load(blobs.store(b"x", at=now()).sha256)  # what is loaded on first use is not counted
    made, digest = random.Random(1), hashlib.sha256()

    def parts():
        for _ in range(40):
            part = made.randbytes(1 << 20)
            digest.update(part)
            yield part

    tracemalloc.start()
    try:
        blob = blobs.store_stream(parts(), at=now())
        blobs.verify(blob.sha256)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (blob.sha256, blob.size) == (digest.hexdigest(), 40 << 20)
    # A part of a bucket is 8 MiB, and is copied once on its way.
    assert peak < {"folder": 8 << 20, "bucket": 26 << 20}[place.kind]


def test_blocks_are_written_as_they_come_and_not_held(place):
    blobs.store_stream([b"x"], at=now())
    block = bytes(1 << 20)
    tracemalloc.start()
    try:
        blob = blobs.store_stream((block for _ in range(64)), at=now())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert blob.size == 64 << 20
    assert peak < 5 << 20


def test_blocks_that_end_in_an_error_leave_neither_file_nor_row(place):
    def broken():
        yield b"evid"
        raise TooLarge("file", "larger than allowed")

    with pytest.raises(TooLarge):
        blobs.store_stream(broken(), at=now())
    assert place.names() == []
    assert not Blob.objects.exists()


def test_a_write_that_is_broken_off_leaves_nothing_under_the_name(place):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 10 << 20:
                raise OSError("the disk that it is read from is gone")
            return super().read(size)

    with pytest.raises(OSError, match="is gone"):
        storages["blobs"].save("blobs/aa/aa.gz", File(Broken(bytes(20 << 20))))
    assert place.names() == place.unfinished() == []


KILLED = """
import io, os, signal, django
django.setup()
from django.core.files import File
from core import blob_folder
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
blob_folder.os.{place} = die
blob_folder.BlobFolder().save("blobs/aa/aa.gz", File(io.BytesIO(bytes(1 << 20))))
"""


@pytest.mark.parametrize("place", ["fsync", "replace"])
def test_who_is_killed_while_a_file_is_written_leaves_none_of_its_name(tmp_path, place):
    done = subprocess.run(
        [sys.executable, "-c", KILLED.format(place=place)], cwd=settings.BASE_DIR, check=False,
        env={**os.environ, "CTEM_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "ctem.settings"},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    left = [path.name for path in tmp_path.rglob("blobs/*/*")]
    assert len(left) == 1 and not left[0].endswith(".gz")


def test_a_file_that_was_changed_is_refused(place):
    blob = blobs.store(b"evidence", at=now())
    place.write(kept(blob), gzip.compress(b"forgery"))
    for read in (blobs.load, blobs.verify):
        with pytest.raises(OSError, match="does not have its digest any more"):
            read(blob.sha256)
    with pytest.raises(OSError, match="digest"), blobs.unpacked(blob.sha256):
        pytest.fail("it was handed out")


def test_a_file_that_is_gone_is_an_error_with_its_name(place):
    blob = blobs.store(b"evidence", at=now())
    place.delete(kept(blob))
    with pytest.raises(FileNotFoundError, match=blob.sha256):
        blobs.load(blob.sha256)
    assert blobs.store(b"evidence", at=now()) == blob  # who brings it again mends it
    assert blobs.load(blob.sha256) == b"evidence"


@pytest.mark.parametrize(
    "left",
    [b"", b"evid", b"not gzip at all", gzip.compress(b"evidence", mtime=0)[:-9]],
    ids=["nothing", "not packed", "not packed, longer", "cut"],
)
def test_a_file_that_was_cut_is_an_error_and_not_a_crash(place, left):
    blob = blobs.store(b"evidence", at=now())
    place.write(kept(blob), left)
    with pytest.raises(OSError):
        blobs.load(blob.sha256)


@pytest.mark.django_db(transaction=True)
def test_many_who_store_the_same_bytes_at_once_share_one_file(place):
    answers = race(*[lambda: blobs.store(b"evidence", at=now())] * 8)
    assert not errors(answers)
    assert Blob.objects.count() == 1
    assert blobs.load(answers[0].sha256) == b"evidence"
    assert place.names() == [kept(answers[0])]


# --- a bucket ------------------------------------------------------------------------------------
def test_an_object_is_gzip_and_nobody_unpacks_it_on_the_way(bucket):
    blob = blobs.store(b"evidence" * 1000, at=now())
    head = bucket.head(kept(blob))
    assert head["ContentType"] == "application/gzip"
    assert "ContentEncoding" not in head
    assert head["ContentLength"] < blob.size


def test_a_folder_and_a_bucket_hold_the_same_names_and_bytes(files, settings, request):
    blob = blobs.store(b"evidence" * 1000, at=now())
    (path,) = settings.MEDIA_ROOT.rglob("*.gz")
    bucket = request.getfixturevalue("bucket")
    bucket.write(str(path.relative_to(settings.MEDIA_ROOT)), path.read_bytes())
    assert blobs.load(blob.sha256) == b"evidence" * 1000
    length = bucket.head(kept(blob))["ContentLength"]
    bucket.delete(kept(blob))
    blobs.store(b"evidence" * 1000, at=now())
    assert bucket.head(kept(blob))["ContentLength"] == length


def test_a_bucket_says_where_it_is_and_a_folder_nothing(bucket, settings):
    assert blobs.bucket() == f"s3://{bucket.name}/raw/files"
    blobs.probe()
    buckets.use(settings, "")
    assert blobs.bucket() == ""


@pytest.fixture
def silent():
    """The port of somebody who takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken = []

        def take():
            try:
                while True:
                    taken.append(listening.accept()[0])
            except OSError:
                return

        threading.Thread(target=take, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        for one in taken:
            one.close()


def unreachable(bucket, port):
    return f"s3://{bucket.name}?endpoint=http://127.0.0.1:{port}&region={buckets.REGION}"


@pytest.mark.parametrize("why", ["nobody listens", "no such bucket", "no answer"])
def test_a_bucket_that_cannot_be_used_is_told_soon_and_without_a_secret(
    bucket, settings, request, caplog, why
):
    blob = blobs.store(b"evidence", at=now())
    port = request.getfixturevalue("silent") if why == "no answer" else buckets.free_port()
    url = unreachable(bucket, port)
    if why == "no such bucket":
        url = bucket.url.replace(bucket.name, "ctem-nowhere")
    buckets.use(settings, url)
    began = time.monotonic()
    with pytest.raises(Unavailable) as refused:
        blobs.probe()
    assert time.monotonic() - began < 5
    if why != "no answer":  # that takes as long as a file may take
        with pytest.raises(OSError):
            blobs.load(blob.sha256)
        with pytest.raises(Unavailable):
            blobs.store(b"other", at=now())
    assert Blob.objects.get() == blob
    said = f"{refused.value} {caplog.text}"
    assert [secret for secret in (*buckets.SECRETS, "127.0.0.1") if secret in said] == []


def test_keys_are_in_no_setting_and_in_no_log_even_at_its_loudest(bucket, settings, caplog):
    with caplog.at_level(logging.DEBUG):
        blobs.load(blobs.store(b"evidence", at=now()).sha256)
        blobs.probe()
    shown = f"{caplog.text} {settings.STORAGES} {storages['blobs']!r}"
    assert [secret for secret in buckets.SECRETS if secret in shown] == []
