"""What is open, and why it is more or fewer than before. A fixed number of statements.

Opening, closing and each flow are counted apart; what they leave unexplained is told, and is 0 as long
as events and rows agree.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from findings.statuses import SetAside, Severity
from reports.metrics.frame import OPEN_WORDS, Frame, Part, Sql, join, moment, rows_of
from reports.statuses import Bar, bar_of

BANDS = ("P1", "P2", "P3", "P4")
ALL = "all"
AGES = (7, 30, 90, 180, 365)  # days: the upper ends of the classes
AGE_NAMES = (
    "up to 7 days", "8 to 30 days", "31 to 90 days", "91 to 180 days", "181 to 365 days",
    "over 365 days",
)  # fmt: skip
SEVERITIES = tuple(severity.value for severity in Severity)


# --- what is open at a moment --------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Standing:
    """How many findings were open at a moment, by what they were then."""

    bands: Mapping[str, int]
    severities: Mapping[str, int]
    stages: Mapping[str, int]
    ages: Mapping[str, Mapping[str, int]]  # age → band → findings
    scopes: Mapping[int, Mapping[str, int]]  # scope → band, and "overdue" → findings
    overdue: Mapping[str, int]  # band → findings
    set_aside: int

    @property
    def total(self) -> int:
        return sum(self.bands.values())


def standing(frame: Frame, at: datetime) -> Standing:
    """Count what was open at ``at``. One statement over the findings of the frame's scopes."""
    sql = Sql(frame)
    state, band = "COALESCE(l.state, f.status)", "COALESCE(w.band, f.priority_band)"
    told = rows_of(join(
        "WITH", sql.later("later", at), ",", sql.weighed("weighed", at),
        f"SELECT f.scope_id, {band}, f.severity, {state},", _age(at), ",",
        Part("CASE WHEN f.due_at <= %s THEN 1 ELSE 0 END,", (moment(at),)),
        Part("CASE WHEN f.set_aside <> %s THEN 1 ELSE 0 END,", (SetAside.NOT.value,)), "COUNT(*)",
        "FROM findings_finding AS f LEFT JOIN later AS l ON l.finding_id = f.id",
        "LEFT JOIN weighed AS w ON w.finding_id = f.id WHERE", sql.of_findings,
        Part("AND f.first_seen_at <= %s", (moment(at),)), f"AND {state} IN ({OPEN_WORDS})",
        "GROUP BY 1, 2, 3, 4, 5, 6, 7",
    ))  # fmt: skip
    return _folded(told)


def _age(at: datetime) -> Part:
    """A number: which class of ``AGE_NAMES`` a finding is in."""
    cases = " ".join(f"WHEN f.first_seen_at > %s THEN {n}" for n in range(len(AGES)))
    ends = [moment(at - timedelta(days=days)) for days in AGES]
    return Part(f"CASE {cases} ELSE {len(AGES)} END", ends)


def _folded(told: Iterable[tuple[Any, ...]]) -> Standing:
    bands, severities, stages, overdue = Counter(), Counter(), Counter(), Counter()  # type: ignore[var-annotated]
    ages: dict[str, Counter[str]] = {name: Counter() for name in AGE_NAMES}
    scopes: dict[int, Counter[str]] = {}
    aside = 0
    for scope, band, severity, state, age, late, apart, n in told:
        bands[band] += n
        severities[severity] += n
        stages[state] += n
        ages[AGE_NAMES[age]][band] += n
        scopes.setdefault(scope, Counter())[band] += n
        aside += n if apart else 0
        if late:
            overdue[band] += n
            scopes[scope]["overdue"] += n
    return Standing(bands, severities, stages, ages, scopes, overdue, aside)


# --- what came and went --------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Flow:
    """Moves of one kind in a time: how many, of findings of a scope, a band (at the end) and a severity."""

    scope: int
    name: str
    source: str
    target: str
    band: str
    severity: str
    n: int

    @property
    def bar(self) -> Bar | None:
        return bar_of(self.name, self.source, self.target)


