"""What simply is not there any more: the one service that calls ``vanish``. Proves nothing, completes nothing.

Two full scans of the line lack the finding, git or the code host says what changed since the last scan
that saw it, and the gate's own checks on execution, scope, rule, suppression and configuration hold
for both over that change. Nobody uploads such a diff. Where anything is unknown the finding stays:
absent, unproven. What somebody fixes, claims or decides about is left to them.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from core import blobs, bulk, jobs
from core.errors import Unavailable
from core.models import Job
from core.moments import rfc3339
from findings.guards import UNDECIDED
from findings.lifecycle import BEFORE_FIX, transition, transition_set
from findings.models import Dismissal, Finding, RiskAcceptance, Series
from findings.services.telling import append_set_event
from findings.statuses import OPEN, Presence, Status
from gate import policy as gate_policy
from gate.assemble import MAX_FINDINGS, assemble
from gate.diff import Diff
from gate.errors import InputError
from gate.evidence import Document, Original
from gate.judgement import CheckRow, Judgement, judge
from gate.policy import Policy
from remediations.models import RemediationFinding
from remediations.statuses import RemediationState
from scans.models import RangeDiff, Scan, ScanResults
from scans.runners.history import Pair
from scans.services.facts import filled
from scans.services.ranges import kept_diffs, read_diffs
from scans.statuses import Purpose
from scopes.models import Asset, Exposure

JOB = "vanished"
MOST_GROUPS = 20  # last scans that saw something, newest first, of one look at a series
ASKED_FOR = timedelta(days=1)  # for which a repository that cannot be had is asked again
SHORTEST_WAIT = timedelta(minutes=5)
MOST_TOLD = 10_000  # findings that an event names; a digest seals the rest
# What must hold whatever the policy asks; of what it asks besides, what is about the scans.
HOLD = frozenset(
    {"WELL_FORMED", "CONTENT_BINDING", "SCAN_SCOPE", "EXECUTION_OK", "FILES_ANALYSED", "RULE_ACTIVE",
     "SEVERITY_STABLE", "SAME_CLASS", "TOOL_VERSION", "POSITIVE_CONTROL", "ORIGINAL_ABSENT",
     "NOT_TRUNCATED", "NO_NEW_SUPPRESSION", "SCANNER_CONFIG_UNTOUCHED", "CLASS_SPECIFIC"}
)  # fmt: skip
IF_REQUIRED = frozenset({"SCAN_PROVENANCE"})
SURELY = frozenset({"ORIGINAL_ABSENT", "EXECUTION_OK", "SCAN_SCOPE", "RULE_ACTIVE"})


class Seen(NamedTuple):
    """A scan of a series, as far as it is chosen by."""

    pk: int
    ended: datetime
    commit: str
    raw: str
    is_full: bool


@dataclass
class Group:
    """Findings that one scan saw last, and the later full scans that lack them."""

    by: Seen
    later: list[Seen]
    findings: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Held:
    """Findings that the checks hold for, between the scan that saw them and the two that lack them."""

    findings: Sequence[int]
    by: int
    lacked_by: tuple[int, int]
    diffs: tuple[str, ...]  # SHA-256


# --- asking --------------------------------------------------------------------------------------
def candidates() -> QuerySet[Finding]:
    """Open findings that the last full scan lacks, and that nobody claims, fixes or decides about."""
    mine = {"finding": OuterRef("pk")}
    return Finding.objects.filter(
        ~Exists(RemediationFinding.objects.filter(**mine).exclude(
            remediation__state=RemediationState.WITHDRAWN)),
        ~Exists(Dismissal.objects.filter(UNDECIDED, **mine)),
        ~Exists(RiskAcceptance.objects.filter(UNDECIDED, **mine)),
        status__in=[status for status in OPEN if status != Status.AWAITING_VERIFICATION],
        presence=Presence.ABSENT, seen_until__isnull=False,
    )  # fmt: skip


def ask_after(scan: Scan, *, at: datetime) -> None:
    """Have a job look at the series of a full scan that lacks something. One statement where none does."""
    if scan.line_id is None or scan.facts.get("scope") != "full":
        return
    _ask(Series.objects.filter(scans__scan=scan), at)


def ask_all(*, at: datetime) -> int:
    """The same for all series, for the beat: of each last scan once. Returns how many are asked for."""
    return _ask(Series.objects.filter(last_scan_id__isnull=False), at)


def _ask(series: QuerySet[Series], at: datetime) -> int:
    wanted = series.filter(Exists(_absent().filter(series=OuterRef("pk")))).order_by("pk")
    asked = 0
    for pk, last in wanted.values_list("pk", "last_scan_id"):
        key = f"{JOB}:{pk}:{last}"
        if not Job.objects.filter(key=key).exists():
            jobs.enqueue(kind=JOB, subject_id=pk, at=at, key=key)
            asked += 1
    return asked


def _absent() -> QuerySet[Finding]:
    """Those of ``candidates``, and those with a fix that merged: it is a claim."""
    return Finding.objects.filter(
        status__in=[status for status in OPEN if status != Status.AWAITING_VERIFICATION],
        presence=Presence.ABSENT, seen_until__isnull=False,
    )  # fmt: skip


def waiting_series(asset: Asset) -> list[Series]:
    """The series of an asset that lack something, which is not known to be gone."""
    rows = Series.objects.filter(Exists(candidates().filter(series=OuterRef("pk"))), asset=asset)
    return list(rows.select_related("line", "asset").order_by("pk"))


def ask_again(series: Series, *, at: datetime, because: str) -> None:
    """Look once more: something that was missing has come. ``because``: what, to be asked for once."""
    jobs.enqueue(kind=JOB, subject_id=series.pk, at=at, key=f"{JOB}:{series.pk}:{because}"[:120])


# --- looking -------------------------------------------------------------------------------------
def look_for_vanished(job: Job) -> None:
    """Judge what a series lacks, and move what is no longer present. Idempotent: a lost lease writes nothing."""
    series = Series.objects.select_related("line", "asset", "scope__policy").get(pk=job.subject_id)
    groups = groups_of(series)
    try:
        diffs = _diffs(series, groups)
    except Unavailable as error:
        if _wait(job, timezone.now(), str(error)):
            return
        diffs = kept_diffs(series.asset_id, _wanted(groups))
    policy = gate_policy.load(series.scope.policy.toml.encode(), series.scope.policy.name)
    held = [found for group in groups for found in _hold(series, group, diffs, policy)]
    _apply(series, job, held, timezone.now())


def _wait(job: Job, at: datetime, why: str) -> bool:
    """Ask again later, each time after twice as long; False after a day: then what is known has to do."""
    waited = at - job.created_at
    if waited > ASKED_FOR:
        return False
    jobs.postpone(job, at + max(waited, SHORTEST_WAIT), why)
    return True


def groups_of(series: Series) -> list[Group]:
    """What a series lacks by the scan that saw it last, where two later full scans lack it."""
    scans = _scans(series)
    by_end: dict[datetime | None, Seen] = {scan.ended: scan for scan in scans}
    groups: dict[int, Group] = {}
    rows = candidates().filter(series=series).order_by("-seen_until", "pk")
    for pk, until in rows.values_list("pk", "seen_until").iterator():
        seen = by_end.get(until)
        if seen is None or not seen.commit:
            continue  # no scan that is kept saw it: nothing to compare with
        if seen.pk not in groups:
            groups[seen.pk] = Group(seen, _later(scans, seen))
        groups[seen.pk].findings.append(pk)
    return [one for one in groups.values() if len(one.later) > 1][:MOST_GROUPS]


def _scans(series: Series) -> list[Seen]:
    rows = Scan.objects.done().filter(
        results__series=series, line=series.line_id, purpose=Purpose.LINE, raw__isnull=False,
    )  # fmt: skip
    told = rows.order_by("finished_at", "pk").annotate(
        told_scope=KeyTextTransform("scope", "facts")
    )
    return [
        Seen(pk, ended, commit, raw or "", scope == "full")
        for pk, ended, commit, raw, scope in told.values_list(
            "pk", "finished_at", "commit", "raw_id", "told_scope"
        )
        if ended is not None
    ]


def _later(scans: Iterable[Seen], seen: Seen) -> list[Seen]:
    """The full scans after one: the first two and the last two. The same bytes of the same commit are one."""
    known: dict[tuple[str, str], Seen] = {}
    for scan in scans:
        if scan.is_full and scan.commit and scan.ended > seen.ended:
            known.setdefault((scan.commit, scan.raw), scan)
    found = list(known.values())
    return found if len(found) <= 4 else [*found[:2], *found[-2:]]


# --- what changed --------------------------------------------------------------------------------
def _diffs(series: Series, groups: Sequence[Group]) -> dict[Pair, RangeDiff]:
    """The kept diffs of the commits of groups; those that are missing are read with git, where it may."""
    wanted = _wanted(groups)
    found = kept_diffs(series.asset_id, wanted)
    missing = [pair for pair in wanted if pair not in found]
    if missing and series.asset.repository:
        read_diffs(series, missing)
        found = kept_diffs(series.asset_id, wanted)
    return found


def _wanted(groups: Sequence[Group]) -> list[Pair]:
    pairs = [(group.by.commit, scan.commit) for group in groups for scan in group.later]
    return list(dict.fromkeys(pairs))


def missing_diffs(series: Series) -> list[Pair]:
    """The pairs of commits that nobody has told the diff of yet, for who can ask a code host."""
    pairs = _wanted(groups_of(series))
    found = kept_diffs(series.asset_id, pairs)
    return [pair for pair in pairs if pair not in found and pair[0] != pair[1]]


# --- judging -------------------------------------------------------------------------------------
def _hold(
    series: Series, group: Group, diffs: Mapping[Pair, RangeDiff], policy: Policy
) -> Iterator[Held]:
    """Those of a group that two later scans lack for sure, the earliest two of those that are asked."""
    told = [
        (scan, diffs[pair])
        for scan in group.later
        if (pair := (group.by.commit, scan.commit)) in diffs
    ]
    if len(told) < 2:
        return
    lacked: dict[int, list[int]] = {}
    changes = {scan.pk: change.diff_id for scan, change in told}
    references = _references(series, group)
    for at, (scan, change) in enumerate(told):
        asked = [pk for pk in references if _may_come_to_two(lacked.get(pk, []), len(told) - at)]
        for part in _parts(asked):
            refs = {references[pk]: pk for pk in part}
            for pk in _judged(group.by, scan, change, refs, policy):
                lacked.setdefault(pk, []).append(scan.pk)
    pairs: dict[tuple[int, int], list[int]] = {}
    for pk, by in lacked.items():
        if len(by) > 1:
            pairs.setdefault((by[0], by[1]), []).append(pk)
    for both, findings in sorted(pairs.items()):
        yield Held(sorted(findings), group.by.pk, both, tuple(changes[pk] for pk in both))


def _may_come_to_two(lacked: Sequence[int], left: int) -> bool:
    return len(lacked) < 2 <= len(lacked) + left


def _parts(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while part := list(islice(rest, MAX_FINDINGS)):
        yield part


def _references(series: Series, group: Group) -> dict[int, str]:
    """Finding → where the report of the scan that saw it shows it; without those that it does not."""
    kept = ScanResults.objects.filter(scan=group.by.pk, series=series).select_related("index")
    shown = {pk: pointer for row in kept for pk, pointer in row.index.pointers.items()}
    return {pk: f"scan-{group.by.pk}.sarif#{shown[pk]}" for pk in group.findings if pk in shown}


def _judged(
    by: Seen, scan: Seen, change: RangeDiff, refs: Mapping[str, int], policy: Policy
) -> set[int]:
    """Those of ``refs`` (reference → finding) for which everything holds in one scan that lacks them."""
    rows = Scan.objects.select_related("scope").in_bulk([by.pk, scan.pk])
    seen, after = rows[by.pk], rows[scan.pk]
    facts = {
        "fix": filled(
            base_commit=seen.commit,
            base_tree=seen.tree,
            head_commit=after.commit,
            head_tree=after.tree,
            unparsed=change.unparsed,
        ),
        "before": [seen.facts],
        "after": [after.facts],
        "surroundings": {
            "exposure": "internet" if seen.scope.exposure == Exposure.INTERNET else "internal",
            "criticality": seen.scope.criticality,
        },
        "at": rfc3339(timezone.now()),
    }
    try:
        evidence = assemble(
            after=[Document(after.document_name, blobs.load(after.raw_id or ""))],
            before=[Document(seen.document_name, blobs.load(seen.raw_id or ""))],
            diff=Document("range.diff", blobs.load(change.diff_id)),
            findings=list(refs),
            facts=facts,
        )
    except InputError:
        return set()  # what cannot be read shows nothing
    touched = {
        refs[one.ref]
        for one in evidence.originals
        if one.ref in refs and _is_touched(one, evidence.diff)
    }
    return touched.intersection(_holding(judge(evidence, policy), refs) if touched else ())


def _is_touched(original: Original, diff: Diff | None) -> bool:
    """Whether a file that the result is in, or that its data flows through, says something else now.

    What nobody touched did not go away: then the reports are wrong, or a tool that is not asked here.
    """
    if original.result is None or diff is None:
        return False
    paths = {original.result.location.path, *original.result.flow_paths} - {None, ""}
    files = [diff.for_old(path) for path in paths if path]
    return any(f is not None and (f.hunks or f.binary or f.status == "deleted") for f in files)


def _holding(judgement: Judgement, refs: Mapping[str, int]) -> Iterator[int]:
    """The findings for which every check that is asked holds, by the rows of a judgement."""
    failing = {row.finding for row in judgement.checks if _is_asked(row) and not _holds(row)}
    if None in failing:
        return
    passed = {(row.check.id, row.finding) for row in judgement.checks if _outcome(row) == "PASS"}
    judged = Counter(one.finding for one in judgement.originals)
    for ref, finding in refs.items():
        surely = all((name, ref) in passed or (name, None) in passed for name in SURELY)
        # a reference that means several results, or none, settles nothing
        if judged[ref] == 1 and ref not in failing and surely:
            yield finding


def _outcome(row: CheckRow) -> str:
    return row.answer.outcome.value


def _is_asked(row: CheckRow) -> bool:
    return row.check.id in HOLD or (row.check.id in IF_REQUIRED and row.required)


def _holds(row: CheckRow) -> bool:
    return _outcome(row) in ("PASS", "NOT_APPLICABLE")


# --- moving --------------------------------------------------------------------------------------
@transaction.atomic
def _apply(series: Series, job: Job, held: Sequence[Held], at: datetime) -> None:
    """Move what still stands as it was judged, and end the job with it."""
    Asset.objects.select_for_update(no_key=True).get(pk=series.asset_id)  # imports wait
    now = Series.objects.get(pk=series.pk)
    if not jobs.finish(job, at):
        return
    if now.last_scan_id != series.last_scan_id:
        return  # another scan was read meanwhile, and asked for itself
    claims = dict(_claims(series).values_list("pk", "finding_id"))
    # All at once, by number, before the first event: who decides about them does so too.
    _lock({*(pk for one in held for pk in one.findings), *claims.values()})
    moved = [(one, ids) for one in held if (ids := _still(series, one))]
    for _, ids in moved:
        transition_set(Finding.objects.filter(pk__in=bulk.listed(ids)), "vanish", at=at)
    _claim_merged(_claims(series).filter(pk__in=bulk.listed(claims)), at)
    for one, ids in moved:
        _tell(series, one, ids, at)


def _lock(ids: Collection[int]) -> None:
    rows = Finding.objects.filter(pk__in=bulk.listed(ids)).order_by("pk")
    list(rows.select_for_update(of=("self",), no_key=True).values_list("pk"))


def _still(series: Series, one: Held) -> list[int]:
    rows = candidates().filter(series=series, pk__in=bulk.listed(one.findings)).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def _claims(series: Series) -> QuerySet[RemediationFinding]:
    """Merged fixes of what is absent and that nobody has claimed."""
    return RemediationFinding.objects.filter(
        finding__in=_absent().filter(series=series, status__in=BEFORE_FIX),
        remediation__state=RemediationState.MERGED, remediation__merged_at__isnull=False,
    )  # fmt: skip


def _claim_merged(links: QuerySet[RemediationFinding], at: datetime) -> None:
    """A fix that merged since the finding was last seen is a claim: it awaits verification."""
    claimed: set[int] = set()
    for link in links.select_related("remediation", "finding").order_by("finding_id", "-pk"):
        finding, fix = link.finding, link.remediation
        since = fix.merged_at and finding.seen_until and fix.merged_at > finding.seen_until
        if since and finding.pk not in claimed:
            reason = f"{fix} merged since it was last seen, and full scans lack it."
            transition(finding.pk, "claim", by=None, at=at, brought={"reason": reason})
            claimed.add(finding.pk)


def _tell(series: Series, one: Held, ids: Sequence[int], at: datetime) -> None:
    """One event for all that the same scans lack."""
    first, second = one.lacked_by
    data: dict[str, Any] = {
        "reason": f"scan {one.by} saw it, the full scans {first} and {second} lack it, and the checks "
                  "of the scans hold over what changed between. Nothing is proven.",
        "to": Status.NO_LONGER_PRESENT.value, "series": series.pk, "count": len(ids),
        "findings": list(ids[:MOST_TOLD]),
        "findings_sha256": hashlib.sha256("\n".join(map(str, ids)).encode()).hexdigest(),
        "seen_by": one.by, "lacked_by": [first, second], "diffs": list(one.diffs),
        "checks": sorted(HOLD),
    }  # fmt: skip
    append_set_event(
        scope_id=series.scope_id, action="finding.vanish", subject="scan", subject_id=second,
        by=None, at=at, data=data, findings=ids,
    )  # fmt: skip
