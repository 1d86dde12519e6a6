"""Signing keys of certificates: private parts as files that only the server's own user reads, public
parts and lives in the key list beside them. No verdicts here, no database.

``NNNN-<keyid>.pem`` holds one private key (PKCS#8) and goes when the key signs no more; ``keys.json``
is the list as it is published. Every process reads both at each use, so that a rotation needs no
restart; changes are made under a lock and appear at once.
"""

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings

from core.errors import WrongState
from core.moments import rfc3339
from gate import dsse
from gate.certificate import Key, KeyList, read_key_list
from gate.key_list import MAX_KEYS
from gate.strict import moment

ISSUER = "CTEM"
LIST = "keys.json"
VALID_DAYS = 730  # two years
SLACK = timedelta(minutes=5)  # clocks differ, and a request may have begun before a rotation
ADOPTED_FROM = "1970-01-01T00:00:00Z"  # a key from before lives were kept

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SigningKey:
    """A key that signs: its public part and its secret."""

    key: Key
    secret: Ed25519PrivateKey

    @property
    def keyid(self) -> str:
        return self.key.keyid


def _folder() -> Path:
    return Path(settings.CERTIFICATE_KEYS_DIR)


@contextlib.contextmanager
def _changing() -> Iterator[None]:
    """Let one process change the keys at a time; inside, every secret is in the list."""
    _folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(_folder() / ".lock", "w", opener=_private) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _unlisted(_read()):
            _adopt()
        yield


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write(name: str, data: bytes) -> None:
    """Write a file that appears whole or not at all, readable by its owner only."""
    fresh = _folder() / f".{name}.{os.getpid()}"
    with open(fresh, "wb", opener=_private) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, _folder() / name)


def _secrets() -> dict[str, Path]:
    """The files of private keys by key id, oldest first."""
    return {path.stem.split("-", 1)[1]: path for path in sorted(_folder().glob("*-*.pem"))}


