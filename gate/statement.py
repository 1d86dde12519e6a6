"""What a closure certificate says: the in-toto Statement of a closure, and of its revocation.

Building and contradiction-checking only: signing is in ``dsse``, the archive in ``bundle``, the
re-run in ``verification``. Fields: section 5.2 of the gate facts; carrier: in-toto Statement v1
and ResourceDescriptor v1. No secret and no source text goes in: files are named by digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gate import __version__, dsse
from gate.errors import InputError

if TYPE_CHECKING:  # its place differs between Python 3.11 and 3.14
    from importlib.resources.abc import Traversable

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://ctem.dev/attestation/finding-closure/v1"
REVOCATION_TYPE = "https://ctem.dev/attestation/finding-closure-revocation/v1"
NOT_RECORDED = "not recorded"
LAPSES = (
    "a later full scan reports the finding again",
    "the fix is reverted",
    "a file of the fix changes and no later full scan has looked at it",
    "a revocation of this certificate is issued",
)
SOURCE_PATH = re.compile(r"gate(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+\Z")
VERIFY_PATH = "gate/VERIFY.md"  # shown as VERIFY.md at the top of a bundle

_MEDIA_TYPES = {
    "after": "application/sarif+json",
    "before": "application/sarif+json",
    "control": "application/sarif+json",
    "diff": "text/x-diff",
    "known": "application/json",
    "facts": "application/json",
    "policy": "application/toml",
}
_AT_MOST_ONE = ("diff", "known", "facts", "policy")
_SCAN_ROLES = ("before", "after", "control")
_REVISIONS = ("merge", "head")  # the subjects, the one that counts first
_REVISION = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_SPACIOUS = ("blobs", "files_scanned", "rules")  # told by count and digest
_DONE = {"PASS", "NOT_APPLICABLE", "WAIVED"}


@dataclass(frozen=True, slots=True)
class Input:
    """One document the judgement was made from.

    ``role``: after, before, control, diff, known, facts or policy. The order within a
    role is the order it was given to the gate in.
    """

    name: str
    role: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Hex digest of the raw bytes."""
        return hashlib.sha256(self.data).hexdigest()

    def descriptor(self) -> dict[str, Any]:
        """The document as an in-toto ResourceDescriptor."""
        return {
            "name": self.name,
            "digest": {"sha256": self.sha256},
            "mediaType": _MEDIA_TYPES[self.role],
            "annotations": {"role": self.role, "size": len(self.data)},
        }


def statement(
    *,
    finding: Mapping[str, Any],
    remediation: Mapping[str, Any],
    inputs: Sequence[Input],
    judgement: Mapping[str, Any],
    policy: Mapping[str, Any],
    issued_at: str,
    issued_by: str = "",
    decided_by: str = "",
    sources: Mapping[str, str] | None = None,
    deployed_at: str | None = None,
    supersedes: str | None = None,
    log_head: str | None = None,
) -> dict[str, Any]:
    """The Statement that certifies one closure. Raises InputError if it may not be said.

    ``finding``: id, rule, cwes, severity, path, line, first_seen_at and the like as the tracker has
    them; ``reference`` names the one of the judgement's originals (may be left out where there is
    one); ``original`` may give report_sha256, pointer and result_sha256 (``original_digest``).
    ``remediation``: kind, repository, pull_request, {base,head,merge}_{commit,tree}, changed files,
    authorship. ``judgement``: ``Judgement.to_dict()`` for both lamps. ``policy``: name, digest and
    what else the tracker knows of it. ``sources``: who says the fix facts and the reviews, as
    {"fix": "fetched", "reviews": "fetched"}; scans carry their own. Times are RFC 3339.
    """
    moment(issued_at, "issued_at")
    facts = read_facts(inputs)
    predicate = {
        "finding": _with_reference(finding, judgement),
        "remediation": dict(remediation),
        "judgement": dict(judgement),
        "policy": dict(policy),
        "decision": {"result": "pass", "at": issued_at, "by": decided_by, "issuer": issued_by},
        "sources": {"fix": "declared", "reviews": "declared", **(sources or {})},
        "deployed_at": deployed_at or NOT_RECORDED,
        "validity": {"lapses_when": list(LAPSES), "supersedes": supersedes},
        "log": {"head": log_head or NOT_RECORDED},
        **derived(inputs, facts),
        **_gate_members(),
    }
    said = _statement(PREDICATE_TYPE, subjects(remediation), predicate)
    for problem in contradictions(said, facts):
        raise InputError("certificate", problem)
    return said


def revocation(
    *, certificate: bytes, reason: str, by: str, revoked_at: str, finding: str = ""
) -> dict[str, Any]:
    """The Statement that takes a certificate back. ``certificate``: its envelope, as issued."""
    moment(revoked_at, "revoked_at")
    if not reason.strip():
        raise InputError("revocation", "needs a reason")
    digest = {"sha256": certificate_digest(certificate)}
    predicate = {"finding": finding, "reason": reason, "by": by, "revoked_at": revoked_at}
    return _statement(REVOCATION_TYPE, [{"name": "certificate", "digest": digest}], predicate)


