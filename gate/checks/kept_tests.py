"""Does the fix keep the tests: none deleted, skipped, emptied, or taken out of what runs?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from posixpath import splitext

from gate.case import Case
from gate.catalogue import load
from gate.changes import is_test, is_test_setting
from gate.checks.check import About, Answer, check, counted, failed, passed, plain, unknown, worst
from gate.diff import FileDiff, Hunk, Line
from gate.globs import matches
from gate.terms import Terms

_RETURN = re.compile(r"^\s*return\s*;?\s*(?:(?:#|//).*)?$")
_OPENS = re.compile(r"(?::|\{|\bdo(?:\s*\|[^|]*\|)?)\s*(?:(?:#|//).*)?$")  # of a body
_DOCSTRING = re.compile(r'^\s*[rRuU]?("""|\'\'\').*\1\s*$')
_HEADER = 3  # lines that the head of a test may take: an attribute, a signature, a brace
_WEAKER = {
    "skip": "switches a test off",
    "hollow": "asserts what always holds",
    "swallow": "lets an assert fail unheard",
}
_LET_RUN = {
    "skip": "Let the test run.",
    "hollow": "Assert what the code does.",
    "swallow": "Let a failing assert fail the test.",
}
_CLASS = re.compile(r"^\s*class\s+\w")
_EXCEPT = re.compile(r"^\s*except\b.*:\s*(?:#.*)?$")
_PASS = re.compile(r"^\s*(?:pass|\.\.\.)\s*(?:#.*)?$")


@dataclass(frozen=True, slots=True)
class _Row:
    what: str  # skip hollow swallow test class assert
    extensions: tuple[str, ...]
    pattern: re.Pattern[str]
    in_comments: bool  # such as a build tag of Go

    def finds(self, line: Line, comment: re.Pattern[str] | None) -> bool:
        """Whether a line has it; what is commented out has nothing."""
        if comment and not self.in_comments and comment.search(line.text):
            return False
        return self.pattern.search(line.text) is not None


@check("TESTS_INTACT", about=About.SCANS, version=3)
def tests_intact(case: Case, terms: Terms) -> Answer:
    """No test deleted, skipped or weakened by the fix? Told from the diff, by data/tests.json."""
    if case.diff is None:
        return unknown(
            "Without the diff nobody knows what the fix does to the tests.",
            remedy="Give the fix as --diff.",
        )
    files = [file for file in case.diff.files if is_test(file.old_path or file.path)]
    added = _added(case.diff.files)
    parts = [part for file in files for part in _test_file(case, file, added)]
    parts += [part for file in case.diff.files for part in _test_setting(case, file)]
    said = f" ({counted(len(files), 'test file')} changed)" if files else ""
    return worst(parts, passed(f"The fix deletes, skips and weakens no test{said}."))


def _added(files: Iterable[FileDiff]) -> Counter[str]:
    """The lines that the fix adds to files where a runner looks for tests, without white space."""
    tests = [file for file in files if file.new_path and is_test(file.new_path)]
    return Counter(
        _bare(line.text)
        for file in tests
        if _is_collected(file.new_path or "") is not False
        for hunk in file.hunks
        for line in hunk.lines
        if line.kind == "+"
    )


def _test_file(case: Case, file: FileDiff, added: Counter[str]) -> Iterator[Answer]:
    """What the fix does to one test file. ``added``: what came back elsewhere; used up as it counts."""
    extension = splitext(file.old_path or file.path)[1].lower()
    rows = [row for row in _rows() if extension in row.extensions]
    comment, ref = _comments().get(extension), case.diff_ref(file.path)
    lines = [line for hunk in file.hunks for line in hunk.lines]
    lost = {
        what: _lost(lines, [row for row in rows if row.what == what], comment, added)
        for what in ("test", "assert")
    }
    if _is_out(file) and (lost["test"] + lost["assert"] > 0 or not _has_moved(file, rows)):
        if rows or extension in load("tests.json")["code"]:
            what = f"The fix takes {file.old_path} out of the tests."
            yield failed(what, ref, remedy="Keep the test.")
        return
    for hunk in file.hunks if rows else ():
        yield from _weakened(case, file, hunk, rows, comment)
        yield from _left_early(case, file, hunk, rows, comment)
        yield from _uncollected(case, file, hunk, rows, comment)
    for what, number in lost.items():
        if number > 0:
            yield failed(
                f"{file.path} has {counted(number, what)} less than before the fix.",
                ref,
                remedy="Keep the tests, or replace what they assert.",
            )


def _is_out(file: FileDiff) -> bool:
    """Whether no runner looks at the file any more: it is gone, or has such a place or name."""
    if not file.new_path or not is_test(file.new_path):
        return True
    was, now = _is_collected(file.old_path or ""), _is_collected(file.new_path)
    return bool(was) and (
        now is False or splitext(file.old_path or "")[1] != splitext(file.new_path)[1]
    )


def _is_collected(path: str) -> bool | None:
    """Whether runners find tests in a file of this name; None where that is not by name."""
    extension = splitext(path)[1].lower()
    for row in load("tests.json")["collected"]:
        if extension in row["extensions"]:
            return matches(tuple(row["patterns"]), path)
    return None


def _has_moved(file: FileDiff, rows: list[_Row]) -> bool:
    """Whether the diff shows tests of a file that is gone; those not lost then are elsewhere."""
    tests = [row for row in rows if row.what in ("test", "assert")]
    return file.status == "deleted" and any(
        row.finds(line, None) for hunk in file.hunks for line in hunk.lines for row in tests
    )


