"""What a scanner's name tells: whose marks and files it obeys, and which files it reads.

The data are ``data/engines.json`` and the endings of ``data/tools.json``. Nothing here decides.
"""

from __future__ import annotations

import re
from functools import cache

from gate.catalogue import load, tools


@cache
def kin(engine: str) -> frozenset[str]:
    """The engines whose marks and files it obeys: itself, and those that its name speaks of."""
    name = engine.casefold()
    own = {known for known in _known() if re.search(rf"(?<!\w){re.escape(known)}(?!\w)", name)}
    for row in load("engines.json")["names"]:
        if re.search(row["pattern"], name):
            own.update(row["tools"])
    return frozenset((engine, *own))


def has_marks(engine: str) -> bool:
    """Whether a comment might silence it; true of all but those known to obey none."""
    return engine not in _listed("without_marks")


def reads(engine: str, path: str) -> bool:
    """Whether it may look into a file of this name; a text in Markdown is nothing to Bandit.

    False only where its endings are known, and the file's are those of other tools or of prose.
    """
    endings = _endings(frozenset((engine,))) or _endings(kin(engine) - {engine})
    if not endings or not kin(engine).isdisjoint(_listed("read_everything")):
        return True
    name = path.casefold()
    return name.endswith(endings) or not name.endswith(_endings() + _words("prose"))


def reads_as_text(engine: str, path: str) -> bool:
    """Whether it looks for code or comments in a file of this name: not in pictures and archives."""
    name = path.casefold()
    if not has_marks(engine) or name.endswith(_words("never_text")):
        return False
    if "." not in name.rpartition("/")[2].lstrip("."):
        return reads(engine, path)
    return reads(engine, path) and name.endswith(_endings() + _words("prose"))


@cache
def _endings(engines: frozenset[str] | None = None) -> tuple[str, ...]:
    """The endings of these engines, or of all; none where one of these has no list."""
    rows = [row for row in tools() if engines is None or row.engine in engines]
    if engines is not None and not all(row.extensions for row in rows):
        return ()
    return tuple({ending.casefold() for row in rows for ending in row.extensions})


@cache
def _known() -> frozenset[str]:
    """Every engine that a catalogue names, but for the placeholders."""
    rows = (*load("suppressions.json")["rows"], *load("scanner_files.json")["rows"])
    named = {tool for row in rows for tool in row["tools"]}
    return frozenset(tool for tool in named if tool not in ("*", "agentic"))


@cache
def _listed(member: str) -> frozenset[str]:
    return frozenset(tool for row in load("engines.json")[member] for tool in row["tools"])


def _words(member: str) -> tuple[str, ...]:
    return tuple(load("engines.json")[member])
