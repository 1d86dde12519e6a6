"""What a tool's notifications say about files and about the whole run. What words mean stands in
``data/notices.json``; what follows from it, the checks say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from posixpath import basename
from urllib.parse import unquote

from gate.catalogue import load
from gate.legs import Leg
from gate.records import LEVEL_RANK, Level, Notification

_DIGITS = re.compile(r"\d+")

Told = tuple[str, str, str, tuple[str, ...]]


def is_grave(told: Notification) -> bool:
    """A warning or an error, of something that was not looked at and then dismissed."""
    harmless = told.id in load("notices.json")["ids"]["harmless"]
    return LEVEL_RANK[told.level] >= LEVEL_RANK[Level.WARNING] and not harmless


def names(told: Notification, path: str) -> bool:
    """Whether a notification is about a file, by its places or by its words.

    Words may write the path the way of Windows, encoded, in other letters, or, where the
    notification names no place at all, by the file's name alone.
    """
    if path in told.paths:
        return True
    said = unquote(told.message).replace("\\", "/").casefold()
    if _mentions(said, path.casefold(), r"\w.-"):
        return True
    return not told.paths and not told.lost and _mentions(said, basename(path).casefold(), r"\w./-")


def _mentions(text: str, name: str, before: str) -> bool:
    return re.search(rf"(?<![{before}]){re.escape(name)}(?![\w-])", text) is not None


def leaves_out_some_file(told: Notification) -> bool:
    """Whether a warning may be about any file: its place cannot be told, or it counts files that
    it does not name."""
    if not is_grave(told) or told.paths:
        return False
    return told.lost or any(pattern.search(told.message) for pattern in _unnamed())


def falls_short(told: Notification, relevant: Iterable[str]) -> bool:
    """Whether an AI scanner says, at any level, that it did not get to what matters here."""
    if told.id not in load("notices.json")["ids"]["execution"]:
        return False
    return not told.paths or any(names(told, path) for path in relevant)


def is_gap(told: Notification, rules: set[str]) -> bool:
    """Whether a rule was not followed everywhere: this one, or one that is not named."""
    said = told.id in load("notices.json")["ids"]["rule"]
    if rules & {told.rule, told.rule.partition("/")[0]}:  # of AI scanners the weakness counts
        return said or LEVEL_RANK[told.level] >= LEVEL_RANK[Level.WARNING]
    return said and not told.rule


def earlier(legs: Iterable[Leg], engine: str, *, exactly: bool = False) -> set[Told]:
    """What scans by this engine told before the fix. ``exactly``: numbers count as well."""
    return {
        as_told(told, exactly=exactly)
        for leg in legs
        if leg.engine == engine
        for told in leg.run.notifications
    }


def as_told(told: Notification, *, exactly: bool = False) -> Told:
    """A notification without its place in the report, and without its numbers."""
    message = told.message if exactly else _DIGITS.sub("#", told.message)
    return (told.array, told.id, message, told.paths)


@cache
def _unnamed() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(row["pattern"], re.IGNORECASE) for row in load("notices.json")["rows"])
