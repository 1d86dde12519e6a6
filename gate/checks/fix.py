"""Does the fix keep the tests, and nothing but the fix?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from posixpath import splitext

from gate.case import Case
from gate.catalogue import load
from gate.changes import is_manifest, is_test, is_test_setting
from gate.checks.check import (
    About,
    Answer,
    Lamp,
    check,
    counted,
    failed,
    not_applicable,
    passed,
    plain,
    unknown,
    worst,
)
from gate.checks.people import counted_reviews
from gate.diff import FileDiff, Hunk, Line
from gate.terms import Terms

# Under this key of its answers, a review names the changed files it accepts, one per line.
ACKNOWLEDGED = "acknowledged_files"


@dataclass(frozen=True, slots=True)
class _Row:
    what: str  # skip assert test
    extensions: tuple[str, ...]
    pattern: re.Pattern[str]


@check("TESTS_INTACT", about=About.SCANS)
def tests_intact(case: Case, terms: Terms) -> Answer:
    """No test deleted, skipped or weakened by the fix?"""
    if case.diff is None:
        return unknown(
            "Without the diff nobody knows what the fix does to the tests.",
            remedy="Give the fix as --diff.",
        )
    files = [file for file in case.diff.files if is_test(file.old_path or file.path)]
    parts = [part for file in files for part in _test_file(case, file)]
    parts += [_test_setting(case, file) for file in case.diff.files if is_test_setting(file.path)]
    said = f" ({counted(len(files), 'test file')} changed)" if files else ""
    return worst(parts, passed(f"The fix deletes, skips and weakens no test{said}."))


def _test_file(case: Case, file: FileDiff) -> Iterator[Answer]:
    rows = [row for row in _rows() if splitext(file.path)[1].lower() in row.extensions]
    ref = case.diff_ref(file.path)
    if not rows:
        return
    if file.status == "deleted" or (file.new_path and not is_test(file.new_path)):
        yield failed(
            f"The fix takes {file.old_path} out of the tests.", ref, remedy="Keep the test."
        )
    for hunk in file.hunks:
        yield from _skips(case, file, hunk, rows)
    lines = [line for hunk in file.hunks for line in hunk.lines]
    for what in ("test", "assert"):
        lost = _lost(lines, [row for row in rows if row.what == what])
        if lost > 0 and file.status != "deleted":
            yield failed(
                f"{file.path} has {counted(lost, what)} less than before the fix.",
                ref,
                remedy="Keep the tests, or replace what they assert.",
            )


def _skips(case: Case, file: FileDiff, hunk: Hunk, rows: list[_Row]) -> Iterator[Answer]:
    """Skips that were added; one that was only indented anew is not new."""
    skips = [row for row in rows if row.what == "skip"]
    gone = {_bare(line.text) for line in hunk.lines if line.kind == "-"}
    for line in hunk.lines:
        added = line.kind == "+" and _bare(line.text) not in gone
        if added and any(row.pattern.search(line.text) for row in skips):
            place = f"{file.path}:{line.new}"
            yield failed(
                f"{place} switches a test off: {plain(line.text)}.",
                case.diff_ref(place),
                remedy="Let the test run.",
            )


def _lost(lines: list[Line], rows: list[_Row]) -> int:
    """How many more of these the fix removes than it adds."""
    count = Counter(
        line.kind
        for line in lines
        if line.kind != " " and any(row.pattern.search(line.text) for row in rows)
    )
    return count["-"] - count["+"]


def _test_setting(case: Case, file: FileDiff) -> Answer:
    return unknown(
        f"The fix changes {file.path}, which decides which tests run.",
        case.diff_ref(file.path),
        remedy=f"Take {file.path} out of the fix, or have an approver waive this.",
    )


def _bare(text: str) -> str:
    return "".join(text.split())


@cache
def _rows() -> tuple[_Row, ...]:
    rows = load("tests.json")["rows"]
    return tuple(
        _Row(row["what"], tuple(row["extensions"]), re.compile(row["pattern"])) for row in rows
    )


@check("SCOPE_OF_CHANGE", about=About.SCANS, lamp=Lamp.RIGHT)
def scope_of_change(case: Case, terms: Terms) -> Answer:
    """Every changed file explained by the findings, their data flow, tests or manifests?"""
    if not case.targets:
        return not_applicable("No finding is judged that could explain the change.")
    if case.diff is None:
        return unknown(
            "Without the diff nobody knows what the fix changes.", remedy="Give the fix as --diff."
        )
    expected = _explained(case)
    accepted = _acknowledged(case, terms)
    open_files = [
        file
        for file in case.diff.files
        if not ({file.old_path, file.new_path} & expected)
        and not _is_usual(file)
        and file.path not in accepted
    ]
    if not open_files:
        number = counted(len(case.diff.files), "changed file")
        return passed(f"{number}, each explained or acknowledged.")
    names = ", ".join(file.path for file in open_files[:3])
    more = f" and {len(open_files) - 3} more" if len(open_files) > 3 else ""
    return unknown(
        f"Nothing explains why the fix changes {names}{more}.",
        *(case.diff_ref(file.path) for file in open_files[:20]),
        remedy=f"Have a reviewer name them under {ACKNOWLEDGED!r}, or take them out of the fix.",
    )


def _explained(case: Case) -> set[str | None]:
    """The files of the originals and of their data flows."""
    results = [target.original.result for target in case.targets if target.original.result]
    return {path for r in results for path in (r.location.path, *r.flow_paths) if path}


def _is_usual(file: FileDiff) -> bool:
    return is_test(file.path) or is_manifest(file.path)


def _acknowledged(case: Case, terms: Terms) -> set[str]:
    """The files that reviews which count have named."""
    return {
        line.strip()
        for review in counted_reviews(case)
        for question, answer in review.answers
        if question == ACKNOWLEDGED
        for line in answer.splitlines()
    }
