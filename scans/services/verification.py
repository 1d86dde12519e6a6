"""Bringing evidence to the gate: collect what is stored, judge, record, act on the verdict."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from core import blobs
from core.errors import BadInput
from core.events import append_event
from core.moments import rfc3339
from findings.lifecycle import transition
from findings.models import Finding
from findings.statuses import OPEN, Status
from gate import policy as gate_policy
from gate.assemble import assemble
from gate.errors import InputError
from gate.evidence import Document, Evidence
from gate.judgement import judge
from remediations.models import Remediation
from remediations.services import locked
from scans.ingest.records import digest
from scans.models import Scan, Verification, VerificationScan
from scans.results import Pointers, pointers, scans_that_saw
from scans.services import facts as told
from scans.services.clearances import clear, refutation
from scans.services.known import NOBODYS, judged_with_known
from scans.statuses import ENDED, FactSource, Purpose, Relation, Role, Verdict
from scopes.models import Exposure

# What fails as long as no full scan of what merged has come: reports of a pull request do not answer.
UNANSWERED = frozenset({"SCAN_LINKED", "SCAN_SCOPE", "CONTENT_BINDING", "SCAN_FRESH"})
GOOD_OUTCOMES = ("PASS", "NOT_APPLICABLE", "WAIVED")


@dataclass
class Dossier:
    """All that is stored about a fix, in the shape that the gate and a bundle take.

    ``scans`` by role; ``facts`` is a facts.json; ``refs`` the finding's id → its reference.
    """

    scans: dict[Role, list[Scan]]
    facts: dict[str, Any]
    known: dict[str, Any] = field(default_factory=lambda: dict(NOBODYS))
    refs: dict[int, str] = field(default_factory=dict)

    def documents(self, role: Role) -> list[Document]:
        return [Document(s.document_name, blobs.load(s.raw_id or "")) for s in self.scans[role]]

    def to_json(self, diff_sha256: str | None, finding_id: int) -> dict[str, Any]:
        """What a verification keeps of its inputs: enough to rebuild them byte for byte."""
        own = self.refs[finding_id]
        return {
            "documents": [
                {"role": role.value, "name": s.document_name, "sha256": s.raw_id, "scan": s.pk}
                for role, scans in self.scans.items()
                for s in scans
            ],
            "diff": diff_sha256,
            "facts": told.about(own, self.facts),
            "known": self.known,
            "finding": own,
        }


def _newest_per_tool(scans: Iterable[Scan]) -> list[Scan]:
    """The last of each tool and category, in a stable order."""
    newest = {(s.tool, s.category): s for s in sorted(scans, key=lambda s: s.pk)}
    return sorted(newest.values(), key=lambda s: s.pk)


def _of_line(fix: Remediation, done: Sequence[Scan]) -> list[Scan]:
    """Scans that may speak of the fix's line: its own, and full ones that the code host keeps.

    Those came for another fix, or late: they are of their commit all the same.
    """
    return [
        scan
        for scan in done
        if scan.line_id == fix.line_id
        or (scan.line_id is None and scan.source == FactSource.FETCHED and not _is_partial(scan))
    ]


def _is_partial(scan: Scan) -> bool:
    return scan.facts.get("scope") != "full"


def _oldest_per_tool(scans: Iterable[Scan]) -> list[Scan]:
    """The first of each tool and category: with the least beside the fix in it."""
    return list({(s.tool, s.category): s for s in sorted(scans, key=lambda s: -s.pk)}.values())


def _is_of(scan: Scan, commit: str, tree: str) -> bool:
    return bool(commit and scan.commit == commit) or bool(tree and scan.tree == tree)


def _after(fix: Remediation, done: Sequence[Scan], descents: Collection[int]) -> list[Scan]:
    """Post-fix scans: of what merged if there are any, else of what contains it by ``descents``,
    else of the head, else what was linked to the fix."""
    linked = [s for s in done if s.remediation_id == fix.pk and s.purpose == Purpose.FIX]
    if fix.merge_commit:
        ours = {s.pk: s for s in (*linked, *_of_line(fix, done))}.values()
        merged = [s for s in ours if _is_of(s, fix.merge_commit, fix.merge_tree)]
        told = {(s.tool, s.category) for s in merged if s.facts.get("scope") != "diff"}
        later = [s for s in ours if s.pk in descents and (s.tool, s.category) not in told]
        if later:  # what it brought in is told by the scan of the request, if one was made
            asked = [s for s in linked if (s.tool, s.category) not in told]
            chosen = [*_newest_per_tool((*asked, *merged)), *_oldest_per_tool(later)]
            return [*chosen, *_rivals(chosen, (*merged, *later))]
        if merged:
            chosen = _newest_per_tool(merged)
            return [*chosen, *_rivals(chosen, merged)]
    of_head = [s for s in linked if _is_of(s, fix.head_commit, fix.head_tree)]
    return _newest_per_tool(of_head or linked)


def _rivals(chosen: Sequence[Scan], scans: Iterable[Scan]) -> list[Scan]:
    """The other full reports that a code host keeps of the same commit, tool and category.

    Who may write there can add one in the name of the scanner, and nothing tells which is true. All
    are judged: one that shows the weakness is enough. A run that is not known to have ended well is
    none where the chosen one is: it was started again.
    """
    known = {(s.commit, s.tool, s.category): s for s in chosen if s.source == FactSource.FETCHED}
    found = {}
    for scan in scans:
        mine = known.get((scan.commit, scan.tool, scan.category))
        if mine is None or scan.source != FactSource.FETCHED or _is_partial(scan):
            continue
        if "exit_code" in scan.facts or "exit_code" not in mine.facts:
            found[scan.raw_id] = scan
    seen = {scan.raw_id for scan in chosen}
    return sorted((s for raw, s in found.items() if raw not in seen), key=lambda s: s.pk)


def _before(fix: Remediation, done: Sequence[Scan], findings: Sequence[Finding]) -> list[Scan]:
    """Full scans of the base; for a finding that they do not show, the last scan that saw it."""
    chosen = _newest_per_tool(
        s for s in _of_line(fix, done) if _is_of(s, fix.base_commit, fix.base_tree)
    )
    shown = pointers([s.pk for s in chosen], [finding.pk for finding in findings])
    seen = {pk for found in shown.values() for pk in found}
    for finding in findings:
        if finding.pk not in seen:
            last = next(scans_that_saw(finding.pk, [s.pk for s in done]), None)
            chosen += [s for s in done if s.pk == last and s not in chosen]
    return chosen


def collect(fix: Remediation, findings: Sequence[Finding], *, at: datetime) -> Dossier:
    """Gather the stored evidence about a fix and the findings it addresses."""
    done = list(Scan.objects.done().filter(asset_id=fix.asset_id, raw__isnull=False).order_by("pk"))
    rows = (
        fix.descents.filter(relation__in=[Relation.CONTAINS, Relation.PRECEDES])
        .select_related("scan")
        .order_by("pk")
    )
    descents = {row.scan_id: row for row in rows}
    later = {pk for pk, row in descents.items() if row.relation == Relation.CONTAINS}
    before = _before(fix, done, findings)
    controls = [s for s in done if s.remediation_id == fix.pk and s.purpose == Purpose.CONTROL]
    scans = {
        Role.BEFORE: before,
        Role.AFTER: _after(fix, done, later),
        Role.CONTROL: _newest_per_tool(s for s in controls if s not in before),
    }
    facts: dict[str, Any] = {
        role.value: [told.scan_facts(s, fix, descents) for s in scans[role]] for role in scans
    }
    shown = pointers([s.pk for s in before], [finding.pk for finding in findings])
    refs = {finding.pk: _reference(finding, shown) for finding in findings}
    names = [s.document_name for s in scans[Role.AFTER]]
    facts |= {
        "fix": told.fix_facts(
            fix, [d for d in descents.values() if d.scan in (*before, *scans[Role.AFTER])]
        ),
        "reviews": told.reviews(fix),
        "dispositions": [*told.dispositions(fix), *told.disputes(fix, refs, names)],
        "surroundings": {
            "exposure": "internet" if fix.scope.exposure == Exposure.INTERNET else "internal",
            "criticality": fix.scope.criticality,
        },
        "at": rfc3339(at),
    }
    beside = {
        "waivers": told.waivers(fix, refs),
        "revocations": told.revocations(fix, refs),
        "proofs": told.proofs(fix, refs),
        "releases": told.releases(fix, findings),
        "standing_approvals": told.standing_approvals(fix),
    }
    facts |= {name: rows for name, rows in beside.items() if rows}
    return Dossier(scans, facts, refs=refs)


def _reference(finding: Finding, shown: Mapping[int, Pointers]) -> str:
    """Point to the finding's own result in the newest before scan that shows it."""
    newest = max((pk for pk, found in shown.items() if finding.pk in found), default=None)
    if newest is None:
        return f"{finding.rule}@{finding.place}"
    return f"scan-{newest}.sarif#{shown[newest][finding.pk]}"


