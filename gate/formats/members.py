"""Typed access to the members of JSON objects. A wrong type is refused with its JSON pointer.

``at`` is always the JSON pointer (RFC 6901) of the object that is read. Absent and null are the
same here; where SARIF tells them apart, the caller asks for the raw member. Text comes out clean:
NUL and surrogates are U+FFFD, over-long text is shortened.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from gate.errors import InputError
from gate.formats.json_text import Elements, escape
from gate.formats.limits import Limits
from gate.formats.shelf import Shelf
from gate.records import Level

MOST_SAID = 10_000  # problems that are remembered, to be told once
LARGEST = 2**31 - 1  # lines, columns, indexes: what every database column takes

_UNCLEAN = re.compile("[\x00\ud800-\udfff]")
_TYPES = {dict: "an object", list: "an array", str: "a string", bool: "true or false"}


class Members:
    """The reader's hand on one document: refusals, recorded problems, typed members."""

    __slots__ = ("_more", "_said", "limits", "may_be_unclean", "name", "problems", "shelf")

    def __init__(self, name: str, limits: Limits, *, may_be_unclean: bool = True) -> None:
        self.name = name
        self.limits = limits
        self.may_be_unclean = may_be_unclean
        self.problems: list[str] = []
        self.shelf = Shelf()
        self._said: set[str] = set()
        self._more = 0

    def refuse(self, at: str, what: str) -> NoReturn:
        """Raise InputError for the value at a pointer."""
        raise InputError(f"{self.name}#{at}", what)

    def problem(self, at: str, what: str, *, once: bool = False) -> None:
        """Record a departure that does not stop the reading; ``once``: only its first place."""
        if once and what in self._said:
            return
        if once and len(self._said) < MOST_SAID:
            self._said.add(what)
        if len(self.problems) < self.limits.problems:
            self.problems.append(f"{at or '/'}: {what}")
        else:
            self._more += 1

    def all_problems(self) -> tuple[str, ...]:
        """The recorded problems, with a last line that counts those beyond the limit."""
        more = (f"and {self._more} more",) if self._more else ()
        return (*self.problems, *more)

    def count(self, number: int, limit: int, what: str, at: str) -> None:
        """Refuse more than ``limit`` of something, in GitHub's words."""
        if number > limit:
            self.refuse(at, f"more {what} than allowed ({number} > {limit})")

    def count_kept(self, what: str, at: str) -> None:
        """Refuse more text than may be kept of all that is read one element after the other."""
        most = self.limits.kept
        if self.shelf.kept > most:
            self.refuse(at, f"more text in {what} than allowed (> {most} bytes)")

    def object(self, parent: dict[str, Any], key: str, at: str) -> dict[str, Any]:
        """The object, empty if absent."""
        value = parent.get(key)
        if value is None:
            return {}
        return value if type(value) is dict else self._wrong(at, key, dict, value)

    def array(
        self, parent: dict[str, Any], key: str, at: str, limit: int | None = None, what: str = ""
    ) -> list[Any]:
        """The array, empty if absent. Without ``limit`` the general one for entries holds."""
        value = parent.get(key)
        if value is None:
            return []
        if type(value) is not list:
            self._wrong(at, key, list, value)
        most = self.limits.entries if limit is None else limit
        if len(value) > most:
            self.count(len(value), most, what or key, f"{at}/{key}")
        return value

    def stream(self, parent: dict[str, Any], key: str, at: str) -> Iterator[tuple[str, Any]]:
        """Pointer and value of each element of an array that was left where it is."""
        value = parent.get(key)
        if value is not None and not isinstance(value, Elements):
            self._wrong(at, key, list, value)
        for index, element in enumerate(value or ()):
            yield f"{at}/{key}/{index}", element

    def objects(
        self, parent: dict[str, Any], key: str, at: str, limit: int | None = None, what: str = ""
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Pointer and value of each element of an array of objects."""
        for index, value in enumerate(self.array(parent, key, at, limit, what)):
            if type(value) is not dict:
                self._wrong(f"{at}/{key}", str(index), dict, value)
            yield f"{at}/{key}/{index}", value

    def text(self, parent: dict[str, Any], key: str, at: str) -> str:
        """The string, cleaned and shortened; empty if absent."""
        value = parent.get(key)
        if value is None:
            return ""
        if type(value) is not str:
            self._wrong(at, key, str, value)
        if not self.may_be_unclean and len(value) <= self.limits.text:
            return value
        return self.clean(value, f"{at}/{escape(key)}")

    def texts(self, parent: dict[str, Any], key: str, at: str) -> tuple[str, ...]:
        """The strings of an array of strings."""
        values = self.array(parent, key, at)
        for index, value in enumerate(values):
            if type(value) is not str:
                self._wrong(f"{at}/{key}", str(index), str, value)
        return tuple(self.clean(value, f"{at}/{key}") for value in values)

    def clean(self, value: str, at: str) -> str:
        """Text that every store takes: no NUL, no surrogate, not longer than the limit."""
        if self.may_be_unclean and _UNCLEAN.search(value):
            value = _UNCLEAN.sub("\ufffd", value)
            self.problem(at, "NUL or a lone surrogate was replaced by U+FFFD")
        if len(value) <= self.limits.text:
            return value
        self.problem(at, f"text of {len(value)} characters was shortened")
        return shorten(value, self.limits.text)

    def integer(self, parent: dict[str, Any], key: str, at: str, least: int = 0) -> int | None:
        """The integer, None if absent. One that no line, column or index can be is a problem."""
        value = parent.get(key)
        if value is None:
            return None
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            self._wrong(at, key, int, value)
        if least <= value <= LARGEST:
            return int(value)
        if value != -1:  # SARIF's own word for "not set"
            self.problem(f"{at}/{key}", f"{str(value)[:20]} is out of range and was left out")
        return None

    def exit_code(self, parent: dict[str, Any], key: str, at: str) -> int | None:
        """An exit code, None if absent: an integer of 32 bits, with or without a sign."""
        value = parent.get(key)
        if value is None:
            return None
        if type(value) is not int:
            self._wrong(at, key, int, value)
        if -LARGEST <= value <= 2 * LARGEST + 1:
            return value
        self.problem(f"{at}/{key}", "out of range and was left out")
        return None

    def flag(self, parent: dict[str, Any], key: str, at: str) -> bool | None:
        """True, False, or None if absent."""
        value = parent.get(key)
        if value is None or type(value) is bool:
            return value
        self._wrong(at, key, bool, value)

    def level(self, parent: dict[str, Any], key: str, at: str) -> Level | None:
        """A SARIF level; None if absent. An unknown word is a problem and reads as absent."""
        value = self.text(parent, key, at)
        level = _LEVELS.get(value)
        if value and level is None:
            self.problem(f"{at}/{key}", f"{value[:40]!r} is not a level of SARIF")
        return level

    def decimal(self, parent: dict[str, Any], key: str, at: str, most: float) -> float | None:
        """A number from 0 to ``most``, also written as text; anything else is a problem."""
        value = parent.get(key)
        if value is None:
            return None
        try:
            number = float(value) if type(value) in (str, int, float) else math.nan
        except (ValueError, OverflowError):
            number = math.nan
        if 0 <= number <= most:
            return number
        self.problem(f"{at}/{key}", f"not a number from 0 to {most:g}; not used", once=True)
        return None

    def foreign(self, raw: dict[str, Any], at: str) -> None:
        """Record members that are SARIF's own but written in snake_case: nobody reads them."""
        for key in raw:
            if "_" in key:
                what = f"member {key[:60]!r} is not SARIF, which writes camelCase; not read"
                self.problem(at, what, once=True)

    def _wrong(self, at: str, key: str, wanted: type, value: Any) -> NoReturn:
        expected = _TYPES.get(wanted, "an integer")
        found = _TYPES.get(type(value), "null" if value is None else "a number")
        self.refuse(f"{at}/{escape(key)}", f"must be {expected}, is {found}")


_LEVELS = {level.value: level for level in Level}


def shorten(value: str, most: int) -> str:
    """Text of at most ``most`` characters that differs wherever the whole text differs.

    The marker carries a digest, so that two long snippets with one beginning stay two.
    """
    digest = hashlib.sha256(value.encode(errors="replace")).hexdigest()[:16]
    marker = f"… [{len(value)} characters, sha256 {digest}]"
    return value[: max(0, most - len(marker))] + marker
