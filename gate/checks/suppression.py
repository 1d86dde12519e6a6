"""Did the fix silence the scanner instead: by a mark, a side file, or its configuration?"""

from __future__ import annotations

from collections.abc import Iterator

from gate.case import Case
from gate.changes import both_paths, is_manifest
from gate.checks.check import About, Answer, check, failed, passed, plain, unknown, worst
from gate.checks.findings import may_decide, place_of
from gate.diff import Diff, FileDiff
from gate.terms import Terms
from gate.touches import ANY_TOOL, Mark, Touch, known_to_marks


@check("NO_NEW_SUPPRESSION", about=About.SCANS)
def no_new_suppression(case: Case, terms: Terms) -> Answer:
    """No inline mark, ignore file or baseline entry added for the tools that judge?"""
    if case.diff is None:
        return _no_diff()
    engines = _engines(case)
    parts = [part for mark in case.marks for part in _mark(case, mark, engines)]
    parts += [
        _side_file(case, touch)
        for touch in case.touches
        if touch.kind == "suppression" and _concerns(touch, engines)
    ]
    parts += _suppressed_results(case)
    others = [mark for mark in case.marks if mark.tools and not _silences(mark, engines)]
    said = f" For other tools there is one at {_place(others[0])}." if others else ""
    return worst(parts, passed(f"The fix adds no suppression for {_named(engines)}.{said}"))


def _no_diff() -> Answer:
    return unknown(
        "Without the diff nobody knows what the fix touches.", remedy="Give the fix as --diff."
    )


def _engines(case: Case) -> tuple[str, ...]:
    """The engines that found the originals or scanned the fix."""
    finders = (target.finder.engine for target in case.targets if target.finder)
    return tuple(dict.fromkeys((*finders, *(after.leg.engine for after in case.afters))))


def _named(engines: tuple[str, ...]) -> str:
    return ", ".join(engines) or "any scanner"


def _concerns(touch: Touch, engines: tuple[str, ...]) -> bool:
    return any(touch.concerns(engine) for engine in engines)


def _silences(mark: Mark, engines: tuple[str, ...]) -> bool:
    return any(mark.silences(engine) for engine in engines)


def _place(mark: Mark) -> str:
    return f"{mark.path}:{mark.line}"


def _mark(case: Case, mark: Mark, engines: tuple[str, ...]) -> Iterator[Answer]:
    """What one mark means for the tools here. What only looks like one counts for unknown tools."""
    if ANY_TOOL in mark.tools and is_manifest(mark.path):
        return  # lock files say of themselves that they are generated
    ref = case.diff_ref(_place(mark))
    remove = f"Remove the suppression at {_place(mark)} and scan again."
    if not mark.tools:
        unlisted = [engine for engine in engines if not known_to_marks(engine)]
        if unlisted:
            yield unknown(
                f"{_place(mark)} may silence {unlisted[0]}: {plain(mark.text)}.",
                ref,
                remedy=remove,
            )
        return
    if _silences(mark, engines) and not _is_approved(case, mark):
        yield failed(
            f"{_place(mark)} adds a suppression ({mark.row}): {plain(mark.text)}.",
            ref,
            remedy=remove,
        )


def _is_approved(case: Case, mark: Mark) -> bool:
    """Whether the mark names the rule of a false positive there that somebody else approved."""
    for word in case.evidence.dispositions:
        there = word.get("path") == mark.path and word.get("line") in (None, mark.line)
        named = str(word.get("rule", "")) and str(word.get("rule")) in mark.text
        if word.get("kind") == "false_positive" and there and named:
            return may_decide(case, word.get("by", ""))
    return False


def _side_file(case: Case, touch: Touch) -> Answer:
    return failed(
        f"The fix changes {touch.place}, which tells scanners what to ignore.",
        case.diff_ref(touch.place),
        remedy=f"Take {touch.path} out of the fix.",
    )


def _suppressed_results(case: Case) -> Iterator[Answer]:
    """Results that are suppressed now and were not, or were not there, before the fix."""
    for after in case.afters:
        comparison = after.comparison
        for index, result in enumerate(after.leg.run.results):
            pair = comparison.taken.get(index)
            before = comparison.pool[pair.before] if pair else None
            if result.suppressed and comparison.earlier and not (before and before.suppressed):
                yield failed(
                    f"{result.rule} at {place_of(result)} is suppressed now and was not before.",
                    after.leg.ref(result.pointer),
                    remedy="Take the suppression back and scan again.",
                )


@check("SCANNER_CONFIG_UNTOUCHED", about=About.SCANS)
def scanner_config_untouched(case: Case, terms: Terms) -> Answer:
    """No scanner configuration, scanner job of a pipeline, or agent instruction changed?"""
    if case.diff is None:
        return _no_diff()
    engines = _engines(case)
    parts = [part for touch in case.touches for part in _touch(case, case.diff, touch, engines)]
    aside = [
        touch.place
        for touch in case.touches
        if touch.kind == "surfaced" or (touch.kind == "config" and not _concerns(touch, engines))
    ]
    said = f" It also changes {aside[0]}." if aside else ""
    return worst(
        parts,
        passed(
            "The fix changes no scanner configuration, no scanner job and no "
            f"agent instructions.{said}"
        ),
    )


def _touch(case: Case, diff: Diff, touch: Touch, engines: tuple[str, ...]) -> Iterator[Answer]:
    ref, remedy = case.diff_ref(touch.place), f"Take {touch.path} out of the fix."
    if touch.kind == "config" and _concerns(touch, engines):
        yield failed(
            f"The fix changes {touch.place}, which configures {_named(engines)}.",
            ref,
            remedy=remedy,
        )
    if touch.kind == "agent":
        yield failed(
            f"The fix changes {touch.place}, which instructs AI tools.", ref, remedy=remedy
        )
    file = diff.for_new(touch.path) or diff.for_old(touch.path)
    if touch.kind == "workflow" and file:
        yield from _workflow(case, touch, file)


def _workflow(case: Case, touch: Touch, file: FileDiff) -> Iterator[Answer]:
    """A pipeline file: whether scanner jobs are meant can be seen only from the lines shown."""
    ref = case.diff_ref(touch.place)
    if touch.scans:
        yield failed(
            f"The fix changes {touch.place} where it speaks of scanning.",
            ref,
            remedy=f"Take {touch.path} out of the fix.",
        )
    elif not _is_of_finding(case, file):
        yield unknown(
            f"The fix changes {touch.place}; whether that touches a scanner job cannot be told.",
            ref,
            remedy=f"Take {touch.path} out of the fix, or have an approver waive this.",
        )


def _is_of_finding(case: Case, file: FileDiff) -> bool:
    """Whether an original lies in the file, so that the fix has to change it."""
    return any(
        target.original.result and target.original.result.location.path in both_paths(file)
        for target in case.targets
    )
