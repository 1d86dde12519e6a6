"""Bytes of one JSON document (RFC 8259) to Python values, without trusting them.

Refused before anything is built: too large, not Unicode, too deep, too many values, numbers of
too many digits (``int()`` is quadratic and ``json`` recurses). Refused while parsing: syntax
errors, a member given twice (two readers would see two documents), NaN, and floats beyond the
range of a double. Large arrays can be left undecoded (``Elements``) and read one by one, so that
the values of a whole report never stand in memory together. Knows nothing of SARIF.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Any, NoReturn

from gate.errors import InputError
from gate.formats.limits import Limits

CHUNK = 1 << 18  # bytes that the pre-scan looks at together
MOST_WALKED = 100_000  # elements of an array on the way to an undecoded one
MOST_COUNTED = 2_000_000  # elements of an undecoded array

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OPENING = b"[{"
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = [1 if byte in _OPENING else -1 if byte in b"]}" else 0 for byte in range(256)]
_TOKEN = re.compile(rb'\\.|["\[\]{}]|[0-9]+', re.DOTALL)
_NOT_BACKSLASH = re.compile(rb"[^\\]")
_SPACE = re.compile(r"[ \t\n\r]*")
_UNCLEAN = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


class Document:
    """One decoded and pre-scanned document: ``text``, and refusals that name the byte."""

    __slots__ = ("_bom", "_encoding", "name", "text")

    def __init__(self, data: bytes, name: str, limits: Limits) -> None:
        """Decode and pre-scan. Raises InputError: size, encoding, depth, digits, values."""
        if len(data) > limits.size:
            raise InputError(name, f"larger than allowed ({len(data)} > {limits.size} bytes)")
        self.name = name
        self._bom, self._encoding = _encoding(data)
        self.text = self._decoded(data)
        is_utf8 = self._encoding == "utf-8"
        scanned, start = (data, self._bom) if is_utf8 else (self.text.encode(), 0)
        broken = _broken_limit(scanned, start, limits)
        if broken:
            position = len(scanned[start : broken[0]].decode(errors="ignore"))
            self.refuse(position, broken[1])

    @property
    def may_be_unclean(self) -> bool:
        """Whether some string may hold NUL or a surrogate (JSON can only write them as escapes)."""
        return _UNCLEAN.search(self.text) is not None

    def refuse(self, position: int, what: str) -> NoReturn:
        """Raise InputError for a position in ``text``, told as an offset into the given bytes."""
        offset = self._bom + len(self.text[:position].encode(self._encoding))
        raise InputError(f"{self.name} at byte {offset}", what)

    def load(self, leave: tuple[str, ...] | None = None) -> Any:
        """The value; arrays at the path ``leave`` (member names, ``*`` for any index) become
        ``Elements``. Raises InputError."""
        value, end = self._value(self._skip(0), leave)
        end = self._skip(end)
        if end != len(self.text):
            self.refuse(end, "more text after the JSON document")
        return value

    def decode(self, at: int) -> tuple[Any, int]:
        """The value that starts at ``at`` and where it ends."""
        try:
            return _DECODER.raw_decode(self.text, at)
        except json.JSONDecodeError as error:
            self.refuse(error.pos, f"not JSON: {error.msg}")
        except (ValueError, RecursionError) as error:
            self.refuse(at, f"in the value that starts here: {error}")

    def _decoded(self, data: bytes) -> str:
        try:
            return str(memoryview(data)[self._bom :], self._encoding)
        except UnicodeDecodeError as error:
            where = f"{self.name} at byte {self._bom + error.start}"
            raise InputError(where, f"not {self._encoding.upper()}: {error.reason}") from None

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return found.end() if found else at

    def _value(self, at: int, leave: tuple[str, ...] | None) -> tuple[Any, int]:
        opening = self.text[at : at + 1]
        if leave == () and opening == "[":
            return self._elements(at)
        if leave and opening == "{" and leave[0] != "*":
            return self._object(at, leave[0], leave[1:])
        if leave and opening == "[" and leave[0] == "*":
            return self._array(at, leave[1:])
        return self.decode(at)

    def _object(self, at: int, name: str, leave: tuple[str, ...]) -> tuple[dict[str, Any], int]:
        members: dict[str, Any] = {}
        more, at = self._first(at, "}")
        while more:
            key, at = self._key(at)
            if key in members:
                self.refuse(at, f"member {key[:80]!r} is given twice in one object")
            members[key], at = self._value(at, leave if key == name else None)
            more, at = self._next(at, "}")
        return members, at

    def _key(self, at: int) -> tuple[str, int]:
        if self.text[at : at + 1] != '"':
            self.refuse(at, "not JSON: Expecting property name enclosed in double quotes")
        key, at = self.decode(at)
        at = self._skip(at)
        if self.text[at : at + 1] != ":":
            self.refuse(at, "not JSON: Expecting ':' delimiter")
        return key, self._skip(at + 1)

    def _array(self, at: int, leave: tuple[str, ...]) -> tuple[list[Any], int]:
        items: list[Any] = []
        start = at
        more, at = self._first(at, "]")
        while more:
            if len(items) >= MOST_WALKED:
                self.refuse(start, f"an array of more elements than allowed (> {MOST_WALKED})")
            item, at = self._value(at, leave)
            items.append(item)
            more, at = self._next(at, "]")
        return items, at

    def _elements(self, at: int) -> tuple[Elements, int]:
        start = at
        count = 0
        more, at = self._first(at, "]")
        while more:
            if count >= MOST_COUNTED:
                self.refuse(start, f"an array of more elements than allowed (> {MOST_COUNTED})")
            _, at = self.decode(at)
            count += 1
            more, at = self._next(at, "]")
        return Elements(self, start, count), at

    def _first(self, at: int, closing: str) -> tuple[bool, int]:
        at = self._skip(at + 1)
        return (False, at + 1) if self.text[at : at + 1] == closing else (True, at)

    def _next(self, at: int, closing: str) -> tuple[bool, int]:
        at = self._skip(at)
        sign = self.text[at : at + 1]
        if sign == ",":
            return True, self._skip(at + 1)
        if sign != closing:
            self.refuse(at, "not JSON: Expecting ',' delimiter")
        return False, at + 1

    def elements(self, start: int) -> Iterator[Any]:
        """The values of the array that opens at ``start``, one after the other."""
        more, at = self._first(start, "]")
        while more:
            value, at = self.decode(at)
            yield value
            more, at = self._next(at, "]")


class Elements:
    """An array left as text: its length is known, its values are decoded while iterating."""

    __slots__ = ("_document", "_start", "count")

    def __init__(self, document: Document, start: int, count: int) -> None:
        self._document = document
        self._start = start
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Any]:
        return self._document.elements(self._start)


def _encoding(data: bytes) -> tuple[int, str]:
    """Length of the byte order mark, and the encoding it stands for; UTF-8 without one."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return len(mark), encoding
    return 0, "utf-8"


