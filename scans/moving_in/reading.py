"""Typed access to exports: JSON row by row within the gate's limits, dates, addresses. Knows no tracker."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any, NoReturn
from urllib.parse import urlsplit

from core.errors import BadInput
from gate.errors import InputError
from gate.formats import content as contents
from gate.formats.building import Builder
from gate.formats.content import Content
from gate.formats.json_text import Document, Elements, Shape, Stream
from gate.formats.limits import LIMITS
from gate.formats.members import Members

MOST_ROWS = LIMITS.results
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_DAY = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d{1,9})?\s*(Z|[+-]\d{2}:?\d{2})?)?\Z"
)


class Reader:
    """One file. ``now``: what lies after it is no date of the past."""

    def __init__(self, name: str, content: Content, now: datetime) -> None:
        self.name, self.now = name, now
        self._content = content
        self.members = Members(name, LIMITS)
        self.build = Builder(self.members)

    def rows(self, *lists: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Pointer and value of each object of an array, or of the members ``lists`` of an object.

        Pages that were put into one array are read one after the other. Raises InputError.
        """
        what = Stream(MOST_ROWS, "rows per file")
        document = Document(self._content, self.name, LIMITS)
        shape: Shape = what
        if self._opening() == b"{":
            shape = dict.fromkeys(lists, what)
        loaded = document.load(shape)
        self.members.may_be_unclean = document.may_be_unclean
        if isinstance(loaded, Elements):
            yield from self._objects("", loaded)
            return
        if type(loaded) is not dict or not any(name in loaded for name in lists):
            self.refuse("", f"must be an array, or an object with {' or '.join(lists) or 'rows'}")
        for name in lists:
            value = loaded.get(name)
            if value is not None and not isinstance(value, Elements):
                self.refuse(f"/{name}", "must be an array")
            yield from self._objects(f"/{name}", value or ())

    def is_json(self) -> bool:
        """Whether it begins as an array or an object does, and not as a table."""
        return self._opening() in (b"[", b"{")

    def _opening(self) -> bytes:
        head = contents.head(self._content)
        return head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:1]

    def _objects(self, at: str, values: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        number = 0
        for index, value in enumerate(values):
            place = f"{at}/{index}"
            page = value if type(value) is list else None
            for inner, row in enumerate([value] if page is None else page):
                here = place if page is None else f"{place}/{inner}"
                if type(row) is not dict:
                    self.refuse(here, "must be an object")
                number += 1
                self.members.count(number, MOST_ROWS, "rows per file", here)
                yield here, row

    def refuse(self, at: str, what: str) -> NoReturn:
        self.members.refuse(at, what)

    # --- members -----------------------------------------------------------------------------
    def text(self, row: dict[str, Any], key: str, at: str, most: int = 0) -> str:
        """A text, without spaces around it; empty if absent. Longer than ``most``: cut with a mark."""
        found = self.members.text(row, key, at).strip()
        return found if not most or len(found) <= most else f"{found[: most - 1]}…"

    def word(self, row: dict[str, Any], key: str, at: str, most: int = 300) -> str:
        """A text, or a whole number as text: names of rows are written both ways."""
        value = row.get(key)
        if type(value) is int:
            if abs(value) >= 10**18:
                self.refuse(f"{at}/{key}", "a number of more than 18 digits")
            return str(value)
        return self.text(row, key, at, most)

    def moment(self, row: dict[str, Any], key: str, at: str) -> datetime | None:
        """A moment, or a day as its first; None if absent. Raises InputError for anything else."""
        told = self.text(row, key, at)
        return self.moment_of(told, f"{at}/{key}") if told else None

    def moment_of(self, told: str, at: str) -> datetime:
        """A moment written as RFC 3339, or a day. One that is not yet, or long ago, is refused."""
        found = parsed_moment(told)
        if found is None:
            self.refuse(
                at,
                f"{told[:40]!r} is neither a day (2026-01-31) nor a moment (2026-01-31T10:00:00Z)",
            )
        if not EARLIEST <= found:
            self.refuse(at, f"{told[:40]} is before {EARLIEST:%Y}")
        return found

    def past(self, value: datetime | None) -> datetime | None:
        """The moment, never later than now: clocks differ."""
        return min(value, self.now) if value else None

    def day(self, row: dict[str, Any], key: str, at: str) -> date | None:
        found = self.moment(row, key, at)
        return found.date() if found else None

    def address(self, row: dict[str, Any], key: str, at: str) -> str:
        """A web address of bounded length; empty for anything else: it becomes a link."""
        return web_address(self.text(row, key, at))


def parsed_moment(told: str) -> datetime | None:
    found = _DAY.match(told.strip())
    if not found:
        return None
    try:
        day = date.fromisoformat(found[1])
        if not found[2]:
            return datetime.combine(day, time(), UTC)
        zone = (found[3] or "Z").replace("Z", "+00:00")
        zone = zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
        return datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def web_address(told: str) -> str:
    """``told`` where it is an http(s) address of at most 500 characters, else empty."""
    if len(told) > 500 or any(sign.isspace() for sign in told):
        return ""
    try:
        parts = urlsplit(told)
    except ValueError:
        return ""
    return told if parts.scheme in ("http", "https") and parts.netloc else ""


def bad_input(error: InputError) -> BadInput:
    """The refusal that doors answer with."""
    return BadInput(error.where, error.what)
