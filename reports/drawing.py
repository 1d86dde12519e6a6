"""From figures to what a page draws: rows with their lengths in hundredths, and where their rows are. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from findings.statuses import STAGES, Status
from reports.metrics.backlog import BANDS
from reports.statuses import Bar

Link = Callable[..., str]  # the address of a list of findings, by what it is narrowed to


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a chart: a number with its bar, and the address of the rows behind it ("": none)."""

    label: str
    n: int
    start: float
    length: float
    tone: str
    url: str = ""
    signed: bool = False  # told with its sign: a change
    note: str = ""


def waterfall(change: Mapping[str, Any], link: Link) -> list[Row]:
    """From what was open to what is: each cause begins where the one before ended."""
    opening, closing = change["opening"]["total"], change["closing"]["total"]
    bars = [bar for bar in change["bars"] if bar["bar"] != Bar.RESCORED and bar["moves"]]
    peak = level = opening
    for bar in bars:
        level += bar["change"]
        peak = max(peak, level)
    scale = 100 / max(peak, closing, 1)
    rows = [Row("Open before", opening, 0, opening * scale, "plain", link("opening"))]
    level = opening
    for bar in bars:
        low = min(level, level + bar["change"])
        tone = "grows" if bar["change"] > 0 else "proven" if bar["bar"] == Bar.PROVEN else "shrinks"
        rows.append(
            Row(bar["label"], bar["change"], low * scale, abs(bar["change"]) * scale, tone,
                link(bar["bar"]), signed=True)
        )  # fmt: skip
        level += bar["change"]
    unexplained = change["unexplained"]["total"]
    if unexplained:
        rows.append(Row("Not explained", unexplained, 0, 0, "grows", signed=True))
    rows.append(Row("Open now", closing, 0, closing * scale, "plain", link("closing")))
    return rows


def funnel(by_stage: Mapping[str, int], proven: int, link: Link) -> list[Row]:
    """Open findings by stage, and what was closed with proof in the time."""
    counts = {**by_stage, Status.MOBILIZATION_COMPLETE.value: proven}
    most = max([counts.get(stage.value, 0) for stage in STAGES] + [1])
    return [
        Row(
            stage.label.capitalize(), n, 0, 100 * n / most,
            "proven" if stage is Status.MOBILIZATION_COMPLETE else
            "claimed" if stage is Status.AWAITING_VERIFICATION else "plain",
            link("proven") if stage is Status.MOBILIZATION_COMPLETE else link("stage", stage.value),
            note="in the period" if stage is Status.MOBILIZATION_COMPLETE else "",
        )
        for stage in STAGES
        for n in [counts.get(stage.value, 0)]
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stack:
    """One line of a table of priorities, with its bars."""

    label: str
    total: int
    counts: Sequence[int]
    parts: Sequence[tuple[float, str]]


def stacks(told: Mapping[str, Mapping[str, int]]) -> list[Stack]:
    """Lines of counts by priority, drawn to one scale."""
    totals = {label: sum(counts.values()) for label, counts in told.items()}
    most = max([*totals.values(), 1])
    return [
        Stack(
            label,
            totals[label],
            [counts.get(band, 0) for band in BANDS],
            [(100 * counts.get(band, 0) / most, band.lower()) for band in BANDS],
        )
        for label, counts in told.items()
    ]


def headline(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The figures that the first page begins with; each with the same of the time before, where it has one."""
    flow, before = figures["flow"], figures["flow_before"]
    speed, speed_before = figures["speed"], figures["speed_before"]
    rows: list[dict[str, Any]] = [
        {"key": "open", "n": figures["open"]["total"], "before": figures["change"]["opening"]["total"]},
        {"key": "overdue", "n": figures["open"]["overdue"]},
        {"key": "new", "n": flow["new"], "before": before["new"]},
        {"key": "proven", "n": flow["proven"], "before": before["proven"]},
        {"key": "claimed", "n": flow["claimed"], "before": before["claimed"]},
        {"key": "claimed_only", "n": figures["open"]["claimed_only"]},
        {"key": "time_to_claimed", "days": speed["claimed"]["all"]["median_days"],
         "before_days": speed_before["claimed"]["all"]["median_days"]},
        {"key": "time_to_proven", "days": speed["proven"]["all"]["median_days"],
         "before_days": speed_before["proven"]["all"]["median_days"]},
        {"key": "verified_closure", "share": figures["closures"]["verified_closure"],
         "before_share": figures["closures_before"]["verified_closure"]},
        {"key": "sla", "share": figures["sla"]["all"]},
        {"key": "scanned_before_merge",
         "share": figures["second_loop"]["scanned_before_merge"]["before_merge"]},
        {"key": "without_evidence", "n": figures["closures"]["without_evidence"]["numerator"]},
    ]  # fmt: skip
    return rows


def speeds(figures: Mapping[str, Any], severities: Sequence[str]) -> list[dict[str, Any]]:
    """Median and 90th percentile to claimed and to proven, of all and by severity."""
    speed, none = figures["speed"], {"n": 0, "median_days": None, "p90_days": None}
    rows = [{"label": "all", "claimed": speed["claimed"]["all"], "proven": speed["proven"]["all"]}]
    rows += [
        {
            "label": severity,
            "claimed": speed["claimed"]["by_severity"].get(severity, none),
            "proven": speed["proven"]["by_severity"].get(severity, none),
        }
        for severity in severities
    ]
    return rows
