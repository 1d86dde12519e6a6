"""The auditor's archive: written one way, and read only if that way would write the same bytes.

A bundle is a ZIP without compression whose every byte follows from its members: sorted names, one
fixed time, no comment. So nothing can hide between members, before or after them, and no archive
can unpack to more than its own size. Members::

    VERIFY.md                  how to verify, with and without this program
    certificate.dsse.json      the signed statement
    evidence/<sha256>          every document the judgement was made from
    gate/...                   the source of the gate that judged
    keys/<keyid>.pub.pem       the public keys of all signatures here
    revocations/<n>.dsse.json  signed statements that take the certificate back
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from gate import dsse
from gate.errors import InputError
from gate.statement import SOURCE_PATH, VERIFY_PATH, Input, gate_source, mapping

MAX_BUNDLE = 512 * 1024 * 1024  # bytes
MAX_MEMBERS = 4096
CERTIFICATE = "certificate.dsse.json"
VERIFY = "VERIFY.md"
KEY_NAME = re.compile(r"keys/([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})\.pub\.pem\Z")
REVOCATION_NAME = re.compile(r"revocations/[0-9]{4}\.dsse\.json\Z")

_LOCAL_HEADER = struct.Struct("<4s5H3L2H")  # APPNOTE 4.3.7
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_bundle(
    target: str | Path | BinaryIO,
    *,
    envelope: bytes,
    keys: Mapping[str, bytes],
    inputs: Sequence[Input],
    revocations: Sequence[bytes] = (),
    source: Mapping[str, bytes] | None = None,
) -> None:
    """Write the archive of a certificate to a path or an open binary file.

    ``keys``: key id to raw 32 bytes; those that signed nothing here are left out. ``inputs``: the
    documents the certificate lists. ``source``: path to bytes of the gate that judged, for a
    certificate issued by an earlier release than the one running; without it, this one.
    Raises InputError where a document, key or file is not the one that was certified.
    """
    source = gate_source() if source is None else source
    members = {CERTIFICATE: envelope, **source, VERIFY: source.get(VERIFY_PATH, b"")}
    members |= {f"evidence/{document.sha256}": document.data for document in inputs}
    signed = [envelope, *revocations]
    members |= {f"revocations/{n:04}.dsse.json": data for n, data in enumerate(revocations, 1)}
    for keyid in {keyid for data in signed for keyid in named_signers(data, keys)}:
        members[f"keys/{keyid}.pub.pem"] = dsse.to_pem(keys[keyid])
    check_members(mapping(dsse.load_json(dsse.decode(envelope).payload, CERTIFICATE)), members)
    data = pack(members)
    if isinstance(target, str | Path):
        Path(target).write_bytes(data)
    else:
        target.write(data)


def named_signers(data: bytes, keys: Mapping[str, bytes]) -> tuple[str, ...]:
    """The key ids of all signatures of an envelope, each made by the very key it names.

    In a bundle the hint is held to the truth and the envelope to its one written form, so that not
    even an unauthenticated byte can be changed unseen. Raises InputError.
    """
    envelope = dsse.decode(data)
    if envelope.to_bytes() != data:
        raise InputError("envelope", "not written the one way envelopes are written")
    keyids = tuple(signature.keyid for signature in envelope.signatures)
    if len(set(keyids)) != len(keyids):
        raise InputError("signature", "one key signs twice")
    for signature in envelope.signatures:
        named = {k: key for k, key in keys.items() if k == signature.keyid}
        alone = dsse.Envelope(envelope.payload_type, envelope.payload, (signature,))
        if dsse.signers(alone, named) == (None,):
            raise InputError("signature", f"not made by a known key {signature.keyid!r}")
    return keyids


def listed_members(said: Mapping[str, Any]) -> dict[str, str]:
    """Member name to hex SHA-256 of everything a statement lists. Raises InputError."""
    predicate = mapping(said.get("predicate"))
    verification = mapping(predicate.get("verification"))
    digests = [mapping(mapping(i).get("digest")) for i in _list(verification.get("inputs"))]
    listed = {f"evidence/{digest.get('sha256')}": digest.get("sha256") for digest in digests}
    for entry in map(mapping, _list(predicate.get("gate_source"))):
        listed[str(entry.get("path"))] = entry.get("sha256")
    listed[VERIFY] = mapping(predicate.get("verify_md")).get("sha256")
    wrong = [name for name, digest in listed.items() if not _fits(name, digest)]
    if wrong:
        raise InputError("certificate", f"lists a member in no usable form: {wrong[0]!r}")
    return {name: str(digest) for name, digest in listed.items()}


def check_members(said: Mapping[str, Any], members: Mapping[str, bytes]) -> int:
    """Hold every member against the statement: none missing, none changed, none unlisted.

    Keys and signed envelopes are let through here: ``named_signers`` holds those. Returns how many
    digests were compared. Raises InputError.
    """
    listed = listed_members(said)
    for name, digest in listed.items():
        if name not in members:
            raise InputError(name, "listed in the certificate and not in the bundle")
        if sha256(members[name]) != digest:
            raise InputError(name, "not the file that was certified: its digest differs")
    for name in members.keys() - listed.keys() - {CERTIFICATE}:
        if not KEY_NAME.match(name) and not REVOCATION_NAME.match(name):
            raise InputError(name, "in the bundle and not listed in the certificate")
    return len(listed)


def pack(members: Mapping[str, bytes]) -> bytes:
    """The one archive that holds exactly these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, members[name])
    return file.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The members of an archive that ``pack`` wrote. Raises InputError for any other.

    The reading trusts nothing because the members are packed again and must give ``data``: other
    order, compression, names twice, comments, hidden or trailing bytes all come out different.
    """
    if len(data) > MAX_BUNDLE:
        raise InputError("bundle", f"more than {MAX_BUNDLE} bytes")
    members: dict[str, bytes] = {}
    at = 0
    while data.startswith(b"PK\3\4", at) and at + _LOCAL_HEADER.size <= len(data):
        header = _LOCAL_HEADER.unpack_from(data, at)
        name_at = at + _LOCAL_HEADER.size
        data_at = name_at + header[9] + header[10]
        name = data[name_at : name_at + header[9]].decode("ascii", "replace")
        if name in members or len(members) == MAX_MEMBERS:
            raise InputError(f"bundle: {name!r}", f"twice, or beyond {MAX_MEMBERS} members")
        members[name] = data[data_at : data_at + header[7]]
        at = data_at + header[7]
    if not members or "\0" in "".join(members) or pack(members) != data:
        raise InputError("bundle", "not the archive as it was issued (changed, re-packed or cut)")
    return members


def sha256(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def _fits(name: str, digest: Any) -> bool:
    if not isinstance(digest, str) or not _DIGEST.match(digest):
        return False
    return name in (VERIFY, f"evidence/{digest}") or SOURCE_PATH.match(name) is not None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
