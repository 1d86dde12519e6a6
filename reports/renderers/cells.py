"""Figures as lines of a table. Pure."""

from collections.abc import Iterator
from typing import Any

Cell = str | int | float


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
