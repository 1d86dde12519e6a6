"""Was the rule that found the original on, and were levels and thresholds kept?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gate.case import Case, Target, Witness
from gate.checks.check import About, Answer, check, failed, passed, unknown, worst
from gate.checks.notices import is_gap
from gate.comparison import counterpart
from gate.legs import Leg
from gate.recipe import Recipe, compare_recipes, inventory
from gate.records import LEVEL_RANK, Level, Result
from gate.terms import Terms

# Options by which scanners report only what is severe or certain enough.
_THRESHOLD = re.compile(
    r"(?<!\S)(?:--severity(?:-level|-threshold)?|--min(?:imum)?-(?:severity|confidence|level)"
    r"|--confidence(?:-level)?|--level|--audit-level|-l{2,3}|-i{2,3})(?:[=\s]\s*[A-Za-z]\w*)?(?!\S)"
)


@check("RULE_ACTIVE", about=About.FINDING, version=3)
def rule_active(case: Case, terms: Terms, target: Target) -> Answer:
    """Was the rule that found the original on?"""
    parts = [_activity(case, target, item) for item in target.gone or target.witnesses]
    return worst(parts, _nobody(target))


def _nobody(target: Target) -> Answer:
    return unknown(
        f"No scan after the fix is of the kind that found {target.original.ref}.",
        remedy="Scan the fix with the tool that found it.",
    )


def _activity(case: Case, target: Target, item: Witness) -> Answer:
    leg, result = item.after.leg, _result_there(target, item)
    if result is None:
        return unknown(
            f"Which rule of {leg.label} would find {target.original.ref} is not known.",
            leg.ref(),
            remedy=f"Give a positive control: a scan of the base by {leg.run.tool}.",
        )
    names = {result.rule, result.rule_key, *result.aliases}
    seen = evidence_of(leg, result.rule, names)
    if seen:
        return seen
    return _by_recipe(case, target, item, result.rule, names)


def _result_there(target: Target, item: Witness) -> Result | None:
    """The original, or what stands for it where another engine judges."""
    if item.same_engine:
        return target.original.result
    return item.standing


def evidence_of(leg: Leg, rule: str, names: set[str]) -> Answer | None:
    """What the report itself says of the rule; None where it says nothing."""
    off = {r.id for r in leg.run.rules if not r.enabled} | set(leg.run.disabled_rules)
    on_again = f"Switch {rule} on and scan again."
    if off & names:
        return failed(f"{rule} was switched off in {leg.label}.", leg.ref(), remedy=on_again)
    gap = next((told for told in leg.run.notifications if is_gap(told, names)), None)
    if gap:
        return unknown(
            f"{leg.label} says that it may not have followed {rule} everywhere.",
            leg.ref(gap.pointer),
            remedy="Scan again until nothing is left out.",
        )
    # notApplicable says that the rule was not evaluated, informational nothing about it (3.27.9).
    answered = (result for result in leg.run.passed if result.kind == "pass")
    for result in (*leg.run.results, *answered):
        if names & {result.rule, result.rule_key}:
            return passed(
                f"{rule} was on: {leg.label} answers by it elsewhere.", leg.ref(result.pointer)
            )
    listed = inventory(leg)
    if listed is None:
        return None
    if names & listed.keys():
        return passed(f"{rule} is in the rules that {leg.label} ran.", leg.ref())
    return failed(f"{rule} is not in the rules that {leg.label} ran.", leg.ref(), remedy=on_again)


def _by_recipe(case: Case, target: Target, item: Witness, rule: str, names: set[str]) -> Answer:
    """The rule by the recipe: one that reported the original before the fix."""
    leg = item.after.leg
    source, recipe = _seen_alike(case, target, item)
    remedy = "Say rules or config_digest of both scans in the facts, or give a positive control."
    if source is None:
        return unknown(f"Nothing says that {rule} was on in {leg.label}.", leg.ref(), remedy=remedy)
    if any(_is_named(name, leg) and not _is_named(name, source) for name in names):
        return unknown(
            f"The command of {leg.label} names {rule}; whether it switches the "
            "rule on or off is not known.",
            leg.ref(),
            remedy=remedy,
        )
    if recipe and recipe.same:
        return passed(
            f"{rule} was on: {recipe.reason}, and it fired in {source.label}.",
            leg.ref(),
            source.ref(),
        )
    why = recipe.reason if recipe else "there is nothing to compare with"
    return unknown(
        f"Nothing says that {rule} was on in {leg.label}: {why}.", leg.ref(), remedy=remedy
    )


def _is_named(rule: str, leg: Leg) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(rule)}(?![\w-])", leg.command) is not None


def recipe_of(case: Case, item: Witness) -> Recipe | None:
    """The recipe of a run against the very scan that saw the original; None without such a scan."""
    if item.source is None:
        return None
    comparison = item.after.comparison
    return compare_recipes(item.source, item.after.leg, comparison.joined, case.touches)


def _seen_alike(case: Case, target: Target, item: Witness) -> tuple[Leg | None, Recipe | None]:
    """A scan before the fix that saw the original, of the same recipe where there is one.

    A positive control is such a scan as well as the one that found it.
    """
    recipe, result = recipe_of(case, item), _result_there(target, item)
    if recipe is None or recipe.same or result is None:
        return item.source, recipe
    comparison = item.after.comparison
    for leg in comparison.earlier:
        other = compare_recipes(leg, item.after.leg, comparison.joined, case.touches)
        if other.same and counterpart(leg.run.results, result) is not None:
            return leg, other
    return item.source, recipe


@check("SEVERITY_STABLE", about=About.FINDING, version=2)
def severity_stable(case: Case, terms: Terms, target: Target) -> Answer:
    """Were levels and thresholds not lowered?"""
    parts = [_stability(case, target, item) for item in target.gone or target.witnesses]
    return worst(parts, _nobody(target))


def _stability(case: Case, target: Target, item: Witness) -> Answer:
    leg = item.after.leg
    lowered = next(_lowered(item), None) or next(_narrowed(item), None)
    if lowered:
        return lowered
    recipe = _seen_alike(case, target, item)[1] or item.after.recipe
    if recipe and recipe.same:
        return passed(f"Levels and thresholds of {leg.label} are kept: {recipe.reason}.", leg.ref())
    if _is_listed_alike(target, item):
        return passed(
            f"{leg.label} lists the rule at the level it had before, or a higher one.", leg.ref()
        )
    pool = item.after.comparison.pool
    if pool and leg.run.results and _lowest(leg.run.results) <= _lowest(pool):
        return passed(
            f"{leg.label} still reports the least level that it did before, and no "
            "known result is at a lower one.",
            leg.ref(),
        )
    why = recipe.reason if recipe else "there is nothing to compare with"
    return unknown(
        f"Whether {leg.label} kept its levels and thresholds cannot be told: {why}.",
        leg.ref(),
        remedy="Say config_digest of both scans, or give a positive control.",
    )


def _is_listed_alike(target: Target, item: Witness) -> bool:
    """Whether a tool that lists every rule that is on lists this one at no lower level than before."""
    leg, result = item.after.leg, _result_there(target, item)
    if item.source is None or result is None or not leg.lists_rules:
        return False
    old, new = (inventory(one) or {} for one in (item.source, leg))
    before, now = old.get(result.rule), new.get(result.rule)
    return bool(before and now) and LEVEL_RANK[Level(now or "")] >= LEVEL_RANK[Level(before or "")]


def _lowered(item: Witness) -> Iterator[Answer]:
    """The same result at a lower level than before, or a rule listed at one."""
    leg, comparison = item.after.leg, item.after.comparison
    remedy = "Restore the levels of the rules and scan again."
    for pair in comparison.matching.pairs:
        old, new = comparison.pool[pair.before], leg.run.results[pair.after]
        if pair.stage in ("S1", "S2") and _is_lower(old, new):
            yield failed(
                f"{new.rule} was {old.level} and is {new.level} now, in unchanged code.",
                comparison.sources[pair.before].ref(old.pointer),
                leg.ref(new.pointer),
                remedy=remedy,
            )
    after = inventory(leg) or {}
    for earlier in comparison.earlier:
        for rule, level in (inventory(earlier) or {}).items():
            now = after.get(rule)
            if level and now and LEVEL_RANK[Level(now)] < LEVEL_RANK[Level(level)]:
                yield failed(
                    f"{leg.label} lists {rule} at {now}, before it was {level}.",
                    leg.ref(),
                    earlier.ref(),
                    remedy=remedy,
                )


def _is_lower(old: Result, new: Result) -> bool:
    by_score = (
        old.security_severity is not None
        and new.security_severity is not None
        and new.security_severity < old.security_severity
    )
    return by_score or LEVEL_RANK[new.level] < LEVEL_RANK[old.level]


def _narrowed(item: Witness) -> Iterator[Answer]:
    """An option in the command that reports only what is severe enough, and was not there."""
    leg = item.after.leg
    now = set(_THRESHOLD.findall(leg.command))
    for earlier in item.after.comparison.earlier:
        added = now - set(_THRESHOLD.findall(earlier.command))
        if added:
            say = failed if earlier.command else unknown
            yield say(
                f"The command of {leg.label} has {min(added)}, which that of "
                f"{earlier.label} is not known to have.",
                leg.ref(),
                earlier.ref(),
                remedy="Scan again with the thresholds of the scan before.",
            )


def _lowest(results: tuple[Result, ...]) -> int:
    return min(LEVEL_RANK[result.level] for result in results)
