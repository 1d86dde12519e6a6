"""What a closure certificate says: the in-toto Statement of a closure.

Building and contradiction-checking only: signing is in ``dsse``, the archive in ``bundle``, taking
back in ``revocations``, the re-run in ``verification``. Fields: section 5.2 of the gate facts;
carrier: in-toto Statement v1. No secret and no source text goes in: files are named by digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gate import __version__, dsse, formats, strict
from gate.errors import InputError
from gate.evidence import Evidence, Scan
from gate.inputs import SCAN_ROLES, Input, evidence_of, read_facts
from gate.patches import patch_id
from gate.records import Run

if TYPE_CHECKING:  # its place differs between Python 3.11 and 3.14
    from importlib.resources.abc import Traversable

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://ctem.dev/attestation/finding-closure/v1"
REVOCATION_TYPE = "https://ctem.dev/attestation/finding-closure-revocation/v1"
CONTENTS_TYPE = "https://ctem.dev/attestation/finding-closure-bundle/v1"
NOT_RECORDED = "not recorded"
LAPSES = (
    "a later full scan reports the finding again",
    "the fix is reverted",
    "a file of the fix changes and no later full scan has looked at it",
    "a revocation of this certificate is issued",
)
SOURCE_PATH = re.compile(r"gate(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+\Z")
VERIFY_PATH = "gate/VERIFY.md"  # shown as VERIFY.md at the top of a bundle

_REVISIONS = ("merge", "head")  # the subjects, the one that counts first
_REVISION = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_SPACIOUS = ("blobs", "files_scanned", "rules")  # told by count and digest
_DONE = {"PASS", "NOT_APPLICABLE", "WAIVED"}


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
    authorship. ``judgement``: ``Judgement.to_dict()`` for both lamps. ``sources``: who says the
    facts that are not of a scan, as {"fix": "fetched"}; scans carry their own. ``supersedes``: the
    digest of the certificate before. Times are RFC 3339.
    """
    moment(issued_at, "issued_at")
    facts, remediation = read_facts(inputs), _without_passwords(remediation)
    predicate = {
        "finding": _with_reference(finding, judgement),
        "remediation": remediation,
        "judgement": dict(judgement),
        "policy": dict(policy),
        "decision": {"result": "pass", "at": issued_at, "by": decided_by, "issuer": issued_by},
        "sources": _sources(facts, deployed_at, sources or {}),
        "deployed_at": deployed_at or NOT_RECORDED,
        "validity": {"lapses_when": list(LAPSES), "supersedes": supersedes},
        "log": {"head": log_head or NOT_RECORDED},
        **derived(inputs, facts, evidence_of(inputs, judged(judgement))),
        **_gate_members(),
    }
    said = as_statement(PREDICATE_TYPE, subjects(remediation), predicate)
    if problems := contradictions(said, facts):
        raise InputError("certificate", problems[0])
    return said


def certificate_digest(envelope: bytes) -> str:
    """What a certificate is known by: hex SHA-256 of its signed payload, not of the envelope."""
    return hashlib.sha256(dsse.decode(envelope).payload).hexdigest()


def original_digest(report: bytes, pointer: str) -> str:
    """Hex SHA-256 of one result as canonical JSON. ``pointer``: /runs/0/results/3."""
    value: Any = formats.rows("report", report)
    value = dsse.load_json(report, "report") if value is None else value
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


def judged(judgement: Mapping[str, Any]) -> list[str]:
    """The references of the findings that were judged, in their order."""
    return [str(original.get("finding")) for original in listed(judgement.get("originals"))]


def verdict_of(judgement: Mapping[str, Any], reference: Any) -> str:
    """The verdict on the original with this reference; "missing" if there is none."""
    named = [o for o in listed(judgement.get("originals")) if o.get("finding") == reference]
    return str(named[0].get("verdict")) if len(named) == 1 else "missing"


def _with_reference(finding: Mapping[str, Any], judgement: Mapping[str, Any]) -> dict[str, Any]:
    originals = listed(judgement.get("originals"))
    if "reference" not in finding and len(originals) == 1:
        return {**finding, "reference": originals[0].get("finding")}
    return dict(finding)


