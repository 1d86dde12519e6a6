"""One JSON document (RFC 8259) to Python values, without trusting it and without holding it.

Refused: too large, not Unicode, what ``json_scan`` sees (depth, digits, values), syntax errors, a
member given twice (two readers would see two documents), NaN, and floats beyond the range of a
double. The whole document is checked once, through a window; a shape says what is kept of it:
large arrays can be left where they are (``Elements``) and decoded one element after the other.
Knows nothing of SARIF.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from json.scanner import make_scanner
from typing import Any, NoReturn

from gate.errors import InputError
from gate.formats import content as contents
from gate.formats.content import Content
from gate.formats.json_scan import Scan, values
from gate.formats.json_window import Miss, Scanner, Window
from gate.formats.limits import Limits

MOST_COUNTED = 1_000_000  # elements of one array that nobody reads

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Keep(Enum):
    """What becomes of a value: kept; checked and then None; or the loading ends before it."""

    WHOLE = "whole"
    NOTHING = "nothing"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Stream:
    """An array that is left where it is; all such arrays named ``what`` together count."""

    limit: int
    what: str


# By member name; "*" is every other member, and every element of an array.
Shape = Mapping[str, "Shape"] | Stream | Keep


class Document:
    """One document. ``may_be_unclean``, ``sha256`` and ``size`` are known when it was loaded."""

    def __init__(self, content: Content, name: str, limits: Limits) -> None:
        """Raises InputError: size, or a UTF-16 document that is not one."""
        self.size = contents.size(content)
        if self.size > limits.size:
            raise InputError(name, f"larger than allowed ({self.size} > {limits.size} bytes)")
        self.name = name
        self.limits = limits
        self.may_be_unclean = True
        self._hash = hashlib.sha256()
        self._bom, self._encoding = _encoding(contents.head(content))
        self._content = content
        self._start = self._bom
        if self._encoding != "utf-8":
            self._content, self._start = self._transcoded(content), 0

    @property
    def sha256(self) -> str:
        """Of the bytes as they were given."""
        return self._hash.hexdigest()

    def refuse(self, offset: int, what: str) -> NoReturn:
        """Raise InputError for an offset into the UTF-8, told as one into the given bytes."""
        if self._encoding != "utf-8" and isinstance(self._content, bytes):
            before = self._content[:offset].decode(errors="ignore")
            offset = self._bom + len(before.encode(self._encoding))
        raise InputError(f"{self.name} at byte {offset}", what)

    def load(self, shape: Shape = Keep.WHOLE) -> Any:
        """The value in this shape, the whole document having been checked. Raises InputError."""
        scan = Scan(self.limits, self._start)
        value = _Loader(self, self._window(self._checked(scan), self._start)).load(shape)
        self.may_be_unclean = scan.may_be_unclean
        return value

    def names(self, last: str) -> frozenset[str]:
        """The names of an object's members; ``last`` alone where it has that one, which is
        checked as far as that takes. Raises InputError."""
        try:
            found = self.load({last: Keep.STOP, "*": Keep.NOTHING})
        except _StoppedError:
            return frozenset({last})
        return frozenset(found) if type(found) is dict else frozenset()

    def elements(self, start: int) -> Iterator[Any]:
        """The values of the array that opens at an offset, which was checked before."""
        window = self._window(contents.blocks(self._content, start), start)
        window.skip()
        window.at += 1
        more = window.skip() != "]"
        most = self.limits.element
        while more:
            value = window.decode(_AGAIN, most, most, whole=True)
            if isinstance(value, Miss):
                self.refuse(window.offset(), "was changed while it was read")
            yield value
            more = window.next()

    def _window(self, blocks: Iterator[bytes], offset: int) -> Window:
        return Window(blocks, offset, self.refuse)

    def _checked(self, scan: Scan) -> Iterator[bytes]:
        """The document's blocks, each scanned before anybody parses it."""
        hashed = hashlib.sha256() if self._encoding == "utf-8" else self._hash
        for number, block in enumerate(contents.blocks(self._content)):
            if hashed is not self._hash:
                hashed.update(block)
            block = block[self._start :] if number == 0 else block
            found = scan.feed(block)
            if found:
                self.refuse(*found)
            if block:
                yield block
        self._hash = hashed

    def _transcoded(self, content: Content) -> bytes:
        """A UTF-16 document as UTF-8, in memory."""
        if self.size > self.limits.transcoded:
            most = self.limits.transcoded
            what = f"a UTF-16 document larger than allowed ({self.size} > {most} bytes)"
            raise InputError(self.name, what)
        decoder = codecs.getincrementaldecoder(self._encoding)()
        found = bytearray()
        try:
            for number, block in enumerate(contents.blocks(content)):
                self._hash.update(block)
                found += decoder.decode(block[self._bom :] if number == 0 else block).encode()
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            offset = self._bom + len(found.decode().encode(self._encoding)) + error.start
            where = f"{self.name} at byte {offset}"
            raise InputError(where, f"not {self._encoding.upper()}: {error.reason}") from None
        return bytes(found)


