"""Which files a fix touches that scanners, pipelines or agents obey.

The catalogue is ``data/scanner_files.json``; deciding is left to the checks. How a file of settings
is read line by line is in ``gate.settings_lines``; inline marks are in ``gate.marks``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from gate.catalogue import load
from gate.diff import Diff, FileDiff, Hunk, Line
from gate.engines import kin
from gate.globs import matches
from gate.marks import ANY_TOOL
from gate.settings_lines import Place, Rules, Weight

_TOP = re.compile(r"^[\"']?(?:on|env|defaults|concurrency)[\"']?\s*:")


@dataclass(frozen=True, slots=True)
class Touch:
    """A change to a file that scanners, pipelines or agents obey; ``line`` where one line counts.

    Of the kind ``maybe`` is a change that may have configured a scanner: the diff does not tell.
    """

    path: str
    line: int | None
    kind: str  # config suppression workflow agent surfaced maybe
    tools: tuple[str, ...]
    scans: bool = True  # of a workflow: whether the lines shown speak of scanning

    def reshapes(self, engine: str) -> bool:
        """Whether the change may alter what this engine reports."""
        return self.concerns(engine) and self.scans and self.kind != "surfaced"

    def concerns(self, engine: str) -> bool:
        """Whether this engine reads the file."""
        return ANY_TOOL in self.tools or not kin(engine).isdisjoint(self.tools)

    @property
    def place(self) -> str:
        """``path`` or ``path:line``."""
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True)
class _FileRow:
    patterns: tuple[str, ...]
    tools: tuple[str, ...]
    kind: str
    is_maybe: bool
    rules: Rules | None  # which lines count; None where every line does

    def kind_for(self, weight: Weight) -> str:
        """The kind of a touch whose line has this weight."""
        return "maybe" if self.is_maybe or weight is Weight.MAYBE else self.kind


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
            for line, weight in _counting_lines(file, row):
                found[Touch(path, line, row.kind_for(weight), row.tools, scans)] = None
    return tuple(found)


def obeyed(paths: Iterable[str], engine: str) -> Iterator[str]:
    """Those of the paths that configure or quieten this engine, whatever they say inside."""
    rows = [
        row
        for row in _file_rows()
        if row.kind in ("config", "suppression")
        and not kin(engine).isdisjoint(row.tools)
        and row.rules is None
    ]
    for path in sorted(paths):
        if any(matches(row.patterns, path) for row in rows):
            yield path


def is_of_scanning(file: FileDiff) -> bool:
    """Whether the change of a pipeline file speaks of scanning or of leniency, context included.

    One that is gone, or has another name, may have done so.
    """
    words = _words()
    said = any(words.search(line.text) for hunk in file.hunks for line in hunk.lines)
    return said or file.status in ("deleted", "renamed")


def bears_on_scanning(file: FileDiff) -> bool | None:
    """Whether changed lines of a pipeline file speak of scanning, or their step or job does.

    What stands in another job is left aside. None where the lines shown do not tell.
    """
    if file.status in ("deleted", "renamed"):
        return True
    told = [_bears(hunk, file.path) for hunk in file.hunks]
    return True if True in told else None if None in told else False


def _bears(hunk: Hunk, path: str) -> bool | None:
    words, unclear = _words(), False
    if not any(words.search(line.text) for line in hunk.lines):
        return False
    is_yaml = path.casefold().endswith((".yml", ".yaml"))
    for kind in "-+":
        side = [line for line in hunk.lines if line.kind in (" ", kind) and line.text.strip()]
        for at, line in enumerate(side):
            if line.kind != kind:
                continue
            near = _job_around(side, at) if is_yaml else [line]
            if any(words.search(one.text) for one in near):
                return True
            unclear = unclear or not is_yaml or any(_TOP.match(one.text) for one in near)
    return None if unclear else False


def _job_around(side: Sequence[Line], at: int) -> list[Line]:
    """A line of YAML with what it lies in, what lies in it, and, of a leaf, what lies beside it."""
    depth = _indent(side[at])
    is_leaf = not side[at].text.rstrip().endswith(":")
    found = [side[at]]
    for line in side[at + 1 :]:
        if _indent(line) < depth + (not is_leaf or depth == 0):
            break
        found.append(line)
    reached = depth
    for line in reversed(side[:at]):
        indent = _indent(line)
        if indent < reached or (is_leaf and reached == depth > 0 and indent >= depth):
            reached = min(reached, indent)
            found.append(line)
    if depth == 0 and is_leaf:
        found += [line for line in side if _indent(line) == 0 and not _is_header(line)]
    return found


def _indent(line: Line) -> int:
    return len(line.text) - len(line.text.lstrip())


def _is_header(line: Line) -> bool:
    return line.text.rstrip().endswith(":")


def _counting_lines(file: FileDiff, row: _FileRow) -> Iterator[tuple[int | None, Weight]]:
    """None once where any change of the file counts; else the first line of each hunk that does."""
    if row.rules is None or file.binary:
        yield None, Weight.SURE
        return
    if file.old_path and file.new_path and _name(file.old_path) != _name(file.new_path):
        yield None, Weight.MAYBE  # what stands in it began or ceased to count
    for hunk in file.hunks:
        found = [(line, weight) for line, weight in _weighed(hunk, row.rules) if weight]
        sure = [item for item in found if item[1] is Weight.SURE]
        for line, weight in (sure or found)[:1]:
            yield line.new or line.old, weight


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _weighed(hunk: Hunk, rules: Rules) -> Iterator[tuple[Line, Weight]]:
    """The changed lines of a hunk with their weights.

    Old and new headings are followed apart, so that a removed heading does not speak for an added
    line.
    """
    places = {"-": Place(rules), "+": Place(rules)}
    for line in hunk.lines:
        for side in "-+" if line.kind == " " else line.kind:
            places[side].enter(line.text)
        if line.kind != " ":
            yield line, places[line.kind].weigh(line.text)


@cache
def _file_rows() -> tuple[_FileRow, ...]:
    return tuple(
        _FileRow(
            tuple(row["patterns"]),
            tuple(row["tools"]),
            row["kind"],
            row.get("certainty") == "maybe",
            _rules(row),
        )
        for row in load("scanner_files.json")["rows"]
    )


def _rules(row: dict[str, Any]) -> Rules | None:
    if not {"section", "line"} & row.keys():
        return None
    members = ("section", "key", "line", "maybe", "elsewhere")
    return Rules(row.get("layout", "toml"), *(_optional(row, member) for member in members))


@cache
def _words() -> re.Pattern[str]:
    return re.compile(load("scanner_files.json")["scanner_words"], re.IGNORECASE)


def _optional(row: dict[str, Any], key: str) -> re.Pattern[str] | None:
    if key not in row:
        return None
    text = row[key].replace("{scanners}", load("scanner_files.json")["scanners"])
    return re.compile(text, re.IGNORECASE | re.MULTILINE)
