"""The second loop: what became of fixes. Scanned before they merged? What did they bring in? What was held back?"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection
from django.db.models import Count, OuterRef, Q, Subquery

from findings.models import Finding
from remediations.models import Remediation, RemediationFinding
from remediations.statuses import Origin
from reports.metrics.frame import Frame, Part, Sql, join, moment, rows_of
from reports.metrics.sizes import Share
from scans.history import ClosedHow, HistoricClosure, Scanned
from scans.models import Clearance, Verification
from scans.services.audit import last_closed

AI = (Origin.AI_ASSISTED.value, Origin.AI_GENERATED.value)
AT_ONCE = 100  # closures that are looked at together
MOST_DEPTH = 6  # rounds of finding → fix → finding that are followed
MOST_GROUPS = 50  # lines of a table
NO_WEAKNESS = "none told"


def scanned_before_merge(frame: Frame) -> dict[str, Any]:
    """Of closures under fixes that an AI had a part in: was the fix scanned before it merged?

    As ``scans.services.audit`` answers it, for those proven in the frame's time whose clearance stands.
    What was closed elsewhere is counted apart. Four statements for each hundred closures, and two.
    """
    issued = Clearance.objects.filter(
        live=True, scope__in=frame.scopes, issued_at__gt=frame.since, issued_at__lte=frame.until,
        remediation__origin__in=AI,
    )  # fmt: skip
    ids = list(issued.order_by("finding_id").values_list("finding_id", flat=True))
    answers: Counter[str] = Counter()
    for part in _parts(ids):
        rows = last_closed(Finding.objects.filter(pk__in=part), n=len(part), origin="ai")
        answers.update(row.scanned_before_merge.value for row in rows)
    told = HistoricClosure.objects.filter(
        scope__in=frame.scopes, closed_at__gt=frame.since, closed_at__lte=frame.until,
        how=ClosedHow.FIXED, origin__in=AI,
    )  # fmt: skip
    elsewhere = dict(told.order_by().values_list("scanned").annotate(Count("pk")))
    return {
        "here": {answer.value: answers[answer.value] for answer in Scanned},
        "before_merge": Share(answers[Scanned.BEFORE.value], len(ids)).to_dict(),
        "told_elsewhere": {answer.value: elsewhere.get(answer.value, 0) for answer in Scanned},
    }


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]


def brought_in(frame: Frame) -> dict[str, Any]:
    """Findings first seen in the frame's time that a fix brought in, beside the fixes that merged in it.

    Two statements.
    """
    fix = Remediation.objects.filter(pk=OuterRef("introduced_by_id"))
    rows = Finding.objects.filter(
        introduced_by_id__isnull=False, scope__in=frame.scopes,
        first_seen_at__gt=frame.since, first_seen_at__lte=frame.until,
    ).annotate(
        origin=Subquery(fix.values("origin")), agent=Subquery(fix.values("agent")),
        model=Subquery(fix.values("model")),
    )  # fmt: skip
    groups: dict[str, Counter[str]] = {
        name: Counter() for name in ("origin", "agent", "model", "weakness")
    }
    told = rows.order_by().values_list("origin", "agent", "model", "cwes", "introduced_by_id")
    fixes: dict[str, set[int | None]] = {}
    for origin, agent, model, cwes, by in told.iterator(chunk_size=10_000):
        groups["origin"][origin] += 1
        groups["agent"][agent or "not told"] += 1
        groups["model"][model or "not told"] += 1
        groups["weakness"][cwes[0] if cwes else NO_WEAKNESS] += 1
        fixes.setdefault(origin, set()).add(by)
    merged = Remediation.objects.filter(
        scope__in=frame.scopes, merged_at__gt=frame.since, merged_at__lte=frame.until
    )
    by_origin = dict(merged.order_by().values_list("origin").annotate(Count("pk")))
    return {
        "findings": sum(groups["origin"].values()),
        **{f"by_{name}": dict(found.most_common(MOST_GROUPS)) for name, found in groups.items()},
        "fixes": {
            origin.value: {
                "brought_something_in": len(fixes.get(origin.value, ())),
                "merged": by_origin.get(origin.value, 0),
            }
            for origin in Origin
        },
    }


def outcomes_by_check(frame: Frame) -> list[dict[str, Any]]:
    """How the gate's checks came out in the judgements of the frame's time. One statement."""
    sql = Sql(frame)
    each = "json_each(v.judgement, '$.checks') AS c"
    parts = [f"json_extract(c.value, '$.{name}')" for name in ("id", "outcome", "required")]
    if connection.vendor == "postgresql":
        each = "jsonb_array_elements(v.judgement -> 'checks') AS c(value)"
        parts = [f"c.value ->> '{name}'" for name in ("id", "outcome", "required")]
    told = rows_of(join(
        f"SELECT {', '.join(parts)}, COUNT(*) FROM scans_verification AS v, {each}",  # noqa: S608
        Part(f"WHERE v.scope_id IN ({sql.marks}) AND v.at > %s AND v.at <= %s",
             (*frame.scopes, moment(frame.since), moment(frame.until))),
        "GROUP BY 1, 2, 3",
    ))  # fmt: skip
    found: dict[str, Counter[str]] = {}
    for check, outcome, required, n in told:
        counts = found.setdefault(check, Counter())
        counts[outcome] += n
        if outcome in ("FAIL", "UNKNOWN") and required in (1, True, "true"):
            counts["stopped"] += n
    names = ("PASS", "FAIL", "UNKNOWN", "WAIVED", "NOT_APPLICABLE", "stopped")
    rows = [
        {"check": check, **{name.lower(): n[name] for name in names}} for check, n in found.items()
    ]
    return sorted(rows, key=lambda row: (-int(row["stopped"]), row["check"]))


def verdicts(frame: Frame) -> dict[str, int]:
    """The gate's judgements of the frame's time by verdict. One statement."""
    rows = Verification.objects.filter(
        scope__in=frame.scopes, at__gt=frame.since, at__lte=frame.until
    )
    return dict(rows.order_by().values_list("verdict").annotate(Count("pk")))


def attempts(frame: Frame) -> dict[str, Any]:
    """Fixes that were tried on each finding that was proven in the frame's time. One statement."""
    proven = Clearance.objects.filter(
        scope__in=frame.scopes, issued_at__gt=frame.since, issued_at__lte=frame.until
    )
    rows = RemediationFinding.objects.filter(
        Q(remediation__created_at__lte=frame.until), finding__in=proven.values("finding_id")
    )
    numbers = rows.order_by().values_list("finding").annotate(n=Count("pk"))
    spread = Counter(min(n, 5) for _, n in numbers)
    return {
        "findings": sum(spread.values()),
        "by_attempts": {("5 or more" if n == 5 else str(n)): spread[n] for n in range(1, 6)},
    }


