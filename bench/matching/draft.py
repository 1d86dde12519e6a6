"""A source tree before, and the same tree being edited, with the origin of every line kept.

The truth of the benchmark comes from here: nobody has to compare two trees to know which line was
which. Knows neither scanners nor what is being measured.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

Anchor = tuple[str, int]  # path and line before: what a line is, whatever becomes of it


@dataclass(frozen=True)
class Line:
    """One line after. ``origin`` is None if it was not there before."""

    text: str
    origin: Anchor | None = None


@dataclass(frozen=True)
class Source:
    """One Python file before. Lines count from 1 and are split at LF, as git does."""

    path: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        return self.text.removesuffix("\n").split("\n")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """All statements that have their first line to themselves, by line."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, ast.stmt)]
        own = [node for node in found if not self.lines[first(node) - 1][: node.col_offset].strip()]
        return sorted(own, key=first)

    def kept(self, start: int, end: int) -> list[Line]:
        """The lines from start up to and including end, with their origin."""
        return [Line(self.lines[at - 1], (self.path, at)) for at in range(start, end + 1)]


def first(node: ast.stmt) -> int:
    """The first line of a statement, its decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(entry.lineno for entry in decorators)])


def last(node: ast.stmt) -> int:
    """The last line of a statement."""
    return node.end_lineno or node.lineno


@dataclass
class Draft:
    """Edits of a tree, each of lines that no other edit touches; ``built`` applies them.

    A splice (start, end, lines) puts lines in place of those from start to end; with end before
    start it inserts. ``anchors`` says of lines before that they belong to another line's
    statement.
    """

    sources: dict[str, Source]
    splices: dict[str, list[tuple[int, int, list[Line]]]] = field(default_factory=dict)
    tails: dict[str, list[Line]] = field(default_factory=dict)
    renames: dict[str, str] = field(default_factory=dict)
    anchors: dict[Anchor, Anchor] = field(default_factory=dict)

    def splice(self, path: str, start: int, end: int, lines: list[Line]) -> bool:
        """Note an edit. False if another one has touched these lines, or stands beside them."""
        others = self.splices.setdefault(path, [])
        low, high = start - 1, max(start, end) + 1
        if any(low <= max(at, to) and at <= high for at, to, _ in others):
            return False
        others.append((start, end, lines))
        return True

    def rewrite(self, path: str, start: int, end: int, texts: Iterable[str]) -> bool:
        """Write a statement anew: all its lines, before and after, are the first one."""
        anchor = (path, start)
        done = self.splice(path, start, end, [Line(text, anchor) for text in texts])
        if done:
            self.anchors |= {(path, at): anchor for at in range(start, end + 1)}
        return done

    def insert(self, path: str, before: int, texts: Iterable[str]) -> bool:
        """Put new lines in front of a line."""
        return self.splice(path, before, before - 1, [Line(text) for text in texts])

    def append(self, path: str, lines: Iterable[Line]) -> None:
        """Put lines at the end of a file."""
        self.tails.setdefault(path, []).extend(lines)

    def built(self) -> dict[str, list[Line]]:
        """The files that are not as before, by their path after; a renamed one always is."""
        touched = self.splices.keys() | self.tails.keys() | self.renames.keys()
        return {self.renames.get(path, path): self._lines(path) for path in sorted(touched)}

    def _lines(self, path: str) -> list[Line]:
        source = self.sources[path]
        lines = source.kept(1, len(source.lines))
        for start, end, new in sorted(self.splices.get(path, []), key=lambda entry: -entry[0]):
            lines[start - 1 : end] = new
        return lines + self.tails.get(path, [])


def text_of(lines: Iterable[Line]) -> str:
    """A file as it is written."""
    return "".join(f"{line.text}\n" for line in lines)


def parses(lines: Iterable[Line]) -> bool:
    """Whether Python can read it."""
    try:
        ast.parse(text_of(lines))
    except SyntaxError:
        return False
    return True