def _load(path: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{path.name} is not an Ed25519 key")
    return key


# --- reading -------------------------------------------------------------------------------------
def key_list() -> KeyList | None:
    """Return the key list as it is published; None while there is no key at all."""
    listed = _read()
    if not _unlisted(listed):
        return listed
    with _changing():
        return _read()


def _read() -> KeyList | None:
    path = _folder() / LIST
    return read_key_list(path.read_bytes(), LIST) if path.exists() else None


def _unlisted(listed: KeyList | None) -> list[str]:
    """The ids of keys from before there was a list, oldest first."""
    known = listed.by_id() if listed else {}
    return [keyid for keyid in _secrets() if keyid not in known]


def published() -> KeyList:
    """Return the key list; the first use makes a key, so that there is one to publish."""
    return key_list() or _list_with_a_key(datetime.now(UTC))


def public_keys() -> dict[str, bytes]:
    """Return all keys that ever signed: id → 32 raw bytes."""
    listed = key_list()
    return listed.raw() if listed else {}


def signing_key(at: datetime) -> SigningKey:
    """Return the key that signs at a moment: the newest that is in its time.

    The first use makes one, and so does the first use after the last one has expired: closing goes
    on, and the log says so. Auditors who hold single keys must be given the new one.
    """
    found = usable(key_list(), at) or usable(_list_with_a_key(at), at)
    if found is None:
        raise WrongState("no key can sign certificates: manage.py certificate_key create")
    return found


def usable(listed: KeyList | None, at: datetime) -> SigningKey | None:
    """Return the newest key that may sign at a moment, if there is one."""
    secrets = _secrets()
    for key in reversed(listed.keys if listed else ()):
        if key.state == "active" and key.keyid in secrets and not key.refusal(rfc3339(at)):
            return SigningKey(key, _load(secrets[key.keyid]))
    return None


# --- changing ------------------------------------------------------------------------------------
def make_key(*, at: datetime, days: int = VALID_DAYS, starts: datetime | None = None) -> Key:
    """Make a key that signs from ``starts`` (now) on, for so many days; it is published at once."""
    with _changing():
        return _made(at, days, starts)


def retire_key(keyid: str, *, at: datetime) -> Key:
    """End a key: another one signs from now, what it signed stays good, its secret is destroyed."""
    with _changing():
        key = _ending(keyid)
        if key.retired_at:
            raise WrongState(f"key {keyid} was retired at {key.retired_at}")
        return _ended(replace(key, retired_at=rfc3339(at)), at)


def revoke_key(
    keyid: str, *, since: datetime, reason: str, certificates: list[str], at: datetime
) -> Key:
    """Take a key back: what it signed since then is not believed, and its secret is destroyed.

    ``certificates``: the digests of all that it signed before, by our own records: whoever has the
    secret can date a certificate back, but cannot put it into this list.
    """
    with _changing():
        key = _ending(keyid)
        revoked = replace(
            key, revoked_at=rfc3339(since), revoked_reason=reason, certificates=tuple(certificates)
        )
        return _ended(revoked, at)


def _ending(keyid: str) -> Key:
    listed = _read()
    key = listed.by_id().get(keyid) if listed else None
    if key is None:
        raise WrongState(f"there is no key {keyid!r}")
    if key.revoked_at:
        raise WrongState(f"key {keyid} was revoked as of {key.revoked_at}")
    return key


def _ended(key: Key, at: datetime) -> Key:
    """Publish the end of a key, destroy its secret, and see that another one signs."""
    listed = _read()
    keys = [key if one.keyid == key.keyid else one for one in (listed.keys if listed else ())]
    _publish(keys, at)
    if path := _secrets().get(key.keyid):
        path.unlink()
    if usable(_read(), at) is None:
        _made(at, VALID_DAYS, None)
    return key


def _list_with_a_key(at: datetime) -> KeyList:
    """Return the list after somebody, we or another process, has made a key that can sign."""
    with _changing():
        listed = _read()
        if listed is None or usable(listed, at) is None:
            key = _made(at, VALID_DAYS, None)
            log.warning("made the certificate key %s: no other one could sign", key.keyid)
        return _read() or KeyList(ISSUER, rfc3339(at), ())


def _made(at: datetime, days: int, starts: datetime | None) -> Key:
    listed = _read()
    number = len(listed.keys) + 1 if listed else 1
    if number > MAX_KEYS:
        raise WrongState(f"there are {MAX_KEYS} keys already, as many as a list holds")
    secret = Ed25519PrivateKey.generate()
    raw = secret.public_key().public_bytes_raw()
    begin = starts or at - SLACK
    key = Key(
        keyid=dsse.fingerprint(raw).removeprefix("sha256:")[:16],
        raw=raw,
        not_before=rfc3339(begin),
        not_after=rfc3339(begin + timedelta(days=days)),
    )
    _publish([*(listed.keys if listed else ()), key], at)
    pem = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(f"{number:04d}-{key.keyid}.pem", pem)
    return key


def _publish(keys: list[Key], at: datetime) -> None:
    _write(LIST, KeyList(ISSUER, rfc3339(at), tuple(keys)).to_bytes())


def _adopt() -> None:
    """Bring keys into the list that were made before there was one."""
    now, listed, secrets = datetime.now(UTC), _read(), _secrets()
    ends = rfc3339(now + timedelta(days=VALID_DAYS))
    adopted = [
        Key(keyid, _load(secrets[keyid]).public_key().public_bytes_raw(), ADOPTED_FROM, ends)
        for keyid in _unlisted(listed)
    ]
    _publish([*adopted, *(listed.keys if listed else ())], now)


def newest_change(listed: KeyList, key: Key) -> datetime:
    """When the list last changed, or its newest signing key began: a bundle is as of then."""
    moments = [moment(listed.updated_at), moment(key.not_before)]
    return max(found for found in moments if found)
