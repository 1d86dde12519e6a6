"""Merging a scan of a line into its findings: the gate's matcher decides what is the same."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.text import clean_text
from findings.lifecycle import transition_set
from findings.models import Finding, Sighting
from findings.priority import severity_of
from findings.services import set_priority
from findings.statuses import OPEN, Presence
from gate.matching import match
from gate.records import Level, Result, Rule, Run
from scans.ingest.records import digest, result_from_json, result_to_json
from scans.models import Scan
from scopes.models import Line

PRESENT_STAGES = ("S1", "S2", "S3", "S4", "S5")  # design: a match at these says "the same weakness"
MACHINE_COLUMNS = [
    "current", "path", "start_line", "snippet", "message", "level", "security_severity",
    "presence", "last_seen_at",
]  # fmt: skip


@dataclass
class Merge:
    """What one scan did to its line."""

    counts: Counter[str] = field(default_factory=Counter)
    new: list[Finding] = field(default_factory=list)
    seen_again: list[tuple[Finding, str, str]] = field(
        default_factory=list
    )  # finding, stage, pointer


def tells_absence(scan: Scan, run: Run) -> bool:
    """Whether what this run does not report may be called absent: a full scan that succeeded."""
    errors = any(n.level is Level.ERROR for n in run.notifications)
    return (
        scan.facts.get("scope") == "full"
        and run.results_present
        and run.execution_successful is not False
        and not errors
    )


def merge_run(scan: Scan, line: Line, run: Run, at: datetime) -> Merge:
    """Match a run's results with the findings of its line, tool and category; write what changed.

    Unmatched results become findings, matched ones follow the scan, findings without a result are
    absent (a full, successful scan) or unknown. Status is left alone but for the table's own rows.
    """
    merge = Merge()
    known = list(
        Finding.objects.filter(line=line, tool=run.tool, category=run.category)
        .select_related("scope")
        .order_by("pk")
    )
    before = [result_from_json(finding.current) for finding in known]
    matching = match(before, run.results)
    sightings: list[Sighting] = []
    for pair in matching.pairs:
        finding, result = known[pair.before], run.results[pair.after]
        if pair.stage.value not in PRESENT_STAGES:
            continue
        merge.counts["unchanged" if finding.path == (result.location.path or "") else "moved"] += 1
        _follow(finding, result, at)
        sightings.append(_sighting(finding, scan, result, pair.stage.value, at))
        merge.seen_again.append((finding, pair.stage.value, result.pointer))
    matched = {p.before for p in matching.pairs if p.stage.value in PRESENT_STAGES}
    taken = {p.after for p in matching.pairs if p.stage.value in PRESENT_STAGES}
    absent = Presence.ABSENT if tells_absence(scan, run) else Presence.UNKNOWN
    gone = [f for i, f in enumerate(known) if i not in matched and f.presence != absent]
    merge.counts[absent.value] += sum(f.status in OPEN for f in gone)
    Finding.objects.filter(pk__in=[f.pk for f in gone]).update(presence=absent)
    Finding.objects.bulk_update(
        [f for f, _, _ in merge.seen_again], MACHINE_COLUMNS, batch_size=500
    )
    merge.new = _create(
        scan, line, run, [r for i, r in enumerate(run.results) if i not in taken], at
    )
    by_pointer = {r.pointer: r for r in run.results}
    for finding in merge.new:
        sightings.append(_sighting(finding, scan, by_pointer[finding.current["pointer"]], "", at))
    Sighting.objects.bulk_create(sightings, batch_size=1000)
    merge.counts["new"] += len(merge.new)
    merge.counts["results"] += len(run.results)
    merge.counts["suppressed"] += sum(r.suppressed for r in run.results)
    return merge


def _sighting(finding: Finding, scan: Scan, result: Result, stage: str, at: datetime) -> Sighting:
    return Sighting(
        finding=finding, scope_id=scan.scope_id, scan_id=scan.pk, pointer=result.pointer, stage=stage,
        suppressed=result.suppressed, path=clean_text(result.location.path or "", 1000),
        start_line=result.location.line, at=at,
    )  # fmt: skip


def _follow(finding: Finding, result: Result, at: datetime) -> None:
    """Set the machine columns to what the scan saw (unsaved)."""
    finding.current = result_to_json(result)
    finding.path = clean_text(result.location.path or "", 1000)
    finding.start_line = result.location.line
    finding.snippet = clean_text(result.location.snippet or "", 4000)
    finding.message = clean_text(result.message, 10_000)
    finding.level, finding.security_severity = result.level.value, result.security_severity
    finding.presence = Presence.SUPPRESSED if result.suppressed else Presence.PRESENT
    finding.last_seen_at = at


def _create(
    scan: Scan, line: Line, run: Run, results: Sequence[Result], at: datetime
) -> list[Finding]:
    rules = {rule.id: rule for rule in run.rules}
    rows = []
    for result in results:
        rule = rules.get(result.rule, Rule(id=result.rule))
        frozen = result_to_json(result)
        finding = Finding(
            scope_id=scan.scope_id, asset_id=scan.asset_id, line=line, tool=run.tool,
            tool_class=scan.tool_class, category=run.category, rule=clean_text(result.rule, 300),
            title=clean_text(_title(rule, result), 300), cwes=list(result.cwes or rule.cwes),
            help_uri=rule.help_uri[:500], severity=severity_of(result.level.value, result.security_severity),
            original=frozen, original_sha256=digest(frozen), first_seen_at=at, status_since=at,
        )  # fmt: skip
        finding.scope = scan.scope
        _follow(finding, result, at)
        set_priority(finding, validated=False)
        rows.append(finding)
    created = Finding.objects.bulk_create(rows, batch_size=500)
    ids = Finding.objects.filter(pk__in=[f.pk for f in created])
    transition_set(ids, "prioritize", at=at)
    return created


def _title(rule: Rule, result: Result) -> str:
    first = next((line for line in result.message.splitlines() if line.strip()), "")
    return rule.description.split("\n")[0] or first.rstrip(".") or rule.name or result.rule
