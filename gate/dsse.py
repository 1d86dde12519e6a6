"""Signed envelopes (DSSE v1), Ed25519 public keys as PEM, and strict JSON. Knows no certificate.

Source: secure-systems-lab/dsse, protocol.md and envelope.md. The signature is over the exact
payload bytes, so nothing here depends on a canonical form of JSON to be safe. A key id is an
unauthenticated hint and decides nothing: every known key is tried.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gate import ed25519
from gate.errors import InputError

MAX_ENVELOPE = 64 * 1024 * 1024  # bytes
MAX_SIGNATURES = 8
_KEY_PREFIX = bytes.fromhex("302a300506032b6570032100")  # SubjectPublicKeyInfo, RFC 8410
_PEM_HEAD, _PEM_TAIL = b"-----BEGIN PUBLIC KEY-----\n", b"-----END PUBLIC KEY-----\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature of an envelope: the signer's hint at its key, and the raw bytes."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A decoded envelope. Nothing in it is to be believed before ``signers`` names a key."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        """The one way this project writes an envelope: sorted members, no blanks."""
        listed = [{"keyid": s.keyid, "sig": _to_base64(s.sig)} for s in self.signatures]
        members = {"payload": _to_base64(self.payload), "payloadType": self.payload_type}
        return canonical_json({**members, "signatures": listed})


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that get signed: ``DSSEv1 SP LEN(type) SP type SP LEN(body) SP body``."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def seal(payload_type: str, payload: bytes, sign: Callable[[bytes], bytes], keyid: str) -> bytes:
    """An envelope with one signature, as bytes. ``sign`` gets the PAE and returns 64 raw bytes."""
    signature = Signature(keyid, sign(pae(payload_type, payload)))
    if len(signature.sig) != ed25519.SIGNATURE_SIZE:
        raise InputError("signature", f"{len(signature.sig)} bytes instead of 64")
    return Envelope(payload_type, payload, (signature,)).to_bytes()


def decode(data: bytes, where: str = "envelope") -> Envelope:
    """Read an envelope. Raises InputError; checks no signature."""
    if len(data) > MAX_ENVELOPE:
        raise InputError(where, f"more than {MAX_ENVELOPE} bytes")
    raw = load_json(data, where)
    if not isinstance(raw, dict) or set(raw) != {"payload", "payloadType", "signatures"}:
        raise InputError(where, "needs exactly payload, payloadType and signatures")
    entries = raw["signatures"]
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_SIGNATURES:
        raise InputError(f"{where}/signatures", f"needs 1 to {MAX_SIGNATURES} entries")
    payload = _from_base64(raw["payload"], f"{where}/payload")
    signatures = tuple(
        _signature(entry, f"{where}/signatures/{i}") for i, entry in enumerate(entries)
    )
    return Envelope(_text(raw["payloadType"], f"{where}/payloadType"), payload, signatures)


def signers(envelope: Envelope, keys: Mapping[str, bytes]) -> tuple[str | None, ...]:
    """Per signature the id of the key in ``keys`` (id to raw 32 bytes) that made it, or None."""
    message = pae(envelope.payload_type, envelope.payload)
    return tuple(_signer(message, signature, keys) for signature in envelope.signatures)


def _signer(message: bytes, signature: Signature, keys: Mapping[str, bytes]) -> str | None:
    hinted = sorted(keys, key=lambda keyid: (keyid != signature.keyid, keyid))
    return next((k for k in hinted if ed25519.verify(keys[k], message, signature.sig)), None)


def to_pem(key: bytes) -> bytes:
    """A raw Ed25519 public key (32 bytes) as SubjectPublicKeyInfo in PEM, as openssl writes it."""
    if len(key) != ed25519.KEY_SIZE:
        raise InputError("key", f"{len(key)} bytes instead of 32")
    return _PEM_HEAD + base64.b64encode(_KEY_PREFIX + key) + b"\n" + _PEM_TAIL


def from_pem(data: bytes, where: str, *, strict: bool = False) -> bytes:
    """The raw key of a PEM file. ``strict`` takes only the very bytes that ``to_pem`` writes."""
    lines = [line.strip() for line in data[:4096].strip().splitlines()]
    if len(lines) < 3 or lines[0] != _PEM_HEAD.strip() or lines[-1] != _PEM_TAIL.strip():
        raise InputError(where, "not a public key in PEM")
    der = _from_base64(b"".join(lines[1:-1]).decode("ascii", "replace"), where)
    key = der[len(_KEY_PREFIX) :]
    if der[: len(_KEY_PREFIX)] != _KEY_PREFIX or len(key) != ed25519.KEY_SIZE:
        raise InputError(where, "not an Ed25519 public key")
    if strict and data != to_pem(key):
        raise InputError(where, "not written the one way this key is written")
    return key


def fingerprint(key: bytes) -> str:
    """``sha256:`` and the hex digest of the key's SubjectPublicKeyInfo (DER)."""
    return "sha256:" + hashlib.sha256(_KEY_PREFIX + key).hexdigest()


def canonical_json(value: Any) -> bytes:
    """JSON in one form: sorted members, no blanks, ASCII. Raises ValueError for NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def load_json(data: bytes, where: str) -> Any:
    """Read JSON that means one thing only: UTF-8, no member twice, no NaN. Raises InputError."""
    try:
        return json.loads(
            data.decode(), object_pairs_hook=_members, parse_constant=_refuse, parse_float=_finite
        )
    except RecursionError:
        raise InputError(where, "nested too deeply") from None
    except ValueError as error:
        raise InputError(where, f"not usable JSON ({error})") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is beyond what a number can be")
    return number


def _signature(entry: Any, where: str) -> Signature:
    if not isinstance(entry, dict) or not set(entry) <= {"keyid", "sig"} or "sig" not in entry:
        raise InputError(where, "needs sig and may have keyid")
    keyid = _text(entry.get("keyid", ""), f"{where}/keyid")
    return Signature(keyid, _from_base64(entry["sig"], f"{where}/sig"))


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InputError(where, "not a string")
    return value


def _to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_base64(value: Any, where: str) -> bytes:
    """Both alphabets are read, as DSSE demands."""
    standard = _text(value, where).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(standard, validate=True)
    except ValueError as error:
        raise InputError(where, f"not base64 ({error})") from None
