"""Strict reading of small documents that people write: policies (TOML) and facts (JSON).

Every member is asked for by name and type; what nobody asked for is refused by name, so that a
misspelt fact never counts as a missing one. Errors say the document, the path and what was wanted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gate.composed import composed
from gate.errors import InputError

MAX_TEXT = 1_000_000  # characters of one text
MAX_ITEMS = 1_000_000  # of one list or object
LONGEST_PATH = 300  # characters of the place that an error names
# That a time may lie in: git's first second, and room to reckon behind the last.
YEARS = (1970, 2999)
_ODD = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Members:
    """The members of one object. A getter gives None for what is absent or null.

    ``locate`` turns a path into what an error puts before it, such as the line of a TOML file.
    """

    def __init__(
        self, value: Any, name: str, path: str = "", locate: Callable[[str], str] | None = None
    ) -> None:
        self.name, self.path, self.locate = name, path, locate
        if not isinstance(value, Mapping):
            raise self.error("", "must be an object")
        self.value = value
        self._asked: set[str] = set()

    def error(self, key: str, what: str) -> InputError:
        """An InputError about one member, or about the whole object where ``key`` is empty."""
        path = f"{self.path}.{key}".strip(".") if key else self.path
        where = (self.locate(path) if self.locate else "") + visible(path)[:LONGEST_PATH]
        return InputError(f"{self.name}: {where}" if where else self.name, what)

    def take(self, key: str) -> Any:
        """The raw member, now known. None where it is absent or null."""
        self._asked.add(key)
        return self.value.get(key)

    def need(self, key: str) -> Any:
        """The raw member; raises InputError where it is absent or null."""
        value = self.take(key)
        if value is None:
            raise self.error(key, "is missing")
        return value

    def text(self, key: str) -> str | None:
        """A text, cut of blanks at both ends, without control characters but new lines."""
        value = self.take(key)
        if value is None:
            return None
        return self._text(key, value)

    def _text(self, key: str, value: Any) -> str:
        if not isinstance(value, str):
            raise self.error(key, f"must be a text, not {_kind(value)}")
        if len(value) > MAX_TEXT:
            raise self.error(key, f"{len(value)} characters, more than the limit of {MAX_TEXT}")
        if _ODD.search(value):
            raise self.error(key, "has control characters or half of a surrogate pair")
        return value.strip()

    def prose(self, key: str) -> str | None:
        """A text as somebody else's program wrote it: odd characters become U+FFFD."""
        value = self.take(key)
        return None if value is None else self._prose(key, value)

    def _prose(self, key: str, value: Any) -> str:
        if isinstance(value, str):
            value = _ODD.sub("\N{REPLACEMENT CHARACTER}", value)
        return self._text(key, value)

    def proses(self, key: str) -> tuple[str, ...] | None:
        """A list of texts as somebody else's program wrote them, in order."""
        value = self.take(key)
        if value is None:
            return None
        items = self._items(key, value)
        return tuple(self._prose(f"{key}[{i}]", item) for i, item in enumerate(items))

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts, in order."""
        value = self.take(key)
        if value is None:
            return None
        items = self._items(key, value)
        return tuple(self._text(f"{key}[{i}]", item) for i, item in enumerate(items))

    def pairs(self, key: str) -> tuple[tuple[str, str], ...] | None:
        """An object whose members are texts, as sorted pairs."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, Mapping) or len(value) > MAX_ITEMS:
            raise self.error(key, "must be an object of texts")
        return tuple(sorted((str(k), self._text(f"{key}.{k}", v)) for k, v in value.items()))

    def choice(self, key: str, allowed: Sequence[str]) -> str | None:
        """One of the words allowed."""
        value = self.text(key)
        if value is None or value in allowed:
            return value
        raise self.error(key, f"{value!r} is none of: {', '.join(allowed)}")

    def choices(self, key: str, allowed: Sequence[str], what: str) -> tuple[str, ...] | None:
        """A list of the words allowed; ``what`` names them in the error."""
        values = self.texts(key)
        for value in values or ():
            if value not in allowed:
                raise self.error(key, f"there is no {what} called {value!r}")
        return values

    def count(self, key: str, least: int, most: int = 2**53 - 1) -> int | None:
        """A whole number from ``least`` to ``most``."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(key, f"must be a whole number, not {_kind(value)}")
        if value < least:
            raise self.error(key, f"must be at least {least}, not {value}")
        if value > most:
            raise self.error(key, f"must be at most {most}, not {value}")
        return value

    def number(self, key: str, least: float, most: float) -> float | None:
        """A number from ``least`` to ``most``."""
        value = self.take(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(key, f"must be a number, not {_kind(value)}")
        if not math.isfinite(value) or not least <= value <= most:
            raise self.error(key, f"must be from {least} to {most}")
        return float(value)

    def flag(self, key: str) -> bool | None:
        """True or false."""
        value = self.take(key)
        if value is not None and not isinstance(value, bool):
            raise self.error(key, f"must be true or false, not {_kind(value)}")
        return value

    def time(self, key: str) -> str | None:
        """A moment in RFC 3339 with its offset, kept as it was written."""
        value = self.text(key)
        if value and moment(value) is None:
            raise self.error(key, f"{value!r} is no time in RFC 3339 with an offset")
        return self._within_years(key, value)

    def day(self, key: str) -> str | None:
        """A moment in RFC 3339, or a day (which lasts to its end, UTC), as it was written."""
        value = self.text(key)
        if value and moment(value) is None and moment(f"{value}T00:00:00Z") is None:
            raise self.error(key, f"{value!r} is neither a day nor a time in RFC 3339")
        return value

    def _within_years(self, key: str, value: str | None) -> str | None:
        """A time as it was written, if its year is one that can be reckoned with."""
        first, last = YEARS
        if value and not f"{first}" <= value[:4] <= f"{last}":
            raise self.error(key, f"{value!r} is beyond the limit: a year from {first} to {last}")
        return value

    def hash(self, key: str) -> str | None:
        """A full git object id: 40 or 64 hexadecimal digits, in small letters."""
        value = self.text(key)
        return self._hash(key, value) if value else value

    def _hash(self, key: str, value: str) -> str:
        small = value.lower()
        if len(small) not in (40, 64) or any(char not in "0123456789abcdef" for char in small):
            raise self.error(key, f"{value!r} is no full git object id (40 or 64 hex digits)")
        return small

    def hashes(self, key: str) -> tuple[str, ...] | None:
        """A list of full git object ids."""
        values = self.texts(key)
        if values is None:
            return None
        return tuple(self._hash(f"{key}[{i}]", value) for i, value in enumerate(values))

    def file(self, key: str) -> str | None:
        """A path below the repository root, POSIX and NFC."""
        value = self.text(key)
        return self._file(key, value) if value else value

    def files(self, key: str) -> tuple[str, ...] | None:
        """A list of paths below the repository root."""
        values = self.texts(key)
        if values is None:
            return None
        return tuple(self._file(f"{key}[{i}]", value) for i, value in enumerate(values))

    def blobs(self, key: str) -> tuple[tuple[str, str], ...] | None:
        """An object from path to blob id, as sorted pairs."""
        pairs = self.pairs(key)
        if pairs is None:
            return None
        return tuple(
            (self._file(f"{key}.{path}", path), self._hash(f"{key}.{path}", blob))
            for path, blob in pairs
        )

    def _file(self, key: str, value: str) -> str:
        path = normal_path(value)
        if path is None:
            raise self.error(key, f"{value!r} is not below the repository root")
        return path

    def child(self, key: str) -> Members:
        """The object of this name; an empty one where it is absent or null."""
        value = self.take(key)
        return self._child(key, {} if value is None else value)

    def children(self, key: str) -> list[Members] | None:
        """The objects of the list of this name."""
        value = self.take(key)
        if value is None:
            return None
        return [self._child(f"{key}[{i}]", v) for i, v in enumerate(self._items(key, value))]

    def _child(self, key: str, value: Any) -> Members:
        return Members(value, self.name, f"{self.path}.{key}".strip("."), self.locate)

    def _items(self, key: str, value: Any) -> Sequence[Any]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self.error(key, f"must be a list, not {_kind(value)}")
        if len(value) > MAX_ITEMS:
            raise self.error(key, f"{len(value)} items, more than the limit of {MAX_ITEMS}")
        return value

    def finish(self) -> None:
        """Refuse, by name, the members that nobody asked for."""
        for key in self.value:
            if key not in self._asked:
                raise self.error(str(key), "unknown member")


def visible(text: str) -> str:
    """Text from anywhere, on one line; what cannot be seen, or steers, is U+FFFD."""
    shown = (" " if char.isspace() else char for char in text)
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in shown)


def moment(text: str) -> datetime | None:
    """A time in RFC 3339 as an aware datetime in UTC; None where it is none or has no offset."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    if value.tzinfo is None:
        return None
    try:
        return value.astimezone(UTC)
    except OverflowError:
        return None


def deadline(text: str) -> datetime | None:
    """The moment up to which something lasts: a day to its end in UTC; None for no time."""
    day = moment(f"{text}T00:00:00Z") if len(text) == 10 else None
    if day is None:
        return moment(text)
    try:
        return day + timedelta(days=1)
    except OverflowError:  # the last day that there is
        return datetime.max.replace(tzinfo=UTC)


def normal_path(text: str) -> str | None:
    """A path below the root without ``./``, in NFC; None for what is absolute or climbs out."""
    path = text.replace("\\", "/")
    parts = [part for part in path.split("/") if part != "."]
    if not parts or "" in parts or ".." in parts or path[1:2] == ":":
        return None
    return composed("/".join(parts))


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text"}
    return names.get(type(value), "a list" if isinstance(value, list) else "an object")
