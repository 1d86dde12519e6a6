"""Texts put into a file, as git would draw them. Pure, and linear in the size of the file.

No two versions are compared, which can take the square of their lines: what changes is known.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CONTEXT = 3  # lines around a change
Span = tuple[int, int, str]  # first character, the one behind the last, what is put there


@dataclass(slots=True)
class _Edit:
    """Whole lines of a file, from ``first`` on (counted from 0), and what they become."""

    first: int
    old: list[str]
    new: list[str]

    @property
    def end(self) -> int:
        return self.first + len(self.old)


def draw(path: str, before: str, spans: Sequence[Span]) -> str:
    """Return git's diff of a file into which texts are put; empty where nothing changes.

    ``spans``: in order, and none meets another.
    """
    lines = split(before)
    edits = [edit for edit in _edits(before, lines, spans) if _trimmed(edit)]
    if not edits:
        return ""
    parts = [f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n"]
    shift = 0
    for hunk in _hunks(edits):
        text, shift = _drawn(hunk, lines, shift)
        parts.append(text)
    return "".join(parts)


def split(text: str) -> list[str]:
    """Lines with their ends, at new lines alone: other separators are text to git."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _edits(before: str, lines: Sequence[str], spans: Sequence[Span]) -> Iterable[_Edit]:
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    if lines and not lines[-1].endswith("\n"):
        starts.pop()  # nothing begins behind a line that does not end
    at = 0
    while at < len(spans):
        first = bisect_right(starts, spans[at][0]) - 1
        begin = here = starts[first]
        end, pieces = begin, list[str]()
        while at < len(spans) and (not pieces or spans[at][0] < end):
            start, stop, text = spans[at]
            pieces += [before[here:start], text]
            here, at = stop, at + 1
            end = max(end, _end_of_line(starts, stop, before))
            if here == end and not _ends(pieces) and end < len(before):
                end = _end_of_line(starts, end + 1, before)  # the next line is joined
        pieces.append(before[here:end])
        yield _Edit(first, split(before[begin:end]), split("".join(pieces)))


def _ends(pieces: Sequence[str]) -> bool:
    """Whether what is put together so far ends a line, or is nothing."""
    last = next((piece for piece in reversed(pieces) if piece), "\n")
    return last.endswith("\n")


def _end_of_line(starts: Sequence[int], position: int, before: str) -> int:
    at = bisect_left(starts, position)
    return starts[at] if at < len(starts) else len(before)


def _trimmed(edit: _Edit) -> bool:
    """Leave out lines at both ends that stay; say whether any is left."""
    same = 0
    while same < min(len(edit.old), len(edit.new)) and edit.old[same] == edit.new[same]:
        same += 1
    edit.first, edit.old, edit.new = edit.first + same, edit.old[same:], edit.new[same:]
    tail = 0
    most = min(len(edit.old), len(edit.new))
    while tail < most and edit.old[-1 - tail] == edit.new[-1 - tail]:
        tail += 1
    if tail:
        edit.old, edit.new = edit.old[:-tail], edit.new[:-tail]
    return bool(edit.old or edit.new)


def _hunks(edits: Iterable[_Edit]) -> list[list[_Edit]]:
    """Edits whose contexts meet are one hunk."""
    hunks: list[list[_Edit]] = []
    for edit in edits:
        if hunks and edit.first - hunks[-1][-1].end <= 2 * CONTEXT:
            hunks[-1].append(edit)
        else:
            hunks.append([edit])
    return hunks


def _drawn(hunk: Sequence[_Edit], lines: Sequence[str], shift: int) -> tuple[str, int]:
    """One hunk as text, and how many more lines the new file has behind it."""
    start = max(0, hunk[0].first - CONTEXT)
    end = min(len(lines), hunk[-1].end + CONTEXT)
    body: list[str] = []
    at = start
    for edit in hunk:
        body += [f" {line}" for line in lines[at : edit.first]]
        body += [f"-{line}" for line in edit.old]
        body += [f"+{line}" for line in edit.new]
        at = edit.end
    body += [f" {line}" for line in lines[at:end]]
    old = end - start
    more = sum(len(edit.new) - len(edit.old) for edit in hunk)
    head = f"@@ -{_range(start, old)} +{_range(start + shift, old + more)} @@\n"
    return head + "".join(map(_whole, body)), shift + more


def _range(start: int, count: int) -> str:
    """A range as git writes it: of no lines, the line before it."""
    return f"{start + 1 if count else start},{count}"


def _whole(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
