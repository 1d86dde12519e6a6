"""What was measured, as text for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bench.matching.accuracy import Accuracy
from bench.matching.speed import Timing
from bench.matching.truth import Score


def document(
    known: Accuracy, held: Accuracy, timings: Sequence[Timing], setting: dict[str, str]
) -> dict[str, Any]:
    """Everything, for ``--json``."""
    return {
        "schema": "ctem.bench-matching/2",
        "setting": setting,
        "accuracy": {"known": _vars_of(known), "held_out": _vars_of(held)},
        "speed": [vars_of(timing) for timing in timings],
    }


def _vars_of(found: Accuracy) -> dict[str, Any]:
    scores = found.scores.items()
    return {
        "packages": found.packages,
        "files": found.files,
        "results": found.results,
        "scores": {edit: {name: vars(s) for name, s in by.items()} for edit, by in scores},
        "not_run": found.missing,
        "wrong_of_ours": found.wrong,
    }


def vars_of(timing: Timing) -> dict[str, Any]:
    """A timing with what follows from it."""
    return {
        "method": timing.method,
        "results": timing.results,
        "wall_seconds": round(timing.wall, 3),
        "processor_seconds": round(timing.processor, 3),
        "microseconds_per_result": round(timing.each, 1),
        "memory_bytes": timing.memory,
    }


def accuracy_table(found: Accuracy) -> list[str]:
    """All edits together, a row per method."""
    head = [
        "method",
        "missed new",
        "false new",
        "false absent",
        "false present",
        "left to a person",
    ]
    methods = list(dict.fromkeys(name for by in found.scores.values() for name in by))
    rows = [[name, *_figures(found.total(name))] for name in methods]
    rows += [[name, f"not run: {why}", "", "", "", ""] for name, why in found.missing.items()]
    return _table(head, rows)


def edits_table(found: Accuracy) -> list[str]:
    """Every edit, a column per method: missed new, false new, false absent, false present."""
    methods = list(dict.fromkeys(name for by in found.scores.values() for name in by))
    rows = []
    for edit, by in found.scores.items():
        truth = next(iter(by.values()))
        numbers = f"{truth.there} / {truth.gone} / {truth.new}"
        rows.append([edit, numbers, *(_short(by[name]) for name in methods)])
    return _table(["edit", "there / gone / new", *methods], rows)


def speed_table(timings: Sequence[Timing]) -> list[str]:
    """Every size, with the ratio to the multitool and to the smallest size."""
    rows = []
    for timing in timings:
        other = _find(timings, "SARIF multitool", timing.results)
        first = _find(timings, timing.method, min(entry.results for entry in timings))
        rows.append(
            [
                f"{timing.results:,}",
                timing.method,
                f"{timing.wall:.2f}",
                f"{timing.processor:.2f}",
                f"{timing.each:.0f}",
                f"{timing.each / first.each:.2f}" if first else "-",
                f"{other.processor / timing.processor:.2f}" if other else "-",
                f"{timing.memory / 1e6:.0f}",
            ]
        )
    head = ["results", "method", "wall (s)", "processor (s)", "µs per result"]
    return _table([*head, "to the smallest", "multitool ÷ it", "memory (MB)"], rows)


def _find(timings: Iterable[Timing], method: str, results: int) -> Timing | None:
    return next((t for t in timings if t.method == method and t.results == results), None)


def _figures(found: Score) -> list[str]:
    unsure = found.unsure_there + found.unsure_gone
    return [
        f"{found.missed_new} of {found.new}",
        f"{found.false_new} of {found.old}",
        f"{found.false_absent} of {found.there}",
        f"{found.false_present} of {found.gone}",
        str(unsure),
    ]


def _short(found: Score) -> str:
    numbers = (found.missed_new, found.false_new, found.false_absent, found.false_present)
    return " · ".join(map(str, numbers))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
