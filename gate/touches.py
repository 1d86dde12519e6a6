"""What a fix touches that could blind a scanner: its files, and marks in the added lines.

The catalogues are ``data/scanner_files.json`` and ``data/suppressions.json``; deciding is left to
the checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from gate.catalogue import load
from gate.diff import Diff, FileDiff, Hunk, Line
from gate.globs import matches

ANY_TOOL = "*"
_HEADING = re.compile(r"^\s*\[\[?\s*[A-Za-z_][\w.\"'\s-]*\]\]?\s*(?:[#;].*)?$")


@dataclass(frozen=True, slots=True)
class Touch:
    """A change to a file that scanners, pipelines or agents obey; ``line`` where one line counts."""

    path: str
    line: int | None
    kind: str  # config suppression workflow agent surfaced
    tools: tuple[str, ...]
    scans: bool = True  # of a workflow: whether the lines shown speak of scanning

    def reshapes(self, engine: str) -> bool:
        """Whether the change may alter what this engine reports."""
        return self.concerns(engine) and self.scans and self.kind != "surfaced"

    def concerns(self, engine: str) -> bool:
        """Whether this engine reads the file."""
        return ANY_TOOL in self.tools or engine in self.tools

    @property
    def place(self) -> str:
        """``path`` or ``path:line``."""
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True)
class Mark:
    """An added line with an inline suppression. ``tools`` is empty for the catch-all pattern."""

    path: str
    line: int
    row: str
    tools: tuple[str, ...]
    text: str

    def silences(self, engine: str) -> bool:
        """Whether this engine obeys the mark."""
        return ANY_TOOL in self.tools or engine in self.tools


@dataclass(frozen=True, slots=True)
class _FileRow:
    patterns: tuple[str, ...]
    tools: tuple[str, ...]
    kind: str
    section: re.Pattern[str] | None
    key: re.Pattern[str] | None
    line: re.Pattern[str] | None

    def counts(self, heading: str, text: str) -> bool:
        """Whether a changed line counts, below this heading (empty where none is in sight)."""
        below = self.section is not None and self.section.search(heading)
        keyed = self.key is not None and self.key.search(text)
        alone = (not heading or self.section is None) and self.line and self.line.search(text)
        return bool(below or keyed or alone)


@dataclass(frozen=True, slots=True)
class _MarkRow:
    id: str
    tools: tuple[str, ...]
    pattern: re.Pattern[str]


def touches(diff: Diff) -> tuple[Touch, ...]:
    """Every file of the catalogue that the diff changes, by its new and its old path."""
    found: dict[Touch, None] = {}
    for file in diff.files:
        paths = [path for path in (file.new_path, file.old_path) if path]
        for row in _file_rows():
            path = next((path for path in paths if matches(row.patterns, path)), None)
            if path is None:
                continue
            scans = row.kind != "workflow" or is_of_scanning(file)
            for line in _counting_lines(file, row):
                found[Touch(path, line, row.kind, row.tools, scans)] = None
    return tuple(found)


def marks(diff: Diff) -> tuple[Mark, ...]:
    """Every added line that carries an inline suppression, first by the known tools' patterns.

    A line that was only indented anew is not new.
    """
    found: list[Mark] = []
    for file in diff.files:
        for hunk in file.hunks:
            removed = {_bare(line.text) for line in hunk.lines if line.kind == "-"}
            for line in hunk.lines:
                if line.kind == "+" and _bare(line.text) not in removed:
                    found += _marks_of(file.path, line)
    return tuple(found)


def obeyed(paths: Iterable[str], engine: str) -> Iterator[str]:
    """Those of the paths that configure or quieten this engine, whatever they say inside."""
    rows = [
        row
        for row in _file_rows()
        if row.kind in ("config", "suppression") and engine in row.tools and not row.section
    ]
    for path in sorted(paths):
        if any(row.line is None and matches(row.patterns, path) for row in rows):
            yield path


def known_to_marks(engine: str) -> bool:
    """Whether the catalogue says how this engine is silenced inline."""
    return any(engine in row.tools for row in _mark_rows())


def is_of_scanning(file: FileDiff) -> bool:
    """Whether the change of a pipeline file speaks of scanning or of leniency, context included.

    One that is gone, or has another name, may have done so.
    """
    words = _words()
    said = any(words.search(line.text) for hunk in file.hunks for line in hunk.lines)
    return said or file.status in ("deleted", "renamed")


def _marks_of(path: str, line: Line) -> Iterator[Mark]:
    text = line.text[:2000]
    named = False
    for row in _mark_rows():
        if row.pattern.search(text):
            named = True
            yield Mark(path, line.new or 0, row.id, row.tools, text.strip())
    if not named and _catch_all().search(text):
        yield Mark(path, line.new or 0, "catch-all", (), text.strip())


def _counting_lines(file: FileDiff, row: _FileRow) -> Iterator[int | None]:
    """None once where any change of the file counts; else the first line of each that does."""
    if row.section is None and row.line is None:
        yield None
        return
    if file.binary:
        yield None
        return
    for hunk in file.hunks:
        line = _first_counting(hunk, row)
        if line is not None:
            yield line.new or line.old


def _first_counting(hunk: Hunk, row: _FileRow) -> Line | None:
    """The first changed line of a hunk that counts.

    Old and new headings are followed apart, so that a removed heading does not speak for an added
    line.
    """
    headings: dict[str, str] = {"-": "", "+": ""}
    for line in hunk.lines:
        if row.section and _HEADING.match(line.text):
            sides = "-+" if line.kind == " " else line.kind
            headings |= dict.fromkeys(sides, line.text)
        if line.kind != " " and row.counts(headings[line.kind], line.text):
            return line
    return None


def _bare(text: str) -> str:
    return "".join(text.split())


@cache
def _file_rows() -> tuple[_FileRow, ...]:
    return tuple(
        _FileRow(
            tuple(row["patterns"]),
            tuple(row["tools"]),
            row["kind"],
            _optional(row, "section"),
            _optional(row, "key"),
            _optional(row, "line"),
        )
        for row in load("scanner_files.json")["rows"]
    )


@cache
def _mark_rows() -> tuple[_MarkRow, ...]:
    return tuple(
        _MarkRow(row["id"], tuple(row["tools"]), re.compile(row["pattern"], re.IGNORECASE))
        for row in load("suppressions.json")["rows"]
    )


@cache
def _catch_all() -> re.Pattern[str]:
    return re.compile(load("suppressions.json")["catch_all"], re.IGNORECASE)


@cache
def _words() -> re.Pattern[str]:
    return re.compile(load("scanner_files.json")["scanner_words"], re.IGNORECASE)


def _optional(row: dict[str, Any], key: str) -> re.Pattern[str] | None:
    return re.compile(row[key], re.IGNORECASE | re.MULTILINE) if key in row else None
