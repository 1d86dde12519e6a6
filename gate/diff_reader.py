"""The text of ``git diff`` to files, hunks and lines, by the counts of its hunk headers.

A line is never judged by what it looks like: a removed ``-- x`` looks like a header, and so may
whatever an attacker writes. What is not understood is refused with its line number. Format:
``git help diff``, "Generating patch text with -p"; binary patches: git's base85.c and diff.c.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from gate import git_names
from gate.errors import InputError

MOST_BYTES = 256 * 1024 * 1024
MOST_FILES = 10_000
MOST_HUNKS = 200_000
MOST_LINES = 2_000_000
LONGEST_LINE = 1_000_000  # bytes

_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(?: .*)?")
_EXTENDED = re.compile(
    rb"(old mode|new mode|deleted file mode|new file mode) ([0-7]{6})"
    rb"|(copy from|copy to|rename from|rename to) (.+)"
    rb"|(similarity index|dissimilarity index) (\d{1,3}%)"
    rb"|(index) ([0-9a-f]{4,64}\.\.[0-9a-f]{4,64}(?: [0-7]{6})?)"
)
_BLOCK = re.compile(rb"(?:literal|delta) \d{1,12}")
_BASE85 = re.compile(rb"[A-Za-z][0-9A-Za-z!#$%&()*+\-;<=>?@^_`{|}~]+")
_NO_NAME = b"/dev/null"
_NO_NEWLINE = b"\\ "  # "\\ No newline at end of file", in whatever language

Kind = Literal[" ", "+", "-"]
Status = Literal["added", "deleted", "modified", "renamed", "copied"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a hunk. ``old`` and ``new`` count from 1; None on the side that lacks it."""

    kind: Kind
    old: int | None
    new: int | None
    text: str  # without its end of line


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk. With a count of 0 its start is the line before it, as git writes it."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What happened to one file. Modes are octal text, empty where the diff does not say."""

    old_path: str | None
    new_path: str | None
    status: Status
    binary: bool = False
    old_mode: str = ""
    new_mode: str = ""
    hunks: tuple[Hunk, ...] = ()

    @property
    def path(self) -> str:
        """The new path, or the old one of a deleted file."""
        return self.new_path or self.old_path or ""


# First byte of a line in a hunk: its kind, and how many old and new lines it stands for. Mail
# programs strip the space of an empty context line; git reads it all the same.
_STEPS: dict[bytes, tuple[Kind, int, int]] = {
    b" ": (" ", 1, 1),
    b"": (" ", 1, 1),
    b"-": ("-", 1, 0),
    b"+": ("+", 0, 1),
}
_STATUS: tuple[tuple[bytes, Status], ...] = (
    (b"new file mode", "added"),
    (b"deleted file mode", "deleted"),
    (b"rename from", "renamed"),
    (b"copy from", "copied"),
)


def read_files(data: bytes, name: str) -> tuple[FileDiff, ...]:
    """Every file of a diff, in its order. Raises InputError whose ``where`` is ``name:line``."""
    if len(data) > MOST_BYTES:
        raise InputError(name, f"larger than allowed ({len(data)} > {MOST_BYTES} bytes)")
    number = data.count(b"\n")
    if number > MOST_LINES:
        raise InputError(name, f"more lines than allowed ({number} > {MOST_LINES})")
    return _Reader(data, name).files()


