"""Did the scans look at the content that counts, and at all of it?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gate import commands
from gate.binding import BOUND, Bond, bond, short
from gate.case import After, Case, Target, Witness
from gate.catalogue import load
from gate.checks.check import GRAVITY, About, Answer, check, failed, passed, plain, unknown, worst
from gate.legs import Leg
from gate.recipe import command_difference
from gate.terms import Terms

_RESCAN = "Scan exactly the content of {} and say commit and tree of the scan."

LEAST_DIGITS = 7  # of a shortened commit id that names one commit (git's default abbreviation)
_WAS_THERE = frozenset({"unchanged", "updated", "absent"})  # baseline states of a whole report
_HEX = re.compile(r"[0-9a-f]+")


@check("CONTENT_BINDING", about=About.SCANS, version=3, can_be_waived=False)
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
    yield from _no_fix(case)
    for leg in (*case.before, *case.control):
        yield from _contradiction(leg)
    for after in case.afters:
        yield next(_contradiction(after.leg), None) or _binding(case, after)
        yield from _old_content(case, after)
    if not any(after.answers_gone for after in case.afters):
        known_other = all(after.to_goal is Bond.OTHER for after in case.afters)
        say = failed if known_other else unknown
        yield say(
            f"No scan is known to be of {case.at.goal.label}.",
            *(after.leg.ref() for after in case.afters),
            remedy=_RESCAN.format(case.at.goal.label),
        )


def _no_fix(case: Case) -> Iterator[Answer]:
    """That nothing was changed, or that the diff does not lead from the base to the fix."""
    at = case.at
    if at.unchanged and case.targets:
        yield failed(
            f"Nothing was changed: {at.goal.label} has the content of {at.base.label}.",
            remedy="Give the fix that removes the weakness; what vanishes without one was not fixed.",
        )
    if at.unjoined:
        yield unknown(
            f"The diff does not join {at.base.label} and the fix: {at.unjoined}.",
            case.evidence.diff_name,
            remedy="Give the diff of exactly these two revisions, as git diff -M writes it.",
        )


def _old_content(case: Case, after: After) -> Iterator[Answer]:
    """Changed files that the scan saw as they were before the fix, by the hashes of both reports.

    SARIF's artifacts[].hashes are of the content, git's blob ids are not (3.24.11; git hashes a
    header too), and no fact has digests of content: a hash can refute a binding, never prove it. It
    does where a scan of the base has the same hash for a file whose lines the fix changes.
    """
    now = dict(after.leg.run.hashes)
    for file in case.diff.files if case.diff and now else ():
        changed = file.new_path and file.old_path and (file.hunks or file.binary)
        seen = now.get(file.new_path or "")
        for leg in (*case.before, *case.control) if changed and seen else ():
            if dict(leg.run.hashes).get(file.old_path or "") == seen and _is_base(case, leg):
                yield failed(
                    f"{after.leg.label} saw {file.new_path} as it was before the fix: its hash is the one "
                    f"in {leg.label}.",
                    after.leg.ref(),
                    leg.ref(),
                    remedy=_RESCAN.format(case.at.goal.label),
                )


def _is_base(case: Case, leg: Leg) -> bool:
    """Whether a scan is of the fix's base, or nobody says of what and so of the base at best."""
    found = bond(leg, case.at.base, _changed_paths(case))
    return found in BOUND or not (leg.commit or leg.facts.tree)


def _changed_paths(case: Case) -> tuple[str, ...]:
    return tuple(file.old_path for file in case.diff.files if file.old_path) if case.diff else ()


def _contradiction(leg: Leg) -> Iterator[Answer]:
    """The report and the facts naming two different commits; a report may shorten its id."""
    told, commit = leg.run.revision.strip().lower(), leg.facts.commit
    is_id = len(told) >= LEAST_DIGITS and _HEX.fullmatch(told)
    if not is_id or not commit or commit.startswith(told):
        return
    yield failed(
        f"{leg.label} itself names commit {short(told)}, the facts name {short(commit)}.",
        leg.ref(f"{leg.run.pointer}/versionControlProvenance"),
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


@check("SCAN_SCOPE", about=About.FINDING, version=2, can_be_waived=False)
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
    limit = next(limits(leg), "")
    if limit:
        return failed(f"{leg.label} is no full scan: {limit}.", leg.ref(), remedy=remedy)
    finder = target.finder
    if finder and finder.engine == leg.engine and finder.category and not leg.category:
        return unknown(
            f"{leg.lacking('The category')}; {finder.label} found the original in "
            f"{finder.category}.",
            leg.ref(),
            remedy="Say category in the facts.",
        )
    doubt = next(_doubts(item), None)
    if doubt:
        return doubt
    if leg.facts.scope != "full":
        return unknown(f"{leg.lacking('The scope')}.", leg.ref(), remedy=remedy)
    return passed(f"{leg.label} is a full scan.", leg.ref())


def limits(leg: Leg) -> Iterator[str]:
    """What shows that a scan looked at less than everything."""
    if leg.facts.scope == "diff":
        yield "its facts say that it is limited to the changes"
    if "diff-informed" in leg.run.incremental_mode:
        yield "the report says that it is diff-informed"
    option = commands.narrowing(leg.command)
    if option:
        yield f"its command has {option}"


def _doubts(item: Witness) -> Iterator[Answer]:
    """What lets a scan that says it is full look at less, or show less, than the one before it."""
    leg = item.after.leg
    states = set(leg.run.baseline_states)
    if leg.row and leg.row.name in load("notices.json")["always_new"]["tools"]:
        states.clear()
    if (leg.run.baseline_guid or states) and not states & _WAS_THERE:
        yield unknown(
            f"{leg.label} was compared with a baseline and shows only what is new to it.",
            leg.ref(),
            remedy="Give the report with every result, or without a baseline.",
        )
    before = item.after.comparison.earlier
    differs = any(command_difference(earlier, leg) for earlier in before)
    option = commands.left_out_files(leg.command)
    option = option or (commands.narrow_target(leg.command) if differs else "")
    if option and (differs or not any(earlier.command for earlier in before)):
        yield unknown(
            f"The command of {leg.label} has {plain(option, 60)}, which the scan before is not known to have "
            "had.",
            leg.ref(),
            remedy="Scan with the command of the scan before, and say both commands in the facts.",
        )
