"""Reports that a host keeps: listing what is new, choosing what is worth taking, taking it as a scan.

Facts are told as the host tells them, and by what is known of stock set-ups (forges/data/stock.json);
what neither says stays unsaid, and is UNKNOWN to the gate.
"""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import timedelta
from functools import cached_property
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from core.errors import Refused
from core.outbound import HostError
from core.text import clean_text
from findings.statuses import OPEN
from forges.hosts.host import Host
from forges.hosts.records import Analysis, HostCommit, HostRepository
from forges.hosts.stock import Behaviour, behaviour
from forges.models import KnownAnalysis, Repository
from forges.statuses import AnalysisState, Forge
from gate.catalogue import tool
from gate.diff import parts
from gate.errors import InputError
from gate.moments import SKEW
from gate.touches import obeyed
from remediations.models import Remediation
from remediations.statuses import RemediationState
from scans.ingest.records import result_from_json
from scans.models import Scan
from scans.results import scans_that_saw
from scans.services.fetched import record_descent, take_fetched_scan
from scans.statuses import Relation
from scopes.models import Line

MOST_NEW = 300  # reports of one ref that one look lists; older ones are of no use to anybody
MOST_RELATED = 20  # merged fixes that one scan is related to, or the other way round
MOST_DIFF = 256 * 1024  # characters of what others changed in the files that matter
MOST_RIVALS = 5  # of the last reports of one commit, tool and category
MOST_WARNING = 300  # characters of what a host says of a report
ENDING = timedelta(hours=1)  # for which a job that made a report may still be running
_HEADS = "refs/heads/"


class Desk:
    """One look at one repository: the host, the row, and what was asked already."""

    def __init__(self, host: Host, row: Repository) -> None:
        self.host = host
        self.row = row
        self._commits: dict[str, HostCommit] = {}
        self._tips: dict[str, str] = {}
        self._contained: dict[tuple[str, str], bool] = {}

    @cached_property
    def told(self) -> HostRepository:
        row = self.row
        return HostRepository(
            id=row.host_id, full_name=row.full_name, default_branch=row.default_branch,
            web_url=row.web_url, clone_url=row.clone_url, pushed_at=row.pushed_at,
        )  # fmt: skip

    def commit(self, commit: str) -> HostCommit:
        """One commit, asked for once. Raises HostError."""
        if commit not in self._commits:
            self._commits[commit] = self.host.commit(self.told, commit)
        return self._commits[commit]

    def tip(self, branch: str) -> str:
        """The commit that a branch is at, asked for once; empty where it is gone. Raises HostError."""
        if branch not in self._tips:
            try:
                self._tips[branch] = self.host.tip(self.told, branch)
            except HostError as error:
                if not error.final:
                    raise
                self._tips[branch] = ""
        return self._tips[branch]

    def contains(self, later: str, commit: str) -> bool:
        """Whether a commit is part of a later one's history, asked for once. Raises HostError."""
        key = later, commit
        if key not in self._contained:
            compared = self.host.compare(self.told, commit, later, diff=False)
            self._contained[key] = compared.status in ("ahead", "identical")
        return self._contained[key]


def list_new(desk: Desk, ref: str) -> int:
    """Write down the reports of a ref that the host has and we do not know; return how many.

    All at once, oldest first: a look that breaks off has written nothing, and leaves no gap.
    """
    known = set(desk.row.analyses.filter(ref=ref).values_list("host_id", flat=True))
    fresh: list[Analysis] = []
    for analysis in islice(desk.host.analyses(desk.told, ref), MOST_NEW):
        if analysis.id in known:
            break
        fresh.append(analysis)
    rows = [_row(desk.row, analysis) for analysis in reversed(fresh)]
    KnownAnalysis.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _row(repository: Repository, analysis: Analysis) -> KnownAnalysis:
    return KnownAnalysis(
        repository=repository, scope_id=repository.scope_id, host_id=analysis.id,
        ref=clean_text(analysis.ref, 250), commit=analysis.commit[:64],
        tool=clean_text(analysis.tool, 120), category=clean_text(analysis.category, 200),
        workflow=clean_text(analysis.workflow, 300), made_at=analysis.created_at[:40],
        listed=asdict(analysis),
    )  # fmt: skip


def take_of_lines(desk: Desk) -> int:
    """Take the newest report of each tool and category of each line, and those that fixes need.

    Of one commit several are taken: any may have been added in the scanner's name.
    """
    taken = 0
    lines = {f"{_HEADS}{line.name}": line for line in desk.row.asset.lines.all()}
    wanted = _wanted(desk.row)
    rows = desk.row.analyses.filter(state=AnalysisState.SEEN, ref__in=lines).order_by("pk")
    newest = {pk for kept in _by_kind(rows).values() for pk in kept}
    for row in rows:
        if row.pk in newest or row.commit in wanted:
            taken += take(desk, row, line=lines[row.ref]) is not None
        else:
            _leave(row, "a newer one of this tool is there")
    return taken


