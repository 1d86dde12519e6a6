"""Taking certificates back: the signed statement of one, and the issuer's list of all.

A revocation is appended, never a deletion. The statement says why; the list is public and says
only which and when, so that an auditor asks nobody about a certificate by name. Denial is the safe
side: a revocation is heard from any key that the issuer ever had, even one that ended.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gate import dsse
from gate.errors import InputError
from gate.statement import (
    REVOCATION_TYPE,
    as_statement,
    certificate_digest,
    mapping,
    moment,
)

LIST_SCHEMA = "ctem.certificate-revocations/1"
LIST_TYPE = "application/vnd.ctem.certificate-revocations+json"
MAX_FILE = 64 * 1024 * 1024  # bytes

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


def revocation(
    *, certificate: bytes, reason: str, by: str, revoked_at: str, finding: str = ""
) -> dict[str, Any]:
    """The Statement that takes a certificate back. ``certificate``: its envelope, as issued."""
    moment(revoked_at, "revoked_at")
    if not reason.strip():
        raise InputError("revocation", "needs a reason")
    digest = {"sha256": certificate_digest(certificate)}
    predicate = {"finding": finding, "reason": reason, "by": by, "revoked_at": revoked_at}
    return as_statement(REVOCATION_TYPE, [{"name": "certificate", "digest": digest}], predicate)


def revocation_list(issuer: str, as_of: str, revoked: Mapping[str, str]) -> bytes:
    """The payload of the issuer's list: certificate digest to the time it was taken back."""
    moment(as_of, "as_of")
    entries = [{"certificate": d, "revoked_at": at} for d, at in sorted(revoked.items())]
    document = {"schema": LIST_SCHEMA, "issuer": issuer, "as_of": as_of, "revocations": entries}
    return dsse.canonical_json(document)


@dataclass(frozen=True, slots=True)
class RevocationList:
    """The issuer's list as of a moment: certificate digest to the time it was taken back."""

    as_of: str
    revoked: Mapping[str, str]


def read_list(payload: bytes, where: str) -> RevocationList:
    """Read a list whose signature has been checked. Raises InputError."""
    document = mapping(dsse.load_json(payload, where))
    entries = document.get("revocations")
    if document.get("schema") != LIST_SCHEMA or not isinstance(entries, list):
        raise InputError(where, f"not a {LIST_SCHEMA}")
    revoked = dict(_entry(mapping(entry), where) for entry in entries)
    as_of = str(document.get("as_of"))
    moment(as_of, f"{where}: as_of")
    return RevocationList(as_of, revoked)


def _entry(entry: Mapping[str, Any], where: str) -> tuple[str, str]:
    digest, at = entry.get("certificate"), entry.get("revoked_at")
    if not isinstance(digest, str) or not _DIGEST.match(digest) or not isinstance(at, str):
        raise InputError(where, "an entry needs certificate and revoked_at")
    return digest, at


def revokes(said: Mapping[str, Any], digest: str) -> bool:
    """Whether a revocation's statement is about the certificate with this digest."""
    return said.get("subject") == [{"name": "certificate", "digest": {"sha256": digest}}]


def in_words(revoked: Sequence[Mapping[str, Any]]) -> str:
    """The first of several revocations in a sentence."""
    first = revoked[0]
    by = f" by {first['by']}" if first.get("by") else ""
    reason = f": {first['reason']}" if first.get("reason") else ""
    return f"revoked at {first.get('revoked_at')}{by}{reason}"
