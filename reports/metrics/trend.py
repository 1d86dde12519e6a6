"""How the backlog went over the last periods: counted back from its end. Two statements."""

from collections import Counter
from datetime import datetime
from typing import Any

from reports.metrics.frame import Frame, Part, Sql, join, moment, rows_of
from reports.statuses import Bar, bar_of

POINTS = 12  # periods that are shown, the frame's own last


def trend(frame: Frame, closing: int) -> list[dict[str, Any]]:
    """Per period, oldest first: its end, what was open then, what came, was proven and was claimed.

    ``closing``: what is open at the end of the frame.
    """
    length = frame.until - frame.since
    ends = [frame.until - length * back for back in range(POINTS)]  # newest first
    counts = _counts(frame, [end - length for end in ends])
    left, points = closing, []
    for back, end in enumerate(ends):
        told = counts[back]
        points.append(
            {
                "until": end.isoformat(),
                "open": left,
                "new": told[Bar.NEW],
                "proven": told[Bar.PROVEN],
                "claimed": told["claimed"],
            }
        )
        left -= sum(n for bar, n in told.items() if bar == "net")
    return points[::-1]


def _counts(frame: Frame, starts: list[datetime]) -> list[Counter[str]]:
    """Of each period: moves by bar, claims, and by how many the backlog grew (``net``)."""
    sql, told = Sql(frame), [Counter[str]() for _ in starts]
    within = (moment(starts[-1]), moment(frame.until))
    moves = rows_of(join(
        "SELECT", _period("m.at", starts), ", m.name, m.source, m.target,",
        "CASE WHEN m.claimed_at IS NULL THEN 1 ELSE 0 END, COUNT(*) FROM reports_move AS m",
        Part(f"WHERE m.scope_id IN ({sql.marks}) AND m.at > %s AND m.at <= %s",
             (*frame.scopes, *within)),
        "GROUP BY 1, 2, 3, 4, 5",
    ))  # fmt: skip
    for period, name, source, target, first, n in moves:
        bar = bar_of(name, source, target)
        if bar is not None:
            told[period][bar] += n
            told[period]["net"] += bar.sign * n
        if target == "awaiting_verification" and first:
            told[period]["claimed"] += n
    came = rows_of(join(
        "SELECT", _period("f.first_seen_at", starts), ", COUNT(*) FROM findings_finding AS f WHERE",
        sql.of_findings, Part("AND f.first_seen_at > %s AND f.first_seen_at <= %s", within),
        "GROUP BY 1",
    ))  # fmt: skip
    for period, n in came:
        told[period][Bar.NEW] += n
        told[period]["net"] += n
    return told


def _period(column: str, starts: list[datetime]) -> Part:
    """The number of the period that a moment lies in; 0 is the newest."""
    cases = " ".join(f"WHEN {column} > %s THEN {n}" for n in range(len(starts)))
    return Part(f"CASE {cases} END", [moment(start) for start in starts])
