"""Closure certificates: the one door to making and verifying them, and ``python -m gate verify``.

A certificate is a DSSE envelope (Ed25519) around an in-toto Statement; a bundle is the archive with
all its evidence. What the parts do: ``statement`` says, ``dsse`` signs and opens, ``key_list`` and
``revocations`` say what counts, ``bundle`` packs, ``verification`` verifies by judging again,
``verify_command`` is the command. Signing is the caller's: a callable gets the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gate import dsse
from gate.bundle import write_bundle
from gate.dsse import fingerprint, from_pem, pae, to_pem
from gate.inputs import Input
from gate.key_list import Key, KeyList, read_key_list
from gate.revocations import LIST_TYPE, revocation, revocation_list
from gate.statement import (
    PREDICATE_TYPE,
    REVOCATION_TYPE,
    certificate_digest,
    gate_source,
    original_digest,
    statement,
)
from gate.verification import PAYLOAD_TYPE, Step, Verification, open_envelope, verify_bundle
from gate.verify_command import main

__all__ = [
    "LIST_TYPE",
    "PAYLOAD_TYPE",
    "PREDICATE_TYPE",
    "REVOCATION_TYPE",
    "Input",
    "Key",
    "KeyList",
    "Step",
    "Verification",
    "certificate_digest",
    "envelope",
    "fingerprint",
    "from_pem",
    "gate_source",
    "main",
    "open_envelope",
    "original_digest",
    "pae",
    "read_key_list",
    "revocation",
    "revocation_list",
    "statement",
    "to_pem",
    "verify_bundle",
    "write_bundle",
]


def envelope(said: Mapping[str, Any], sign: Callable[[bytes], bytes], keyid: str) -> bytes:
    """Sign a statement. ``sign`` gets the DSSE pre-authentication encoding, returns 64 raw bytes.

    ``keyid``: letters, digits, ``_.-``; it becomes a file name in bundles.
    """
    return dsse.seal(PAYLOAD_TYPE, dsse.canonical_json(said), sign, keyid)
