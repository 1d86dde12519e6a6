"""What the evidence that reaches an asset would be worth: the gate is asked about a perfect fix.

From the last full scan of a line one finding is taken out, as if it had been fixed, reviewed and
merged just now, with exactly the facts that arrive there today. What the gate still lacks then is
what the set-up lacks. Nothing is recorded, and nothing here can close anything.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from core import blobs
from core.moments import rfc3339
from findings.models import Finding
from findings.statuses import Presence
from gate import policy as gate_policy
from gate.assemble import assemble
from gate.errors import InputError
from gate.evidence import Document
from gate.formats import SARIF, recognise
from gate.judgement import judge
from gate.policy import Policy
from gate.terms import Tier
from scans.models import Scan
from scans.results import Pointers, pointers, seen_in
from scans.services.verification import failing_checks
from scans.statuses import Purpose
from scopes.models import Asset, Exposure

MOST_BYTES = 16 * 1024 * 1024  # of a report that is read on a page
MOST_SETUPS = 12
BASE, HEAD, MERGE = "1" * 40, "2" * 40, "3" * 40
BASE_TREE, TREE = "4" * 40, "5" * 40
OLD_BLOB, NEW_BLOB = "6" * 40, "7" * 40
WRITERS = {  # who wrote the fix → what is known of it then
    "a person": {"author": "Robin Fixer <robin@example.invalid>"},
    "an AI": {
        "author": "Robin Fixer <robin@example.invalid>", "origin": "ai_generated",
        "agent": "an assistant", "model": "disclosed",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The gate's answer for one writer: the tier, and the checks in the way, worst first."""

    writer: str
    tier: str
    verdict: str
    missing: tuple[Mapping[str, Any], ...]  # rows of the judgement's ``checks``


@dataclass(frozen=True, slots=True)
class Setup:
    """One tool and category whose full scans arrive at a line, with the finding that was tried."""

    scan: Scan
    finding: Finding | None
    rehearsed: tuple[Rehearsed, ...] = ()
    note: str = ""  # why nothing could be tried


def rehearse(asset: Asset, *, at: datetime) -> list[Setup]:
    """Try a perfect fix on the newest full scan of each tool and category of the asset's lines."""
    scans = Scan.objects.done().filter(asset=asset, purpose=Purpose.LINE).order_by("-pk")
    newest: dict[tuple[str, str], Scan] = {}
    for scan in scans.defer("log")[:200]:
        newest.setdefault((scan.tool, scan.category), scan)
    stored = asset.scope.policy
    policy = gate_policy.load(stored.toml.encode(), stored.name)
    return [_setup(scan, asset, policy, at) for scan in list(newest.values())[:MOST_SETUPS]]


def _setup(scan: Scan, asset: Asset, policy: Policy, at: datetime) -> Setup:
    sighting = _shown(scan)
    if sighting is None:
        return Setup(scan, None, note="It shows no open finding that a fix could be tried on.")
    if scan.raw is None or scan.raw.size > MOST_BYTES:
        return Setup(scan, sighting.finding, note="Its report is too large to be tried on a page.")
    data = blobs.load(scan.raw_id or "")
    if (told := recognise(scan.document_name, data)) is not SARIF:
        note = f"A fix is tried on reports in SARIF alone; this one is {told.name}."
        return Setup(scan, sighting.finding, note=note)
    if _taken_out(json.loads(data), sighting.pointer) is None:
        return Setup(scan, sighting.finding, note="Its report does not hold the finding any more.")
    tried = tuple(_try(scan, sighting, asset, policy, writer, at) for writer in WRITERS)
    return Setup(scan, sighting.finding, tried)


class Shown(NamedTuple):
    """A finding, where the scan has its result, and the place that it names."""

    finding: Finding
    pointer: str
    path: str
    start_line: int | None


def _shown(scan: Scan) -> Shown | None:
    """The most urgent open finding that the scan shows."""
    told: Pointers = pointers([scan.pk]).get(scan.pk, {})
    rows = Finding.objects.open().filter(series__scans__scan=scan, presence=Presence.PRESENT)
    for finding in rows.order_by("-priority_score", "pk").iterator(chunk_size=100):
        if finding.pk in told:
            seen = seen_in(finding.pk, scan.pk)
            path, line = (seen.path, seen.start_line) if seen else ("", None)
            return Shown(finding, told[finding.pk], path, line)
    return None


