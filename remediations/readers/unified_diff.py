"""Unified diffs, of git and of others, to what git writes. Pure.

Git's own diffs are read as they are. Others (``diff -u``, difflib, Subversion) name files above their
hunks only; they get the header that git would write, and are then read by the same strict reader.
"""

import re

from gate.errors import InputError
from gate.provenance import Origin
from remediations.readers.offer import Offer, Offers, check_diff, check_path

_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_OLD, _NEW, _NOWHERE = b"--- ", b"+++ ", b"/dev/null"
_NOISE = (b"diff ", b"Index: ", b"=====", b"index ")  # of other programs, between files
Lines = list[bytes]


def read(data: bytes, name: str) -> Offers:
    """Return the one fix that a diff is. Raises InputError with the line."""
    text = as_git(data, name)
    diff = check_diff(name, text)
    title = f"Patch of {diff.files[0].path}"
    if len(diff.files) > 1:
        title += f" and {len(diff.files) - 1} more"
    offer = Offer(where=name, title=title, description="", origin=Origin("unknown"), tool="",
                  diff=text)  # fmt: skip
    return Offers("unified diff", (offer,))


def as_git(data: bytes, name: str, path: str = "") -> bytes:
    """Return a diff as git writes it. ``path``: that of the one file it is of, whatever it names.

    Raises InputError for what is no diff, or names no file.
    """
    if b"\x00" in data:
        raise InputError(name, "holds NUL: binary files are not proposed so")
    if not data.endswith(b"\n"):
        data += b"\n"
    if data.startswith(b"diff --git "):
        return data
    lines = data.split(b"\n")[:-1]
    parts: Lines = []
    at = 0
    while at < len(lines):
        at, part = _file(lines, at, name, path if not parts else "")
        parts += part
    return b"\n".join(parts) + b"\n" if parts else b""


def _file(lines: Lines, at: int, name: str, path: str) -> tuple[int, Lines]:
    """One file's lines from ``at`` on, with git's header; and where the next file begins."""
    while at < len(lines) and (not lines[at].strip() or lines[at].startswith(_NOISE)):
        at += 1
    if at == len(lines):
        return at, []
    start = at
    if not lines[at].startswith(_OLD) and lines[at].rstrip() != _OLD.rstrip():
        raise InputError(f"{name}:{at + 1}", "expected '--- ' with the name of a file")
    if at + 1 >= len(lines) or not lines[at + 1].startswith(_NEW.rstrip()):
        raise InputError(f"{name}:{at + 2}", "expected '+++ ' with the name of a file")
    old, new = _name(lines[at]), _name(lines[at + 1])
    end = _hunks(lines, at + 2, name)
    body = lines[at + 2 : end]
    where = f"{name}:{start + 1}"
    if not body:
        raise InputError(where, "a file without hunks")
    return end, [*_header(where, old, new, path, body), *body]


def _name(line: bytes) -> bytes:
    """The name behind ``---`` or ``+++``, without the time that other programs put behind a tab."""
    return line[4:].partition(b"\t")[0].strip()


def _header(where: str, old: bytes, new: bytes, path: str, body: Lines) -> Lines:
    """What git writes above the hunks of one file."""
    first = _HUNK.match(body[0])
    is_new = old == _NOWHERE or bool(path and first and first[1] == b"0" and first[2] == b"0")
    is_gone = new == _NOWHERE
    file = check_path(where, path or _bare(old, new)).encode()
    head = [b"diff --git a/" + file + b" b/" + file]
    head += [b"new file mode 100644"] if is_new else []
    head += [b"deleted file mode 100644"] if is_gone else []
    old_line = _OLD + (_NOWHERE if is_new else b"a/" + file)
    new_line = _NEW + (_NOWHERE if is_gone else b"b/" + file)
    return [*head, old_line, new_line]


def _bare(old: bytes, new: bytes) -> str:
    """The one path that two names are of, without git's prefixes where both have them."""
    name = old if new == _NOWHERE else new
    if old[:2] == b"a/" and new[:2] == b"b/" and old[2:] == new[2:]:
        name = new[2:]
    elif (new[:2] == b"b/" and old == _NOWHERE) or (old[:2] == b"a/" and new == _NOWHERE):
        name = name[2:]
    return name.decode(errors="backslashreplace")


def _hunks(lines: Lines, at: int, name: str) -> int:
    """Where the hunks end that begin at ``at``: by the counts of their headers, not by their looks."""
    while at < len(lines) and (hunk := _HUNK.match(lines[at])):
        old, new = (int(hunk[2] or 1), int(hunk[4] or 1))
        start, at = at, at + 1
        while old > 0 or new > 0:
            if at >= len(lines) or lines[at][:1] not in (b" ", b"+", b"-", b"", b"\\"):
                raise InputError(f"{name}:{start + 1}", "a hunk with fewer lines than it says")
            sign = lines[at][:1]
            old -= sign in (b" ", b"-", b"")
            new -= sign in (b" ", b"+", b"")
            at += 1
        while at < len(lines) and lines[at].startswith(b"\\"):
            at += 1
    return at
