"""One fix as git shows it, and the exact map between its old and its new lines.

``parse`` is the door; ``diff_reader`` reads the text. Nothing here knows scanners.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gate.diff_reader import FileDiff, Hunk, Kind, Line, first, read_files

__all__ = ["Diff", "FileDiff", "Hunk", "Line", "parse", "parts"]


class _Map(NamedTuple):
    """Stretches of lines that a change left alone, in order: starts, and length (None: to the
    end of the file). Beside them where hunks start, counting a start of no lines as the line
    behind it."""

    old: list[int]
    new: list[int]
    length: list[int | None]
    old_hunks: list[int]
    new_hunks: list[int]

    def moved(self, line: int) -> int | None:
        """The new number of an old line, None if it was deleted."""
        return self._across(self.old, self.new, line)

    def is_added(self, line: int) -> bool:
        """Whether a new line was not there before."""
        return self._across(self.new, self.old, line) is None

    def _across(self, here: list[int], there: list[int], line: int) -> int | None:
        at = bisect_right(here, line) - 1
        if at < 0:
            return None
        offset = line - here[at]
        length = self.length[at]
        return there[at] + offset if length is None or offset < length else None


@dataclass(frozen=True)
class Diff:
    """A whole diff. Lines and paths that it does not mention are unchanged.

    Lookups are O(log n) in the number of changes of the file.
    """

    files: tuple[FileDiff, ...]
    sha256: str
    _old: dict[str, FileDiff] = field(init=False, repr=False, compare=False)
    _new: dict[str, FileDiff] = field(init=False, repr=False, compare=False)
    _maps: dict[tuple[str | None, str | None], _Map] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        set_once = object.__setattr__
        old = {f.old_path: f for f in self.files if f.old_path and f.status != "copied"}
        set_once(self, "_old", old)
        set_once(self, "_new", {f.new_path: f for f in self.files if f.new_path})
        set_once(self, "_maps", {})

    def for_old(self, path: str) -> FileDiff | None:
        """What happened to the file that had this path; None if nothing. Being copied from is
        nothing."""
        return self._old.get(path)

    def for_new(self, path: str) -> FileDiff | None:
        """What led to the file that has this path now; None if it is unchanged."""
        return self._new.get(path)

    def map_path(self, old_path: str) -> str | None:
        """The path a file has now; None if it was deleted."""
        file = self._old.get(old_path)
        return file.new_path if file else old_path

    def map_line(self, old_path: str, line: int) -> tuple[str, int] | None:
        """(path, line) of an unchanged old line now; None if line or file was deleted, or if
        the file is binary and changed. ``line`` counts from 1."""
        file = self._old.get(old_path)
        if file is None:
            return old_path, line
        if file.new_path is None or file.binary:
            return None
        moved = self._map(file).moved(line)
        return None if moved is None else (file.new_path, moved)

    def is_added(self, new_path: str, line: int) -> bool:
        """Whether a line of the new tree was not at this file's old self; every line of an
        added, copied or changed binary file is."""
        file = self._new.get(new_path)
        if file is None:
            return False
        if file.binary or file.status in ("added", "copied"):
            return True
        return self._map(file).is_added(line)

    def hunk_of_old(self, path: str, line: int) -> int | None:
        """Index of the hunk (of the file) that shows an old line, None if none does."""
        file = self._old.get(path)
        if file is None or not file.hunks:
            return None
        at = bisect_right(self._map(file).old_hunks, line) - 1
        return at if at >= 0 and line < _end(file.hunks[at], old=True) else None

    def hunk_of_new(self, path: str, line: int) -> int | None:
        """Index of the hunk (of the file) that shows a new line, None if none does."""
        file = self._new.get(path)
        if file is None or not file.hunks:
            return None
        at = bisect_right(self._map(file).new_hunks, line) - 1
        return at if at >= 0 and line < _end(file.hunks[at], old=False) else None

    def added_lines(self) -> Iterator[tuple[str, int, str]]:
        """(new path, line, text) of every line that the diff shows as added."""
        for file, line in self._lines("+"):
            yield file.new_path or "", line.new or 0, line.text

    def removed_lines(self) -> Iterator[tuple[str, int, str]]:
        """(old path, line, text) of every line that the diff shows as removed."""
        for file, line in self._lines("-"):
            yield file.old_path or "", line.old or 0, line.text

    def _lines(self, kind: Kind) -> Iterator[tuple[FileDiff, Line]]:
        for file in self.files:
            for hunk in file.hunks:
                for line in hunk.lines:
                    if line.kind == kind:
                        yield file, line

    def _map(self, file: FileDiff) -> _Map:
        key = file.old_path, file.new_path
        if key not in self._maps:
            self._maps[key] = _map_of(file)
        return self._maps[key]


def _end(hunk: Hunk, *, old: bool) -> int:
    """The line behind the last one that a hunk shows on one side."""
    start, count = (hunk.old_start, hunk.old_count) if old else (hunk.new_start, hunk.new_count)
    return first(start, count) + count


def _map_of(file: FileDiff) -> _Map:
    found = _Map(
        [],
        [],
        [],
        [first(hunk.old_start, hunk.old_count) for hunk in file.hunks],
        [first(hunk.new_start, hunk.new_count) for hunk in file.hunks],
    )
    start_old = start_new = 1
    for hunk in file.hunks:
        old = first(hunk.old_start, hunk.old_count)
        new = first(hunk.new_start, hunk.new_count)
        for line in hunk.lines:
            if line.kind != " " and old > start_old and new > start_new:
                _keep(found, start_old, start_new, old - start_old)
            old += line.kind != "+"
            new += line.kind != "-"
            if line.kind != " ":
                start_old, start_new = old, new
    _keep(found, start_old, start_new, None)
    return found


def _keep(found: _Map, old: int, new: int, length: int | None) -> None:
    found.old.append(old)
    found.new.append(new)
    found.length.append(length)


def parts(data: bytes, paths: Collection[str], name: str = "diff") -> bytes:
    """What a git diff says of the files that have, or had, one of these paths, as it stands there.

    Raises InputError for what ``parse`` refuses.
    """
    parse(data, name)
    heads = [match.start() for match in re.finditer(rb"^diff --git ", data, re.MULTILINE)]
    ends = [*heads[1:], len(data)]
    wanted = set(paths)
    cut = (data[start:end] for start, end in zip(heads, ends, strict=True))
    return b"".join(
        part
        for part in cut
        if any({file.old_path, file.new_path} & wanted for file in parse(part, name).files)
    )


def parse(data: bytes, name: str = "diff") -> Diff:
    """Read the output of ``git diff`` (``-M``, ``-C``, ``--binary``, any context; not combined).

    Raises InputError whose ``where`` is ``name:line`` for anything else: commit messages around
    it, hunks whose counts lie, names that leave the repository, a file named twice, limits.
    """
    return Diff(read_files(data, name), hashlib.sha256(data).hexdigest())
