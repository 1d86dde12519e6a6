"""The article's question: of the last N findings that were closed, was the fix scanned before it merged?

Reads only. What the server saw itself counts: when a report arrived, or when our own runner ran. A
time that somebody declared proves nothing; where only such a time says "before", it is unknown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Q, QuerySet

from findings.models import Finding
from gate.strict import moment
from remediations.models import Remediation
from remediations.statuses import Origin
from scans.models import Clearance, Scan
from scans.statuses import Purpose

ORIGINS = {  # what ``origin=`` may ask for
    "ai": (Origin.AI_ASSISTED, Origin.AI_GENERATED),
    **{origin.value: (origin,) for origin in Origin},
}


class Scanned(StrEnum):
    """When the fix was first scanned, relative to its merge."""

    BEFORE = "yes"
    AFTER = "after"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LastClosed:
    """The answer for one finding, with the scan that it rests on."""

    finding: Finding
    remediation: Remediation
    clearance: Clearance
    scanned_before_merge: Scanned
    scan: Scan | None
    reason: str


def last_closed(findings: QuerySet[Finding], *, n: int, origin: str = "") -> list[LastClosed]:
    """Answer for the ``n`` of ``findings`` that were proven last; ``origin``: a key of ORIGINS.

    Four queries, whatever ``n`` is.
    """
    clearances = Clearance.objects.filter(live=True, finding__in=findings).select_related(
        "finding", "remediation"
    )
    if origin:
        clearances = clearances.filter(remediation__origin__in=ORIGINS[origin])
    rows = list(clearances.order_by("-issued_at", "-pk")[:n])
    scans = _scans_of([row.remediation for row in rows])
    return [_answer(row, scans.get(row.remediation_id, [])) for row in rows]


def _scans_of(fixes: Sequence[Remediation]) -> dict[int, list[Scan]]:
    """Scans of the fixed content by fix, oldest first: linked to it, or of the line it merged to."""
    columns = ("id", "asset_id", "line_id", "remediation_id", "purpose", "commit", "tree", "facts",
               "source", "tool", "created_at")  # fmt: skip
    wanted = Q(remediation__in=[fix.pk for fix in fixes], purpose=Purpose.FIX) | Q(
        line__in={fix.line_id for fix in fixes},
        commit__in={fix.merge_commit for fix in fixes} - {""},
    )
    scans = list(Scan.objects.done().filter(wanted).only(*columns).order_by("pk"))
    return {fix.pk: [scan for scan in scans if _is_of_fix(scan, fix)] for fix in fixes}


def _is_of_fix(scan: Scan, fix: Remediation) -> bool:
    linked = scan.remediation_id == fix.pk or scan.line_id == fix.line_id
    commits = {fix.head_commit, fix.merge_commit} - {""}
    trees = {fix.head_tree, fix.merge_tree} - {""}
    return linked and (scan.commit in commits or scan.tree in trees)


def _answer(clearance: Clearance, scans: Iterable[Scan]) -> LastClosed:
    fix = clearance.remediation
    first = next(iter(scans), None)
    scanned, reason = _judge(first, fix.merged_at)
    return LastClosed(clearance.finding, fix, clearance, scanned, first, reason)


def _judge(first: Scan | None, merged_at: datetime | None) -> tuple[Scanned, str]:
    if first is None or merged_at is None:
        return Scanned.UNKNOWN, "No scan of exactly the fixed content is linked to the fix."
    if first.created_at <= merged_at:
        return Scanned.BEFORE, f"{first} was here before the fix merged."
    said = moment(str(first.facts.get("finished_at", "")))
    if said is not None and said <= merged_at:
        return (
            Scanned.UNKNOWN,
            f"{first} came after the merge; that it was made before is only declared.",
        )
    return Scanned.AFTER, f"{first}, the first of the fix, came after the merge."
