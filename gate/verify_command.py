"""``python -m gate verify``: reads what the auditor gives it, verifies, says how each step went."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from gate import derived, dsse
from gate.bundle import CERTIFICATE, MAX_BUNDLE, unpack
from gate.dsse import fingerprint, from_pem
from gate.errors import InputError
from gate.key_list import MAX_LIST, lives_of, read_key_list
from gate.revocations import MAX_FILE, in_words
from gate.statement import certificate_digest, mapping, verdict_of
from gate.verification import (
    Step,
    Trust,
    Verification,
    certificate_life,
    given_revocations,
    open_envelope,
    verify_bundle,
)

VERIFIED, REFUSED, UNUSABLE = 0, 1, 3

_MAX_KEY_FILE = 4096  # bytes
_NO_KEY = (
    "WARNING: no --key and no --keys was given. The signature was checked with the key inside the"
    " bundle, so this shows that the bundle is whole, NOT who made it. Compare the fingerprint above"
    " with the one that the issuer publishes."
)
_ENVELOPE = "WARNING: only the signature was checked. The evidence was not re-judged: that needs the bundle."


def main(argv: list[str]) -> int:
    """``verify BUNDLE.zip|ENVELOPE.json [--key PEM]... [--keys LIST] [--revocations FILE]...``.

    ``--export openvex|cyclonedx`` writes that document instead, and what was verified to standard
    error. Returns 0 verified, 1 refused, 3 the call cannot be used (one line on standard error).
    """
    try:
        call = _parser().parse_args(argv[1:] if argv[:1] == ["verify"] else argv)
        trust = _trust(call)
        found, note = _verify(_read(call.file, MAX_BUNDLE), call.bundle, trust)
        exported = _export(call, trust) if call.export and found.ok else ""
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    told = _as_json(found, note) if call.format == "json" else _as_text(found, note)
    (sys.stderr if call.export else sys.stdout).write(told)
    sys.stdout.write(exported)
    return VERIFIED if found.ok else REFUSED


def _trust(call: argparse.Namespace) -> Trust:
    """What the auditor brought: single keys, the issuer's list of keys, revocations."""
    raw = {path: from_pem(_read(path, _MAX_KEY_FILE), path) for path in call.key}
    listed = [read_key_list(_read(path, MAX_LIST), path) for path in call.keys]
    lives = tuple(key for one in listed for key in one.keys)
    raw |= {f"{key.keyid} of a list": key.raw for key in lives}
    revocations = tuple(_read(path, MAX_FILE) for path in call.revocations)
    return Trust(raw or None, lives, revocations)


def _export(call: argparse.Namespace, trust: Trust) -> str:
    """The document derived from a certificate that has just been verified, evidence and all."""
    archive = _read(call.bundle or call.file, MAX_BUNDLE)
    if trust.raw is None or archive.lstrip()[:1] == b"{":
        raise InputError("--export", "needs a bundle and --key FILE: who says it must be known")
    return derived.export(open_envelope(unpack(archive)[CERTIFICATE], trust.raw), call.export)


def _verify(data: bytes, bundle: str | None, trust: Trust) -> tuple[Verification, str]:
    """Verify what was given; the second value is what must be said loudly beside it."""
    if bundle is not None:
        archive = _read(bundle, MAX_BUNDLE)
        found = _verify_archive(archive, trust)
        return _with_step(found, _same_envelope(data, archive)), "" if trust.raw else _NO_KEY
    if data.lstrip()[:1] != b"{":
        return _verify_archive(data, trust), "" if trust.raw else _NO_KEY
    if trust.raw is None:
        raise InputError("verify", "an envelope without its bundle needs --key or --keys FILE")
    return _verify_envelope(data, trust, trust.raw), _ENVELOPE


def _verify_archive(archive: bytes, trust: Trust) -> Verification:
    return verify_bundle(archive, trust.raw, lives=trust.lives, revocations=trust.revocations)


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


def _verify_envelope(data: bytes, trust: Trust, keys: Mapping[str, bytes]) -> Verification:
    """A certificate alone, or a revocation: who signed it, when, and whether it was taken back."""
    steps: list[Step] = []
    revoked: tuple[dict[str, Any], ...] = ()
    try:
        said = open_envelope(data, keys)
        makers = [keyid for keyid in dsse.signers(dsse.decode(data), keys) if keyid]
        steps.append(Step("signature", True, f"a {said['predicateType']} made by a key you trust"))
        if "decision" in mapping(said.get("predicate")):
            lives = lives_of(trust.lives)
            steps.append(Step("validity", *certificate_life(data, keys, lives)))
            revoked, told = given_revocations(data, trust.revocations, keys, lives)
            steps.append(Step("revocation", not revoked, in_words(revoked) if revoked else told))
    except InputError as error:
        failed = ("signature", "validity", "revocation")[len(steps)]
        return Verification((*steps, Step(failed, False, str(error))))
    predicate = mapping(said["predicate"])
    finding = mapping(predicate.get("finding"))
    return Verification(
        steps=tuple(steps),
        fingerprints=tuple(fingerprint(keys[keyid]) for keyid in makers),
        trusted=True,
        finding=finding,
        verdict=verdict_of(mapping(predicate.get("judgement")), finding.get("reference")),
        revoked=revoked,
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
    add = parser.add_argument
    add("--key", action="append", default=[], help="a public key you trust (PEM)")
    add("--keys", action="append", default=[], metavar="LIST",
        help="the issuer's key list, from the issuer: keys you trust, with their validity")  # fmt: skip
    add("--revocations", action="append", default=[], metavar="FILE",
        help="the issuer's signed list of revocations, or the statement of one")  # fmt: skip
    parser.add_argument("--bundle", help="the bundle of the envelope given")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument(
        "--export", choices=tuple(derived.FORMATS), help="write the closure as a VEX document"
    )
    return parser
