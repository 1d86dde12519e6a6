"""Verifying a bundle: everything is hashed again, every signature checked, the gate run again.

Needs the bundle and nothing else. Works in steps, each with an answer in one sentence; a step that
fails refuses the bundle, and steps that rest on it are not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from gate import dsse
from gate.assemble import assemble
from gate.bundle import (
    CERTIFICATE,
    KEY_NAME,
    REVOCATION_NAME,
    check_members,
    named_signers,
    sha256,
    unpack,
)
from gate.errors import InputError
from gate.evidence import Document, Evidence
from gate.judgement import judge
from gate.policy import load
from gate.statement import (
    PREDICATE_TYPE,
    REVOCATION_TYPE,
    STATEMENT_TYPE,
    Input,
    certificate_digest,
    contradictions,
    derived,
    gate_source,
    listed,
    mapping,
    original_digest,
    read_facts,
    verdict_of,
)

PAYLOAD_TYPE = "application/vnd.in-toto+json"

T = TypeVar("T")


class Step(NamedTuple):
    """One step of verifying: what was looked at, whether it holds, and the answer in a sentence."""

    step: str
    ok: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying a bundle found.

    ``fingerprints``: of the keys that signed (sha256 of SubjectPublicKeyInfo). ``trusted``: one of
    them was given by the caller. ``finding`` and ``verdict`` are what the certificate claims, to be
    believed only if ``ok``. ``revoked``: the predicates of its revocations.
    """

    steps: tuple[Step, ...]
    fingerprints: tuple[str, ...] = ()
    trusted: bool = False
    finding: dict[str, Any] = field(default_factory=dict)
    verdict: str = "unknown"
    revoked: tuple[dict[str, Any], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every step holds; a revoked certificate does not."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """As JSON: the same names, steps as objects."""
        return {
            "schema": "ctem.verification/1",
            "ok": self.ok,
            "steps": [step._asdict() for step in self.steps],
            "fingerprints": list(self.fingerprints),
            "trusted": self.trusted,
            "finding": self.finding,
            "verdict": self.verdict,
            "revoked": list(self.revoked),
        }


def open_envelope(data: bytes, keys: Mapping[str, bytes]) -> dict[str, Any]:
    """The statement in an envelope that one of ``keys`` (id to raw 32 bytes) signed.

    Every key is tried, whatever id the envelope hints at. Raises InputError for an envelope that
    is malformed, of another type, or signed by none of the keys.
    """
    envelope = dsse.decode(data)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise InputError("envelope", f"holds {envelope.payload_type!r}, not {PAYLOAD_TYPE}")
    if not any(dsse.signers(envelope, keys)):
        raise InputError("envelope", "signed by none of the known keys")
    said = dsse.load_json(envelope.payload, "statement")
    if not isinstance(said, dict) or said.get("_type") != STATEMENT_TYPE:
        raise InputError("statement", "not an in-toto Statement v1")
    if said.get("predicateType") not in (PREDICATE_TYPE, REVOCATION_TYPE):
        raise InputError("statement", f"unknown predicate type {said.get('predicateType')!r}")
    return said


def verify_bundle(data: bytes, trusted_keys: Mapping[str, bytes] | None = None) -> Verification:
    """Verify an archive. ``trusted_keys``: id to raw key, from elsewhere than the archive.

    Without them the archive's own keys are used, which proves only that it is whole: whose key it
    is must be settled by comparing ``fingerprints`` with the published ones.
    """
    audit = _Audit()
    opened = _open(audit, data, trusted_keys)
    if opened is None:
        return Verification(tuple(audit.steps))
    predicate = mapping(opened.said.get("predicate"))
    finding = mapping(predicate.get("finding"))
    if audit.take("members", lambda: _members(opened)) is not None:
        _judge_again(audit, opened, predicate)
    revoked = audit.take("revocation", lambda: _revocations(opened)) or ()
    if revoked:
        audit.steps[-1] = Step("revocation", False, _revoked_sentence(revoked))
    return Verification(
        steps=tuple(audit.steps),
        fingerprints=opened.fingerprints,
        trusted=trusted_keys is not None,
        finding=finding,
        verdict=verdict_of(mapping(predicate.get("judgement")), finding.get("reference")),
        revoked=revoked,
    )


@dataclass(frozen=True, slots=True)
class _Opened:
    """A bundle whose envelope has been opened."""

    members: dict[str, bytes]
    keys: dict[str, bytes]
    said: dict[str, Any]
    fingerprints: tuple[str, ...]


@dataclass(slots=True)
class _Audit:
    """The steps taken so far."""

    steps: list[Step] = field(default_factory=list)

    def take(self, name: str, ask: Callable[[], tuple[T, str]]) -> T | None:
        """Ask one step; it gives its value and sentence, or raises InputError. None if it fails."""
        try:
            value, sentence = ask()
        except InputError as error:
            self.steps.append(Step(name, False, str(error)))
            return None
        self.steps.append(Step(name, True, sentence))
        return value


def _open(audit: _Audit, data: bytes, trusted: Mapping[str, bytes] | None) -> _Opened | None:
    members = audit.take("archive", lambda: _unpacked(data))
    if members is None:
        return None
    keys = audit.take("keys", lambda: _keys(members))
    if keys is None:
        return None
    signing = audit.take("signature", lambda: _signed(members, keys, trusted))
    if signing is None:
        return None
    said = audit.take("statement", lambda: _typed(members[CERTIFICATE], keys, PREDICATE_TYPE))
    return None if said is None else _Opened(members, keys, said, signing)


def _unpacked(data: bytes) -> tuple[dict[str, bytes], str]:
    members = unpack(data)
    if CERTIFICATE not in members:
        raise InputError("bundle", f"holds no {CERTIFICATE}")
    return members, f"{len(members)} members and not a byte between them"


def _keys(members: Mapping[str, bytes]) -> tuple[dict[str, bytes], str]:
    named = {name: found for name in members if (found := KEY_NAME.match(name))}
    keys = {m[1]: dsse.from_pem(members[name], name, strict=True) for name, m in named.items()}
    return keys, f"{len(keys)} Ed25519 key(s), each written the one way it is written"


def _signed(
    members: Mapping[str, bytes], keys: Mapping[str, bytes], trusted: Mapping[str, bytes] | None
) -> tuple[tuple[str, ...], str]:
    """The fingerprints of the certificate's signers; all signatures hold, and no key is idle."""
    signing = named_signers(members[CERTIFICATE], keys)
    revoking = filter(REVOCATION_NAME.match, members)
    used = {keyid for name in revoking for keyid in named_signers(members[name], keys)}
    if idle := keys.keys() - used - set(signing):
        raise InputError(f"keys/{min(idle)}.pub.pem", "signed nothing in this bundle")
    prints = tuple(dsse.fingerprint(keys[keyid]) for keyid in signing)
    if trusted is None:
        return prints, "made by the key that the bundle itself brings"
    if not {keys[keyid] for keyid in signing} & set(trusted.values()):
        raise InputError("signature", f"made by {', '.join(prints)}, not by a key you trust")
    return prints, "made by a key you trust"


def _typed(data: bytes, keys: Mapping[str, bytes], kind: str) -> tuple[dict[str, Any], str]:
    said = open_envelope(data, keys)
    if said["predicateType"] != kind:
        raise InputError("statement", f"a {said['predicateType']} instead of a {kind}")
    return said, f"in-toto Statement v1, {kind}"


def _members(opened: _Opened) -> tuple[int, str]:
    compared = check_members(opened.said, opened.members)
    return compared, f"{compared} digests hold, and no member is unlisted"


def _judge_again(audit: _Audit, opened: _Opened, predicate: Mapping[str, Any]) -> None:
    inputs = audit.take("inputs", lambda: _inputs(opened.members, predicate))
    if inputs is None:
        return
    audit.take("agreement", lambda: _agreed(opened.said, inputs))
    evidence = audit.take("judgement", lambda: _judged(inputs, predicate))
    if evidence is None:
        return
    audit.take("finding", lambda: _same_finding(inputs, evidence, predicate))


def _inputs(members: Mapping[str, bytes], predicate: Mapping[str, Any]) -> tuple[list[Input], str]:
    inputs = []
    for entry in listed(mapping(predicate.get("verification")).get("inputs")):
        digest = mapping(entry.get("digest")).get("sha256")
        role = mapping(entry.get("annotations")).get("role")
        inputs.append(Input(str(entry.get("name")), str(role), members[f"evidence/{digest}"]))
    for name, told in derived(inputs, read_facts(inputs)).items():
        if predicate.get(name) != told:
            raise InputError("certificate", f"its {name} does not follow from the evidence")
    return inputs, f"{len(inputs)} documents, and what is told of them follows from them"


def _agreed(said: Mapping[str, Any], inputs: list[Input]) -> tuple[bool, str]:
    problems = contradictions(said, read_facts(inputs))
    if problems:
        raise InputError("certificate", "; ".join(problems))
    return True, "verdict pass, and the subjects are the revisions that were judged"


def _judged(inputs: list[Input], predicate: Mapping[str, Any]) -> tuple[Evidence, str]:
    certified = mapping(predicate.get("judgement"))
    facts = next((i for i in inputs if i.role == "facts"), None)
    policy = next(i for i in inputs if i.role == "policy")
    evidence = assemble(
        after=_documents(inputs, "after"),
        before=_documents(inputs, "before"),
        control=_documents(inputs, "control"),
        diff=next(iter(_documents(inputs, "diff")), None),
        known=next(iter(_documents(inputs, "known")), None),
        findings=[str(original.get("finding")) for original in listed(certified.get("originals"))],
        facts=read_facts(inputs),
        facts_name=facts.name if facts else "facts",
    )
    again = judge(evidence, load(policy.data, policy.name), lamp="both").to_dict()
    if dsse.canonical_json(again) != dsse.canonical_json(certified):
        raise InputError("judgement", _difference(again, certified, predicate))
    return evidence, f"judged again from the evidence: the same in all {len(again)} members"


def _documents(inputs: list[Input], role: str) -> list[Document]:
    return [Document(document.name, document.data) for document in inputs if document.role == role]


def _difference(
    again: Mapping[str, Any], certified: Mapping[str, Any], predicate: Mapping[str, Any]
) -> str:
    differing = sorted(
        k for k in again.keys() | certified.keys() if again.get(k) != certified.get(k)
    )
    own = {path: sha256(data) for path, data in gate_source().items()}
    theirs = {e.get("path"): e.get("sha256") for e in listed(predicate.get("gate_source"))}
    told = f"judged again it differs in {', '.join(differing)}"
    if own == theirs:
        return told
    return (
        f"{told}; this gate is not the one that was certified ({predicate.get('gate_version')}):"
        " unpack the bundle and verify with the gate inside it, as VERIFY.md says"
    )


def _same_finding(
    inputs: list[Input], evidence: Evidence, predicate: Mapping[str, Any]
) -> tuple[bool, str]:
    """Hold what the certificate says of the finding against the frozen result that was judged."""
    finding = mapping(predicate.get("finding"))
    original = next((o for o in evidence.originals if o.ref == finding.get("reference")), None)
    if original is None or original.result is None:
        raise InputError("finding", "its reference names no result of the scans before the fix")
    result = original.result
    judged = {"rule": result.rule, "path": result.location.path, "line": result.location.line}
    for name, value in judged.items():
        if finding.get(name) not in (None, value):
            raise InputError("finding", f"{name} is {value!r}, certified is {finding[name]!r}")
    frozen = mapping(finding.get("original"))
    if frozen:
        _check_frozen(frozen, inputs, result.pointer)
    return True, f"{finding.get('reference')} is a result of the scan before the fix"


def _check_frozen(frozen: Mapping[str, Any], inputs: list[Input], pointer: str) -> None:
    report = next((i for i in inputs if i.sha256 == frozen.get("report_sha256")), None)
    if report is None:
        raise InputError("finding", "the report it came from is not in the bundle")
    if frozen.get("pointer") != pointer:
        raise InputError("finding", f"it is at {pointer}, certified is {frozen.get('pointer')}")
    if original_digest(report.data, pointer) != frozen.get("result_sha256"):
        raise InputError("finding", "the digest of the frozen result differs")


def _revocations(opened: _Opened) -> tuple[tuple[dict[str, Any], ...], str]:
    digest = certificate_digest(opened.members[CERTIFICATE])
    found = []
    for name in filter(REVOCATION_NAME.match, sorted(opened.members)):
        said, _ = _typed(opened.members[name], opened.keys, REVOCATION_TYPE)
        if said.get("subject") != [{"name": "certificate", "digest": {"sha256": digest}}]:
            raise InputError(name, "revokes another certificate")
        found.append(mapping(said.get("predicate")))
    return tuple(found), "no revocation in the bundle; ask the issuer for later ones"


def _revoked_sentence(revoked: tuple[dict[str, Any], ...]) -> str:
    first = revoked[0]
    return f"revoked at {first.get('revoked_at')} by {first.get('by')}: {first.get('reason')}"