def derived(
    inputs: Sequence[Input], facts: Mapping[str, Any], evidence: Evidence
) -> dict[str, Any]:
    """The members of the predicate that follow from the documents alone.

    They are verification, review and, where there are any, waivers and disputes.
    """
    scans = [
        _scan(document, scan_facts(facts, role, index), read)
        for role in SCAN_ROLES
        for index, (document, read) in enumerate(
            zip(
                (document for document in inputs if document.role == role),
                (scan for scan in evidence.scans if scan.role == role),
                strict=True,
            )
        )
    ]
    verification = {
        "inputs": [document.descriptor() for document in inputs],
        "scans": scans,
        "moments": _moments(scans, mapping(facts.get("fix"))),
        "patch_id": (patch_id(evidence.diff) if evidence.diff else "") or NOT_RECORDED,
    }
    disputes = [row for row in listed(facts.get("dispositions")) if row.get("kind") == "dispute"]
    said = {"waivers": listed(facts.get("waivers")), "disputes": disputes}
    said = {name: rows for name, rows in said.items() if rows}
    return {"verification": verification, "review": facts.get("reviews", []), **said}


def scan_facts(facts: Mapping[str, Any], role: str, index: int) -> dict[str, Any]:
    """The facts of the ``index``-th scan of a role, or {}."""
    given = facts.get(role)
    listed = given if isinstance(given, list) else [given]
    return mapping(listed[index]) if index < len(listed) else {}


def _scan(document: Input, facts: Mapping[str, Any], read: Scan) -> dict[str, Any]:
    """One scan: what was said of it, each fact with its source, and what its report says itself."""
    source = facts.get("source", "declared" if facts else "unknown")
    told = {name: {"value": _short(name, value), "source": source} for name, value in facts.items()}
    told.pop("source", None)
    return {
        "name": document.name,
        "role": document.role,
        "digest": {"sha256": document.sha256},
        "facts": told,
        "report": [_run(run) for run in read.report.runs],
    }


def _run(run: Run) -> dict[str, Any]:
    """One run by the report's own word: the tool, its rules by digest, how much it reported."""
    rules = sorted({f"{rule.id} {rule.level.value} {rule.enabled}" for rule in run.rules})
    return {
        "tool": run.tool,
        "version": run.version,
        "organization": run.organization,
        "rules": _short("rules", rules),
        "results": len(run.results),
        "suppressed": sum(result.suppressed for result in run.results),
        "successful": run.execution_successful,
        "exit_code": run.exit_code,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "commit": run.revision,
        "category": run.category,
    }


def _short(name: str, value: Any) -> Any:
    if name not in _SPACIOUS or not value:
        return value
    return {"count": len(value), "sha256": hashlib.sha256(dsse.canonical_json(value)).hexdigest()}


def _sources(
    facts: Mapping[str, Any], deployed_at: str | None, given: Mapping[str, str]
) -> dict[str, str]:
    """Who says what is not of a scan: nobody but the one who wrote it, unless it is known better."""
    told = {"fix", "reviews", *facts, *(["deployed_at"] if deployed_at else [])}
    told -= {*SCAN_ROLES, "at"}
    return {name: given.get(name, "declared") for name in sorted(told | given.keys())}


def _without_passwords(remediation: Mapping[str, Any]) -> dict[str, Any]:
    """The fix, its addresses without a name and password that they may carry."""
    cleaned = dict(remediation)
    for name in ("repository", "pull_request"):
        if isinstance(cleaned.get(name), str):
            cleaned[name] = without_password(cleaned[name])
    return cleaned


def without_password(address: str) -> str:
    """An address without what stands before the host: a token has no place in a certificate."""
    try:
        url = urlsplit(address)
    except ValueError:  # such as an unclosed bracket: not an address, and so without a host
        return address
    host = url.netloc.rpartition("@")[2]
    return url._replace(netloc=host).geturl() if host != url.netloc else address


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
    return strict.moment(text) if isinstance(text, str) else None


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


def as_statement(kind: str, subject: list[dict[str, Any]], predicate: Any) -> dict[str, Any]:
    """An in-toto Statement v1 of one of our predicate types."""
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
