"""A backup is one tar file: the database as of one moment, every stored file, the keys, and last a manifest.

The database goes first: files are written before their rows and never change, so whatever a row of the
dump names is there when the files are read. Restoring fills an empty server and proves what it filled.
Stored files that lie in a bucket stay there: the manifest names it, and the proof reads them from it.
A backup holds secrets (keys of certificates): it is written for its owner alone.
"""

import hashlib
import json
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import connection
from django.utils.crypto import salted_hmac

import ctem
from core import blobs
from core.moments import rfc3339
from ctem import dumps

FORMAT = 1
MEMBERS = {"format", "made_at", "release", "engine", "files", "sha256", "secret"}  # of the manifest
FILES = "blobs/??/*.gz"  # below MEDIA_ROOT
DATABASE, SECRET, MANIFEST = "database", "secret_key", "manifest.json"
MOST_MANIFEST_BYTES = 16 * 1024 * 1024
# What a backup may hold: nothing else is ever written to a disk, whatever a tar file says.
MEMBER = re.compile(
    r"database|secret_key|keys/[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}|files/blobs/[0-9a-f]{2}/[0-9a-f]{64}\.gz"
)


class Unusable(Exception):
    """This file is no whole backup, or this server is not one to restore it on."""


def write_backup(folder: Path, *, at: datetime) -> Path:
    """Write a backup into ``folder`` and return its path; it appears whole or not at all.

    Raises OSError and ctem.dumps.Failed.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / f"ctem-{at:%Y%m%dT%H%M%SZ}.tar"
    with tempfile.TemporaryDirectory(dir=folder, prefix=".backup-") as work:
        database, whole = Path(work, DATABASE), Path(work, "tar")
        database.touch(mode=0o600)
        dumps.dump(database)
        with open(whole, "xb", opener=_private) as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                _fill(tar, database, at)
            file.flush()
            os.fsync(file.fileno())
        os.replace(whole, target)
    return target


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _fill(tar: tarfile.TarFile, database: Path, at: datetime) -> None:
    digests = {}
    for name, path in [(DATABASE, database), *_secrets()]:
        digests[name] = _digest(path)
        tar.add(path, name, recursive=False)
    files = 0
    root = Path(settings.MEDIA_ROOT)
    for path in sorted(root.glob(FILES)) if not blobs.bucket() else ():
        tar.add(path, f"files/{path.relative_to(root)}", recursive=False)
        files += 1
    manifest = {
        "format": FORMAT, "made_at": rfc3339(at), "release": ctem.__version__,
        "engine": connection.vendor, "files": files, "bucket": blobs.bucket(), "sha256": digests,
        "secret": _marks()[0],
    }  # fmt: skip
    file = database.with_name(MANIFEST)
    file.write_text(json.dumps(manifest, indent=1))
    tar.add(file, MANIFEST)


def _secrets() -> Iterator[tuple[str, Path]]:
    """The keys of certificates; and Django's secret where we keep it, not the environment."""
    folder = Path(settings.CERTIFICATE_KEYS_DIR)
    for path in sorted(folder.glob("[!.]*")):
        yield f"keys/{path.name}", path
    kept = Path(settings.DATA_DIR) / SECRET
    if kept.exists() and kept.read_text() == settings.SECRET_KEY:
        yield SECRET, kept


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _marks() -> list[str]:
    """By what a secret is known again without being told: ours, then those of before."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [salted_hmac("ctem.backup", "mark", secret=one).hexdigest() for one in secrets]


# --- back again ----------------------------------------------------------------------------------
def unpack(source: Path, work: Path) -> dict[str, Any]:
    """Write the members of a backup below ``work`` and return its manifest, all of it compared.

    Raises Unusable: cut short, changed, not of ours, of another engine, of a newer format.
    """
    try:
        with tarfile.open(source, mode="r:") as tar:
            for member in tar:
                if member.name == MANIFEST and member.isreg():
                    return _checked(_read_manifest(tar, member), work)
                if not (member.isreg() and MEMBER.fullmatch(member.name)):
                    raise Unusable(f"{source}: holds {member.name!r}, which no backup of ours does")
                _write(_opened(tar, member), work / member.name)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise Unusable(f"{source}: cannot be read as a backup: {error}") from error
    raise Unusable(f"{source}: has no manifest at its end, it was cut short")


def _opened(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(member)
    if file is None:
        raise Unusable(f"{member.name} is not a file")
    return file


def _read_manifest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, Any]:
    try:
        manifest = json.loads(_opened(tar, member).read(MOST_MANIFEST_BYTES))
    except ValueError as error:
        raise Unusable(f"{MANIFEST}: {error}") from error
    if not isinstance(manifest, dict) or not manifest.keys() >= MEMBERS:
        raise Unusable(f"{MANIFEST}: lacks a member; it is none of ours")
    if manifest["format"] != FORMAT:
        raise Unusable(f"{MANIFEST}: format {FORMAT} is expected; is it of a newer release?")
    return manifest


def _write(source: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(target, "xb", opener=_private) as file:
        shutil.copyfileobj(source, file, 1024 * 1024)


def _checked(manifest: dict[str, Any], work: Path) -> dict[str, Any]:
    if manifest["engine"] != connection.vendor:
        raise Unusable(f"it is of {manifest['engine']}, this server has {connection.vendor}")
    for name, digest in manifest["sha256"].items():
        if not MEMBER.fullmatch(name) or not (work / name).is_file():
            raise Unusable(f"{name} is missing, and the manifest names it")
        if _digest(work / name) != digest:
            raise Unusable(f"{name} was changed after the backup was made")
    if manifest.get("bucket") and not blobs.bucket():
        raise Unusable(
            f"its files lie in {manifest['bucket']!r}: set CTEM_BLOBS to where they are now"
        )
    count = sum(1 for _ in work.glob(f"files/{FILES}"))
    if count != manifest["files"]:
        raise Unusable(f"holds {count} stored files, the manifest says {manifest['files']}")
    if not (work / DATABASE).is_file():
        raise Unusable("holds no database")
    return manifest


def check_empty() -> None:
    """Raise Unusable unless there is nothing here that restoring could overwrite."""
    if not dumps.is_empty():
        raise Unusable("the database has tables already: restore into an empty one")
    for name in ("MEDIA_ROOT", "CERTIFICATE_KEYS_DIR"):
        folder = Path(getattr(settings, name))
        if any(path.is_file() and not path.name.startswith(".") for path in folder.rglob("*")):
            raise Unusable(f"{folder} has files already: restore into an empty one")


def put_in_place(work: Path, manifest: dict[str, Any]) -> list[str]:
    """Load the dump and move files and keys to where they belong; return what somebody must know.

    Raises ctem.dumps.Failed, and then nothing was moved; OSError.
    """
    moves = [(work / "keys", settings.CERTIFICATE_KEYS_DIR)]
    if blobs.bucket():  # before the database: what a bucket has too much is no harm
        for path in sorted(work.glob(f"files/{FILES}")):
            blobs.put_packed(path)
    else:
        moves.append((work / "files", settings.MEDIA_ROOT))
    dumps.load(work / DATABASE)
    for source, target in moves:
        Path(target).mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in source.glob("*"):
            shutil.move(path, Path(target) / path.name)
    kept = work / SECRET
    if kept.exists() and not os.environ.get("CTEM_SECRET_KEY"):
        os.replace(kept, Path(settings.DATA_DIR) / SECRET)
        return ["the backup's secret_key is in place: restart every process"]
    if manifest["secret"] not in _marks():
        return ["CTEM_SECRET_KEY is not the one of the backup: list that one in "
                "CTEM_SECRET_KEY_FALLBACKS, or what it sealed (keys of connections) stays shut"]  # fmt: skip
    return []