def _broken_limit(data: bytes, start: int, limits: Limits) -> tuple[int, str] | None:
    """The first place where depth, digits or values pass their limit: offset and what is wrong.

    Linear, and in C but for a few calls per chunk: strings are cut out by splitting at quotes
    (after escaped characters are gone), brackets are what is left of the rest. Up to the first
    syntax error this sees exactly what a parser sees; after it no parser gets.
    """
    scan = _Scan(limits)
    at = start
    while at < len(data):
        end = _chunk_end(data, at)
        what = scan.feed(data[at:end])
        if what:
            return at + scan.found, what
        at = end
    return None


def _chunk_end(data: bytes, at: int) -> int:
    """Where to cut so that no escape sequence is torn apart."""
    end = min(at + CHUNK, len(data))
    if data[end - 1 : end] != b"\\":
        return end
    found = _NOT_BACKSLASH.search(data, end)
    return found.end() if found else len(data)


class _Scan:
    """What is carried from chunk to chunk; ``found`` is the offset of the break in its chunk."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.found = 0
        self._depth = 0
        self._values = 0
        self._in_string = False
        self._digits = b""  # that the last chunk ended with
        self._too_long = re.compile(
            # Starts with a set, so that the search skips what is no digit; then only where the
            # digits begin, so that it stays linear.
            rb"[0-9](?<![0-9]{2})[0-9]{%d}" % limits.digits
        )

    def feed(self, chunk: bytes) -> str | None:
        """Look at the next bytes; what is wrong with them, or None."""
        parts = chunk.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        bare = b'"'.join(parts[1 if self._in_string else 0 :: 2])
        what = self._check_depth(chunk, bare) or self._check_digits(chunk, bare)
        self._in_string ^= len(parts) % 2 == 0
        return what

    def _check_depth(self, chunk: bytes, bare: bytes) -> str | None:
        brackets = bare.translate(None, _NOT_BRACKETS)
        depths = list(accumulate(map(_STEP.__getitem__, brackets), initial=self._depth))
        self._values += bare.count(b",") + sum(map(brackets.count, (b"[", b"{")))
        if max(depths) > self.limits.depth:
            self.found = self._too_deep(chunk)
            return f"nested deeper than allowed (> {self.limits.depth})"
        self._depth = depths[-1]
        if self._values > self.limits.values:
            return f"more JSON values than allowed (> {self.limits.values})"
        return None

    def _check_digits(self, chunk: bytes, bare: bytes) -> str | None:
        digits = self._digits + bare
        self._digits = digits[len(digits.rstrip(b"0123456789")) :]
        if not self._too_long.search(digits):
            return None
        numbers = (at for at, sign in self._tokens(chunk) if len(sign) > self.limits.digits)
        self.found = next(numbers, 0)
        return f"a number with more digits than allowed (> {self.limits.digits})"

    def _too_deep(self, chunk: bytes) -> int:
        """The offset of the bracket that goes too deep."""
        depth = self._depth
        for at, sign in self._tokens(chunk):
            depth += _STEP[sign[0]]
            if depth > self.limits.depth:
                return at
        return 0

    def _tokens(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """Brackets and numbers outside of strings, with their offsets."""
        in_string = self._in_string
        for token in _TOKEN.finditer(chunk):
            sign = token.group()
            in_string ^= sign == b'"'
            if not in_string and sign[:1] not in b'"\\':
                yield token.start(), sign


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError(f"member {_twice(pairs)[:80]!r} is given twice in one object")
    return members


def _twice(pairs: list[tuple[str, Any]]) -> str:
    names = sorted(name for name, _ in pairs)
    return next(name for name, following in pairwise(names) if name == following)


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"number {digits[:40]} is beyond the range of a double")
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)
