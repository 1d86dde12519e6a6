"""Scanners that do not answer alike every time: how often is often enough, and how sure is it?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gate.case import Case, Target
from gate.checks.check import Answer, counted, unknown
from gate.checks.tools import unlike
from gate.comparison import counterpart, same_kind
from gate.legs import Leg
from gate.models import is_inside
from gate.terms import Terms


def often_enough(case: Case, target: Target, terms: Terms, answer: Answer) -> Answer:
    """The answer that the original is absent, with how likely it was only missed.

    The policy asks for a number of clean full runs; copies of one run count once.
    """
    item = target.gone[0]
    if item.after.leg.tool_class != "agentic":
        return answer
    full = [gone.after.leg for gone in target.gone if gone.after.leg.facts.scope == "full"]
    runs = distinct(full)
    said = f" {_estimate(case, target, len(runs))}" if runs else ""
    if len(runs) >= terms.clean_runs:
        return Answer(answer.outcome, answer.reason + said, answer.evidence, answer.remedy)
    copies = len(full) - len(runs)
    aside = f" ({counted(copies, 'other')} not known to be another run)" if copies else ""
    return unknown(
        f"{target.original.ref} is absent from {counted(len(runs), 'full run')} of an agentic scanner{aside}, "
        f"the policy asks for {terms.clean_runs}.{said}",
        *answer.evidence,
        remedy="Repeat the scan of the same content, give every run, and say agent_run and started_at.",
    )


def distinct(legs: Iterable[Leg]) -> list[Leg]:
    """One leg for each run that is known to be another one than those before it.

    Other bytes are not enough: the id of the run must differ, or, where nobody says it, its time.
    """
    found: list[Leg] = []
    for leg in legs:
        if all(_is_another(leg, other) for other in found):
            found.append(leg)
    return found


def _is_another(one: Leg, other: Leg) -> bool:
    if one.scan.report.sha256 == other.scan.report.sha256:
        return False
    mine, theirs = one.facts.agent_run, other.facts.agent_run
    if mine and theirs:
        return not (is_inside(mine, theirs) or is_inside(theirs, mine))
    times = one.started_at, other.started_at
    return all(times) and times[0] != times[1]


def recall(hits: int, runs: int) -> float:
    """How likely one run finds it, from ``hits`` of ``runs``: (hits + 1) / (runs + 2).

    Laplace's rule of succession (P.-S. Laplace, Essai philosophique sur les probabilités, 1814);
    gate-facts 1.9.
    """
    return (hits + 1) / (runs + 2)


def missed(hits: int, runs: int, clean: int) -> float:
    """How likely ``clean`` independent runs all miss what is there: (1 - recall) to that power."""
    return (1 - recall(hits, runs)) ** clean


def _estimate(case: Case, target: Target, clean: int) -> str:
    """The estimate in a sentence, from the runs before the fix that are like those after it."""
    earlier = _controls(case, target)
    result = target.original.result
    found = (result and counterpart(leg.run.results, result) is not None for leg in earlier)
    hits = sum(map(bool, found))
    times = f"found it in {hits} of {counted(len(earlier), 'run')} before the fix"
    return (
        f"It {times}: by the rule of succession a run finds it with probability "
        f"{recall(hits, len(earlier)):.2f}, and {counted(clean, 'clean run')} would all miss it with "
        f"{missed(hits, len(earlier), clean):.2f}."
    )


def _controls(case: Case, target: Target) -> Sequence[Leg]:
    """The runs before the fix by the scanner and the model of those after it, each once.

    The run that found the original is one of them, so that the estimate is a little too high where
    there are few: it is there because it found something.
    """
    leg = target.gone[0].after.leg
    like = [
        earlier
        for earlier in (*case.control, *case.before)
        if same_kind(earlier, leg) and not next(unlike(case, target, earlier, leg), "")
    ]
    return distinct(like)