def _try(
    scan: Scan, sighting: Shown, asset: Asset, policy: Policy, writer: str, at: datetime
) -> Rehearsed:
    data = blobs.load(scan.raw_id or "")
    ref = f"before.sarif#{sighting.pointer}"
    try:
        evidence = assemble(
            after=[Document("after.sarif", _after(data, sighting, at))],
            before=[Document("before.sarif", data)],
            diff=Document("fix.diff", _diff(sighting)),
            findings=[ref],
            facts=_facts(scan, sighting, asset, policy, writer, at),
        )
    except InputError as error:
        return Rehearsed(writer, "", "unknown", ({"id": "WELL_FORMED", "reason": str(error)},))
    answer = judge(evidence, policy).to_dict()
    return Rehearsed(writer, answer["tier"], answer["verdict"], tuple(failing_checks(answer)))


def _taken_out(report: Any, pointer: str) -> Any:
    """Remove one result from a report; None where the pointer leads nowhere."""
    parts = pointer.strip("/").split("/")
    try:
        if len(parts) != 4 or (parts[0], parts[2]) != ("runs", "results"):
            return None
        return report["runs"][int(parts[1])]["results"].pop(int(parts[3]))
    except (KeyError, IndexError, ValueError, TypeError):
        return None


def _after(data: bytes, sighting: Shown, at: datetime) -> bytes:
    """The report without the finding, of the commit that merged, ended just now."""
    report = json.loads(data)
    _taken_out(report, sighting.pointer)
    for run in report["runs"]:
        for details in run.get("versionControlProvenance") or ():
            if "revisionId" in details:
                details["revisionId"] = MERGE
        for invocation in run.get("invocations") or ():
            for name in ("startTimeUtc", "endTimeUtc"):
                if name in invocation:
                    invocation[name] = rfc3339(at)
    return json.dumps(report).encode()


def _diff(sighting: Shown) -> bytes:
    """A change of the finding's one line."""
    path, line = sighting.path or "file", sighting.start_line or 1
    return (
        f"diff --git a/{path} b/{path}\nindex {OLD_BLOB}..{NEW_BLOB} 100644\n"
        f"--- a/{path}\n+++ b/{path}\n@@ -{line} +{line} @@\n-the weakness\n+the fix\n"
    ).encode()


def _facts(
    scan: Scan, sighting: Shown, asset: Asset, policy: Policy, writer: str, at: datetime
) -> dict[str, Any]:
    """The facts that arrive, moved to the revisions of the rehearsal; what is missing stays so."""
    pushed, merged = at - timedelta(minutes=30), at - timedelta(minutes=10)
    questions = sorted({q for tier in Tier for q in policy.terms[tier].questions})
    return {
        "fix": {
            "base_commit": BASE, "base_tree": BASE_TREE, "head_commit": HEAD, "head_tree": TREE,
            "merge_commit": MERGE, "merge_tree": TREE, "pushed_at": rfc3339(pushed),
            "merged_at": rfc3339(merged), **WRITERS[writer],
        },
        "before": [_moved(scan, sighting.path, BASE, BASE_TREE, OLD_BLOB, at - timedelta(days=1))],
        "after": [_moved(scan, sighting.path, MERGE, TREE, NEW_BLOB, at)],
        "reviews": [
            {
                "reviewer": name, "kind": "human", "commit": HEAD, "tree": TREE,
                "decision": "approved", "at": rfc3339(at - timedelta(minutes=20)),
                "answers": dict.fromkeys(questions, "yes: looked at in the rehearsal"),
            }
            for name in ("Sam Reviewer <sam@example.invalid>", "Kim Second <kim@example.invalid>")
        ],
        "surroundings": {
            "exposure": "internet" if asset.scope.exposure == Exposure.INTERNET else "internal",
            "criticality": asset.scope.criticality,
        },
        "at": rfc3339(at),
    }  # fmt: skip


def _moved(
    scan: Scan, path: str, commit: str, tree: str, blob: str, at: datetime
) -> dict[str, Any]:
    facts = dict(scan.facts)
    there: Iterable[tuple[str, Any]] = (
        ("commit", commit), ("tree", tree), ("finished_at", rfc3339(at)),
        ("started_at", rfc3339(at - timedelta(minutes=1))),
        ("parents", [BASE, HEAD] if commit == MERGE else []),
    )  # fmt: skip
    facts |= {name: value for name, value in there if name in facts}
    if "commit" not in facts and scan.commit:  # told by the report itself
        facts["commit"] = commit
    if "blobs" in facts:
        facts["blobs"] = {**facts["blobs"], path: blob}
    return facts