def flows(frame: Frame) -> list[Flow]:
    """Count the moves of a frame's time, and the findings that were first seen in it. Two statements."""
    sql, within = Sql(frame), (moment(frame.since), moment(frame.until))
    band = "COALESCE(w.band, f.priority_band)"
    weighed = sql.weighed("weighed", frame.until)
    moved = join(
        "WITH", weighed,
        f"SELECT m.scope_id, m.name, m.source, m.target, {band}, f.severity, COUNT(*)",
        "FROM reports_move AS m JOIN findings_finding AS f ON f.id = m.finding_id",
        "LEFT JOIN weighed AS w ON w.finding_id = f.id",
        Part(f"WHERE m.scope_id IN ({sql.marks}) AND m.at > %s AND m.at <= %s",
             (*frame.scopes, *within)),
        "GROUP BY 1, 2, 3, 4, 5, 6",
    )  # fmt: skip
    came = join(
        "WITH", weighed, f"SELECT f.scope_id, 'new', '', '', {band}, f.severity, COUNT(*)",
        "FROM findings_finding AS f LEFT JOIN weighed AS w ON w.finding_id = f.id WHERE",
        sql.of_findings, Part("AND f.first_seen_at > %s AND f.first_seen_at <= %s", within),
        "GROUP BY f.scope_id, 5, f.severity",
    )  # fmt: skip
    return [Flow(*row) for row in rows_of(moved)] + [Flow(*row) for row in rows_of(came)]


def bars_of(told: Iterable[Flow]) -> dict[Bar, Counter[str]]:
    """Bar → band → moves; findings that were first seen are of ``new``."""
    found: dict[Bar, Counter[str]] = {bar: Counter() for bar in Bar}
    for flow in told:
        bar = Bar.NEW if flow.name == "new" and not flow.target else flow.bar
        if bar is not None:
            found[bar][flow.band] += flow.n
    return found


def rescored(frame: Frame) -> Counter[tuple[str, str]]:
    """(band before, band after) → findings that were open at the beginning. One statement."""
    sql = Sql(frame)
    state = "COALESCE(l.state, f.status)"
    after = "COALESCE(w.band, f.priority_band)"
    told = rows_of(join(
        "WITH", sql.later("later", frame.since), ",", sql.weighed("was", frame.since), ",",
        sql.weighed("weighed", frame.until),
        f"SELECT was.band, {after}, COUNT(*) FROM was JOIN findings_finding AS f ON f.id = was.finding_id",  # noqa: S608
        "LEFT JOIN later AS l ON l.finding_id = f.id LEFT JOIN weighed AS w ON w.finding_id = f.id",
        Part(f"WHERE f.first_seen_at <= %s AND {state} IN ({OPEN_WORDS})", (moment(frame.since),)),
        f"AND was.band <> {after} GROUP BY was.band, {after}",
    ))  # fmt: skip
    return Counter({(before, now): n for before, now, n in told})


# --- the change, with causes ---------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Waterfall:
    """From what was open to what is, band by band. Flows are of the band that a finding has at the end.

    ``bars``: how many moves; ``changes``: by how many each alters the backlog, signed.
    """

    opening: Mapping[str, int]
    closing: Mapping[str, int]
    bars: Mapping[Bar, Mapping[str, int]]
    changes: Mapping[Bar, Mapping[str, int]]

    @property
    def unexplained(self) -> dict[str, int]:
        """Band → what the bars do not account for."""
        bands = {*self.opening, *self.closing, *(b for row in self.changes.values() for b in row)}
        told = {
            band: self.closing.get(band, 0)
            - self.opening.get(band, 0)
            - sum(row.get(band, 0) for row in self.changes.values())
            for band in bands
        }
        return {band: n for band, n in sorted(told.items()) if n}


def waterfall_of(
    opening: Standing, closing: Standing, told: Iterable[Flow], moved: Counter[tuple[str, str]]
) -> Waterfall:
    """Put together what ``standing``, ``flows`` and ``rescored`` tell of one frame."""
    bars = bars_of(told)
    changes: dict[Bar, dict[str, int]] = {
        bar: {band: bar.sign * n for band, n in bars[bar].items()}
        for bar in Bar
        if bar is not Bar.RESCORED
    }
    shifted: Counter[str] = Counter()
    for (before, now), n in moved.items():
        shifted[before] -= n
        shifted[now] += n
        bars[Bar.RESCORED][now] += n
    changes[Bar.RESCORED] = dict(shifted)
    return Waterfall(opening.bands, closing.bands, bars, changes)
