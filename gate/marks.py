"""Inline suppressions in a fix: marks in added lines, and old marks that now cover other code.

The catalogue is ``data/suppressions.json``; what a mark means for a verdict is left to the checks.
A line is looked at only where it holds a word of a row, and only near it, so that the time grows
with the diff and not with what somebody wrote into it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate, islice
from typing import Any

from gate.catalogue import load
from gate.diff import Diff, FileDiff, Line
from gate.engines import kin

ANY_TOOL = "*"
ANY_AGENT = "agentic"  # every scanner that reads the words of a comment

MOST_SEARCHED = 12_000_000  # characters of one diff that patterns are tried on
MOST_MARKS = 1_000  # of one diff
_SHORT = 2_000  # a longer line is searched near the words only
_NEAR = 400
_FAR = 10  # lines looked at for the code beside a mark
# Parts that many words share: where one is nowhere, none of its words is.
_PARTS = (
    "ignor",
    "disable",
    "suppress",
    "skip",
    "scan",
    "lint",
    "check",
    "nos",
    "view",
    "sec",
    ":",
    "-",
    "@",
    "ed",
    "er",
)
_STRING = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_COMMENT = re.compile(r"^(?:#(?!\[)|//|/\*|\*|--|<!--|;)")


@dataclass(frozen=True, slots=True)
class Mark:
    """A line with an inline suppression. ``tools`` is empty for the catch-all pattern.

    ``ids`` are the rules it names, none where it is a blanket mark. ``doubt`` says why it may be
    harmless; engines in ``sure``, and commands that ``option`` matches, obey it all the same.
    """

    path: str
    line: int
    row: str
    tools: tuple[str, ...]
    text: str
    ids: tuple[str, ...] = ()
    doubt: str = ""
    sure: tuple[str, ...] = ()
    option: str = ""
    to_all: bool = False  # words that any reader may obey, a person too

    def silences(self, engine: str) -> bool:
        """Whether this engine obeys the mark."""
        return ANY_TOOL in self.tools or not kin(engine).isdisjoint(self.tools)

    def is_certain(self, engine: str, command: str) -> bool:
        """Whether this engine, called like this, obeys it for certain."""
        told = bool(self.option) and re.search(self.option, command) is not None
        return not self.doubt or told or not kin(engine).isdisjoint(self.sure)


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    tools: tuple[str, ...]
    pattern: re.Pattern[str]
    words: re.Pattern[str]
    ids: re.Pattern[str] | None
    doubt: str
    doubt_in_new_files: str
    sure: tuple[str, ...]
    option: str
    to_all: bool

    def named(self, text: str) -> tuple[str, ...]:
        """The rules that the marks of this row on a line name; none if one names no rule."""
        if self.ids is None or len(text) > _SHORT:
            return ()
        found = [match[1] for match in self.ids.finditer(text)]
        if len(found) != sum(1 for _ in self.pattern.finditer(text)):
            return ()
        return tuple(
            dict.fromkeys(word for ids in found for word in re.split(r"[\s,]+", ids) if word)
        )


@dataclass(slots=True)
class _Search:
    """Tries patterns on lines until it has looked at too much."""

    left: int = MOST_SEARCHED

    def find(self, row: _Row, text: str) -> int | None:
        """Where a mark of the row begins in a line whose white space is single."""
        for start, end in _spans(row, text):
            self.left -= end - start
            if self.left < 0:
                return None
            if match := row.pattern.search(text, start, end):
                return match.start()
        return None


@dataclass(frozen=True, slots=True)
class _Hit:
    """A mark of one row on a line of a file that is shown."""

    row: _Row
    at: int  # index among all shown lines
    text: str  # with single white space
    code: str  # what stands before the mark

    @property
    def is_alone(self) -> bool:
        """Whether the line holds no code, so that the mark is about another line."""
        return not self.code or _COMMENT.match(self.text) is not None

    @property
    def is_partial(self) -> bool:
        """Whether the code is a piece of a statement that goes on over other lines."""
        code = _STRING.sub("", self.code).rstrip("#/*;-<! ")
        depth = sum(code.count(sign) for sign in "([{") - sum(code.count(sign) for sign in ")]}")
        return (
            bool(depth)
            or code.endswith((",", "\\", "(", "[", "{"))
            or code.startswith((")", "]", "}", "."))
        )


@dataclass(slots=True)
class _Shown:
    """All lines that the diff shows of a file, with a bar between its hunks."""

    file: FileDiff
    lines: list[Line | None] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)  # number of the run of changed lines

    def __post_init__(self) -> None:
        block, before = 0, " "
        for hunk in self.file.hunks:
            for line in (*hunk.lines, None):
                kind = line.kind if line else " "
                block += kind != " " and before == " "
                self.lines.append(line)
                self.blocks.append(block)
                before = kind

    def beside(self, at: int, side: str, step: int) -> str | None:
        """The next code on one side, comments left out; None where none is near in the hunk."""
        for near in range(at + step, at + step * (_FAR + 1), step):
            line = self.lines[near] if 0 <= near < len(self.lines) else None
            if line is None:
                return None
            text = squeezed(line.text) if line.kind in (" ", side) else ""
            if text and not _COMMENT.match(text):
                return text
        return None

    def is_changed(self, at: int) -> bool:
        """Whether a line next to this one was added or removed."""
        near = (self.lines[n] for n in (at - 1, at + 1) if 0 <= n < len(self.lines))
        return any(line is not None and line.kind != " " for line in near)


def marks(diff: Diff) -> tuple[Mark, ...]:
    """Every inline suppression that the fix adds, first by the known tools' patterns.

    One that stays with its statement is not new. An old one that may now cover other code than
    before has a doubt.
    """
    found: list[Mark] = []
    search = _Search()
    for file in diff.files:
        if file.hunks and file.new_path:
            found += islice(_of_file(file, search), MOST_MARKS)
        if search.left < 0 or len(found) >= MOST_MARKS:
            why = "there are more of them, or of their words, than can be looked at"
            return (*found, Mark(file.path, 0, "too-many", (ANY_TOOL,), "", doubt=why))
    return tuple(found)


def known_to_marks(engine: str) -> bool:
    """Whether the catalogue says how this engine is silenced inline."""
    known = {tool for row in _rows() for tool in row.tools}
    return not kin(engine).isdisjoint(known)


def squeezed(text: str) -> str:
    """The text with single white space."""
    return " ".join(text.split())


def _of_file(file: FileDiff, search: _Search) -> Iterator[Mark]:
    shown = _Shown(file)
    wanted = _with_words([line.text if line else "" for line in shown.lines])
    hits = list(_hits(shown, wanted, search))
    stays = Counter(_signature(shown, hit, "-") for hit in hits if _kind(shown, hit) == "-")
    for hit in hits:
        kind = _kind(shown, hit)
        if kind == "+":
            signature = _signature(shown, hit, "+")
            if stays[signature] > 0:
                stays[signature] -= 1
            else:
                yield _mark(shown, hit)
        elif kind == " " and _covers_other_code(shown, hit):
            yield _mark(shown, hit, "it was there before, and now stands beside changed code")
    yield from _by_catch_all(shown, wanted, {hit.at for hit in hits}, search)


def _hits(shown: _Shown, wanted: dict[int, list[str]], search: _Search) -> Iterator[_Hit]:
    """Every mark of a known tool, in the order of the lines."""
    rows = _by_word()
    for at in sorted(wanted):
        line = shown.lines[at]
        text = squeezed(line.text) if line else ""
        for row in dict.fromkeys(row for word in wanted[at] for row in rows.get(word, ())):
            start = search.find(row, text)
            if start is not None:
                yield _Hit(row, at, text, text[:start].strip("#/*;-<! "))


def _kind(shown: _Shown, hit: _Hit) -> str:
    line = shown.lines[hit.at]
    return line.kind if line else ""


def _signature(shown: _Shown, hit: _Hit, side: str) -> tuple[object, ...]:
    """What stays the same of a mark that was only indented anew: its code, in the same place."""
    own = (hit.row.id, shown.blocks[hit.at], "".join(hit.text.split()))
    if hit.is_alone:
        return (*own, shown.beside(hit.at, side, 1) or object())  # what nobody sees is not the same
    if hit.is_partial:
        return (*own, shown.beside(hit.at, side, -1), shown.beside(hit.at, side, 1))
    return own


def _covers_other_code(shown: _Shown, hit: _Hit) -> bool:
    """Whether an unchanged mark is about a line that is not the one it was about before."""
    if hit.is_alone:
        now = shown.beside(hit.at, "+", 1)
        return now is not None and now != shown.beside(hit.at, "-", 1)
    return hit.is_partial and shown.is_changed(hit.at)


def _mark(shown: _Shown, hit: _Hit, doubt: str = "") -> Mark:
    row, line = hit.row, shown.lines[hit.at]
    is_new = shown.file.status == "added"
    return Mark(
        shown.file.path,
        (line.new if line else None) or 0,
        row.id,
        row.tools,
        hit.text[:_SHORT],
        ids=row.named(hit.text),
        doubt=doubt or row.doubt or (row.doubt_in_new_files if is_new else ""),
        sure=() if doubt else row.sure,
        option="" if doubt else row.option,
        to_all=row.to_all and not doubt,
    )


def _by_catch_all(
    shown: _Shown, wanted: dict[int, list[str]], named: set[int], search: _Search
) -> Iterator[Mark]:
    """Added lines that look like a mark of a tool nobody listed."""
    row, words = _catch_all(), set(load("suppressions.json")["catch_all"]["words"])
    for at in sorted(wanted.keys() - named):
        line = shown.lines[at]
        if line is None or line.kind != "+" or words.isdisjoint(wanted[at]):
            continue
        text = squeezed(line.text)
        if search.find(row, text) is not None:
            yield Mark(shown.file.path, line.new or 0, row.id, (), text[:_SHORT])


def _with_words(texts: Sequence[str]) -> dict[int, list[str]]:
    """By line: the words of rows in it. One pass per word over the whole: most are nowhere."""
    low = "\n".join(texts).casefold()
    parts = {part for part in _PARTS if part in low}
    absent = tuple(part for part in _PARTS if part not in parts)
    words = [word for word in _words() if not any(part in word for part in absent) and word in low]
    if not words:
        return {}
    starts = [0, *accumulate(len(line) + 1 for line in low.split("\n"))]
    found: dict[int, list[str]] = {}
    for word in words:
        place = low.find(word)
        while place >= 0:
            at = bisect_right(starts, place) - 1
            found.setdefault(at, []).append(word)
            place = low.find(word, starts[at + 1])
    return found


def _spans(row: _Row, text: str) -> list[tuple[int, int]]:
    """The whole of a short line; of a long one what stands near the words of the row."""
    if len(text) <= _SHORT:
        return [(0, len(text))]
    spans: list[tuple[int, int]] = []
    for match in row.words.finditer(text):
        start, end = max(0, match.start() - _NEAR), min(len(text), match.end() + _NEAR)
        if spans and start <= spans[-1][1]:
            spans[-1] = spans[-1][0], end
        else:
            spans.append((start, end))
    return spans


@cache
def _rows() -> tuple[_Row, ...]:
    return tuple(_row(row) for row in load("suppressions.json")["rows"])


@cache
def _by_word() -> dict[str, tuple[_Row, ...]]:
    """The words of all rows, each with the rows that need it."""
    found: dict[str, list[_Row]] = {}
    for data, row in zip(load("suppressions.json")["rows"], _rows(), strict=True):
        for word in data["words"]:
            found.setdefault(word, []).append(row)
    return {word: tuple(rows) for word, rows in found.items()}


@cache
def _words() -> tuple[str, ...]:
    return tuple(dict.fromkeys((*_by_word(), *load("suppressions.json")["catch_all"]["words"])))


@cache
def _catch_all() -> _Row:
    return _row({"id": "catch-all", "tools": [], **load("suppressions.json")["catch_all"]})


def _row(data: dict[str, Any]) -> _Row:
    return _Row(
        id=data["id"],
        tools=tuple(data["tools"]),
        pattern=re.compile(data["pattern"], re.IGNORECASE),
        words=re.compile("|".join(map(re.escape, data["words"])), re.IGNORECASE),
        ids=re.compile(data["ids"], re.IGNORECASE) if "ids" in data else None,
        doubt=data.get("doubt", ""),
        doubt_in_new_files=data.get("doubt_in_new_files", ""),
        sure=tuple(data.get("sure", ())),
        option=data.get("option", ""),
        to_all=data.get("to_all", False),
    )
