"""The issuer's public keys and their lives: from when, until when, and whether one was taken back.

A key list is a JSON Web Key Set (RFC 7517; keys as in RFC 8037) with a few members more, so that
one document serves auditors, ``gate verify --keys`` and any JOSE library. There is nothing secret
in it. Whoever trusts a list got it from the issuer, not from the bundle that it judges.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gate import dsse
from gate.errors import InputError
from gate.statement import mapping, moment

SCHEMA = "ctem.certificate-keys/1"
MAX_LIST = 16 * 1024 * 1024  # bytes
MAX_KEYS = 256
_MEMBERS = {"schema", "issuer", "updated_at", "keys"}


@dataclass(frozen=True, slots=True)
class Key:
    """One public key (raw 32 bytes) and its life; times are RFC 3339, None: it did not happen.

    ``retired_at``: from then on it signs nothing new, what it signed stays good. ``revoked_at``:
    what it signed from then on is not believed. ``certificates``: the digests of all certificates
    that the issuer's own records say it signed before; with it, one dated back is seen.
    """

    keyid: str
    raw: bytes
    not_before: str
    not_after: str
    retired_at: str | None = None
    revoked_at: str | None = None
    revoked_reason: str | None = None
    certificates: tuple[str, ...] | None = None

    @property
    def fingerprint(self) -> str:
        """``sha256:`` and the digest of the key, as ``openssl pkey -outform der`` gives it."""
        return dsse.fingerprint(self.raw)

    @property
    def state(self) -> str:
        """``active``, ``retired`` or ``revoked``; whether it is in its time, the times say."""
        if self.revoked_at:
            return "revoked"
        return "retired" if self.retired_at else "active"

    def refusal(self, signed_at: str) -> str:
        """Why what it signed at a moment is not believed; empty where it is."""
        at = moment(signed_at, "time of signing")
        if self.revoked_at and at >= moment(self.revoked_at, self.keyid):
            return f"key {self.keyid} was revoked as of {self.revoked_at}: {self.revoked_reason}"
        if at < moment(self.not_before, self.keyid):
            return f"key {self.keyid} is valid from {self.not_before}, this is of {signed_at}"
        if self.retired_at and at > moment(self.retired_at, self.keyid):
            return f"key {self.keyid} was retired at {self.retired_at}, this is of {signed_at}"
        if at > moment(self.not_after, self.keyid):
            return f"key {self.keyid} expired at {self.not_after}, this is of {signed_at}"
        return ""

    def refusal_of(self, digest: str, signed_at: str) -> str:
        """The same for one signed payload, by its digest: a revoked key's word needs its record."""
        refused = self.refusal(signed_at)
        if refused or self.certificates is None or digest in self.certificates:
            return refused
        return (
            f"key {self.keyid} was revoked as of {self.revoked_at}, and the issuer's record of what"
            " it signed before does not hold this: it may have been dated back"
        )

    def to_dict(self) -> dict[str, Any]:
        """The key as a JSON Web Key with its life."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": base64.urlsafe_b64encode(self.raw).decode().rstrip("="),
            "use": "sig",
            "alg": "EdDSA",
            "kid": self.keyid,
            "fingerprint": self.fingerprint,
            "pem": dsse.to_pem(self.raw).decode(),
            "state": self.state,
            "not_before": self.not_before,
            "not_after": self.not_after,
            "retired_at": self.retired_at,
            "revoked_at": self.revoked_at,
            "revoked_reason": self.revoked_reason,
            "certificates": None if self.certificates is None else list(self.certificates),
        }


@dataclass(frozen=True, slots=True)
class KeyList:
    """The keys of one issuer in the order they were made, as of ``updated_at``."""

    issuer: str
    updated_at: str
    keys: tuple[Key, ...]

    def by_id(self) -> dict[str, Key]:
        """The keys by id."""
        return {key.keyid: key for key in self.keys}

    def raw(self) -> dict[str, bytes]:
        """Key id to raw bytes: what signatures are checked with."""
        return {key.keyid: key.raw for key in self.keys}

    def to_bytes(self) -> bytes:
        """The document, written one way."""
        members = {"schema": SCHEMA, "issuer": self.issuer, "updated_at": self.updated_at}
        keys = [key.to_dict() for key in self.keys]
        return dsse.canonical_json({**members, "keys": keys})


def read_key_list(data: bytes, where: str = "key list") -> KeyList:
    """Read a key list. Raises InputError; one that tells a key in two ways that differ is refused."""
    if len(data) > MAX_LIST:
        raise InputError(where, f"more than {MAX_LIST} bytes")
    document = mapping(dsse.load_json(data, where))
    if document.get("schema") != SCHEMA or set(document) != _MEMBERS:
        raise InputError(where, f"not a {SCHEMA}")
    entries = document["keys"]
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_KEYS:
        raise InputError(where, f"needs 1 to {MAX_KEYS} keys")
    keys = tuple(_key(mapping(entry), f"{where}: keys[{n}]") for n, entry in enumerate(entries))
    if len({key.keyid for key in keys}) != len(keys) or len({key.raw for key in keys}) != len(keys):
        raise InputError(where, "a key is there twice")
    updated_at = _time(document, "updated_at", where)
    return KeyList(_text(document, "issuer", where), updated_at, keys)


def lives_of(keys: Sequence[Key]) -> Mapping[bytes, Key]:
    """Keys by their raw bytes: ids are hints, a key is its bytes."""
    return {key.raw: key for key in keys}


def _key(entry: Mapping[str, Any], where: str) -> Key:
    """One key, read from its PEM and refused if any other member says something else."""
    certificates = entry.get("certificates")
    if certificates is not None and not _are_digests(certificates):
        raise InputError(f"{where}.certificates", "not a list of digests")
    key = Key(
        keyid=_text(entry, "kid", where),
        raw=dsse.from_pem(_text(entry, "pem", where).encode(), f"{where}.pem", strict=True),
        not_before=_time(entry, "not_before", where),
        not_after=_time(entry, "not_after", where),
        retired_at=_time_or_none(entry, "retired_at", where),
        revoked_at=_time_or_none(entry, "revoked_at", where),
        revoked_reason=_text(entry, "revoked_reason", where) if entry.get("revoked_at") else None,
        certificates=None if certificates is None else tuple(certificates),
    )
    told = key.to_dict()
    if differing := sorted(n for n in told.keys() | entry.keys() if told.get(n) != entry.get(n)):
        raise InputError(where, f"{', '.join(differing)}: not what the other members say")
    return key


def _are_digests(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _text(entry: Mapping[str, Any], name: str, where: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value:
        raise InputError(f"{where}.{name}", "needs a text")
    return value


def _time(entry: Mapping[str, Any], name: str, where: str) -> str:
    text = _text(entry, name, where)
    moment(text, f"{where}.{name}")
    return text


def _time_or_none(entry: Mapping[str, Any], name: str, where: str) -> str | None:
    return None if entry.get(name) is None else _time(entry, name, where)
