"""Names as git writes them in a diff: quoting, prefixes, and which names are refused.

Source: git's quote.c (C-style quoting), ``git help diff`` (prefixes) and ``git help config``
(core.quotePath, diff.noprefix, diff.mnemonicPrefix). Raises ValueError with a plain reason; the
caller knows the line.
"""

from __future__ import annotations

import re

from gate.composed import composed

LONGEST = 4096  # bytes of a path: PATH_MAX of Linux

_ESCAPE = re.compile(rb'\\(?:([0-3][0-7]{2})|([abtnvfr"\\]))')
_SIMPLE = dict(zip(b'abtnvfr"\\', b'\a\b\t\n\v\f\r"\\', strict=True))
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
_PREFIX = re.compile(rb"[abciow12]/")


def plain(token: bytes) -> bytes:
    """A name without its quotes: ``"a/na\\303\\257ve"`` becomes the bytes it stands for."""
    if not token.startswith(b'"'):
        return token
    if not _QUOTED.fullmatch(token):
        raise ValueError("a quoted name does not end where it should")
    inside = token[1:-1]
    if len(_ESCAPE.sub(b"", inside)) != len(_ESCAPE.sub(b"", inside).replace(b"\\", b"")):
        raise ValueError("a quoted name holds an unknown escape")
    return _ESCAPE.sub(_unescaped, inside)


def header_names(rest: bytes) -> tuple[bytes, bytes] | None:
    """The two names behind ``diff --git``, with their prefixes; None where only the lines that
    follow can tell (a rename whose names hold spaces)."""
    if rest.startswith(b'"'):
        quoted = _QUOTED.match(rest)
        if not quoted or rest[quoted.end() : quoted.end() + 1] != b" ":
            raise ValueError("the names behind 'diff --git' are not well quoted")
        return plain(quoted.group()), plain(rest[quoted.end() + 1 :])
    if rest.endswith(b'"'):
        start = rest.find(b' "')
        return rest[:start], plain(rest[start + 1 :])
    if rest.count(b" ") == 1:
        first, second = rest.split(b" ")
        return first, second
    half = len(rest) // 2
    first, second = rest[:half], rest[half + 1 :]
    same = rest[half : half + 1] == b" " and _bare(first, second)
    return (first, second) if same else None


def without_prefix(first: bytes, second: bytes) -> tuple[bytes, bytes]:
    """Both names without ``a/`` and ``b/`` (or git's mnemonic pairs); with diff.noprefix the
    names are equal and stay as they are."""
    if first == second:
        return first, second
    if not _PREFIX.match(first) or not _PREFIX.match(second) or first[:1] == second[:1]:
        raise ValueError("names without git's prefixes a/ and b/")
    if first[2:] != second[2:]:
        raise ValueError("two names, but neither renamed nor copied")
    return first[2:], second[2:]


def agrees(shown: bytes, name: bytes) -> bool:
    """Whether a shown name is this name, with or without a prefix."""
    return shown == name or (shown[2:] == name and _PREFIX.match(shown) is not None)


def checked(name: bytes) -> str:
    """A path below the root, NFC. Bytes that are not UTF-8 come out as ``\\xNN``.

    Raises ValueError for names that no commit should hold: absolute, with NUL, empty or dot
    components, ``..``, or inside ``.git``.
    """
    if not name or len(name) > LONGEST:
        raise ValueError("an empty or over-long path")
    if b"\x00" in name:
        raise ValueError("a path with NUL")
    path = composed(name.decode(errors="backslashreplace"))
    if path is None:
        raise ValueError("a path with more marks on one letter than there are")
    if path.startswith("/"):
        raise ValueError(f"an absolute path: {path[:200]!r}")
    for part in path.split("/"):
        if part in ("", ".", "..") or part.casefold() == ".git":
            raise ValueError(f"a path with the component {part!r}: {path[:200]!r}")
    return path


def _bare(first: bytes, second: bytes) -> bool:
    return first == second or (first[1:2] == b"/" and first[1:] == second[1:])


def _unescaped(found: re.Match[bytes]) -> bytes:
    octal, letter = found.groups()
    return bytes([int(octal, 8) if octal else _SIMPLE[letter[0]]])