def _by_kind(rows: Iterable[KnownAnalysis]) -> dict[tuple[str, ...], list[int]]:
    """Of each ref, tool and category the rows of the newest commit: the first, and the last ones."""
    found: dict[tuple[str, ...], list[KnownAnalysis]] = {}
    for row in rows:
        mine = found.setdefault((row.ref, row.tool, row.category), [])
        mine[:] = [*(other for other in mine if other.commit == row.commit), row]
        del mine[1:-MOST_RIVALS]
    return {kind: [row.pk for row in mine] for kind, mine in found.items()}


def _wanted(repository: Repository) -> set[str]:
    """The commits whose scans decide something: bases and merges of fixes with open findings."""
    fixes = Remediation.objects.filter(asset=repository.asset, findings__status__in=OPEN)
    fixes = fixes.exclude(state=RemediationState.WITHDRAWN)
    pairs = fixes.values_list("base_commit", "merge_commit").distinct()
    return {commit for pair in pairs for commit in pair if commit}


def take_for_fix(desk: Desk, fix: Remediation, refs: Iterable[str]) -> None:
    """Take what a fix needs: the newest reports of its own refs, and older ones of base and merge.

    Those of a line that were left, because a newer one was there, come as evidence for this fix
    alone: the findings of the line do not go back in time.
    """
    rows = desk.row.analyses.filter(ref__in=list(refs), state=AnalysisState.SEEN).order_by("pk")
    for row in {(r.ref, r.tool, r.category): r for r in rows}.values():
        take(desk, row, fix=fix)
    rows.filter(state=AnalysisState.SEEN).update(
        state=AnalysisState.LEFT, note="a newer one of this tool is there"
    )
    needed = {fix.base_commit: True, fix.merge_commit: False}
    left = desk.row.analyses.filter(state=AnalysisState.LEFT, ref__startswith=_HEADS)
    for row in left.filter(commit__in=filter(None, needed)).order_by("pk"):
        take(desk, row, fix=fix, control=needed[row.commit])


def take(
    desk: Desk,
    row: KnownAnalysis,
    *,
    line: Line | None = None,
    fix: Remediation | None = None,
    control: bool = False,
) -> Scan | None:
    """Fetch one report and store it as a scan of a line or for a fix; None where it cannot be had."""
    analysis = Analysis(**row.listed)
    if analysis.error:
        _leave(row, f"the host says: {analysis.error}")
        return None
    known = behaviour(Forge(desk.row.connection.forge), analysis)
    try:
        ended = desk.host.succeeded(desk.told, analysis)
        if ended is None and known.uploader_kind and _is_fresh(analysis):
            row.note = "its job is not known to have ended"
            row.save(update_fields=["note"])
            return None  # a later look asks again
        facts, note = _facts(desk, row, analysis, known, ended)
        data = desk.host.report(desk.told, analysis, settings.MAX_REPORT_BYTES)
    except HostError as error:
        if not error.final:
            raise
        _leave(row, str(error))
        return None
    at, actor = timezone.now(), desk.row.connection.actor
    try:
        with transaction.atomic():
            scan, _ = take_fetched_scan(
                asset=desk.row.asset, data=data, facts=facts, by=actor, at=at,
                line=line, remediation=fix, control=control,
            )  # fmt: skip
            row.state, row.scan, row.note = AnalysisState.TAKEN, scan, note[:300]
            row.save(update_fields=["state", "scan", "note"])
    except Refused as refusal:
        _leave(row, str(refusal))
        return None
    if line is not None:
        relate(desk, scan)
    return scan


def _leave(row: KnownAnalysis, why: str) -> None:
    row.state, row.note = AnalysisState.LEFT, clean_text(why, 300)
    row.save(update_fields=["state", "note"])


def _is_fresh(analysis: Analysis) -> bool:
    made = parse_datetime(analysis.created_at) if analysis.created_at else None
    return made is not None and timezone.now() - made < ENDING


def _facts(
    desk: Desk, row: KnownAnalysis, analysis: Analysis, known: Behaviour, ended: bool | None
) -> tuple[dict[str, Any], str]:
    """Members of a scan's facts, and by which known behaviour they are told.

    Who made a report is the uploader's word. It is believed where the host tells that this workflow
    has run on this commit and ended well, and keeps no second report under the same name: a later
    upload in its name could not be told from it.
    """
    commit = desk.commit(analysis.commit)
    vouched = ended is True and not _has_twin(row)
    facts: dict[str, Any] = {
        "commit": commit.id,
        "tree": commit.tree,
        "parents": list(commit.parents),
        "scope": known.scope,
        "category": analysis.category,
        "finished_at": analysis.created_at,
        "uploader": known.uploader if vouched else "",
        "uploader_kind": known.uploader_kind if vouched else "",
        "exit_code": 0 if ended else None,
        "warning": clean_text(analysis.warning, MOST_WARNING),
        "covers": "everything" if known.whole and vouched and _is_bare(desk, analysis) else "",
    }
    told = {name: value for name, value in facts.items() if value not in ("", None)}
    if not known.id:
        return told, "no known behaviour: who made it and what it covers is not told"
    return told, known.id if vouched else f"{known.id}, but nothing vouches for who made it"


