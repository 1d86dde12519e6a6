"""Runs of one tool and category in one report are one scan of it: what one lacks another may have seen."""

from collections.abc import Sequence
from dataclasses import replace

from core.text import clean_text
from gate.records import Run

MAX_TOOL, MAX_CATEGORY = 120, 200  # characters of Finding.tool and Finding.category


def joined(runs: Sequence[Run], told: str = "") -> list[Run]:
    """Return one run for each tool and category, in the order they first appear.

    ``told`` is the category that the sender names: that of runs that name none, and before that of runs
    that name another. Names are cut to what a finding keeps of them, so that the next scan finds it again.
    """
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        tool = clean_text(run.tool, MAX_TOOL)
        own = run.category if run.category != told else ""
        category = clean_text("/".join(filter(None, (told, own))), MAX_CATEGORY)
        named = replace(run, tool=tool, category=category)
        groups.setdefault((tool, category), []).append(named)
    return [_join(group) for group in groups.values()]


def _join(runs: Sequence[Run]) -> Run:
    """Return one run with the results of all; it succeeded only if each of them did."""
    if len(runs) == 1:
        return runs[0]
    return replace(
        runs[0],
        rules=tuple({rule.id: rule for run in reversed(runs) for rule in run.rules}.values()),
        results=tuple(result for run in runs for result in run.results),
        results_present=all(run.results_present for run in runs),
        execution_successful=_worst([run.execution_successful for run in runs]),
        notifications=tuple(note for run in runs for note in run.notifications),
    )


def _worst(answers: Sequence[bool | None]) -> bool | None:
    """False if any is, else None if any is unknown, else True."""
    if False in answers:
        return False
    return None if None in answers else True
