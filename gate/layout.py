"""Code as a formatter cannot change it: how a result is found again after only the layout changed.

A scanner shows the first line of what it reports, and a formatter moves what stands on that line.
Two things stay: the statement, read to where its brackets close, and a changed block as a whole,
if it says the same before and after. White space, commas, semicolons, round brackets, line
continuations and the kind of quotes are left out of both, since formatters add and remove them.
Nothing here knows results or languages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from gate.diff import Diff, FileDiff, Line

SHORTEST = 12  # characters of a statement that make it recognisable in another file
MOST_LINES = 40  # of one statement
MOST_CHARACTERS = 20_000  # of one that takes several lines
MOST_JOINTS = 50  # pieces of one line that are looked at

_LAYOUT = str.maketrans({**dict.fromkeys("(),;\\ \t\r\n\f\v\u00a0"), "'": '"'})
_SIGN = re.compile("['\"()\\[\\]]")
_STRING = {sign: re.compile(rf"{sign}(?:\\.|[^{sign}\\])*{sign}") for sign in "'\""}
_STEP = {"(": 1, "[": 1, ")": -1, "]": -1}

Joint = tuple[int, int]  # block of changed lines in the file, piece of it


def plain(text: str) -> str:
    """The text without what layout is made of."""
    return text.translate(_LAYOUT)


class Layout:
    """Statements and joints of the changed lines of a diff; a file is read when it is asked for."""

    def __init__(self, diff: Diff) -> None:
        self._diff = diff
        self._sides: dict[tuple[str | None, str | None, str], _Side] = {}
        self._added: dict[str, str] = {}
        self._joints: dict[tuple[str | None, str | None], dict[str, dict[int, list[Joint]]]] = {}

    def statement_old(self, path: str, line: int) -> str:
        """The plain statement that begins on a removed line; empty if the diff does not show it whole."""
        return self._side(self._diff.for_old(path), "-").statement(line)

    def statement_new(self, path: str, line: int) -> str:
        """The same of an added line."""
        return self._side(self._diff.for_new(path), "+").statement(line)

    def joints_old(self, path: str, line: int) -> Sequence[Joint]:
        """The pieces of a removed line whose block of changed lines says the same as before."""
        return self._pieces(self._diff.for_old(path), "-", line)

    def joints_new(self, path: str, line: int) -> Sequence[Joint]:
        """The same of an added line: what shares a piece is the same code."""
        return self._pieces(self._diff.for_new(path), "+", line)

    def taken_to(self, path: str, line: int, snippet: str) -> tuple[str, ...]:
        """The files to whose added lines the statement of a removed line was taken, its own file
        included; ``snippet`` stands for a statement that the diff does not show."""
        code = self.statement_old(path, line) or plain(snippet)
        if len(code) < SHORTEST:
            return ()
        if not self._added:
            self._added.update((f.path, _added(f)) for f in self._diff.files if f.new_path)
        return tuple(name for name, text in self._added.items() if code in text)

    def _side(self, file: FileDiff | None, kind: str) -> _Side:
        if file is None:
            return _Side((), kind)
        key = file.old_path, file.new_path, kind
        if key not in self._sides:
            self._sides[key] = _Side([hunk.lines for hunk in file.hunks], kind)
        return self._sides[key]

    def _pieces(self, file: FileDiff | None, kind: str, line: int) -> Sequence[Joint]:
        if file is None:
            return ()
        key = file.old_path, file.new_path
        if key not in self._joints:
            self._joints[key] = _joints(file)
        return self._joints[key][kind].get(line, ())


class _Side:
    """One side of a file as its hunks show it. ``kind`` is what only this side has."""

    def __init__(self, hunks: Sequence[Sequence[Line]], kind: str) -> None:
        self._hunks = [[line for line in lines if line.kind in (" ", kind)] for lines in hunks]
        self._at = {
            (line.old if kind == "-" else line.new): (number, at)
            for number, lines in enumerate(self._hunks)
            for at, line in enumerate(lines)
            if line.kind == kind
        }

        self._statements: dict[int, str] = {}

    def statement(self, number: int) -> str:
        """From this line on to where its brackets are closed; empty if that is not in sight."""
        if number not in self._statements:
            self._statements[number] = self._read(number)
        return self._statements[number]

    def _read(self, number: int) -> str:
        hunk, at = self._at.get(number, (-1, 0))
        if hunk < 0:
            return ""
        depth = length = 0
        lines = self._hunks[hunk][at : at + MOST_LINES]
        for count, line in enumerate(lines, 1):
            length += len(line.text)
            if count > 1 and length > MOST_CHARACTERS:
                return ""
            depth += _opened(line.text)
            if depth <= 0 and not line.text.endswith("\\"):
                return "".join(plain(one.text) for one in lines[:count])
        return ""


def _opened(text: str) -> int:
    """How many more brackets a line opens than it closes, strings aside. A quote that nothing
    closes is no string, and then no later quote of its kind is: looking for each would take long."""
    depth = at = 0
    unclosed: set[str] = set()
    while found := _SIGN.search(text, at):
        sign, at = found.group(), found.end()
        depth += _STEP.get(sign, 0)
        if sign in _STRING and sign not in unclosed:
            string = _STRING[sign].match(text, found.start())
            at = string.end() if string else at
            unclosed |= set() if string else {sign}
    return depth


def _added(file: FileDiff) -> str:
    lines = (line for hunk in file.hunks for line in hunk.lines if line.kind == "+")
    return "".join(plain(line.text) for line in lines)


def _joints(file: FileDiff) -> dict[str, dict[int, list[Joint]]]:
    """By side and line: its pieces in blocks that only changed their layout."""
    found: dict[str, dict[int, list[Joint]]] = {"-": {}, "+": {}}
    for number, block in enumerate(_blocks(file)):
        sides = {kind: [line for line in block if line.kind == kind] for kind in "-+"}
        texts = {kind: [plain(line.text) for line in sides[kind]] for kind in "-+"}
        if not texts["-"] or "".join(texts["-"]) != "".join(texts["+"]):
            continue
        ends = {kind: [*accumulate(map(len, texts[kind]), initial=0)] for kind in "-+"}
        starts = sorted({*ends["-"], *ends["+"]})
        for kind in "-+":
            _cut(found[kind], number, sides[kind], ends[kind], starts)
    return found


def _cut(
    found: dict[int, list[Joint]], block: int, lines: list[Line], ends: list[int], starts: list[int]
) -> None:
    """Give each line the pieces that it covers; those of a block begin at ``starts``."""
    piece = 0
    for line, start, end in zip(lines, ends, ends[1:], strict=False):
        while starts[piece] < start:
            piece += 1
        own = [at for at in range(piece, min(piece + MOST_JOINTS, len(starts))) if starts[at] < end]
        found[line.old or line.new or 0] = [(block, at) for at in own]


def _blocks(file: FileDiff) -> list[list[Line]]:
    """Runs of removed and added lines without an unchanged one between them."""
    blocks: list[list[Line]] = []
    for hunk in file.hunks:
        is_open = False
        for line in hunk.lines:
            if line.kind == " ":
                is_open = False
                continue
            if not is_open:
                blocks.append([])
            blocks[-1].append(line)
            is_open = True
    return blocks
