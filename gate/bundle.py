"""The auditor's archive: written one way, and read only if that way would write the same bytes.

A bundle is a ZIP without compression whose every byte follows from its members: sorted names, one
fixed time, no comment. So nothing can hide between members, before or after them, and no archive
can unpack to more than its own size. The certificate lists evidence and gate; what changes after
it was signed (keys, revocations) is listed by the signed contents. Members::

    VERIFY.md                  how to verify, with and without this program
    bundle.dsse.json           the signed contents: certificate, keys, revocations by digest
    certificate.dsse.json      the signed statement
    evidence/<sha256>          every document the judgement was made from
    gate/...                   the source of the gate that judged
    keys.json                  the issuer's key list as of the making
    keys/<keyid>.pub.pem       the public keys of all signatures here
    revocations/<n>.dsse.json  signed statements that take the certificate back
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from gate import dsse
from gate.errors import InputError
from gate.key_list import read_key_list
from gate.statement import (
    CONTENTS_TYPE,
    SOURCE_PATH,
    VERIFY_PATH,
    Input,
    as_statement,
    gate_source,
    mapping,
    moment,
)

MAX_BUNDLE = 512 * 1024 * 1024  # bytes
MAX_MEMBERS = 4096
MAX_SIGNED = 16  # revocations, and keys that signed: each costs milliseconds to check
CERTIFICATE = "certificate.dsse.json"
CONTENTS = "bundle.dsse.json"
KEY_LIST = "keys.json"
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
    key_list: bytes,
    seal: Callable[[Mapping[str, Any]], bytes],
    as_of: str,
    inputs: Sequence[Input],
    revocations: Sequence[bytes] = (),
    source: Mapping[str, bytes] | None = None,
) -> None:
    """Write the archive of a certificate to a path or an open binary file.

    ``key_list``: the issuer's, as published. ``seal`` signs the statement of the contents, which
    says ``as_of`` when the newest thing in it happened: no clock, so that the same state gives the
    same bytes. ``inputs``: the documents the certificate lists. ``source``: path to bytes of the
    gate that judged, for a certificate issued by an earlier release; without it, this one.
    Raises InputError where a document, key or file is not the one that was certified.
    """
    source = gate_source() if source is None else source
    listed = {CERTIFICATE: envelope, KEY_LIST: key_list}
    listed |= {f"revocations/{n:04}.dsse.json": data for n, data in enumerate(revocations, 1)}
    issuer = read_key_list(key_list, KEY_LIST)
    known = issuer.raw()
    signing = {keyid for data in (envelope, *revocations) for keyid in named_signers(data, known)}
    draft = seal(contents(issuer.issuer, as_of, listed))  # signed once more with its own key listed
    for keyid in signing | set(named_signers(draft, known)):
        listed[f"keys/{keyid}.pub.pem"] = dsse.to_pem(known[keyid])
    members = {**listed, **source, VERIFY: source.get(VERIFY_PATH, b"")}
    members[CONTENTS] = seal(contents(issuer.issuer, as_of, listed))
    members |= {f"evidence/{document.sha256}": document.data for document in inputs}
    said = dsse.load_json(dsse.decode(envelope).payload, CERTIFICATE)
    check_members(mapping(said), contents(issuer.issuer, as_of, listed), members)
    data = pack(members)
    if isinstance(target, str | Path):
        Path(target).write_bytes(data)
    else:
        target.write(data)


def contents(issuer: str, as_of: str, listed: Mapping[str, bytes]) -> dict[str, Any]:
    """The statement of what a bundle holds beside what the certificate lists itself."""
    moment(as_of, "as_of")
    subject = [{"name": n, "digest": {"sha256": sha256(listed[n])}} for n in sorted(listed)]
    return as_statement(CONTENTS_TYPE, subject, {"issuer": issuer, "as_of": as_of})


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


def listed_contents(said: Mapping[str, Any]) -> dict[str, str]:
    """Member name to hex SHA-256 of everything the signed contents list. Raises InputError."""
    listed: dict[str, str] = {}
    for entry in map(mapping, _list(said.get("subject"))):
        name, digest = entry.get("name"), mapping(entry.get("digest")).get("sha256")
        if not isinstance(name, str) or not isinstance(digest, str) or name in listed:
            raise InputError(CONTENTS, "lists a member in no usable form")
        if not (name in (CERTIFICATE, KEY_LIST) or _is_signed_part(name)):
            raise InputError(CONTENTS, f"lists {name!r}, which is not for it to list")
        listed[name] = digest
    if not {CERTIFICATE, KEY_LIST} <= listed.keys():
        raise InputError(CONTENTS, f"needs to list {CERTIFICATE} and {KEY_LIST}")
    if sum(map(_is_signed_part, listed)) > 2 * MAX_SIGNED:
        raise InputError(CONTENTS, f"more than {MAX_SIGNED} keys or revocations")
    return listed


def _is_signed_part(name: str) -> bool:
    return bool(KEY_NAME.match(name) or REVOCATION_NAME.match(name))


def check_members(
    said: Mapping[str, Any], contents: Mapping[str, Any], members: Mapping[str, bytes]
) -> int:
    """Hold every member against the two statements: none missing, none changed, none unlisted.

    Returns how many digests were compared. Raises InputError.
    """
    certified, beside = listed_members(said), listed_contents(contents)
    for listed, by in ((certified, "the certificate"), (beside, CONTENTS)):
        for name, digest in listed.items():
            if name not in members:
                raise InputError(name, f"listed in {by} and not in the bundle")
            if sha256(members[name]) != digest:
                raise InputError(name, f"its digest differs from the one in {by}")
    for name in sorted(members.keys() - certified.keys() - beside.keys() - {CONTENTS}):
        raise InputError(name, "in the bundle and listed nowhere")
    return len(certified) + len(beside)


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
