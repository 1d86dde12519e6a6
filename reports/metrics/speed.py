"""How long it takes until a finding is claimed and until it is proven, and whether that is in time.

A length begins where the finding was opened: first seen, or opened again. Each opening counts once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from findings.statuses import Status
from reports.metrics.frame import Frame, Part, Sql, join, moment, rows_of
from reports.metrics.sizes import Share, Spread
from reports.models import Move

DAY = timedelta(days=1)
CLAIMED, PROVEN = "claimed", "proven"
COMPLETE = Status.MOBILIZATION_COMPLETE.value


@dataclass(frozen=True, slots=True)
class Took:
    """One opening of a finding came to an end of a kind after so many days."""

    end: str  # CLAIMED or PROVEN
    scope: int
    severity: str
    days: float
    waited: float | None = None  # of what is proven: days since it was first claimed


def lengths(frame: Frame) -> list[Took]:
    """All that were first claimed, and all that were proven, in the frame's time. One statement."""
    rows = Move.objects.filter(
        scope__in=frame.scopes, at__gt=frame.since, at__lte=frame.until,
        target__in=(Status.AWAITING_VERIFICATION.value, COMPLETE),
    )  # fmt: skip
    told = rows.values_list(
        "target", "scope_id", "finding__severity", "at", "opened_at", "finding__first_seen_at",
        "claimed_at",
    )  # fmt: skip
    return [took for row in told.iterator(chunk_size=10_000) if (took := _took(*row))]


def _took(
    target: str, scope: int, severity: str, at: datetime, opened: datetime | None, first: datetime,
    claimed: datetime | None,
) -> Took | None:  # fmt: skip
    days = max(at - (opened or first), timedelta()) / DAY
    if target == COMPLETE:
        return Took(PROVEN, scope, severity, days, (at - claimed) / DAY if claimed else None)
    return None if claimed else Took(CLAIMED, scope, severity, days)


def spreads(told: Iterable[Took]) -> dict[str, Any]:
    """Median and 90th percentile by kind of end: of all, by severity, by scope."""
    told = list(told)
    return {
        end: {
            "all": Spread.of([one.days for one in told if one.end == end]).to_dict(),
            "by_severity": _by(told, end, "severity"),
            "by_scope": _by(told, end, "scope"),
        }
        for end in (CLAIMED, PROVEN)
    } | {"waited": Spread.of([one.waited for one in told if one.waited is not None]).to_dict()}


def _by(told: Iterable[Took], end: str, name: str) -> dict[str, Any]:
    values: dict[str, list[float]] = defaultdict(list)
    for one in told:
        if one.end == end:
            values[str(getattr(one, name))].append(one.days)
    return {key: Spread.of(days).to_dict() for key, days in sorted(values.items())}


# --- in time -------------------------------------------------------------------------------------
def adherence(frame: Frame) -> dict[str, Any]:
    """Of what was due in the frame's time: how much was proven by then. One statement.

    What had left the backlog by then in another way is told apart, and no case.
    """
    sql = Sql(frame)
    told = rows_of(join(
        "SELECT f.severity, f.status, CASE WHEN f.verified_at <= f.due_at THEN 1 ELSE 0 END,",
        "CASE WHEN f.status_since <= f.due_at THEN 1 ELSE 0 END, COUNT(*)",
        "FROM findings_finding AS f WHERE", sql.of_findings,
        Part("AND f.due_at > %s AND f.due_at <= %s", (moment(frame.since), moment(frame.until))),
        "GROUP BY 1, 2, 3, 4",
    ))  # fmt: skip
    met: dict[str, int] = defaultdict(int)
    due: dict[str, int] = defaultdict(int)
    apart = 0
    for severity, status, proven_in_time, stood_then, n in told:
        if status in _ENDED_OTHERWISE and stood_then:
            apart += n
            continue
        due[severity] += n
        met[severity] += n if proven_in_time else 0
    return {
        "all": Share(sum(met.values()), sum(due.values())).to_dict(),
        "by_severity": {s: Share(met[s], due[s]).to_dict() for s in sorted(due)},
        "ended_otherwise": apart,
    }


_ENDED_OTHERWISE = frozenset(
    status.value
    for status in (
        Status.RISK_ACCEPTED, Status.FALSE_POSITIVE, Status.DUPLICATE, Status.NO_LONGER_PRESENT
    )
)  # fmt: skip


# --- what became of claims -----------------------------------------------------------------------
def closures(frame: Frame) -> Mapping[str, Any]:
    """Claims of the frame's time and what is proven of them by its end; closures without a clearance.

    Two statements.
    """
    within = (moment(frame.since), moment(frame.until))
    marks = Sql(frame).marks
    waiting = Status.AWAITING_VERIFICATION.value
    ((claims, proven),) = rows_of(join(
        Part("SELECT COUNT(*), COALESCE(SUM(CASE WHEN EXISTS (SELECT 1 FROM reports_move AS p"
             " WHERE p.finding_id = m.finding_id AND p.target = %s AND p.at >= m.at AND p.at <= %s"
             " AND p.claimed_at = m.at) THEN 1 ELSE 0 END), 0)", (COMPLETE, within[1])),
        Part(f"FROM reports_move AS m WHERE m.scope_id IN ({marks}) AND m.at > %s AND m.at <= %s"
             " AND m.target = %s AND m.claimed_at IS NULL", (*frame.scopes, *within, waiting)),
    ))  # fmt: skip
    ((closed, without),) = rows_of(Part(
        "SELECT COUNT(*), COALESCE(SUM(CASE WHEN EXISTS (SELECT 1 FROM scans_clearance AS c"  # noqa: S608
        " WHERE c.finding_id = m.finding_id AND c.issued_at <= m.at) THEN 0 ELSE 1 END), 0)"
        f" FROM reports_move AS m WHERE m.scope_id IN ({marks}) AND m.at > %s AND m.at <= %s"
        " AND m.target = %s", (*frame.scopes, *within, COMPLETE),
    ))  # fmt: skip
    return {
        "verified_closure": Share(int(proven), int(claims)).to_dict(),
        "closed_with_proof": int(closed),
        "without_evidence": Share(int(without), int(closed)).to_dict(),
    }