class _Reader:
    """A position in the lines of one diff."""

    def __init__(self, data: bytes, name: str) -> None:
        self._name = name
        self._lines = data.split(b"\n")
        if self._lines[-1] == b"":
            self._lines.pop()
        self._at = 0
        self._hunks_seen = 0
        for number, line in enumerate(self._lines):
            if len(line) > LONGEST_LINE:
                what = f"a line longer than allowed ({len(line)} > {LONGEST_LINE} bytes)"
                self._refuse(what, number)

    def files(self) -> tuple[FileDiff, ...]:
        """All files; every path at most once on each side."""
        found: list[FileDiff] = []
        seen: set[tuple[str, str]] = set()
        while self._line() is not None:
            if self._line() == b"":
                self._at += 1
                continue
            start = self._at
            found.append(self._file())
            if len(found) > MOST_FILES:
                self._refuse(f"more files than allowed (> {MOST_FILES})", start)
            for side in _sides(found[-1]):
                if side in seen:
                    self._refuse(f"{side[1]!r} is named twice as {side[0]} file", start)
                seen.add(side)
        return tuple(found)

    def _file(self) -> FileDiff:
        line = self._line() or b""
        if not line.startswith(b"diff --git "):
            merge = "a combined diff of a merge; " if line.startswith(b"diff --c") else ""
            self._refuse(f"{merge}expected 'diff --git', as in the output of plain git diff")
        start = self._at
        self._at += 1
        header = self._extended()
        try:
            old, new = self._names(line.removeprefix(b"diff --git "), header)
            old_path = None if b"new file mode" in header else git_names.checked(old)
            new_path = None if b"deleted file mode" in header else git_names.checked(new)
        except ValueError as error:
            self._refuse(str(error), start)
        binary, hunks = self._content(old if old_path else None, new if new_path else None)
        old_mode, new_mode = _modes(header)
        status = _status(header)
        return FileDiff(old_path, new_path, status, binary, old_mode, new_mode, hunks)

    def _extended(self) -> dict[bytes, bytes]:
        """The extended header lines, by their key."""
        header: dict[bytes, bytes] = {}
        while found := _EXTENDED.fullmatch(self._line() or b""):
            key, value = (group for group in found.groups() if group is not None)
            if key in header:
                self._refuse(f"{key.decode()!r} is given twice")
            header[key] = value
            self._at += 1
        if b"new file mode" in header and b"deleted file mode" in header:
            self._refuse("a file both added and deleted")
        return header

    def _names(self, rest: bytes, header: dict[bytes, bytes]) -> tuple[bytes, bytes]:
        """Old and new name without prefixes. Raises ValueError."""
        shown = git_names.header_names(rest)
        for verb in (b"rename", b"copy"):
            if verb + b" from" not in header and verb + b" to" not in header:
                continue
            moved = tuple(
                git_names.plain(header.get(verb + end, b"")) for end in (b" from", b" to")
            )
            if shown and not all(map(git_names.agrees, shown, moved)):
                raise ValueError("the names behind 'diff --git' are not those of the rename")
            return moved[0], moved[1]
        if shown is None:
            raise ValueError("the names behind 'diff --git' cannot be told apart")
        return git_names.without_prefix(*shown)

    def _content(self, old: bytes | None, new: bytes | None) -> tuple[bool, tuple[Hunk, ...]]:
        """Whether the content is binary, and its hunks. A name is None where no file is."""
        line = self._line() or b""
        if line == b"GIT binary patch":
            self._binary_patch()
            return True, ()
        if line.startswith(b"Binary files ") and line.endswith(b" differ"):
            self._at += 1
            return True, ()
        if not line.startswith(b"--- "):
            return False, ()
        self._name_line(b"--- ", old)
        self._name_line(b"+++ ", new)
        hunks = self._hunks()
        if (old is None and any(hunk.old_count for hunk in hunks)) or (
            new is None and any(hunk.new_count for hunk in hunks)
        ):
            self._refuse("an added or deleted file with lines on the side where it is not")
        return False, hunks

    def _name_line(self, sign: bytes, wanted: bytes | None) -> None:
        line = self._line() or b""
        try:
            shown = git_names.plain(line.removeprefix(sign).removesuffix(b"\t"))
        except ValueError as error:
            self._refuse(str(error))
        same = shown == _NO_NAME if wanted is None else git_names.agrees(shown, wanted)
        if not line.startswith(sign) or not same:
            expected = (wanted or _NO_NAME).decode(errors="backslashreplace")[:200]
            self._refuse(f"expected {sign.decode()!r} with the name {expected!r}")
        self._at += 1

    def _hunks(self) -> tuple[Hunk, ...]:
        hunks: list[Hunk] = []
        old_end = shift = 0
        while (self._line() or b"").startswith(b"@@"):
            hunk = self._hunk(old_end, shift)
            hunks.append(hunk)
            old_end = first(hunk.old_start, hunk.old_count) + hunk.old_count
            shift += hunk.new_count - hunk.old_count
        if not hunks:
            self._refuse("expected a hunk ('@@ -1,2 +1,3 @@')")
        return tuple(hunks)

    def _hunk(self, old_end: int, shift: int) -> Hunk:
        """One hunk that starts at or behind ``old_end``, with ``shift`` more new than old lines
        before it. The arithmetic must hold, or the line map would lie."""
        start = self._at
        found = _HUNK.fullmatch(self._lines[start])
        if not found:
            self._refuse("a hunk header that is not '@@ -1,2 +1,3 @@'")
        old_start, old_count, new_start, new_count = (
            1 if number is None else int(number) for number in found.groups()
        )
        old, new = first(old_start, old_count), first(new_start, new_count)
        if old < max(1, old_end):
            self._refuse(f"hunks overlap: line {old} starts this one, {old_end} is the next free")
        if new != old + shift:
            what = f"the hunk says it starts at new line {new}, by those before it it is"
            self._refuse(f"{what} {old + shift}")
        self._hunks_seen += 1
        if self._hunks_seen > MOST_HUNKS:
            self._refuse(f"more hunks than allowed (> {MOST_HUNKS})")
        self._at += 1
        lines = self._body(start, old, new, old_count, new_count)
        return Hunk(old_start, old_count, new_start, new_count, lines)

    def _body(
        self, start: int, old: int, new: int, old_count: int, new_count: int
    ) -> tuple[Line, ...]:
        """As many lines as the header says, numbered from ``old`` and ``new``."""
        lines: list[Line] = []
        old_end, new_end = old + old_count, new + new_count
        while old < old_end or new < new_end:
            raw = self._line()
            if lines and raw is not None and raw.startswith(_NO_NEWLINE):
                self._at += 1
                continue
            step = None if raw is None else _STEPS.get(raw[:1])
            if raw is None or step is None or old + step[1] > old_end or new + step[2] > new_end:
                self._refuse_counts(start, old_count, new_count)
            kind, olds, news = step
            lines.append(Line(kind, old if olds else None, new if news else None, _text(raw)))
            old, new = old + olds, new + news
            self._at += 1
        if (self._line() or b"").startswith(_NO_NEWLINE):
            self._at += 1
        if (self._line() or b"")[:1] in (b" ", b"+", b"-"):
            self._refuse_counts(start, old_count, new_count)
        return tuple(lines)

    def _binary_patch(self) -> None:
        """Step over one or two encoded blocks; each line must be as long as it says."""
        self._at += 1
        for block in range(2):
            if not _BLOCK.fullmatch(self._line() or b""):
                if block == 0:
                    self._refuse("expected 'literal' or 'delta' and a size")
                return
            self._at += 1
            while self._line():
                line = self._lines[self._at]
                size = line[0] - (64 if line[:1] <= b"Z" else 70)
                if not _BASE85.fullmatch(line) or len(line) - 1 != (size + 3) // 4 * 5:
                    self._refuse("a line of a binary patch that is not as long as it says")
                self._at += 1
            self._at += 1

    def _line(self) -> bytes | None:
        return self._lines[self._at] if self._at < len(self._lines) else None

    def _refuse_counts(self, start: int, old_count: int, new_count: int) -> NoReturn:
        """Refuse a hunk whose header counts other lines than those that follow it."""
        kinds = []
        for line in self._lines[start + 1 :]:
            if line[:1] not in (b" ", b"+", b"-", b"\\"):
                break
            kinds.append(line[:1])
        found_old = kinds.count(b" ") + kinds.count(b"-")
        found_new = kinds.count(b" ") + kinds.count(b"+")
        said = f"the hunk says {old_count} old and {new_count} new lines"
        self._refuse(f"{said}, but {found_old} and {found_new} follow", start)

    def _refuse(self, what: str, at: int | None = None) -> NoReturn:
        line = (self._at if at is None else at) + 1
        raise InputError(f"{self._name}:{line}", what)


def first(start: int, count: int) -> int:
    """The first line of a hunk's range; of an empty one the line behind it, where git gives the
    line before."""
    return start if count else start + 1


def _text(raw: bytes) -> str:
    return raw[1:].removesuffix(b"\r").decode(errors="replace").replace("\x00", "\ufffd")


def _sides(file: FileDiff) -> list[tuple[str, str]]:
    """What must not come twice. Many files may be copied from one."""
    old = [("an old", file.old_path)] if file.old_path and file.status != "copied" else []
    return [*old, ("a new", file.new_path)] if file.new_path else old


def _modes(header: dict[bytes, bytes]) -> tuple[str, str]:
    both = header.get(b"index", b"").partition(b" ")[2]
    old = header.get(b"old mode") or header.get(b"deleted file mode")
    new = header.get(b"new mode") or header.get(b"new file mode")
    if old or new:
        return (old or b"").decode(), (new or b"").decode()
    return both.decode(), both.decode()


def _status(header: dict[bytes, bytes]) -> Status:
    for key, status in _STATUS:
        if key in header:
            return status
    return "modified"