def _uncollected(
    case: Case, file: FileDiff, hunk: Hunk, rows: list[_Row], comment: re.Pattern[str] | None
) -> Iterator[Answer]:
    """A line that opened tests is gone, and the tests stay: no runner finds them any more."""
    opens = [row for row in rows if row.what == "class"]
    shown = [line for line in hunk.lines if line.text.strip()]
    old = [line for line in shown if line.kind != "+"]
    new = [line for line in shown if line.kind == "+" and _CLASS.match(line.text)]
    left = sum(any(row.finds(line, comment) for row in opens) for line in new)
    for index, line in enumerate(old):
        if line.kind == " " or not any(row.finds(line, comment) for row in opens):
            continue
        left -= 1
        stays = index + 1 == len(old) or old[index + 1].kind == " "
        if left < 0 and (stays or new):
            yield failed(
                f"{file.path} has 1 test less than before the fix: no runner finds what stood in "
                f"{plain(line.text.strip(), 80)}",
                case.diff_ref(file.path),
                remedy="Keep the name by which the runner finds the tests.",
            )


def _weakened(
    case: Case, file: FileDiff, hunk: Hunk, rows: list[_Row], comment: re.Pattern[str] | None
) -> Iterator[Answer]:
    """Skips and hollow asserts that were added; one that was only indented anew is not new."""
    gone = {_bare(line.text) for line in hunk.lines if line.kind == "-"}
    for line in hunk.lines:
        if line.kind != "+" or _bare(line.text) in gone:
            continue
        what = next((r.what for r in rows if r.what in _WEAKER and r.finds(line, comment)), "")
        what = what or ("swallow" if _swallows(hunk, line) else "")
        if what:
            place = f"{file.path}:{line.new}"
            yield failed(
                f"{place} {_WEAKER[what]}: {plain(line.text)}.",
                case.diff_ref(place),
                remedy=_LET_RUN[what],
            )


def _left_early(
    case: Case, file: FileDiff, hunk: Hunk, rows: list[_Row], comment: re.Pattern[str] | None
) -> Iterator[Answer]:
    """A bare return that was added as the first statement of a test."""
    tests = [row for row in rows if row.what == "test"]
    now = [line for line in hunk.lines if line.kind != "-" and line.text.strip()]
    code = [line for line in now if not (comment and comment.search(line.text))]
    code = [line for line in code if not _DOCSTRING.match(line.text)]
    for index, line in enumerate(code):
        head = code[max(0, index - _HEADER) : index]
        if line.kind != "+" or not _RETURN.match(line.text) or not head:
            continue
        if _OPENS.search(head[-1].text) and any(r.finds(h, None) for r in tests for h in head):
            place = f"{file.path}:{line.new}"
            yield failed(
                f"{place} leaves a test before it asserts anything.",
                case.diff_ref(place),
                remedy="Let the test run.",
            )


def _swallows(hunk: Hunk, line: Line) -> bool:
    """Whether a ``pass`` is all that is done about an exception."""
    if not _PASS.match(line.text):
        return False
    above = [x for x in hunk.lines if x.kind != "-" and x.new and line.new and x.new < line.new]
    return bool(above) and _EXCEPT.match(above[-1].text) is not None


def _lost(
    lines: list[Line], rows: list[_Row], comment: re.Pattern[str] | None, added: Counter[str]
) -> int:
    """How many more of these the fix removes than it adds, here or, word for word, elsewhere."""
    found = [
        line for line in lines if line.kind != " " and any(row.finds(line, comment) for row in rows)
    ]
    own = Counter(_bare(line.text) for line in found if line.kind == "+")
    gone = Counter(_bare(line.text) for line in found if line.kind == "-")
    missing = gone.total() - own.total()
    for text, number in (gone - own).items():
        back = min(number, missing, max(0, added[text] - own[text]))
        if back > 0:
            added[text] -= back
            missing -= back
    return missing


def _test_setting(case: Case, file: FileDiff) -> Iterator[Answer]:
    """A file, or a line of one, that decides which tests run: a person has to look."""
    place = file.path if is_test_setting(file.path) else _setting_line(file)
    if place:
        yield unknown(
            f"The fix changes {place}, which decides which tests run.",
            case.diff_ref(place),
            remedy=f"Take {file.path} out of the fix, or have an approver waive this.",
        )


def _setting_line(file: FileDiff) -> str:
    """The first changed line that decides which tests run, as ``path:line``; empty for none."""
    patterns = [
        pattern for files, pattern in _setting_rows() if matches(files, file.new_path or "")
    ]
    for hunk in file.hunks if patterns else ():
        for line in hunk.lines:
            if line.kind != " " and any(pattern.search(line.text) for pattern in patterns):
                return f"{file.path}:{line.new or line.old}"
    return ""


def _bare(text: str) -> str:
    return "".join(text.split())


@cache
def _rows() -> tuple[_Row, ...]:
    return tuple(
        _Row(
            row["what"],
            tuple(row["extensions"]),
            re.compile(row["pattern"]),
            row.get("in_comments", False),
        )
        for row in load("tests.json")["rows"]
    )


@cache
def _comments() -> dict[str, re.Pattern[str]]:
    """How a line that is commented out begins, by extension."""
    return {
        extension: re.compile(row["pattern"])
        for row in load("tests.json")["comments"]
        for extension in row["extensions"]
    }


@cache
def _setting_rows() -> tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]:
    rows = load("tests.json")["setting_lines"]
    return tuple((tuple(row["files"]), re.compile(row["pattern"])) for row in rows)