def build_evidence(dossier: Dossier, diff: bytes | None, refs: Sequence[str]) -> Evidence:
    """Read the dossier's documents into the gate's evidence. Raises BadInput with the place.

    What is known on the line is asked for once the gate has said what is new: see ``known``.
    """
    try:
        return assemble(
            after=dossier.documents(Role.AFTER),
            before=dossier.documents(Role.BEFORE),
            control=dossier.documents(Role.CONTROL),
            diff=Document("fix.diff", diff) if diff is not None else None,
            findings=refs,
            facts=dossier.facts,
        )
    except InputError as error:
        raise BadInput(error.where, error.what) from error


@transaction.atomic
def judge_remediation(remediation_id: int, *, at: datetime) -> list[Verification]:
    """Judge every open finding of a fix with what is stored now, and act on the verdicts.

    A judgement over the same inputs as the current one is not recorded again. Returns the new rows.
    """
    fix = locked(remediation_id)
    findings = list(fix.findings.filter(status__in=OPEN).order_by("pk"))
    if not findings:
        return []
    dossier = collect(fix, findings, at=at)
    diff = blobs.load(fix.diff_id) if fix.diff_id else None
    evidence = build_evidence(dossier, diff, [dossier.refs[f.pk] for f in findings])
    stored = fix.scope.policy
    policy = gate_policy.load(stored.toml.encode(), stored.name)

    def ask(told: Evidence) -> list[dict[str, Any]]:
        each = (replace(told, originals=(original,)) for original in told.originals)
        return [judge(one, policy).to_dict() for one in each]

    answers, dossier.known = judged_with_known(fix, evidence, ask)
    made, passed = [], []
    for finding, answer in zip(findings, answers, strict=True):
        verification, is_new = _record(fix, finding, dossier, answer, at)
        if is_new:
            made.append(verification)
        elif verification.verdict == Verdict.PASS:
            passed.append(verification)  # nothing may have been done with it at the time
    for verification in (*made, *passed):
        _act(fix, verification, at)
    return made


