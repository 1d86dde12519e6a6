"""Closure certificates: the one door to making and verifying them, and ``python -m gate verify``.

A certificate is a DSSE envelope (Ed25519) around an in-toto Statement; a bundle is the archive with
all its evidence. What the parts do: ``statement`` says, ``dsse`` signs and opens, ``bundle`` packs,
``verification`` verifies by judging again. Signing is the caller's: a callable gets the bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from gate import derived, dsse
from gate.bundle import CERTIFICATE, MAX_BUNDLE, unpack, write_bundle
from gate.dsse import fingerprint, from_pem, pae, to_pem
from gate.errors import InputError
from gate.statement import (
    PREDICATE_TYPE,
    REVOCATION_TYPE,
    Input,
    certificate_digest,
    gate_source,
    mapping,
    original_digest,
    revocation,
    statement,
)
from gate.verification import PAYLOAD_TYPE, Step, Verification, open_envelope, verify_bundle

__all__ = [
    "PAYLOAD_TYPE",
    "PREDICATE_TYPE",
    "REVOCATION_TYPE",
    "Input",
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
    "revocation",
    "statement",
    "to_pem",
    "verify_bundle",
    "write_bundle",
]

VERIFIED, REFUSED, UNUSABLE = 0, 1, 3

_MAX_KEY_FILE = 4096  # bytes
_NO_KEY = (
    "WARNING: no --key was given. The signature was checked with the key inside the bundle, so this"
    " shows that the bundle is whole, NOT who made it. Compare the fingerprint above with the one"
    " that the issuer publishes."
)


def envelope(said: Mapping[str, Any], sign: Callable[[bytes], bytes], keyid: str) -> bytes:
    """Sign a statement. ``sign`` gets the DSSE pre-authentication encoding, returns 64 raw bytes.

    ``keyid``: letters, digits, ``_.-``; it becomes a file name in bundles.
    """
    return dsse.seal(PAYLOAD_TYPE, dsse.canonical_json(said), sign, keyid)


def main(argv: list[str]) -> int:
    """``verify BUNDLE.zip|ENVELOPE.json [--key FILE]... [--bundle FILE] [--format text|json]``.

    ``--export openvex|cyclonedx`` writes that document instead, and what was verified to standard
    error. Returns 0 verified, 1 refused, 3 the call cannot be used (one line on standard error).
    """
    try:
        call = _parser().parse_args(argv[1:] if argv[:1] == ["verify"] else argv)
        keys = {path: from_pem(_read(path, _MAX_KEY_FILE), path) for path in call.key} or None
        found, note = _verify(_read(call.file, MAX_BUNDLE), call.bundle, keys)
        exported = _export(call, keys) if call.export and found.ok else ""
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    told = _as_json(found, note) if call.format == "json" else _as_text(found, note)
    (sys.stderr if call.export else sys.stdout).write(told)
    sys.stdout.write(exported)
    return VERIFIED if found.ok else REFUSED


def _export(call: argparse.Namespace, keys: Mapping[str, bytes] | None) -> str:
    """The document derived from a certificate that has just been verified, evidence and all."""
    archive = _read(call.bundle or call.file, MAX_BUNDLE)
    if keys is None or archive.lstrip()[:1] == b"{":
        raise InputError("--export", "needs a bundle and --key FILE: who says it must be known")
    return derived.export(open_envelope(unpack(archive)[CERTIFICATE], keys), call.export)


def _verify(
    data: bytes, bundle: str | None, keys: Mapping[str, bytes] | None
) -> tuple[Verification, str]:
    """Verify what was given; the second value is what must be said loudly beside it."""
    if bundle is not None:
        archive = _read(bundle, MAX_BUNDLE)
        found = verify_bundle(archive, keys)
        return _with_step(found, _same_envelope(data, archive)), "" if keys else _NO_KEY
    if data.lstrip()[:1] != b"{":
        return verify_bundle(data, keys), "" if keys else _NO_KEY
    if keys is None:
        raise InputError("verify", "an envelope without its bundle needs --key FILE")
    return _verify_envelope(data, keys), (
        "WARNING: only the signature was checked. The evidence was not re-judged: that needs the"
        " bundle."
    )


def _with_step(found: Verification, step: Step) -> Verification:
    return Verification(
        (*found.steps, step),
        found.fingerprints,
        found.trusted,
        found.finding,
        found.verdict,
        found.revoked,
    )


def _same_envelope(data: bytes, archive: bytes) -> Step:
    try:
        same = certificate_digest(data) == certificate_digest(unpack(archive)[CERTIFICATE])
    except (InputError, KeyError) as error:
        return Step("same certificate", False, f"cannot be compared: {error}")
    sentence = "the bundle is the one of this envelope"
    return Step("same certificate", same, sentence if same else "the bundle is another's")


def _verify_envelope(data: bytes, keys: Mapping[str, bytes]) -> Verification:
    try:
        said = open_envelope(data, keys)
        makers = [keyid for keyid in dsse.signers(dsse.decode(data), keys) if keyid]
    except InputError as error:
        return Verification((Step("signature", False, str(error)),))
    predicate = mapping(said["predicate"])
    return Verification(
        steps=(Step("signature", True, f"a {said['predicateType']} made by a key you trust"),),
        fingerprints=tuple(fingerprint(keys[keyid]) for keyid in makers),
        trusted=True,
        finding=mapping(predicate.get("finding")),
        verdict=str(mapping(predicate.get("decision")).get("result", "unknown")),
    )


def _as_json(found: Verification, note: str) -> str:
    return json.dumps({**found.to_dict(), "note": note}, indent=2) + "\n"


def _as_text(found: Verification, note: str) -> str:
    lines = [f"{'ok  ' if s.ok else 'FAIL'}  {s.step:<12}  {s.sentence}" for s in found.steps]
    lines += [f"key     {print_}" for print_ in found.fingerprints]
    if found.finding:
        known = [str(found.finding[n]) for n in ("id", "reference") if found.finding.get(n)]
        lines.append(f"finding {' '.join(known)}: verdict {found.verdict} (as certified)")
    lines += [note] if note else []
    lines.append("VERIFIED" if found.ok else "REFUSED")
    return "".join(f"{_printable(line)}\n" for line in lines)


def _printable(line: str) -> str:
    """Without control characters: the text comes from a file somebody sent."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


def _read(path: str, limit: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError(path, error.strerror or "cannot be read") from None
    if len(data) > limit:
        raise InputError(path, f"more than {limit} bytes")
    return data


class _Parser(argparse.ArgumentParser):
    """Wrong calls are the gate's exit status 3, not argparse's 2."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError."""
        raise InputError(self.prog, message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="gate verify", description="Verify a closure certificate.")
    parser.add_argument("file", help="a bundle (.zip), or an envelope (.dsse.json)")
    parser.add_argument("--key", action="append", default=[], help="a public key you trust (PEM)")
    parser.add_argument("--bundle", help="the bundle of the envelope given")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument(
        "--export", choices=tuple(derived.FORMATS), help="write the closure as a VEX document"
    )
    return parser