def depths(frame: Frame) -> dict[str, Any]:
    """How many rounds of fix and finding lie behind what fixes brought in. One statement.

    1: a fix brought it in; 2: a fix of something that a fix had brought in; and so on.
    """
    sql = Sql(frame)
    told = rows_of(join(
        "WITH RECURSIVE behind (start, brought_by, depth) AS (",
        "SELECT f.id, f.introduced_by_id, 1 FROM findings_finding AS f WHERE", sql.of_findings,
        Part("AND f.introduced_by_id IS NOT NULL AND f.first_seen_at > %s AND f.first_seen_at <= %s",
             (moment(frame.since), moment(frame.until))),
        "UNION SELECT b.start, g.introduced_by_id, b.depth + 1 FROM behind AS b",
        "JOIN remediations_remediationfinding AS a ON a.remediation_id = b.brought_by",
        "JOIN findings_finding AS g ON g.id = a.finding_id",
        f"WHERE g.introduced_by_id IS NOT NULL AND b.depth < {MOST_DEPTH}",
        ") SELECT depth, COUNT(*) FROM (SELECT start, MAX(depth) AS depth FROM behind GROUP BY start)",
        "AS deepest GROUP BY depth",
    ))  # fmt: skip
    found = {str(depth): n for depth, n in sorted(told)}
    return {"by_depth": found, "deepest": max((depth for depth, _ in told), default=0)}