class Elements:
    """An array left where it is: its length is known, its values are decoded while iterating."""

    __slots__ = ("_document", "_start", "count")

    def __init__(self, document: Document, start: int, count: int) -> None:
        self._document = document
        self._start = start
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Any]:
        return islice(self._document.elements(self._start), self.count)


class _Loader:
    """One way through a document. Values that cannot be decoded at once, because they are too
    large or broken, are walked through: the walk alone decides what is refused, and where."""

    def __init__(self, document: Document, window: Window) -> None:
        self.document = document
        self.limits = document.limits
        self.window = window
        self._kept = self._kept_values = 0
        self._counted: dict[str, int] = {}
        self._pairs: list[list[tuple[str, Any]]] = []  # of the objects of the value at hand
        self._check = _scanner(self._pairs.append)

    def load(self, shape: Shape) -> Any:
        """The document's value; after it there may only be white space."""
        value = self._value(shape, "")
        if self.window.skip():
            self._refuse("more text after the JSON document")
        return value

    def _refuse(self, what: str) -> NoReturn:
        self.document.refuse(self.window.offset(), what)

    def _refuse_at(self, pointer: str, what: str) -> NoReturn:
        raise InputError(f"{self.document.name}#{pointer}", what)

    def _value(self, shape: Shape, pointer: str, *, broken: bool = False) -> Any:
        first = self.window.skip()
        if shape is Keep.STOP:
            raise _StoppedError
        if first == "[" and isinstance(shape, Stream):
            return self._stream(shape, pointer)
        if first in ("[", "{") and (broken or isinstance(shape, Mapping)):
            return self._walk(first, shape, pointer, broken=broken)
        return self._leaf(first, pointer, keep=shape is not Keep.NOTHING)

    def _leaf(self, first: str, pointer: str, *, keep: bool) -> Any:
        """A value that is decoded at once, if it can be."""
        window = self.window
        if not first:
            self._refuse("not JSON: Expecting value")
        value = self._decode(_STRICT if keep else self._check, whole=first not in "[{")
        if isinstance(value, Miss):
            shape = Keep.WHOLE if keep else Keep.NOTHING
            return self._missed(value, first, shape, pointer)
        if keep:
            start = window.at - window.length
            self._account(window.length, window.text[start : window.at])
        return value if keep else None

    def _missed(self, miss: Miss, first: str, shape: Keep, pointer: str) -> Any:
        """What could not be decoded at once: refused, or walked through."""
        if miss is Miss.LARGE:
            self._refuse_at(pointer, f"larger than allowed (> {self._largest()})")
        if first in ("[", "{"):
            return self._walk(first, shape, pointer, broken=miss is Miss.BROKEN)
        position, what = self.window.error
        self.document.refuse(self.window.offset(position), what)

    def _decode(self, scan: Scanner, *, whole: bool) -> Any:
        """The value here, or a Miss. Objects in which a member is given twice are BROKEN."""
        limits, window = self.limits, self.window
        most = limits.element if whole else limits.skeleton
        value = window.decode(scan, most, limits.skeleton_values, whole=whole)
        if not self._pairs:
            return value
        twice = sum(map(len, self._pairs)) != sum(map(len, map(dict, self._pairs)))
        self._pairs.clear()
        if not twice or isinstance(value, Miss):
            return value
        window.at -= window.length
        return Miss.BROKEN

    def _walk(self, first: str, shape: Shape, pointer: str, *, broken: bool) -> Any:
        """A container, element by element; if ``broken``, what it holds is walked through too."""
        walk = self._object if first == "{" else self._array
        self.window.at += 1
        found = walk(shape, pointer, broken=broken)
        if self.window.skip() != ("}" if first == "{" else "]"):
            self._refuse("not JSON: Expecting ',' delimiter")
        self.window.at += 1
        return None if shape is Keep.NOTHING else found

    def _object(self, shape: Shape, pointer: str, *, broken: bool) -> dict[str, Any]:
        members: dict[str, Any] = {}
        more = self.window.skip() != "}"
        while more:
            key = self._key()
            if key in members:
                self._refuse(f"member {key[:80]!r} is given twice in one object")
            self._account(len(key), ",")
            place = f"{pointer}/{escape(key)}"
            members[key] = self._value(_inner(shape, key), place, broken=broken)
            more = self.window.next()
        return members

    def _key(self) -> str:
        if self.window.skip() != '"':
            self._refuse("not JSON: Expecting property name enclosed in double quotes")
        key = self._decode(_STRICT, whole=True)
        if isinstance(key, Miss):
            self._missed(key, '"', Keep.WHOLE, "")
        if self.window.skip() != ":":
            self._refuse("not JSON: Expecting ':' delimiter")
        self.window.at += 1
        self.window.skip()
        return str(key)

    def _array(self, shape: Shape, pointer: str, *, broken: bool) -> list[Any]:
        items: list[Any] = []
        if shape is Keep.NOTHING and not broken:
            what = f"an array of more elements than allowed (> {MOST_COUNTED})"
            self._count(MOST_COUNTED, what, pointer, whole=False)
            return items
        count = 0
        more = self.window.skip() != "]"
        while more:
            item = self._value(_inner(shape, "*"), f"{pointer}/{count}", broken=broken)
            if shape is not Keep.NOTHING:
                self._account(1, ",")
                items.append(item)
            count += 1
            more = self.window.next()
        return items

    def _stream(self, shape: Stream, pointer: str) -> Elements:
        """Check every element of an array that is left where it is."""
        start = self.window.offset()
        self.window.at += 1
        before = self._counted.get(shape.what, 0)
        what = f"more {shape.what} than allowed ({shape.limit + 1} > {shape.limit})"
        count = self._count(shape.limit - before, what, pointer, whole=True)
        if self.window.skip() != "]":
            self._refuse("not JSON: Expecting ',' delimiter")
        self.window.at += 1
        self._counted[shape.what] = before + count
        return Elements(self.document, start, count)

    def _count(self, most: int, what: str, pointer: str, *, whole: bool) -> int:
        """Check the elements up to the end of an array, without keeping any."""
        window, count = self.window, 0
        more = window.skip() != "]"
        while more:
            if count == most:
                self._refuse_at(pointer, what)
            first = window.text[window.at : window.at + 1]
            value = self._decode(self._check, whole=whole or first not in ("[", "{"))
            if isinstance(value, Miss):
                self._missed(value, first, Keep.NOTHING, f"{pointer}/{count}")
            count += 1
            more = window.next()
        return count

    def _account(self, length: int, text: str) -> None:
        """Count what is kept. Raises InputError beyond the limit."""
        limits = self.limits
        self._kept += length
        self._kept_values += 1 + values(text, limits.skeleton_values - self._kept_values)
        if self._kept > limits.skeleton or self._kept_values > limits.skeleton_values:
            most = f"{limits.skeleton} characters or {limits.skeleton_values} values"
            self._refuse(f"more beside the large arrays than allowed (> {most})")

    def _largest(self) -> str:
        return f"{self.limits.element} characters or {self.limits.skeleton_values} values"


