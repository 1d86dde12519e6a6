"""A backup that was restored is the server that it was made of, and a restore that does not hold says so (T46)."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from core import blobs
from core.append_only import protect, unprotect
from core.models import Blob
from findings.statuses import Status
from scans.models import Clearance
from tests import buckets
from tests import factories as make

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor == "postgresql" and shutil.which("pg_dump") is None,
        reason="needs postgresql-client: pg_dump and pg_restore",
    ),
]
NOT_COMPARED = ("core.event", "core.chainhead", "contenttypes", "auth.permission", "sessions")


@pytest.fixture
def closed(files):
    """A finding that was closed with proof, on the engine under test."""
    return make.make_finding(at=Status.MOBILIZATION_COMPLETE)


@pytest.fixture
def elsewhere(tmp_path, database):
    """Environment of another server with nothing on it."""
    return {
        **os.environ,
        **buckets.KEYS,
        "CTEM_DATA_DIR": str(tmp_path / "elsewhere"),
        "DATABASE_URL": database,
        "CTEM_SECRET_KEY": "another secret than the backup was made with, and long enough",
    }


def backup(folder):
    said = io.StringIO()
    call_command("backup", str(folder), stdout=said)
    return Path(said.getvalue().strip())


def manage(environ, *arguments):
    return subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=ROOT, env=environ, capture_output=True, text=True,
    )  # fmt: skip


def rows(dumped):
    """The rows of a dump as text, without what a restored server writes anew."""
    return sorted(json.dumps(row, sort_keys=True) for row in json.loads(dumped))


def excluded():
    return [part for name in NOT_COMPARED for part in ("--exclude", name)]


@pytest.mark.slow
def test_a_restored_server_has_every_row_file_and_key_and_both_checks_hold(
    closed, elsewhere, files, tmp_path
):
    made = backup(tmp_path / "backups")
    assert made.stat().st_mode & 0o777 == 0o600
    done = manage(elsewhere, "restore", made)
    assert done.returncode == 0, done.stderr
    assert "every chain holds" in done.stdout
    assert "1 clearances, and every closed finding is proven" in done.stdout
    assert "CTEM_SECRET_KEY_FALLBACKS" in done.stderr
    here = io.StringIO()
    call_command("dumpdata", *excluded(), stdout=here)
    there = manage(elsewhere, "dumpdata", *excluded())
    assert rows(there.stdout) == rows(here.getvalue())
    certificate = manage(elsewhere, "certificate", closed.pk).stdout
    assert certificate.strip() == Clearance.objects.get().certificate
    # and it goes on where the old one stopped: the chain takes the restoring itself
    audit = manage(elsewhere, "audit_fsck")
    assert audit.returncode == 0, audit.stdout
    again = manage(elsewhere, "restore", made)
    assert again.returncode == 1
    assert "not restored: the database has tables already" in again.stderr


@pytest.mark.slow
def test_a_backup_that_is_made_while_people_work_holds(closed, elsewhere, tmp_path):
    asset, over, done = make.make_asset(closed.scope), threading.Event(), []

    def work():
        try:
            while not over.is_set():
                report = {"version": "2.1.0", "runs": [made_run(len(done))]}
                make.upload_and_ingest(asset, report)
                done.append(1)
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        while not done and worker.is_alive():
            time.sleep(0.05)
        made = backup(tmp_path / "backups")
        meanwhile = len(done)
    finally:
        over.set()
        worker.join()
    assert meanwhile
    restored = manage(elsewhere, "restore", made)
    assert restored.returncode == 0, restored.stdout + restored.stderr


def made_run(number):
    """A run whose bytes are its own, so that each upload stores a file."""
    tool = {"driver": {"name": "Probe", "version": str(number)}}
    return {"tool": tool, "invocations": [{"executionSuccessful": True}], "results": []}


def lose_a_file():
    path = buckets.path_of(Blob.objects.order_by("pk").values_list("pk", flat=True)[0])
    path.write_bytes(path.read_bytes()[:-9])


def rewrite_history():
    with connection.schema_editor() as editor:
        unprotect("core_event")(None, editor)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE core_event SET action = 'finding.commented' WHERE seq = 2")
    with connection.schema_editor() as editor:
        protect("core_event")(None, editor)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "check"), [(lose_a_file, "closure_fsck"), (rewrite_history, "audit_fsck")]
)
def test_a_backup_of_what_does_not_hold_is_not_restored_in_silence(
    closed, elsewhere, tmp_path, spoil, check
):
    spoil()
    done = manage(elsewhere, "restore", backup(tmp_path / "backups"))
    assert done.returncode == 1
    assert f"restored, but it does not hold: {check}" in done.stderr


# --- stored files in a bucket --------------------------------------------------------------------
@pytest.mark.slow
def test_a_backup_of_a_server_with_a_bucket_names_it_and_is_restored_beside_it(
    bucket, closed, elsewhere, tmp_path
):
    made = backup(tmp_path / "backups")
    with tarfile.open(made) as tar:
        assert not [name for name in tar.getnames() if name.startswith("files/")]
        manifest = json.load(tar.extractfile("manifest.json"))
    assert (manifest["bucket"], manifest["files"]) == (blobs.bucket(), 0)
    without = manage(elsewhere, "restore", made)
    assert without.returncode == 1
    assert f"its files lie in '{blobs.bucket()}': set CTEM_BLOBS" in without.stderr
    done = manage({**elsewhere, "CTEM_BLOBS": bucket.url}, "restore", made)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 clearances, and every closed finding is proven" in done.stdout


@pytest.mark.slow
def test_a_restore_beside_a_bucket_that_lacks_a_file_says_so(bucket, closed, elsewhere, tmp_path):
    made = backup(tmp_path / "backups")
    lost = bucket.names()[0]
    bucket.delete(lost)
    done = manage({**elsewhere, "CTEM_BLOBS": bucket.url}, "restore", made)
    assert done.returncode == 1
    assert lost.removesuffix(".gz").rpartition("/")[2] in done.stdout
    assert "restored, but it does not hold: closure_fsck" in done.stderr


@pytest.mark.slow
def test_a_backup_of_a_folder_is_restored_into_a_bucket(closed, elsewhere, tmp_path, request):
    made = backup(tmp_path / "backups")
    bucket = request.getfixturevalue("bucket")
    done = manage({**elsewhere, "CTEM_BLOBS": bucket.url}, "restore", made)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(bucket.names()) == sorted(
        map(blobs.name_of, Blob.objects.values_list("pk", flat=True))
    )
    assert not list(Path(elsewhere["CTEM_DATA_DIR"]).rglob("*.gz"))
    secrets = [secret for secret in buckets.SECRETS if secret in done.stdout + done.stderr]
    assert secrets == []


def rebuilt(made, change):
    """The same tar with ``change(name, data)`` in place of each member; None drops it."""
    target = made.with_name(f"changed-{made.name}")
    with tarfile.open(made) as old, tarfile.open(target, "w") as new:
        for member in old:
            found = change(member.name, old.extractfile(member).read())
            if found is not None:
                name, data = found
                info = tarfile.TarInfo(name)
                info.size = len(data)
                new.addfile(info, io.BytesIO(data))
    return target


def with_manifest(**members):
    def change(found, data):
        if found != "manifest.json":
            return found, data
        return found, json.dumps({**json.loads(data), **members}).encode()

    return lambda made: rebuilt(made, change)


def flipped(name):
    return lambda made: rebuilt(
        made, lambda n, d: (n, bytes([d[0] ^ 1]) + d[1:]) if n.startswith(name) else (n, d)
    )


def without(name):
    return lambda made: rebuilt(made, lambda n, d: None if n.startswith(name) else (n, d))


def renamed(name):
    return lambda made: rebuilt(made, lambda n, d: (name if n.startswith("keys/") else n, d))


def cut(made):
    target = made.with_name("cut.tar")
    target.write_bytes(made.read_bytes()[: made.stat().st_size // 2])
    return target


UNUSABLE = {
    "cut short": (cut, "backup"),
    "no manifest": (without("manifest"), "cut short"),
    "database changed": (flipped("database"), "database was changed"),
    "keys changed": (flipped("keys/"), "was changed"),
    "database missing": (without("database"), "database is missing"),
    "files missing": (without("files/"), "holds 0 stored files"),
    "leads out": (renamed("keys/../../../escaped"), "no backup of ours"),
    "absolute": (renamed("/tmp/escaped"), "no backup of ours"),
    "another engine": (with_manifest(engine="oracle"), "it is of oracle"),
    "another format": (with_manifest(format=99), "format 1 is expected"),
    "no backup": (lambda made: Path(__file__), "cannot be read as a backup"),
    "not there": (lambda made: made.with_name("nowhere.tar"), "nowhere.tar"),
}


@pytest.fixture
def emptied(settings, tmp_path, monkeypatch):
    """This process as a server with nothing on it: what is refused before the database is touched."""
    settings.DATA_DIR = tmp_path / "empty"
    settings.DATA_DIR.mkdir()
    settings.MEDIA_ROOT = settings.DATA_DIR / "files"
    settings.CERTIFICATE_KEYS_DIR = settings.DATA_DIR / "keys"
    monkeypatch.setattr("ctem.dumps.is_empty", lambda: True)
    monkeypatch.setattr("ctem.dumps.load", lambda path: pytest.fail("the database was touched"))
    return settings.DATA_DIR


def test_what_is_no_whole_backup_is_refused_before_anything_is_written(
    closed, files, tmp_path, request
):
    made = backup(tmp_path / "backups")
    empty = request.getfixturevalue("emptied")
    for title, (spoil, why) in UNUSABLE.items():
        with pytest.raises(CommandError, match=why) as refused:
            call_command("restore", str(spoil(made)))
        assert str(refused.value).startswith("not restored: "), title
        assert list(empty.iterdir()) == [], title
    assert not Path("/tmp/escaped").exists()


def test_a_server_with_files_is_not_restored_over(closed, files, tmp_path, monkeypatch):
    made = backup(tmp_path / "backups")
    with pytest.raises(CommandError, match="the database has tables already"):
        call_command("restore", str(made))
    monkeypatch.setattr("ctem.dumps.is_empty", lambda: True)
    with pytest.raises(CommandError, match="files has files already"):
        call_command("restore", str(made))


def test_a_backup_that_fails_leaves_no_file(closed, files, tmp_path, monkeypatch):
    folder = tmp_path / "backups"
    if connection.vendor == "postgresql":
        monkeypatch.setenv("PATH", "")
        with pytest.raises(CommandError, match="pg_dump is missing"):
            backup(folder)
        monkeypatch.undo()
        monkeypatch.setitem(connection.settings_dict, "PASSWORD", "wrong")
        with pytest.raises(CommandError, match="password authentication failed"):
            backup(folder)
    else:
        folder.write_text("a file where the folder should be")
        with pytest.raises(CommandError, match="no backup was written"):
            backup(folder)
        folder.unlink()
        folder.mkdir()
    assert list(folder.iterdir()) == []
