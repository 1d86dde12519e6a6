"""What stands around a changed line: how moved code is told from other code that looks like it.

One line such as ``except Exception:`` says nothing, the lines that went with it do. The idea, and
how much text it takes to be recognised, are those of ``git diff --color-moved``: blocks of moved
text, white space aside, of at least 20 letters and digits. Nothing here knows results.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gate.diff import Diff, FileDiff
from gate.layout import Layout

REACH = 3  # lines above and below that are looked at
LEAST = 20  # letters and digits in them that make code recognisable

# Lines above and below that must be equal, from the most to the least telling.
WIDTHS = sorted(
    ((above, below) for above in range(REACH + 1) for below in range(REACH + 1) if above + below),
    key=lambda width: (-sum(width), -min(width), -width[0]),
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A line and its neighbours, blank lines and white space left out, the nearest first. Only
    lines that were removed or added together with it count."""

    line: str
    above: tuple[str, ...]
    below: tuple[str, ...]

    def within(self, above: int, below: int) -> tuple[object, ...] | None:
        """The line and so many neighbours; None if there are fewer, or they say too little."""
        if len(self.above) < above or len(self.below) < below or not self.line:
            return None
        chosen = self.above[:above], self.below[:below]
        return (self.line, *chosen) if _is_telling([*chosen[0], *chosen[1]]) else None

    def contradicts(self, other: Surroundings) -> bool:
        """Whether both say enough to be recognised, and what they share does not."""
        ours, theirs = {*self.above, *self.below}, {*other.above, *other.below}
        return _is_telling(ours) and _is_telling(theirs) and not _is_telling(ours & theirs)


def _is_telling(lines: Iterable[str]) -> bool:
    return sum(map(str.isalnum, "".join(lines))) >= LEAST


class ChangedLines:
    """The surroundings of every changed line of a diff; a file is read when it is asked for."""

    def __init__(self, diff: Diff) -> None:
        self.diff = diff
        self.layout = Layout(diff)
        self._runs: dict[tuple[bool, str], dict[int, tuple[list[str], int]]] = {}

    def around_old(self, path: str, line: int) -> Surroundings | None:
        """Of a removed line; None if it was not."""
        return self._around(self.diff.for_old(path), path, line, is_old=True)

    def around_new(self, path: str, line: int) -> Surroundings | None:
        """Of an added line; None if it was not."""
        return self._around(self.diff.for_new(path), path, line, is_old=False)

    def _around(
        self, file: FileDiff | None, path: str, line: int, *, is_old: bool
    ) -> Surroundings | None:
        if file is None:
            return None
        key = is_old, path
        if key not in self._runs:
            self._runs[key] = _runs(file, "-" if is_old else "+")
        run, at = self._runs[key].get(line, ([], 0))
        if not run:
            return None
        above = tuple(reversed(run[max(0, at - REACH) : at]))
        return Surroundings(run[at], above, tuple(run[at + 1 : at + 1 + REACH]))


def _runs(file: FileDiff, kind: str) -> dict[int, tuple[list[str], int]]:
    """Every line of a kind that is not blank: the run it stands in, and where in it."""
    found: dict[int, tuple[list[str], int]] = {}
    for hunk in file.hunks:
        run: list[str] = []
        for line in hunk.lines:
            if line.kind == " ":
                run = []
            text = "".join(line.text.split())
            number = line.old if kind == "-" else line.new
            if line.kind == kind and text and number:
                found[number] = run, len(run)
                run.append(text)
    return found