def _is_bare(desk: Desk, analysis: Analysis) -> bool:
    """Whether no file of the scanned commit configures or quietens the tool."""
    names, known = desk.host.paths(desk.told, analysis.commit), tool(analysis.tool)
    return names is not None and known is not None and not any(obeyed(names, known.engine))


def _has_twin(row: KnownAnalysis) -> bool:
    same = row.repository.analyses.filter(
        commit=row.commit, ref=row.ref, tool=row.tool, category=row.category, workflow=row.workflow
    )
    return same.exclude(pk=row.pk).exists()


def relate(desk: Desk, scan: Scan) -> None:
    """Record which of the last merged fixes of the line a scan's commit contains, and which not.

    Those with open findings wait for it; those that closed must not be opened again by older code.
    """
    fixes = Remediation.objects.filter(line=scan.line, state=RemediationState.MERGED)
    fixes = fixes.exclude(merge_commit=scan.commit).exclude(descents__scan=scan)
    for fix in fixes.order_by("-merged_at", "-pk")[:MOST_RELATED]:
        _relate(desk, scan, fix)


def relate_fix(desk: Desk, fix: Remediation) -> None:
    """Relate a merge to the scans of its line that came before the news of it, and to the last ones
    that saw its findings: where the fix's base was not scanned, those show what was before it."""
    since = (fix.merged_at or fix.created_at) - SKEW
    of_line = Scan.objects.filter(line=fix.line, analyses__isnull=False)
    waiting = fix.findings.filter(status__in=OPEN).values_list("pk", flat=True)
    saw = {next(scans_that_saw(pk, of_line.values("pk")), None) for pk in waiting} - {None}
    rows = of_line.filter(Q(created_at__gte=since) | Q(pk__in=saw))
    rows = rows.exclude(commit__in=(fix.merge_commit, fix.base_commit))
    rows = rows.exclude(descents__remediation=fix).distinct()
    for scan in rows.order_by("-pk")[:MOST_RELATED]:
        _relate(desk, scan, fix)


def _relate(desk: Desk, scan: Scan, fix: Remediation) -> None:
    waits = fix.findings.filter(status__in=OPEN).exists()
    relation = _relation(desk, scan, fix, waits)
    is_near = relation in (Relation.CONTAINS, Relation.PRECEDES)
    paths = _paths(fix) if waits and is_near else []
    here, merged, base = (
        desk.host.blobs(desk.told, commit, paths) if paths else {}
        for commit in (scan.commit, fix.merge_commit, fix.base_commit)
    )
    differ = {path for path in paths if here.get(path) != base.get(path)}
    precedes = relation == Relation.PRECEDES
    record_descent(
        scan=scan, remediation=fix, relation=relation, blobs=here, merge_blobs=merged, base_blobs=base,
        diff_to_base=_diff_to_base(desk, scan, fix, differ) if precedes and differ else "",
        by=desk.row.connection.actor, at=timezone.now(),
    )  # fmt: skip


def _relation(desk: Desk, scan: Scan, fix: Remediation, waits: bool) -> Relation:
    """How a scan's commit lies to a merge, by the host's word; to the base only of one that waits."""
    status = desk.host.compare(desk.told, fix.merge_commit, scan.commit, diff=False).status
    if status in ("ahead", "identical"):
        return Relation.CONTAINS
    if _is_of_a_rewritten_line(desk, scan, fix):
        return Relation.REWRITES
    if status != "behind" or not waits:
        return Relation.LACKS
    precedes = desk.contains(fix.base_commit, scan.commit)
    return Relation.PRECEDES if precedes else Relation.LACKS


def _is_of_a_rewritten_line(desk: Desk, scan: Scan, fix: Remediation) -> bool:
    """Whether the line does not hold the merge any more, and the scan is of what it is made of now.

    A report of older code that comes late lacks the merge as well: there the line still has it.
    """
    tip = desk.tip(scan.line.name) if scan.line is not None else ""
    return (
        bool(tip) and not desk.contains(tip, fix.merge_commit) and desk.contains(tip, scan.commit)
    )


def _diff_to_base(desk: Desk, scan: Scan, fix: Remediation, paths: Collection[str]) -> str:
    """What others changed in these files between an earlier scan and the fix's base; empty: not told."""
    compared = desk.host.compare(desk.told, scan.commit, fix.base_commit, diff=True)
    try:
        text = parts(compared.diff or b"", paths).decode()
    except (InputError, UnicodeDecodeError):
        return ""
    return text if len(text) <= MOST_DIFF else ""


def _paths(fix: Remediation) -> list[str]:
    """The files that matter to a fix: those that it changes, and its findings' with their data flow."""
    files = fix.changed_files.values_list("path", "old_path")
    paths = {path for pair in files for path in pair}
    for path, current, original in fix.findings.values_list("path", "current", "original"):
        paths |= {path, *result_from_json(current or original).flow_paths}
    return sorted(paths - {""})
