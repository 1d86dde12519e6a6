"""Did the scans look at the content that counts, and at all of it?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gate.binding import BOUND, Bond, short
from gate.case import After, Case, Target, Witness
from gate.checks.check import GRAVITY, About, Answer, check, failed, passed, unknown, worst
from gate.terms import Terms

_RESCAN = "Scan exactly the content of {} and say commit and tree of the scan."

# Options and words that narrow a scan to changes, or hide what a baseline knows. Source:
# gate-facts 2.1, row 5.
_NARROWING = re.compile(
    r"(?:^|\s)(--baseline(?:-commit|-path|-ref)?|--new-from-\S+|--diff(?:-\S+)?|--staged|--log-opts"
    r"|--pre-commit|--changed-only|--since)(?=[\s=]|$)"
    r"|\bbandit\b[^\n]*\s(-b)\s|\bsemgrep\s+(ci)\b|\bgitleaks\s+(protect)\b",
    re.IGNORECASE,
)


@check("CONTENT_BINDING", about=About.SCANS, can_be_waived=False)
def content_binding(case: Case, terms: Terms) -> Answer:
    """Same commit, same tree, or identical blobs as the fix, and at closure as what merged?"""
    goal = case.at.goal
    if not case.afters:
        remedy = _RESCAN.format(goal.label)
        return unknown("There is no scan after the fix to compare.", remedy=remedy)
    if not goal.known:
        return unknown(
            "Which revision the fix is was not said, so no scan can be bound to it.",
            remedy="Say the fix's head_commit and head_tree in the facts.",
        )
    return worst(_bindings(case), unknown("Nothing is bound.", remedy=_RESCAN.format(goal.label)))


def _bindings(case: Case) -> Iterator[Answer]:
    """One answer for each run, and one for the question whether any saw what must be clean."""
    for after in case.afters:
        yield _contradiction(after) or _binding(case, after)
    if not any(after.answers_gone for after in case.afters):
        known_other = all(after.to_goal is Bond.OTHER for after in case.afters)
        say = failed if known_other else unknown
        yield say(
            f"No scan is known to be of {case.at.goal.label}.",
            *(after.leg.ref() for after in case.afters),
            remedy=_RESCAN.format(case.at.goal.label),
        )


def _contradiction(after: After) -> Answer | None:
    """The report and the facts naming two different commits."""
    leg, told = after.leg, after.leg.run.revision.lower()
    if len(told) not in (40, 64) or not leg.facts.commit or told == leg.facts.commit:
        return None
    return failed(
        f"{leg.label} itself names commit {short(told)}, the facts name {short(leg.facts.commit)}.",
        leg.ref("/runs/0/versionControlProvenance"),
        remedy="Give the report and the facts of one and the same scan.",
    )


def _binding(case: Case, after: After) -> Answer:
    leg, goal, head = after.leg, case.at.goal, case.at.head
    what = f"{leg.label} scanned {_scanned(after)}"
    if after.to_goal in BOUND:
        return passed(f"{what}: {after.to_goal} {goal.label}.", leg.ref())
    if case.at.merge and after.to_head in BOUND:
        return passed(f"{what}: {after.to_head} {head.label}, before the merge.", leg.ref())
    if after.to_goal is Bond.OTHER:
        return failed(
            f"{what}, which is other content than {goal.label}.",
            leg.ref(),
            remedy=_RESCAN.format(goal.label),
        )
    return unknown(
        f"{what}, and whether that is the content of {goal.label} is not known.",
        leg.ref(),
        remedy=_RESCAN.format(goal.label),
    )


def _scanned(after: After) -> str:
    if after.leg.commit:
        return f"commit {short(after.leg.commit)}"
    tree = after.leg.facts.tree
    return f"tree {short(tree)}" if tree else "a revision that nobody names"


@check("SCAN_SCOPE", about=About.FINDING, can_be_waived=False)
def scan_scope(case: Case, terms: Terms, target: Target) -> Answer:
    """A full scan of the right category, neither limited to the diff nor cut by a baseline?"""
    if not target.witnesses:
        return _no_scan_of_kind(case, target)
    # A scan limited to the diff may stand beside a full one of its category: it answers another
    # question.
    parts: dict[str, list[Answer]] = {}
    for item in target.gone or target.witnesses:
        parts.setdefault(item.after.leg.category, []).append(_scope(target, item))
    best = (min(answers, key=lambda answer: GRAVITY[answer.outcome]) for answers in parts.values())
    return worst(best, _no_scan_of_kind(case, target))


def _no_scan_of_kind(case: Case, target: Target) -> Answer:
    """No run judges the finding: of the wrong category, or of no comparable tool at all."""
    ref, finder = target.original.ref, target.finder
    remedy = "Scan the fix with the tool that found it, in the same category."
    same = [after.leg for after in case.afters if finder and after.leg.engine == finder.engine]
    if not same or finder is None:
        return unknown(f"No scan after the fix is of the kind that found {ref}.", remedy=remedy)
    return failed(
        f"{same[0].label} is about {same[0].category}; {ref} was found in {finder.category}.",
        same[0].ref(),
        remedy=remedy,
    )


def _scope(target: Target, item: Witness) -> Answer:
    leg = item.after.leg
    remedy = f"Give a full scan by {leg.run.tool}, and say scope in its facts."
    limits = list(_limits(item))
    if limits:
        return failed(f"{leg.label} is no full scan: {limits[0]}.", leg.ref(), remedy=remedy)
    finder = target.finder
    if finder and finder.engine == leg.engine and finder.category and not leg.category:
        return unknown(
            f"{leg.lacking('The category')}; {finder.label} found the original in "
            f"{finder.category}.",
            leg.ref(),
            remedy="Say category in the facts.",
        )
    if leg.facts.scope != "full":
        return unknown(f"{leg.lacking('The scope')}.", leg.ref(), remedy=remedy)
    return passed(f"{leg.label} is a full scan.", leg.ref())


def _limits(item: Witness) -> Iterator[str]:
    """What shows that a scan looked at less than everything."""
    leg = item.after.leg
    if leg.facts.scope == "diff":
        yield "its facts say that it is limited to the changes"
    if "diff-informed" in leg.run.incremental_mode:
        yield "the report says that it is diff-informed"
    option = _NARROWING.search(leg.command)
    if option:
        yield f"its command has {next(filter(None, option.groups()))}"
