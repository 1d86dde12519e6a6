"""Texts put into a file, as git would draw them. Pure, and linear in the size of the file.

No two versions are compared, which can take the square of their lines: what changes is known.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

CONTEXT = 3  # lines around a change
STRETCH = 256  # characters that are counted anew for each look-up
Span = tuple[int, int, str]  # first character, the one behind the last, what is put there


class Units:
    """Where the bytes, or the UTF-16 units, of a text lie among its characters."""

    def __init__(self, text: str, measure: Callable[[str], int]) -> None:
        self._text, self._measure = text, measure
        sizes = (measure(text[at : at + STRETCH]) for at in range(0, len(text), STRETCH))
        self._before = list(accumulate(sizes, initial=0))

    def before(self, character: int) -> int:
        """How many units come before a character."""
        stretch = character // STRETCH
        return self._before[stretch] + self._measure(self._text[stretch * STRETCH : character])

    def character(self, unit: int) -> int:
        """The character that a unit begins, or the end. Raises LookupError with the reason."""
        first = STRETCH * max(0, bisect_left(self._before, unit) - 1)
        places = range(first, min(first + STRETCH, len(self._text)) + 1)
        at = bisect_left(places, unit, key=self.before)
        if at == len(places):
            raise LookupError("is beyond its end")
        if self.before(places[at]) != unit:
            raise LookupError("cuts a character")
        return places[at]


class Source:
    """A file as it was, with where its lines and units begin: worked out once, however much is drawn."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def lines(self) -> list[str]:
        return split(self.text)

    @cached_property
    def starts(self) -> list[int]:
        """First characters of the lines; what follows a last new line is one more."""
        starts = list(accumulate(map(len, self.lines), initial=0))
        if self.lines and not self.lines[-1].endswith("\n"):
            starts.pop()  # nothing begins behind a line that does not end
        return starts

    @cached_property
    def characters(self) -> Units:
        return Units(self.text, len)

    @cached_property
    def utf8(self) -> Units:
        return Units(self.text, lambda part: len(part.encode(errors="surrogatepass")))

    @cached_property
    def utf16(self) -> Units:
        return Units(self.text, lambda part: len(part.encode("utf-16-le", "surrogatepass")) // 2)

    def line(self, number: int) -> tuple[int, int]:
        """A line's first character and the one behind its end. Raises LookupError with the reason."""
        if number > max(1, len(self.lines)):
            raise LookupError(f"is of line {number} of {len(self.lines)}")
        return self.starts[number - 1], self.end_of_line(self.starts[number - 1] + 1)

    def end_of_line(self, position: int) -> int:
        """The first start of a line from a character on, or the end."""
        at = bisect_left(self.starts, position)
        return self.starts[at] if at < len(self.starts) else len(self.text)


@dataclass(slots=True)
class _Edit:
    """Whole lines of a file, from ``first`` on (counted from 0), and what they become."""

    first: int
    old: list[str]
    new: list[str]

    @property
    def end(self) -> int:
        return self.first + len(self.old)


def draw(path: str, source: Source, spans: Sequence[Span]) -> str:
    """Return git's diff of a file into which texts are put; empty where nothing changes.

    ``spans``: in order, and none meets another.
    """
    edits = [edit for edit in _edits(source, spans) if _trimmed(edit)]
    if not edits:
        return ""
    parts = [f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n"]
    shift = 0
    for hunk in _hunks(edits):
        text, shift = _drawn(hunk, source.lines, shift)
        parts.append(text)
    return "".join(parts)


def split(text: str) -> list[str]:
    """Lines with their ends, at new lines alone: other separators are text to git."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _edits(source: Source, spans: Sequence[Span]) -> Iterable[_Edit]:
    before, starts = source.text, source.starts
    at = 0
    while at < len(spans):
        first = bisect_right(starts, spans[at][0]) - 1
        begin = here = starts[first]
        end, pieces = begin, list[str]()
        while at < len(spans) and (not pieces or spans[at][0] < end):
            start, stop, text = spans[at]
            pieces += [before[here:start], text]
            here, at = stop, at + 1
            end = max(end, source.end_of_line(stop))
            if here == end and not _ends(pieces) and end < len(before):
                end = source.end_of_line(end + 1)  # the next line is joined
        pieces.append(before[here:end])
        yield _Edit(first, split(before[begin:end]), split("".join(pieces)))


def _ends(pieces: Sequence[str]) -> bool:
    """Whether what is put together so far ends a line, or is nothing."""
    last = next((piece for piece in reversed(pieces) if piece), "\n")
    return last.endswith("\n")


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
