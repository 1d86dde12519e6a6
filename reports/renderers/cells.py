"""Cells of tables that spreadsheets open: text stays text, whoever wrote it. Pure.

A spreadsheet takes a cell for a formula by its first character. Such text gets an apostrophe before it,
and so does text that begins with one: taking one apostrophe away gives back what was meant.
"""

from collections.abc import Iterator
from typing import Any

BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
Cell = str | int | float


def plain(text: str) -> str:
    """Return ``text`` such that no spreadsheet calculates it."""
    begins = text.lstrip(" ").startswith(BEGINS_FORMULA) or text.startswith("'")
    return f"'{text}" if begins else text


def storable(text: str) -> str:
    """Return ``text`` without what XML, and so a workbook, cannot hold."""
    return "".join(
        c if c in "\t\n\r" or " " <= c < "\ufffe" or c > "\uffff" else "\ufffd" for c in text
    )


def flat(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Cell]]:
    """Yield each figure of a nested value by its path: ``open: by priority: P1``. None is empty text."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from flat(member, (*path, str(name).replace("_", " ")))
    elif isinstance(value, list):
        for number, member in enumerate(value, start=1):
            yield from flat(member, (*path, _named(member, number)))
    else:
        yield ": ".join(path), "" if value is None else value


def _named(member: Any, number: int) -> str:
    """What a line of a list is called by."""
    for name in ("bar", "check", "until", "name"):
        if isinstance(member, dict) and isinstance(member.get(name), str):
            return str(member[name])
    return str(number)
