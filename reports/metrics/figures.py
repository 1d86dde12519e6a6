"""All figures of a frame as one JSON value: what the API answers and what a report freezes."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from findings.models import Finding
from findings.statuses import Status
from reports.metrics import second_loop, surroundings
from reports.metrics.backlog import (
    AGE_NAMES,
    BANDS,
    SEVERITIES,
    Flow,
    Standing,
    Waterfall,
    bars_of,
    flows,
    rescored,
    standing,
    waterfall_of,
)
from reports.metrics.frame import Frame
from reports.metrics.speed import CLAIMED, PROVEN, Took, adherence, closures, lengths, spreads
from reports.metrics.trend import trend
from reports.statuses import Bar
from scopes.models import Scope

TOP = 15  # most urgent findings that are named
CHANGES = tuple(bar for bar in Bar if bar is not Bar.RESCORED)


def figures_of(frame: Frame, *, at: datetime) -> dict[str, Any]:
    """Return every figure of the frame; ``at``: now, for what has no past. About 35 statements."""
    closing = standing(frame, frame.until)
    told, took = flows(frame), lengths(frame)
    change = waterfall_of(standing(frame, frame.since), closing, told, rescored(frame))
    before = frame.before
    took_before = lengths(before)
    return {
        "since": frame.since.isoformat(),
        "until": frame.until.isoformat(),
        "open": _open(frame, closing),
        "change": _change(change),
        "flow": _flow(told, took, closing),
        "flow_before": _flow(flows(before), took_before, None),
        "speed": spreads(took),
        "speed_before": spreads(took_before),
        "sla": adherence(frame),
        "closures": dict(closures(frame)),
        "closures_before": dict(closures(before)),
        "second_loop": {
            "scanned_before_merge": second_loop.scanned_before_merge(frame),
            "brought_in": second_loop.brought_in(frame),
            "checks": second_loop.outcomes_by_check(frame),
            "verdicts": second_loop.verdicts(frame),
            "attempts": second_loop.attempts(frame),
            "depth": second_loop.depths(frame),
        },
        "coverage": surroundings.coverage(frame, at),
        "exceptions": surroundings.exceptions(frame, at),
        "certificates": surroundings.certificates(frame),
        "told_elsewhere": surroundings.told_elsewhere(frame),
        "trend": trend(frame, closing.total),
    }


def _open(frame: Frame, closing: Standing) -> dict[str, Any]:
    names = dict(Scope.objects.filter(pk__in=frame.scopes).values_list("pk", "name"))
    scopes = [
        {
            "scope": pk,
            "name": names[pk],
            "by_priority": by_band(found, BANDS),
            "open": sum(n for key, n in found.items() if key != "overdue"),
            "overdue": found.get("overdue", 0),
        }
        for pk, found in closing.scopes.items()
    ]
    urgent = (
        Finding.objects.filter(scope__in=frame.scopes).open().order_by("-priority_score", "-id")
    )
    return {
        "total": closing.total,
        "by_priority": by_band(closing.bands, BANDS),
        "by_severity": by_band(closing.severities, SEVERITIES),
        "by_stage": by_band(closing.stages, [status.value for status in Status]),
        "by_age": {age: by_band(closing.ages[age], BANDS) for age in AGE_NAMES},
        "by_scope": sorted(scopes, key=lambda row: (-row["open"], row["name"])),
        "overdue": sum(closing.overdue.values()),
        "overdue_by_priority": by_band(closing.overdue, BANDS),
        "set_aside": closing.set_aside,
        "claimed_only": closing.stages.get(Status.AWAITING_VERIFICATION.value, 0),
        "most_urgent": [
            {"finding": pk, "title": title, "severity": severity, "priority": band, "score": score,
             "scope": scope, "asset": asset}
            for pk, title, severity, band, score, scope, asset in urgent.values_list(
                "pk", "title", "severity", "priority_band", "priority_score", "scope__name",
                "asset__name",
            )[:TOP]
        ],
    }  # fmt: skip


def by_band(found: Mapping[str, int], names: Iterable[str]) -> dict[str, int]:
    """Counts in a fixed order; a name that is not expected comes last, none is left out."""
    told = {name: found.get(name, 0) for name in names}
    return told | {name or "none": n for name, n in sorted(found.items()) if name not in told}


def _change(change: Waterfall) -> dict[str, Any]:
    return {
        "opening": {"total": sum(change.opening.values()), "by_priority": by_band(change.opening, BANDS)},
        "closing": {"total": sum(change.closing.values()), "by_priority": by_band(change.closing, BANDS)},
        "bars": [
            {
                "bar": bar.value,
                "label": bar.label,
                "moves": sum(change.bars[bar].values()),
                "change": sum(change.changes[bar].values()),
                "by_priority": by_band(change.changes[bar], BANDS),
            }
            for bar in Bar
        ],
        "unexplained": {
            "total": sum(change.unexplained.values()),
            "by_priority": by_band(change.unexplained, BANDS),
        },
    }  # fmt: skip


def _flow(told: list[Flow], took: list[Took], closing: Standing | None) -> dict[str, Any]:
    bars = bars_of(told)
    return {
        **{bar.value: sum(bars[bar].values()) for bar in CHANGES},
        "claimed": sum(one.end == CLAIMED for one in took),
        "proven_by_severity": by_band(_severities(took, PROVEN), SEVERITIES),
    } | (
        {} if closing is None else {"claimed_only": closing.stages.get("awaiting_verification", 0)}
    )


def _severities(took: list[Took], end: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in took:
        if one.end == end:
            found[one.severity] = found.get(one.severity, 0) + 1
    return found
