"""Does the fix hold? What full scans of later revisions say of a finding that was closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gate.binding import BOUND, bond
from gate.case import Case, Later, Target
from gate.checks.check import (
    About,
    Answer,
    Lamp,
    Outcome,
    check,
    counted,
    failed,
    not_applicable,
    passed,
    plain,
    unknown,
    worst,
)
from gate.checks.content import limits
from gate.checks.findings import place_of
from gate.checks.rules import evidence_of
from gate.checks.scan import ended
from gate.comparison import same_kind, witness
from gate.legs import Leg
from gate.matching import Pair
from gate.terms import Terms

_RESCAN = "Give a full scan of a later revision by {}, and say commit, scope and descends_from."


@check("STILL_HOLDS", about=About.FINDING, lamp=Lamp.AFTER)
def still_holds(case: Case, terms: Terms, target: Target) -> Answer:
    """Do later full scans keep it absent? (Else it is to be reopened.)

    Asked of the scans with the role ``later``: gate-facts 7 and 2.1, row 32. What a later scan
    reports again counts whatever its scope, as the tracker reopens on sight; absence counts only in
    a full scan that worked, of a revision known to contain what merged.
    """
    used = {(after.leg.scan.report.sha256, after.leg.commit) for after in case.afters}
    fresh = [
        item for item in case.later if (item.leg.scan.report.sha256, item.leg.commit) not in used
    ]
    if not fresh:
        again = " other than those that it was judged by" if case.later else ""
        return not_applicable(f"There is no later scan yet{again}.")
    kinds = [target.finder] if target.finder else []
    kinds += [item.after.leg for item in target.witnesses]
    mine = [item for item in fresh if any(same_kind(kind, item.leg) for kind in kinds)]
    parts = [_later(case, target, item) for item in mine]
    seen = [part for part in parts if part.outcome is Outcome.FAIL]
    clean = [part for part in parts if part.outcome is Outcome.PASS]
    if seen or not clean:
        return worst(seen or parts, _none_of_the_kind(target, fresh[0].leg))
    return _absent(target, [item.leg for item in mine], clean)


def _none_of_the_kind(target: Target, leg: Leg) -> Answer:
    tool = target.finder.run.tool if target.finder else "the tool that found it"
    return unknown(
        f"No later scan is of the kind that found {target.original.ref}.",
        leg.ref(),
        remedy=_RESCAN.format(tool),
    )


def _absent(target: Target, mine: list[Leg], clean: list[Answer]) -> Answer:
    last = max((leg.finished_at or leg.started_at for leg in mine), default="")
    said = f", the last of {plain(last, 40)}" if last else ""
    aside = len(mine) - len(clean)
    more = f" {counted(aside, 'other scan')} cannot say." if aside else ""
    return passed(
        f"{target.original.ref} is absent from {counted(len(clean), 'later full scan')}{said}.{more}",
        *(ref for part in clean for ref in part.evidence),
    )


def _later(case: Case, target: Target, item: Later) -> Answer:
    """What one later scan says."""
    ref, leg, comparison = target.original.ref, item.leg, item.comparison
    now = item.now.get(id(target.original.result))
    index = witness(comparison, replace(target.original, result=now))
    if index is None:
        return unknown(
            f"Nothing stands for {ref} in the scans that {leg.label} is compared with.",
            leg.ref(),
            remedy="Give a scan of the base by this tool that reports it.",
        )
    pair = comparison.pairs.get(index)
    if pair:
        return _seen(case, leg, ref, pair)
    if index in comparison.matching.contested:
        return unknown(
            f"One of several alike is there in {leg.label}; whether it is {ref} cannot be told.",
            leg.ref(),
            remedy="Fix the others too, or dispute the match with a second approver.",
        )
    doubt = next(_doubts(case, target, leg), "")
    if doubt:
        remedy = _RESCAN.format(leg.run.tool)
        return unknown(f"{ref} is not in {leg.label}, but {doubt}.", leg.ref(), remedy=remedy)
    return passed(f"{ref} is not in {leg.label}.", leg.ref())


def _seen(case: Case, leg: Leg, ref: str, pair: Pair) -> Answer:
    """It, or what may be it, is reported by a later scan."""
    found = leg.run.results[pair.after]
    where = f"at {place_of(found)} ({pair.stage}): {plain(pair.reason)}".rstrip(".")
    refs = (leg.ref(found.pointer),)
    if not pair.is_present:
        return unknown(
            f"{leg.label} reports something like {ref} again, {where}.",
            *refs,
            remedy="Show that it is another weakness: dispute the match with a second approver.",
        )
    if not _is_later(case, leg):
        return unknown(
            f"{leg.label} reports {ref}, {where}, but is not known to be of a revision that contains "
            f"{case.at.goal.label}.",
            *refs,
            remedy=_RESCAN.format(leg.run.tool),
        )
    return failed(
        f"{leg.label} reports {ref} again, {where}.",
        *refs,
        remedy="Reopen the finding, remove the weakness itself and have it verified anew.",
    )


def _doubts(case: Case, target: Target, leg: Leg) -> Iterator[str]:
    """Why absence from a later scan says nothing."""
    if not _is_later(case, leg):
        yield f"it is not known to be of a revision that contains {case.at.goal.label}"
    yield from limits(leg)
    if leg.facts.scope != "full":
        yield "it is not known to be a full scan"
    if ended(leg).outcome is not Outcome.PASS:
        yield ended(leg).reason[:1].lower() + ended(leg).reason[1:].rstrip(".")
    result = target.original.result
    if result and target.finder and target.finder.engine == leg.engine:
        told = evidence_of(leg, result.rule, {result.rule, result.rule_key, *result.aliases})
        if told and told.outcome is not Outcome.PASS:
            yield told.reason.rstrip(".")


def _is_later(case: Case, leg: Leg) -> bool:
    """Whether the scanned content contains what must be clean: its descendant, or the same."""
    goal = case.at.goal
    contained = (leg.commit, *leg.facts.parents, *leg.facts.descends_from)
    if goal.commit and goal.commit in contained:
        return True
    return bond(leg, goal, case.relevant) in BOUND
