"""What the records of one report share, and how much their texts take together.

The decoder makes a new string each time a path or a message is repeated; here each is kept once.
Long texts are packed as soon as a report holds many. Decides nothing and reads nothing.
"""

from __future__ import annotations

from typing import Any, TypeVar

from gate.compact import Packed, packed, packer

MOST_SHARED = 100_000  # names, numbers and tuples that are remembered
MOST_TEXTS = 10_000  # texts that are remembered
MOST_KINDS = 2_000  # of texts that resemble each other
PACKED_FROM = 16 * 1024 * 1024  # bytes of texts from which on long ones are packed
OVERHEAD = 50  # bytes of an object beside what it holds

T = TypeVar("T")


class Shelf:
    """One report's. ``kept``: about how many bytes the texts of its elements take so far."""

    __slots__ = ("_packers", "_shared", "_texts", "kept")

    def __init__(self) -> None:
        self.kept = 0
        self._shared: dict[Any, Any] = {}
        self._texts: dict[str, Any] = {}
        self._packers: dict[str, type[Packed]] = {}

    def same(self, value: T) -> T:
        """An equal value that was seen before, or this one."""
        found: T | None = self._shared.get(value)
        if found is not None:
            return found
        if isinstance(value, str):
            self.kept += len(value) + OVERHEAD
        if len(self._shared) < MOST_SHARED:
            self._shared[value] = value
        return value

    def text(self, value: str, like: str) -> Any:
        """A clean text as it is to be kept; texts with the same ``like`` resemble each other."""
        stored = self._texts.get(value)
        if stored is not None:
            return stored
        stored = value if self.kept < PACKED_FROM else packed(value, self._packer(value, like))
        self.kept += len(stored) + OVERHEAD
        if len(self._texts) < MOST_TEXTS:
            self.kept += len(value) if stored is not value else 0
            self._texts[value] = stored
        return stored

    def _packer(self, value: str, like: str) -> type[Packed]:
        """The first text of each kind is what the others are compressed by."""
        if like not in self._packers and len(self._packers) < MOST_KINDS:
            self._packers[like] = packer(value)
        return self._packers.get(like, Packed)