def _is_same(
    one: Verification, inputs: dict[str, Any], answer: dict[str, Any], policy_id: int
) -> bool:
    """Whether a judgement says what the kept one says, by the same policy over the same inputs.

    Time alone can change it: a waiver ends, a scan grows old.
    """

    def outcomes(answer: dict[str, Any]) -> list[tuple[str, str]]:
        return [(check["id"], check["outcome"]) for check in answer["checks"]]

    def timeless(inputs: dict[str, Any]) -> dict[str, Any]:
        return {**inputs, "facts": {k: v for k, v in inputs["facts"].items() if k != "at"}}

    same_answer = outcomes(one.judgement) == outcomes(answer) and one.policy_id == policy_id
    return same_answer and timeless(one.inputs) == timeless(inputs)


def _record(
    fix: Remediation, finding: Finding, dossier: Dossier, answer: dict[str, Any], at: datetime
) -> tuple[Verification, bool]:
    """Keep a judgement, or return the current one over the same inputs; and whether it is new."""
    inputs = json.loads(json.dumps(dossier.to_json(fix.diff_id, finding.pk)))
    previous = Verification.objects.current().filter(remediation=fix, finding=finding).first()
    if previous and _is_same(previous, inputs, answer, fix.scope.policy_id):
        return previous, False
    verification = Verification.objects.create(
        scope_id=fix.scope_id, remediation=fix, finding=finding, supersedes=previous,
        verdict=answer["verdict"], safe=answer["lamps"]["safe"], right=answer["lamps"]["right"],
        tier=answer["tier"], with_merge=bool(fix.merge_commit), head_commit=fix.head_commit,
        policy=fix.scope.policy, judgement=answer, judgement_sha256=digest(answer), inputs=inputs, at=at,
    )  # fmt: skip
    VerificationScan.objects.bulk_create(
        VerificationScan(verification=verification, scan=s, scope_id=fix.scope_id, role=role)
        for role, scans in dossier.scans.items()
        for s in scans
    )
    append_event(
        scope_id=fix.scope_id, action="finding.verified" if answer["verdict"] == "pass" else "finding.judged",
        subject="finding", subject_id=finding.pk, by=None, at=at,
        data={"verification": verification.pk, "remediation": fix.pk, "verdict": answer["verdict"],
              "lamps": answer["lamps"], "failing": [c["id"] for c in failing_checks(answer)]},
    )  # fmt: skip
    return verification, True