def certificate_digest(envelope: bytes) -> str:
    """What a certificate is known by: hex SHA-256 of its signed payload, not of the envelope."""
    return hashlib.sha256(dsse.decode(envelope).payload).hexdigest()


def original_digest(report: bytes, pointer: str) -> str:
    """Hex SHA-256 of one SARIF result as canonical JSON. ``pointer``: /runs/0/results/3."""
    value = dsse.load_json(report, "report")
    for part in pointer.removeprefix("#").strip("/").split("/"):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, TypeError, ValueError):
            raise InputError(f"report#{pointer}", "names nothing in the report") from None
    return hashlib.sha256(dsse.canonical_json(value)).hexdigest()


def subjects(remediation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The revisions the certificate is about, merge before head, each by commit and tree."""
    found = []
    for name in _REVISIONS:
        commit = remediation.get(f"{name}_commit") or ""
        tree = remediation.get(f"{name}_tree") or ""
        given = {"gitCommit": commit, "gitTree": tree}
        digest = {kind: _revision(value, name) for kind, value in given.items() if value}
        if digest:
            uri = remediation.get("repository")
            found.append({"name": name, "digest": digest, **({"uri": uri} if uri else {})})
    if not found:
        raise InputError("remediation", "names neither the merged nor the head revision")
    return found


def read_facts(inputs: Sequence[Input]) -> dict[str, Any]:
    """The facts document of the inputs ({} if there is none), after a check of roles and counts."""
    by_role: dict[str, list[Input]] = {role: [] for role in _MEDIA_TYPES}
    for document in inputs:
        if document.role not in by_role:
            raise InputError(document.name, f"unknown role {document.role!r}")
        by_role[document.role].append(document)
    for role in _AT_MOST_ONE:
        if len(by_role[role]) > 1:
            raise InputError("inputs", f"more than one document with the role {role}")
    if not by_role["after"] or not by_role["policy"]:
        raise InputError("inputs", "need a scan with the role after, and the policy")
    if not by_role["facts"]:
        return {}
    facts = dsse.load_json(by_role["facts"][0].data, by_role["facts"][0].name)
    if not isinstance(facts, dict):
        raise InputError(by_role["facts"][0].name, "not a JSON object")
    return facts


def contradictions(said: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """Where the statement does not follow from its own judgement and facts, as sentences."""
    predicate = mapping(said.get("predicate"))
    remediation = mapping(predicate.get("remediation"))
    problems = _judgement_problems(predicate)
    if said.get("subject") != subjects(remediation):
        problems.append("the subjects are not the revisions of the remediation")
    fix = mapping(facts.get("fix"))
    for name in (f"{r}_{kind}" for r in ("base", *_REVISIONS) for kind in ("commit", "tree")):
        judged, certified = fix.get(name) or None, remediation.get(name) or None
        if certified and judged != certified and (judged or not name.startswith("base")):
            problems.append(f"{name} is {certified} but {judged or 'nothing'} was judged")
    return problems


def _judgement_problems(predicate: Mapping[str, Any]) -> list[str]:
    judgement = mapping(predicate.get("judgement"))
    reference = mapping(predicate.get("finding")).get("reference")
    verdict = verdict_of(judgement, reference)
    problems = []
    if verdict != "pass":
        problems.append(f"the verdict on {reference} is {verdict}, only pass is certified")
    for check in listed(judgement.get("checks")):
        about = check.get("finding") in (None, reference)
        if check.get("required") and about and check.get("outcome") not in _DONE:
            problems.append(f"the required check {check.get('id')} is {check.get('outcome')}")
    digest = mapping(judgement.get("policy")).get("digest")
    if not digest or digest != mapping(predicate.get("policy")).get("digest"):
        problems.append("the policy named is not the one that was judged by")
    return problems


def verdict_of(judgement: Mapping[str, Any], reference: Any) -> str:
    """The verdict on the original with this reference; "missing" if there is none."""
    named = [o for o in listed(judgement.get("originals")) if o.get("finding") == reference]
    return str(named[0].get("verdict")) if len(named) == 1 else "missing"


def _with_reference(finding: Mapping[str, Any], judgement: Mapping[str, Any]) -> dict[str, Any]:
    originals = listed(judgement.get("originals"))
    if "reference" not in finding and len(originals) == 1:
        return {**finding, "reference": originals[0].get("finding")}
    return dict(finding)


def derived(inputs: Sequence[Input], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The members of the predicate that follow from the documents alone: verification, review."""
    scans = [
        _scan(document, scan_facts(facts, role, index))
        for role in _SCAN_ROLES
        for index, document in enumerate(d for d in inputs if d.role == role)
    ]
    verification = {
        "inputs": [document.descriptor() for document in inputs],
        "scans": scans,
        "moments": _moments(scans, mapping(facts.get("fix"))),
    }
    return {"verification": verification, "review": facts.get("reviews", [])}


def scan_facts(facts: Mapping[str, Any], role: str, index: int) -> dict[str, Any]:
    """The facts of the ``index``-th scan of a role, or {}."""
    given = facts.get(role)
    listed = given if isinstance(given, list) else [given]
    return mapping(listed[index]) if index < len(listed) else {}


def _scan(document: Input, facts: Mapping[str, Any]) -> dict[str, Any]:
    source = facts.get("source", "declared" if facts else "unknown")
    told = {name: {"value": _short(name, value), "source": source} for name, value in facts.items()}
    told.pop("source", None)
    return {
        "name": document.name,
        "role": document.role,
        "digest": {"sha256": document.sha256},
        "facts": told,
    }


def _short(name: str, value: Any) -> Any:
    if name not in _SPACIOUS or not value:
        return value
    return {"count": len(value), "sha256": hashlib.sha256(dsse.canonical_json(value)).hexdigest()}


def _moments(scans: Sequence[dict[str, Any]], fix: Mapping[str, Any]) -> dict[str, Any]:
    """Which after-scans answer *nothing new?* (all) and *original gone?* (full ones), and when."""
    told = []
    for scan in (s for s in scans if s["role"] == "after"):
        facts = {name: fact["value"] for name, fact in scan["facts"].items()}
        entry = {"scan": scan["name"], "digest": scan["digest"], "when": _when(facts, fix)}
        entry["finished_at"] = facts.get("finished_at") or NOT_RECORDED
        entry["content"] = _content(facts, fix)
        told.append((facts.get("scope") == "full", entry))
    merged_at = fix.get("merged_at") or NOT_RECORDED
    gone = [entry for full, entry in told if full]
    return {"merged_at": merged_at, "gone": gone, "new": [entry for _, entry in told]}


def _content(facts: Mapping[str, Any], fix: Mapping[str, Any]) -> str:
    """How the scanned content relates to what merged, as far as ids alone tell."""
    for kind in ("commit", "tree"):
        if facts.get(kind) and facts.get(kind) == fix.get(f"merge_{kind}"):
            return f"same {kind} as the merge"
    return "see CONTENT_BINDING"


def _when(facts: Mapping[str, Any], fix: Mapping[str, Any]) -> str:
    merged, started, finished = (
        _instant(value)
        for value in (fix.get("merged_at"), facts.get("started_at"), facts.get("finished_at"))
    )
    if merged and started and started >= merged:
        return "after the merge"
    if merged and finished and finished <= merged:
        return "before the merge"
    merge = fix.get("merge_commit")
    if merge and facts.get("commit") == merge and merge != fix.get("head_commit"):
        return "after the merge"
    return "unknown"


def moment(text: str, where: str) -> datetime:
    """An RFC 3339 time with its offset. Raises InputError."""
    found = _instant(text)
    if found is None:
        raise InputError(where, f"{text!r} is not a time in RFC 3339")
    return found


def _instant(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found and found.tzinfo else None


@cache
def gate_source() -> Mapping[str, bytes]:
    """Every file of this package by its path below the package's parent, read once per process.

    The same from a folder and from a zip file; compiled files are no source.
    """
    source = {path: file.read_bytes() for path, file in _source_files(files("gate"), "gate")}
    for path in source:
        if not SOURCE_PATH.match(path):
            raise InputError(path, "a file name that cannot travel in a bundle")
    return MappingProxyType(source)


def _source_files(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.name.startswith(".") or item.name == "__pycache__" or item.name.endswith(".pyc"):
            continue
        below = f"{path}/{item.name}"
        if item.is_dir():
            yield from _source_files(item, below)
        elif item.is_file():
            yield below, item


def _gate_members() -> dict[str, Any]:
    source = {path: hashlib.sha256(data).hexdigest() for path, data in gate_source().items()}
    return {
        "gate_version": __version__,
        "gate_source": [{"path": path, "sha256": digest} for path, digest in source.items()],
        "verify_md": {"sha256": source[VERIFY_PATH]},
    }


def _statement(kind: str, subject: list[dict[str, Any]], predicate: Any) -> dict[str, Any]:
    return {
        "_type": STATEMENT_TYPE,
        "subject": subject,
        "predicateType": kind,
        "predicate": predicate,
    }


def _revision(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _REVISION.match(value):
        raise InputError(f"remediation/{where}", "not a full git object id in lower case")
    return value


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one: for reading what others wrote."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, or an empty list: for reading what others wrote."""
    return [mapping(entry) for entry in value] if isinstance(value, list) else []
