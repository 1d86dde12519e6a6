"""Is it the right kind of tool, in the right version, and would it have seen the original?"""

from __future__ import annotations

from collections.abc import Iterator

from gate.binding import joins
from gate.case import Case, Target, Witness
from gate.checks.check import (
    About,
    Answer,
    Outcome,
    check,
    failed,
    not_applicable,
    passed,
    unknown,
    worst,
)
from gate.checks.proofs import proof_answer
from gate.checks.rules import recipe_of
from gate.comparison import counterpart, same_kind
from gate.earlier import stood
from gate.legs import Leg
from gate.recipe import compare_recipes, compare_versions, numbers
from gate.terms import Terms


@check("SAME_CLASS", about=About.FINDING, can_be_waived=False)
def same_class(case: Case, terms: Terms, target: Target) -> Answer:
    """Same engine as the finder, or another of its class with its own positive control?"""
    finder, ref = target.finder, target.original.ref
    if finder is None:
        return unknown(f"What found {ref} is not known.", remedy="Give the scan that found it.")
    own = [after.leg for after in case.afters if after.leg.engine == finder.engine]
    if own:
        return _same_engine(finder, own[0])
    if target.witnesses:
        return worst((_other_engine(case, target, item) for item in target.witnesses), _none(ref))
    return _other_class(case, finder, ref)


def _none(ref: str) -> Answer:
    remedy = "Scan the fix with the tool that found it."
    return unknown(f"No scan after the fix judges {ref}.", remedy=remedy)


def _same_engine(finder: Leg, leg: Leg) -> Answer:
    classes = {finder.facts.tool_class or finder.tool_class, leg.facts.tool_class or leg.tool_class}
    if len(classes - {""}) > 1:
        return failed(
            f"{leg.label} is said to be {leg.facts.tool_class or leg.tool_class}, the "
            f"finder {finder.facts.tool_class or finder.tool_class}.",
            leg.ref(),
            finder.ref(),
            remedy="Scan the fix with the class of tool that found it.",
        )
    return passed(f"{leg.label} is the engine that found it.", leg.ref(), finder.ref())


def _other_engine(case: Case, target: Target, item: Witness) -> Answer:
    leg, ref = item.after.leg, target.original.ref
    control = _by_control(case, target, item)
    if control and control.outcome is Outcome.PASS:
        return passed(
            f"{leg.label} is of the same class ({leg.tool_class}) and reported {ref} in "
            "its own positive control.",
            leg.ref(),
            *control.evidence,
        )
    return unknown(
        f"{leg.label} is of the same class ({leg.tool_class}), but nothing shows that it "
        f"can see {ref}.",
        leg.ref(),
        remedy=f"Give a positive control: a scan of the base by {leg.run.tool}.",
    )


def _other_class(case: Case, finder: Leg, ref: str) -> Answer:
    remedy = f"Scan the fix with {finder.run.tool} or another tool of its class."
    if not case.afters:
        return _none(ref)
    leg = case.afters[0].leg
    if finder.tool_class and all(after.leg.tool_class for after in case.afters):
        return failed(
            f"{ref} was found by {finder.label} ({finder.tool_class}); {leg.label} is "
            f"{leg.tool_class}.",
            leg.ref(),
            finder.ref(),
            remedy=remedy,
        )
    return unknown(
        f"Whether {leg.label} is of the class of {finder.label} is not known.",
        leg.ref(),
        finder.ref(),
        remedy="Say tool_class of both scans in the facts.",
    )


@check("TOOL_VERSION", about=About.FINDING, version=2)
def tool_version(case: Case, terms: Terms, target: Target) -> Answer:
    """Not older than the finder; a newer major version needs a positive control."""
    parts = [_version(case, target, item) for item in target.gone or target.witnesses]
    return worst(parts, _none(target.original.ref))


def _version(case: Case, target: Target, item: Witness) -> Answer:
    finder, leg = target.finder, item.after.leg
    if finder is None or not item.same_engine:
        return not_applicable(f"{leg.label} is another engine than the finder.")
    order = compare_versions(finder.version, leg.version)
    if order is None:
        return unknown(
            f"The versions of {finder.label} ({finder.version or 'unknown'}) and of "
            f"{leg.label} ({leg.version or 'unknown'}) cannot be compared.",
            leg.ref(),
            remedy="Say version of both scans in the facts.",
        )
    if order < 0:
        return failed(
            f"{leg.label} is version {leg.version}, older than the {finder.version} that found it.",
            leg.ref(),
            finder.ref(),
            remedy=f"Scan with {finder.run.tool} {finder.version} or newer.",
        )
    older = next(_older_parts(finder, leg), None)
    if older:
        return older
    if order == 0:
        return passed(f"{leg.label} has the version that found it, {leg.version}.", leg.ref())
    return _newer(case, target, item, finder)


def _older_parts(finder: Leg, leg: Leg) -> Iterator[Answer]:
    """Extensions (query packs, models, skills) that are older than those of the finder."""
    now = dict(leg.run.extension_versions)
    for name, version in finder.run.extension_versions:
        if name in now and compare_versions(version, now[name]) == -1:
            yield failed(
                f"{leg.label} has {name} {now[name]}, older than the {version} that found it.",
                leg.ref(),
                finder.ref(),
                remedy=f"Scan with {name} {version} or newer.",
            )


