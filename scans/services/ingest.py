"""Reading a stored report: one job, one transaction that applies it, one event for the whole import."""

import hashlib
from collections import Counter
from datetime import datetime

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from core import blobs, jobs
from core.events import append_event
from core.models import Job, JobState
from findings.models import Finding
from findings.statuses import OPEN, Status
from gate import catalogue
from gate.errors import InputError
from gate.formats import read
from gate.records import Report
from remediations.models import Remediation
from remediations.statuses import RemediationState
from scans.ingest.match import Merge, merge_run
from scans.ingest.runs import joined
from scans.models import Scan, Tool
from scans.services.clearances import reopen_on_sight
from scans.services.verification import judge_remediation
from scans.statuses import ENDED, FactSource, Relation, ScanState, ToolClass
from scopes.models import Asset


def set_progress(scan: Scan, state: ScanState, done: int = 0, total: int = 0) -> None:
    """Show where the work stands, outside the transaction that does it; never on a scan that is over."""
    scan.state = state
    Scan.objects.filter(pk=scan.pk).exclude(state__in=ENDED).update(
        state=state, progress_done=done, progress_total=total
    )


def fail_scan(scan: Scan, job: Job, error: str, at: datetime) -> None:
    """End a scan that cannot be used; ``error`` names the place and the limit."""
    with transaction.atomic():
        if not jobs.finish(job, at, state=JobState.FAILED, error=error):
            return
        Scan.objects.filter(pk=scan.pk).update(
            state=ScanState.FAILED, error=error[:4000], finished_at=at
        )
        append_event(
            scope_id=scan.scope_id, action="scan.failed", subject="scan", subject_id=scan.pk,
            by=None, at=at, data={"error": error[:1000]},
        )  # fmt: skip


def ingest_scan(job: Job) -> None:
    """Parse and apply the report of one scan. Idempotent: a lost lease writes nothing."""
    scan = Scan.objects.select_related("scope", "line", "raw").get(pk=job.subject_id)
    if scan.is_over:
        jobs.finish(job, timezone.now())
        return
    set_progress(scan, ScanState.PARSING, 0, scan.raw.size if scan.raw else 0)
    try:
        report = read(scan.document_name, blobs.load(scan.raw_id or ""))
    except InputError as error:
        fail_scan(scan, job, str(error), timezone.now())
        return
    set_progress(scan, ScanState.APPLYING, 0, sum(len(run.results) for run in report.runs))
    apply_report(scan, job, report)


@transaction.atomic
def apply_report(scan: Scan, job: Job, report: Report) -> None:
    """Write all that follows from a report in one transaction, and end the job with it."""
    at = timezone.now()
    # Imports of one asset go one after another.
    Asset.objects.select_for_update(no_key=True).get(pk=scan.asset_id)
    if not jobs.finish(job, at):
        return
    _describe(scan, report)
    touched = _touched(scan)
    _lock(scan, touched)
    runs = joined(report.runs) if scan.line else []
    merges = [merge_run(scan, scan.line, run, at) for run in runs] if scan.line else []
    counts = sum((merge.counts for merge in merges), Counter[str]())
    scan.counts = (
        dict(counts) if merges else {"results": sum(len(run.results) for run in report.runs)}
    )
    scan.state, scan.finished_at = ScanState.DONE, at
    scan.progress_done = scan.progress_total = scan.counts.get("results", 0)
    scan.save()
    for merge in merges:
        _follow_up(scan, merge, at)
    for remediation_id in touched:
        judge_remediation(remediation_id, at=at)
    append_event(
        scope_id=scan.scope_id, action="scan.imported", subject="scan", subject_id=scan.pk,
        by=None, at=at, data={**scan.counts, "rows": _rows_digest(merges)},
    )  # fmt: skip


def _lock(scan: Scan, touched: list[int]) -> None:
    """Lock fixes and findings in the order of remediations.services.locked, before the first event."""
    fixes = Remediation.objects.filter(pk__in=touched).order_by("pk")
    list(fixes.select_for_update(of=("self",), no_key=True).only("pk"))
    if scan.line is not None:
        findings = Finding.objects.filter(line=scan.line).order_by("pk")
        list(findings.select_for_update(of=("self",), no_key=True).only("pk"))


def _describe(scan: Scan, report: Report) -> None:
    runs = report.runs
    scan.tool = ", ".join(dict.fromkeys(run.tool for run in runs))[:120]
    scan.tool_version = ", ".join(dict.fromkeys(run.version for run in runs))[:80]
    scan.category = (scan.facts.get("category") or (runs[0].category if runs else ""))[:200]
    scan.problems = list(report.problems[:100])
    for run in runs:
        row = catalogue.tool(run.tool)
        known = scan.tool_class or (row.tool_class if row else "") or ToolClass.SAST
        tool, _ = Tool.objects.get_or_create(
            name=run.tool[:120], defaults={"tool_class": known, "vendor": run.organization[:120]}
        )
        scan.tool_class = scan.tool_class or tool.tool_class
    if not scan.commit and runs:
        scan.commit = runs[0].revision[:64]


def _rows_digest(merges: list[Merge]) -> str:
    """SHA-256 over the findings that an import created or saw, so that the one event seals the rows."""
    rows = sorted(f"{f.pk}:new" for m in merges for f in m.new)
    rows += sorted(f"{f.pk}:{stage}" for m in merges for f, stage, _ in m.seen_again)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _follow_up(scan: Scan, merge: Merge, at: datetime) -> None:
    """Name what fixes brought in, and reopen what ended but is seen again."""
    for fix in _merged_at(scan).filter(asset_id=scan.asset_id):
        judged = fix.verifications.current().first()
        new = judged.judgement["new"] if judged else []
        brought = {(n["rule"], n["path"], n["line"]) for n in new if n["cause"] == "fix"}
        ids = [f.pk for f in merge.new if (f.rule, f.path, f.start_line) in brought]
        Finding.objects.filter(pk__in=ids).update(introduced_by_id=fix.pk)
    for finding, stage, pointer in merge.seen_again:
        ended = finding.status in (Status.MOBILIZATION_COMPLETE, Status.NO_LONGER_PRESENT)
        if ended:  # suppressed is not absent
            reopen_on_sight(finding, scan=scan, stage=stage, pointer=pointer, at=at)


def _touched(scan: Scan) -> list[int]:
    """Remediations that this scan is new evidence for: its own, and those that begin or ended there."""
    own = {scan.remediation_id} if scan.remediation_id is not None else set()
    if own and scan.source != FactSource.FETCHED:
        return sorted(own)
    contained = scan.descents.filter(relation=Relation.CONTAINS).values("remediation")
    others = _merged_at(scan) | Remediation.objects.filter(pk__in=contained)
    if scan.source == FactSource.FETCHED and scan.commit:
        others |= Remediation.objects.filter(base_commit=scan.commit, verifications__isnull=False)
    waiting = others.filter(asset=scan.asset, findings__status__in=OPEN)
    if scan.line_id is not None:
        waiting = waiting.filter(line=scan.line_id)
    return sorted(own | set(waiting.values_list("pk", flat=True)))


def _merged_at(scan: Scan) -> models.QuerySet[Remediation]:
    """Fixes that merged as the very revision that was scanned."""
    same = Q(merge_commit=scan.commit)
    if scan.tree:
        same |= Q(merge_tree=scan.tree)
    return Remediation.objects.filter(same, state=RemediationState.MERGED)
