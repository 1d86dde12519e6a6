"""Signing keys of certificates, as files that only the server's own user reads. No verdicts here.

One PKCS#8 PEM file per key, named by key id; the newest signs, all stay published.
"""

import contextlib
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings

from gate import dsse


def _raw_public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def make_key() -> str:
    """Make a new signing key and return its id, the start of its public key's fingerprint."""
    folder = Path(settings.CERTIFICATE_KEYS_DIR)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = Ed25519PrivateKey.generate()
    keyid = dsse.fingerprint(_raw_public(key)).removeprefix("sha256:")[:16]
    number = len(_files()) + 1
    fresh = folder / f".{keyid}.{os.getpid()}"
    fresh.touch(mode=0o600)
    fresh.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with contextlib.suppress(FileExistsError):
        os.link(fresh, folder / f"{number:04d}-{keyid}.pem")
    fresh.unlink()
    return keyid


def _files() -> list[Path]:
    return sorted(Path(settings.CERTIFICATE_KEYS_DIR).glob("*-*.pem"))


def _load(path: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{path.name} is not an Ed25519 key")
    return key


def signing_key() -> tuple[str, Ed25519PrivateKey]:
    """Return id and key that sign now; the first use makes one."""
    if not _files():
        make_key()
    newest = _files()[-1]
    return newest.stem.split("-", 1)[1], _load(newest)


def public_keys() -> dict[str, bytes]:
    """Return all keys that ever signed: id → 32 raw bytes."""
    return {path.stem.split("-", 1)[1]: _raw_public(_load(path)) for path in _files()}