def _newer(case: Case, target: Target, item: Witness, finder: Leg) -> Answer:
    leg = item.after.leg
    step = f"{leg.label} is version {leg.version}, newer than the {finder.version} that found it"
    if numbers(finder.version)[:1] == numbers(leg.version)[:1]:
        return passed(f"{step}, of the same major version.", leg.ref())
    control = _by_control(case, target, item)
    if control and control.outcome is Outcome.PASS:
        return passed(f"{step}, and its positive control reports the original.", *control.evidence)
    return unknown(
        f"{step}, of another major version.",
        leg.ref(),
        remedy=f"Give a positive control by {leg.run.tool} {leg.version}.",
    )


@check("POSITIVE_CONTROL", about=About.FINDING, version=3)
def positive_control(case: Case, terms: Terms, target: Target) -> Answer:
    """Would this very recipe have reported the original before the fix?

    For an agentic finding, a proof of concept that worked before and fails after serves as well; a
    control scan that is blind is not outweighed by it.
    """
    parts = [_control(case, target, item) for item in target.gone or target.witnesses]
    answer = worst(parts, _none(target.original.ref))
    proof = proof_answer(case, terms, target)
    if proof is None or answer.outcome is not Outcome.UNKNOWN:
        return answer
    return proof


def _control(case: Case, target: Target, item: Witness) -> Answer:
    """A control scan decides where there is one; else the stored scan that found the original."""
    control = _by_control(case, target, item)
    if control and control.outcome is not Outcome.UNKNOWN:
        return control
    stored = _by_stored_scan(case, target, item)
    return control if control and stored.outcome is not Outcome.PASS else stored


def _by_control(case: Case, target: Target, item: Witness) -> Answer | None:
    """What the positive controls say; None where there is none of this engine and category."""
    leg = item.after.leg
    parts = [_one_control(case, target, item, c) for c in case.control if same_kind(c, leg)]
    for outcome in (Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN):
        for part in parts:
            if part.outcome is outcome:
                return part
    return None


def _one_control(case: Case, target: Target, item: Witness, control: Leg) -> Answer:
    leg, ref = item.after.leg, target.original.ref
    remedy = f"Scan the base with exactly the recipe of {leg.label} and give it as --control."
    reason = next(unlike(case, target, control, leg), "")
    if reason:
        return unknown(
            f"{control.label} is no positive control: {reason}.", control.ref(), remedy=remedy
        )
    results, result = control.run.results, target.original.result
    index = counterpart(results, result) if result else None
    if index is None:
        return failed(
            f"{control.label}, a scan of the base, does not report {ref}: the recipe is "
            "blind to it.",
            control.ref(),
            remedy="Scan base and fix with a recipe that reports the original.",
        )
    return passed(
        f"{control.label} reports {ref} before the fix.", control.ref(results[index].pointer)
    )


def _by_stored_scan(case: Case, target: Target, item: Witness) -> Answer:
    """The scan that found the original, if it is of the base and of the same recipe."""
    leg, source, ref = item.after.leg, item.source, target.original.ref
    remedy = f"Give a positive control: a scan of the base with the recipe of {leg.label}."
    if source is None:
        return unknown(
            f"No scan before the fix shows that {leg.label} sees {ref}.", leg.ref(), remedy=remedy
        )
    if leg.tool_class == "agentic":
        return unknown(
            f"{leg.label} does not answer alike every time; that it found {ref} once "
            "does not show that it would now.",
            leg.ref(),
            remedy=remedy,
        )
    reason = next(unlike(case, target, source, leg), "")
    recipe = recipe_of(case, item)
    if not reason and source.facts.scope == "diff":
        reason = "it is limited to a diff"
    if not reason and recipe and not recipe.same:
        reason = recipe.reason
    if reason or item.index is None:
        return unknown(
            f"The stored scan {source.label} is no positive control for {leg.label}: {reason}.",
            source.ref(),
            leg.ref(),
            remedy=remedy,
        )
    pointer = item.after.comparison.pool[item.index].pointer
    return passed(
        f"The stored scan {source.label} reports {ref} with the same recipe.", source.ref(pointer)
    )


def unlike(case: Case, target: Target, earlier: Leg, leg: Leg) -> Iterator[str]:
    """What keeps a scan before the fix from speaking for the recipe of a scan after it."""
    if not stood(earlier, target.original.result, case.at, case.diff):
        yield "it is not known to be of the content before the fix"
    recipe = compare_recipes(earlier, leg, joins(earlier, leg, case.at), case.touches)
    if recipe.version != 0:
        yield recipe.reason
    elif recipe.same is False or recipe.narrower:
        yield recipe.reason
    if leg.tool_class == "agentic" and not _same_model(earlier, leg):
        yield "it is not known to have used the same model"


def _same_model(one: Leg, other: Leg) -> bool:
    return bool(one.facts.model) and one.facts.model == other.facts.model
