"""Did the fix silence the scanner instead: by a mark, a side file, or its configuration?"""

from __future__ import annotations

from collections.abc import Iterator

from gate.case import Case
from gate.changes import both_paths, is_manifest
from gate.checks.check import About, Answer, check, failed, passed, plain, unknown, worst
from gate.checks.findings import may_decide, place_of
from gate.diff import Diff, FileDiff
from gate.engines import has_marks, reads, reads_as_text
from gate.marks import ANY_AGENT, ANY_TOOL, Mark, known_to_marks
from gate.silenced import silencing
from gate.terms import Terms
from gate.touches import Touch, bears_on_scanning


@check("NO_NEW_SUPPRESSION", about=About.SCANS, version=2)
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
    parts += _unreadable(case, engines)
    parts += _suppressed_results(case)
    others = [mark for mark in case.marks if mark.tools and not _silences(mark, engines)]
    said = f" For other tools there is one at {_place(others[0])}." if others else ""
    return worst(parts, passed(f"The fix adds no suppression for {_named(engines)}.{said}"))


def _no_diff() -> Answer:
    return unknown(
        "Without the diff nobody knows what the fix touches.", remedy="Give the fix as --diff."
    )


def _engines(case: Case) -> tuple[str, ...]:
    """The engines that found the originals or scanned the fix; agentic ones under that word too."""
    finders = (target.finder.engine for target in case.targets if target.finder)
    scanners = [after.leg for after in case.afters]
    scanners += [target.finder for target in case.targets if target.finder]
    agentic = (ANY_AGENT,) * any(leg.tool_class == "agentic" for leg in scanners)
    return tuple(dict.fromkeys((*finders, *(after.leg.engine for after in case.afters), *agentic)))


def _named(engines: tuple[str, ...]) -> str:
    return ", ".join(engine for engine in engines if engine != ANY_AGENT) or "any scanner"


def _concerns(touch: Touch, engines: tuple[str, ...]) -> bool:
    return any(touch.concerns(engine) for engine in engines)


def _silences(mark: Mark, engines: tuple[str, ...]) -> bool:
    return any(mark.silences(engine) for engine in engines)


def _place(mark: Mark) -> str:
    return f"{mark.path}:{mark.line}" if mark.line else mark.path


def _mark(case: Case, mark: Mark, engines: tuple[str, ...]) -> Iterator[Answer]:
    """What one mark means for the tools here that read the file."""
    if ANY_TOOL in mark.tools and is_manifest(mark.path):
        return  # lock files say of themselves that they are generated
    there = [engine for engine in engines if _may_obey(case, engine, mark.path)]
    if not there or _is_approved(case, mark):
        return
    ref = case.diff_ref(_place(mark))
    remedy = f"Remove the suppression at {_place(mark)} and scan again."
    silenced = [engine for engine in there if mark.silences(engine)]
    if any(mark.is_certain(engine, _commands(case, engine)) for engine in silenced):
        said = f"{_place(mark)} adds a suppression ({mark.row}): {plain(mark.text)}."
        yield failed(said, ref, remedy=remedy)
    elif silenced:
        said = f"{_place(mark)} has a suppression ({mark.row}); {mark.doubt}: {plain(mark.text)}."
        yield unknown(said, ref, remedy=remedy)
    else:
        yield from _mark_of_others(mark, there, ref, remedy)


def _mark_of_others(mark: Mark, there: list[str], ref: str, remedy: str) -> Iterator[Answer]:
    """What is known to silence none of the tools here counts for those nobody knows."""
    unlisted = [e for e in there if e != ANY_AGENT and not known_to_marks(e)]
    if mark.to_all:
        said = f"{_place(mark)} speaks to those who look for weaknesses: {plain(mark.text)}."
        yield unknown(said, ref, remedy=remedy)
    elif unlisted:
        said = f"{_place(mark)} may silence {unlisted[0]}: {plain(mark.text)}."
        yield unknown(said, ref, remedy=remedy)


def _may_obey(case: Case, engine: str, path: str) -> bool:
    """Whether an engine may look at comments of this file."""
    if not has_marks(engine):
        return False
    listed = any(path in after.leg.examined for after in case.afters if after.leg.engine == engine)
    return engine == ANY_AGENT or listed or reads(engine, path)


def _commands(case: Case, engine: str) -> str:
    return "\n".join(after.leg.command for after in case.afters if after.leg.engine == engine)


def _is_approved(case: Case, mark: Mark) -> bool:
    """Whether all rules that the mark names are false positives there that somebody else approved.

    A blanket mark names none. One on a finding that is judged as fixed is no false positive.
    """
    if any(mark in silencing(case, target) for target in case.targets):
        return False
    rules = [
        str(word.get("rule", "")).casefold()
        for word in case.evidence.dispositions
        if word.get("kind") == "false_positive"
        and word.get("path") == mark.path
        and word.get("line") in (None, mark.line)
        and may_decide(case, word.get("by", ""))
    ]
    return bool(mark.ids) and all(
        any(rule == name.casefold() or rule.endswith(f".{name.casefold()}") for rule in rules)
        for name in mark.ids
    )


def _unreadable(case: Case, engines: tuple[str, ...]) -> Iterator[Answer]:
    """Changed files whose lines the diff does not show, though a scanner here reads them."""
    for file in case.diff.files if case.diff else ():
        path = file.new_path
        readers = [engine for engine in engines if path and reads_as_text(engine, path)]
        if path and file.binary and readers:
            yield unknown(
                f"The diff shows {path} as binary, so that marks for {readers[0]} cannot be seen.",
                case.diff_ref(path),
                remedy=f"Give the diff with the text of {path} (git diff --text), in UTF-8 and "
                "without NUL, or have an approver waive this.",
            )


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


@check("SCANNER_CONFIG_UNTOUCHED", about=About.SCANS, version=2)
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
    if touch.kind == "maybe" and _concerns(touch, engines):
        yield unknown(
            f"The fix changes {touch.place}, which may configure {_named(engines)}.",
            ref,
            remedy=f"Take {touch.path} out of the fix, or have an approver waive this.",
        )
    if touch.kind == "agent":
        yield failed(
            f"The fix changes {touch.place}, which instructs AI tools.", ref, remedy=remedy
        )
    file = diff.for_new(touch.path) or diff.for_old(touch.path)
    if touch.kind == "workflow" and file:
        yield from _workflow(case, touch, file)


def _workflow(case: Case, touch: Touch, file: FileDiff) -> Iterator[Answer]:
    """A pipeline file: whether scanner jobs are meant can be seen only from the lines shown.

    The finding's own file has to change, so there only its scanner jobs count.
    """
    ref, remedy = case.diff_ref(touch.place), f"Take {touch.path} out of the fix."
    is_own = _is_of_finding(case, file)
    bears = bears_on_scanning(file) if is_own else touch.scans or None
    if bears:
        said = f"The fix changes {touch.place} where it speaks of scanning."
        yield failed(said, ref, remedy=remedy)
    elif bears is None:
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