def failing_checks(judgement: dict[str, Any]) -> list[dict[str, Any]]:
    """The required checks that stand in the way of a pass, worst first."""
    open_ones = [
        c for c in judgement["checks"] if c["required"] and c["outcome"] not in GOOD_OUTCOMES
    ]
    return sorted(open_ones, key=lambda check: check["outcome"] != "FAIL")


def _speaks_against(verification: Verification) -> bool:
    """Whether evidence says no. That the scan has not come yet is what awaiting is for."""
    failed = {c["id"] for c in failing_checks(verification.judgement) if c["outcome"] == "FAIL"}
    return verification.verdict == Verdict.FAIL and not failed <= UNANSWERED


def _is_being_read(fix: Remediation) -> bool:
    """Whether another report of what merged has come and is not read yet: it may say otherwise."""
    coming = Scan.objects.exclude(state__in=ENDED).filter(asset_id=fix.asset_id)
    return coming.filter(commit=fix.merge_commit, source=FactSource.FETCHED).exists()


def _act(fix: Remediation, verification: Verification, at: datetime) -> None:
    """Complete what is cleared; send back what failed after somebody claimed it."""
    finding = Finding.objects.get(pk=verification.finding_id)
    if verification.verdict == Verdict.PASS and verification.with_merge:
        if refutation(finding, fix) or _is_being_read(fix):
            return
        if finding.status != Status.AWAITING_VERIFICATION:
            # It was sent back meanwhile; the merge that has passed now is the claim again.
            reason = f"{fix} has merged and its verification has passed."
            transition(finding.pk, "claim", by=None, at=at, brought={"reason": reason})
        clear(verification, at=at)
    elif finding.status == Status.AWAITING_VERIFICATION and _speaks_against(verification):
        first = failing_checks(verification.judgement)[0]
        brought = {
            "reason": f"{first['id']}: {first['reason']}",
            "verification_id": verification.pk,
            "remediation_id": fix.pk,
        }
        transition(finding.pk, "send_back", by=None, at=at, brought=brought)
