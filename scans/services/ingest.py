"""Reading a stored report: one job, one transaction that applies it, one event for the whole import."""

import gc
import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from core import blobs, bulk, jobs
from core.events import append_event
from core.models import Job, JobState
from findings.models import Finding, Series
from findings.statuses import OPEN, Presence, Status
from gate import catalogue
from gate.errors import InputError
from gate.formats import read
from gate.formats.content import File
from gate.records import Report
from remediations.models import Remediation
from remediations.statuses import RemediationState
from scans.ingest import write
from scans.ingest.runs import joined
from scans.ingest.write import Merge
from scans.models import Scan, Tool
from scans.services import vanishing
from scans.services.clearances import reopen_on_sight
from scans.services.verification import judge_remediation
from scans.statuses import ENDED, FactSource, Relation, ScanState, ToolClass
from scopes.models import Asset

GONE = (Status.MOBILIZATION_COMPLETE, Status.NO_LONGER_PRESENT)  # what a scan that sees it reopens
TOLD_EACH = 1.0  # seconds
ON_THEIR_WAY = (Status.MOBILIZING, Status.AWAITING_VERIFICATION, *GONE)


class LostJob(Exception):
    """The job was taken away while the report was read: cancelled, or another worker has it."""


class Watched(File):
    """A report that shows how far it is read, and ends when the job is taken away."""

    def __init__(self, path: Path, scan: Scan, job: Job) -> None:
        super().__init__(path)
        self._scan, self._job = scan, job
        self._passed = 0  # bytes; a report is read twice, see gate.formats.content
        self._told = time.monotonic()

    def blocks(self, start: int = 0) -> Iterator[bytes]:
        """The bytes from ``start`` on. Raises LostJob."""
        for block in super().blocks(start):
            self._passed += len(block)
            if time.monotonic() - self._told > TOLD_EACH:
                self._tell()
            yield block

    def _tell(self) -> None:
        self._told = time.monotonic()
        if not jobs.held(self._job).exists():
            raise LostJob
        done = min(self._passed // 2, self.size)
        set_progress(self._scan, ScanState.PARSING, done, self.size)


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


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let nobody look for cycles: there are none among the many records of a report, and each look costs."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_uncollected()
def ingest_scan(job: Job) -> None:
    """Parse and apply the report of one scan. Idempotent: a lost lease writes nothing."""
    scan = Scan.objects.select_related("scope", "line", "raw").get(pk=job.subject_id)
    if scan.is_over:
        jobs.finish(job, timezone.now())
        return
    if apply_again(scan, job):
        return
    set_progress(scan, ScanState.PARSING, 0, scan.raw.size if scan.raw else 0)
    Scan.objects.filter(pk=scan.pk).update(started_at=timezone.now())
    try:
        with blobs.unpacked(scan.raw_id or "") as path:
            report = read(scan.document_name, Watched(path, scan, job))
    except InputError as error:
        fail_scan(scan, job, str(error), timezone.now())
        return
    except LostJob:
        return
    set_progress(scan, ScanState.APPLYING, 0, sum(len(run.results) for run in report.runs))
    apply_report(scan, job, report)


@transaction.atomic
def apply_report(scan: Scan, job: Job, report: Report) -> None:
    """Write all that follows from a report in one transaction, and end the job with it."""
    at = timezone.now()
    _wait_for_others(scan)
    if not jobs.finish(job, at):
        return
    _describe(scan, report)
    category = str(scan.facts.get("category") or "")
    runs = joined(report.runs, category) if scan.line else []
    merges = [write.planned(scan, run, at) for run in runs]
    touched = _touched(scan)
    _lock(merges, touched)
    for merge in merges:
        write.write(merge, at)
    counts = sum((merge.plan.counts for merge in merges), Counter[str]())
    scan.counts = (
        dict(counts) if merges else {"results": sum(len(run.results) for run in report.runs)}
    )
    _end(scan, at)
    for merge in merges:
        _follow_up(scan, merge, at)
    _tell(scan, touched, {"rows": _rows_digest(merges)}, at)


@transaction.atomic
def apply_again(scan: Scan, job: Job) -> bool:
    """Take over what the last scan of the line saw, if this one is the same file; else do nothing.

    Nothing changes then but when findings were last seen. Returns whether the job is done.
    """
    at = timezone.now()
    _wait_for_others(scan)
    before = _same_file(scan)
    if before is None:
        return False
    if not jobs.finish(job, at):
        return True
    for name in ("tool", "tool_version", "tool_class", "category", "problems"):
        setattr(scan, name, getattr(before, name))
    found = before.counts.get("results", 0)  # none: a count of nothing is not kept
    scan.counts = {"results": found, "unchanged": found}
    if before.counts.get("suppressed"):
        scan.counts["suppressed"] = before.counts["suppressed"]
    touched = _touched(scan)
    _lock([], touched)
    rows = write.write_again(scan, before, at)
    _end(scan, at)
    _tell(scan, touched, {"same_as": before.pk, "rows": _sealed(rows)}, at)
    return True


def _same_file(scan: Scan) -> Scan | None:
    """The last scan of all series that it is in, if it has the bytes of this one and is told alike."""
    if scan.line is None or not scan.commit:
        return None
    rows = Scan.objects.done().filter(line=scan.line, raw=scan.raw_id).exclude(pk=scan.pk)
    before = rows.order_by("-pk").first()
    if before is None or scan.tool_class not in ("", before.tool_class):
        return None
    if any(before.facts.get(name) != scan.facts.get(name) for name in ("scope", "category")):
        return None
    series = Series.objects.filter(scans__scan=before)
    seen = (Presence.PRESENT, Presence.SUPPRESSED)
    back = Finding.objects.filter(series__in=series, status__in=GONE, presence__in=seen)
    if not series or series.exclude(last_scan_id=before.pk).exists() or back.exists():
        return None
    return before


def _wait_for_others(scan: Scan) -> None:
    """Imports of one asset go one after another."""
    Asset.objects.select_for_update(no_key=True).get(pk=scan.asset_id)


def _end(scan: Scan, at: datetime) -> None:
    scan.state, scan.finished_at = ScanState.DONE, at
    scan.progress_done = scan.progress_total = scan.counts.get("results", 0)
    scan.save()


def _tell(scan: Scan, touched: list[int], told: dict[str, Any], at: datetime) -> None:
    """Judge what the scan is new evidence for; one event for the whole import, last."""
    for remediation_id in touched:
        judge_remediation(remediation_id, at=at)
    vanishing.ask_after(scan, at=at)
    append_event(
        scope_id=scan.scope_id, action="scan.imported", subject="scan", subject_id=scan.pk,
        by=None, at=at, data={**scan.counts, **told},
    )  # fmt: skip


def _lock(merges: list[Merge], touched: list[int]) -> None:
    """Lock fixes, then findings, in the order of remediations.services.locked, before the first event.

    Of the findings those that the import writes, those that fixes are about, and those that are on
    their way to complete: whether they may is told by this very scan.
    """
    fixes = Remediation.objects.filter(pk__in=touched).order_by("pk")
    list(fixes.select_for_update(of=("self",), no_key=True).only("pk"))
    series = [merge.series for merge in merges]
    wanted = Q(remediations__in=touched) | Q(series__in=series, status__in=ON_THEIR_WAY)
    ids = set(Finding.objects.filter(wanted).values_list("pk", flat=True))
    written = [pk for merge in merges for pk in write.changed(merge)]
    rows = Finding.objects.filter(pk__in=bulk.listed(ids.union(written))).order_by("pk")
    locked = rows.select_for_update(of=("self",), no_key=True)
    list(locked.values_list("pk", flat=True))


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
    rows = sorted(f"{pk}:new" for merge in merges for pk in merge.ids)
    rows += sorted(f"{s.known.pk}:{s.stage}" for merge in merges for s in merge.plan.seen)
    return _sealed(rows)


def _sealed(rows: list[str]) -> str:
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _follow_up(scan: Scan, merge: Merge, at: datetime) -> None:
    """Name what fixes brought in, and reopen what ended but is seen again."""
    for fix in _merged_at(scan).filter(asset_id=scan.asset_id):
        judged = fix.verifications.current().first()
        new = judged.judgement["new"] if judged else []
        brought = {(n["rule"], n["path"], n["line"]) for n in new if n["cause"] == "fix"}
        ids = [
            pk for pk, (r, _) in zip(merge.ids, merge.plan.new, strict=True)
            if (r.rule, r.location.path, r.location.line) in brought
        ]  # fmt: skip
        Finding.objects.filter(pk__in=ids).update(introduced_by_id=fix.pk)
    ended = Finding.objects.filter(series=merge.series, status__in=GONE).in_bulk()
    for one in merge.plan.seen if ended else ():
        finding = ended.get(one.known.pk)
        if finding is not None:  # suppressed is not absent
            reopen_on_sight(finding, scan=scan, stage=one.stage, pointer=one.result.pointer, at=at)


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
