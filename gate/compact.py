"""Fields of records of which a report has hundreds of thousands, stored small and given back whole.

A field keeps its name, type, equality and order; only what its slot holds differs. Knows no format
and decides nothing.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from itertools import chain
from typing import Any, NamedTuple

LEAST = 192  # characters from which on compressing is worth its overhead
MOST_WORDS = 2_048  # bytes of a dictionary

_WINDOW = (
    -12
)  # raw deflate with a window of 4 KiB: a quarter of the cost of setting up the usual one
_MEMORY = 5
_POINTER = re.compile(r"/runs/(0|[1-9][0-9]{0,4})/results/(0|[1-9][0-9]{0,8})")


class Packed(bytes):
    """A compressed text. Texts that resemble each other have a class of their own, which knows
    the text they were compressed by: an attribute would cost as much as the compressing saves."""

    __slots__ = ()
    words = b""

    def __str__(self) -> str:
        return zlib.decompressobj(_WINDOW, self.words).decompress(self).decode()


def packer(text: str) -> type[Packed]:
    """The class of texts that resemble this one."""
    words = text.encode()[:MOST_WORDS]
    return type("PackedLike", (Packed,), {"__slots__": (), "words": words})


def packed(text: str, kind: type[Packed]) -> bytes:
    """What to give a text field of a record instead of a text, which must hold no surrogate."""
    if len(text) < LEAST:
        return text.encode()
    deflate = zlib.compressobj(6, zlib.DEFLATED, _WINDOW, _MEMORY, 0, kind.words)
    return kind(deflate.compress(text.encode()) + deflate.flush())


class Form(NamedTuple):
    """How values are stored, and how they are given back."""

    store: Callable[[Any], Any]
    restore: Callable[[Any], Any]


class Field:
    """Stands in for the slot of a field."""

    __slots__ = ("_form", "_slot")

    def __init__(self, slot: Any, form: Form) -> None:
        self._slot = slot
        self._form = form

    def __get__(self, record: Any, owner: type | None = None) -> Any:
        return self if record is None else self._form.restore(self._slot.__get__(record))

    def __set__(self, record: Any, value: Any) -> None:
        self._slot.__set__(record, self._form.store(value))


def compact(record: type, **forms: Form) -> None:
    """Store fields of a dataclass with slots in other forms."""
    for name, form in forms.items():
        setattr(record, name, Field(record.__dict__[name], form))


def _same(value: Any) -> Any:
    return value


def _unpacked(value: Any) -> Any:
    if type(value) is bytes:
        return value.decode()
    return str(value) if isinstance(value, Packed) else value


def _number(pointer: Any) -> Any:
    """``/runs/R/results/I`` as one number."""
    found = _POINTER.fullmatch(pointer) if type(pointer) is str else None
    return int(found[1]) << 32 | int(found[2]) if found else pointer


def _pointer(value: Any) -> Any:
    return f"/runs/{value >> 32}/results/{value & 0xFFFFFFFF}" if type(value) is int else value


def _joined(pairs: Any) -> Any:
    """Pairs of texts as one, where no text holds what they are joined with."""
    if not pairs or type(pairs) is not tuple:
        return pairs
    texts = list(chain.from_iterable(pairs))
    joined = "\0".join(texts)
    sound = len(texts) == 2 * len(pairs) and joined.count("\0") == len(texts) - 1
    return joined.encode(errors="surrogatepass") if sound else pairs


def _pairs(value: Any) -> Any:
    if type(value) is not bytes:
        return value
    texts = iter(value.decode(errors="surrogatepass").split("\0"))
    return tuple(zip(texts, texts, strict=True))


TEXT = Form(_same, _unpacked)
POINTER = Form(_number, _pointer)
PAIRS = Form(_joined, _pairs)
