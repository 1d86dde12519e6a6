"""A first look at the bytes of a JSON document, before any value is built from them.

Sees what would cost a parser too much: depth (``json`` recurses), digits (``int()`` is quadratic),
the number of values, endless texts and white space. Linear, and in C but for a few calls per block.
Up to the first syntax error it sees exactly what a parser sees; after it no parser gets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

from gate.formats.limits import Limits

_OPENING = b"[{"
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = [1 if byte in _OPENING else -1 if byte in b"]}" else 0 for byte in range(256)]
_TOKEN = re.compile(rb'\\.|["\[\]{}]|[0-9]+', re.DOTALL)
_UNCLEAN = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class Scan:
    """What is carried from block to block. ``may_be_unclean``: some string may hold NUL or a
    surrogate (UTF-8 can only write them as escapes); to be asked at the end."""

    def __init__(self, limits: Limits, start: int = 0) -> None:
        self.limits = limits
        self.may_be_unclean = False
        self._at = start  # offset of the chunk that is looked at
        self._held = b""
        self._tail = b""
        self._depth = 0
        self._values = 0
        self._in_string = False
        self._digits = b""  # that the last chunk ended with
        self._long = 0  # bytes of the text, or white space, that the last chunk ended with
        self._opened = (b"", start, False)  # chunk in which that text began, its offset, its state
        self._too_long = re.compile(
            # Starts with a set, so that the search skips what is no digit; then only where the
            # digits begin, so that it stays linear.
            rb"[0-9](?<![0-9]{2})[0-9]{%d}" % limits.digits
        )

    def feed(self, block: bytes) -> tuple[int, str] | None:
        """Look at the next bytes: the offset of the first passed limit and what it is, or None."""
        chunk = self._held + block
        # No escape sequence may be torn apart: a backslash that escapes what is to come waits.
        self._held = b"\\" if (len(chunk) - len(chunk.rstrip(b"\\"))) % 2 else b""
        chunk = chunk[: len(chunk) - len(self._held)]
        self._look_for_escapes(chunk)
        parts = chunk.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        bare = b'"'.join(parts[1 if self._in_string else 0 :: 2])
        found = (
            self._check_depth(chunk, bare)
            or self._check_digits(chunk, bare)
            or self._check_length(chunk, parts)
        )
        self._in_string ^= len(parts) % 2 == 0
        self._at += len(chunk)
        return found

    def _look_for_escapes(self, chunk: bytes) -> None:
        if not self.may_be_unclean:
            seen = self._tail + chunk if self._tail else chunk
            self.may_be_unclean = _UNCLEAN.search(seen) is not None
            tail = seen[-5:]
            self._tail = tail if b"\\" in tail else b""

    def _check_depth(self, chunk: bytes, bare: bytes) -> tuple[int, str] | None:
        brackets = bare.translate(None, _NOT_BRACKETS)
        depths = list(accumulate(map(_STEP.__getitem__, brackets), initial=self._depth))
        self._values += bare.count(b",") + sum(map(brackets.count, (b"[", b"{")))
        if max(depths) > self.limits.depth:
            return self._too_deep(chunk), f"nested deeper than allowed (> {self.limits.depth})"
        self._depth = depths[-1]
        if self._values > self.limits.values:
            return self._at, f"more JSON values than allowed (> {self.limits.values})"
        return None

    def _check_digits(self, chunk: bytes, bare: bytes) -> tuple[int, str] | None:
        before, digits = len(self._digits), self._digits + bare
        self._digits = digits[len(digits.rstrip(b"0123456789")) :]
        found = self._too_long.search(digits)
        if not found:
            return None
        what = f"a number with more digits than allowed (> {self.limits.digits})"
        if found.start() < before:
            return self._at - before + found.start(), what
        numbers = (at for at, sign in self._tokens(chunk) if len(sign) > self.limits.digits)
        return self._at + next(numbers, 0), what

    def _check_length(self, chunk: bytes, parts: list[bytes]) -> tuple[int, str] | None:
        """One text, or white space, that goes on and on: no window would ever hold it."""
        most = self.limits.element
        if len(parts) > 1 or not (self._in_string or chunk.isspace()):
            found = self._in_string and self._long + len(parts[0]) > most
            where = self._opened
            self._long = len(parts[-1]) if self._in_string ^ (len(parts) % 2 == 0) else 0
            self._opened = (chunk, self._at, self._in_string)
            return (_last_quote(*where), _TEXT % most) if found else None
        self._long += len(chunk)
        if self._long <= most:
            return None
        if self._in_string:
            return _last_quote(*self._opened), _TEXT % most
        return self._at, f"more white space in a row than allowed (> {most} bytes)"

    def _too_deep(self, chunk: bytes) -> int:
        """The offset of the bracket that goes too deep."""
        depth = self._depth
        for at, sign in self._tokens(chunk):
            depth += _STEP[sign[0]]
            if depth > self.limits.depth:
                return self._at + at
        return self._at

    def _tokens(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """Brackets and numbers outside of strings, with their offsets in the chunk."""
        in_string = self._in_string
        for token in _TOKEN.finditer(chunk):
            sign = token.group()
            in_string ^= sign == b'"'
            if not in_string and sign[:1] not in b'"\\':
                yield token.start(), sign


_TEXT = "a text longer than allowed (> %d bytes)"


def values(text: str, most: int) -> int:
    """At least how many JSON values a piece of a document holds; exact where more than ``most``
    seem to be there, for what looks like values may stand in strings."""
    seeming = sum(map(text.count, ",[{"))
    if seeming <= most:
        return seeming
    parts = text.replace("\\\\", "").replace('\\"', "").split('"')
    return sum(part.count(sign) for part in parts[::2] for sign in ",[{")


def _last_quote(chunk: bytes, at: int, in_string: bool) -> int:
    """The offset of the quote that opens the text with which a chunk ends."""
    place = at
    for token in _TOKEN.finditer(chunk):
        if token.group() == b'"':
            in_string = not in_string
            place = at + token.start() if in_string else place
    return place