class _StoppedError(Exception):
    """The loading came to a member before which it was to stop."""


def escape(key: str) -> str:
    """A member name inside a JSON pointer, short and printable enough for one line."""
    plain = key[:80].replace("~", "~0").replace("/", "~1")
    return plain if plain.isprintable() else ascii(plain)[1:-1]


def _inner(shape: Shape, key: str) -> Shape:
    """The shape of a member; ``*`` also stands for every element of an array."""
    if isinstance(shape, Mapping):
        return shape.get(key, shape.get("*", Keep.WHOLE))
    return Keep.WHOLE if isinstance(shape, Stream) else shape


def _encoding(data: bytes) -> tuple[int, str]:
    """Length of the byte order mark, and the encoding it stands for; UTF-8 without one."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return len(mark), encoding
    return 0, "utf-8"


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice in one object")
    return members


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"number {digits[:40]} is beyond the range of a double")
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _scanner(pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Scanner:
    """What JSONDecoder calls, without its detour."""
    hooks: Any = {"parse_float": _float, "parse_constant": _constant} if pairs_hook else {}
    context: Any = json.JSONDecoder(object_pairs_hook=pairs_hook, **hooks)
    return make_scanner(context)


_STRICT = _scanner(_members)
_AGAIN = _scanner()  # for what was checked before: nothing is called in Python
