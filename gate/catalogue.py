"""The catalogues of ``gate/data``: what is known about tools, as data with source and date per row.

Loads and looks up; decides nothing. The files are read once per process and travel with the
package, also inside a zip file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Tool:
    """One row of tools.json: what a scanner's SARIF and exit status mean.

    ``rules`` says what tool.driver.rules lists: ``inventory`` (every rule that was on), ``fired``
    (only rules with results) or ``varies``. ``coverage`` names where, besides run.artifacts, the
    examined files stand. ``success`` are the exit codes of a run that worked, with or without
    results; empty where unknown. ``source`` says where the row comes from; ``date`` is ISO 8601.
    """

    name: str
    aliases: tuple[str, ...]
    tool_class: str
    engine: str
    vendor: str
    languages: tuple[str, ...]
    extensions: tuple[str, ...]
    rules: str
    coverage: str
    volatile: tuple[str, ...]
    success: tuple[int, ...]
    source: str
    date: str


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Which fingerprint keys (lower case, without version) and values tell nothing apart."""

    keys: frozenset[str]
    constants: frozenset[str]

    def identifies(self, key: str, value: str) -> bool:
        """Whether a fingerprint may identify a result."""
        name = key.partition("/")[0].casefold()
        return name not in self.keys and value.strip().casefold() not in self.constants


@cache
def load(name: str) -> Any:
    """One JSON file of gate/data, parsed. Shared by all callers: do not change it."""
    return json.loads(files("gate").joinpath("data", name).read_text(encoding="utf-8"))


@cache
def tools() -> tuple[Tool, ...]:
    """Every row of tools.json, in the order of the file."""
    return tuple(_tool(row) for row in load("tools.json")["tools"])


def tool(name: str) -> Tool | None:
    """The row of a tool by tool.driver.name or an alias, whatever the case; None if unknown."""
    return _by_name().get(_plain(name))


@cache
def fingerprints(tool_name: str) -> Fingerprints:
    """What to ignore in a tool's fingerprints: the general lists and its row's own keys."""
    general = load("tools.json")["fingerprints"]
    row = tool(tool_name)
    keys = (*general["volatile"], *general["weak"], *(row.volatile if row else ()))
    return Fingerprints(
        keys=frozenset(key.casefold() for key in keys),
        constants=frozenset(value.casefold() for value in general["constants"]),
    )


@cache
def _by_name() -> dict[str, Tool]:
    return {_plain(name): row for row in tools() for name in (row.name, *row.aliases)}


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _tool(row: dict[str, Any]) -> Tool:
    return Tool(
        name=row["name"],
        aliases=tuple(row["aliases"]),
        tool_class=row["class"],
        engine=row["engine"],
        vendor=row["vendor"],
        languages=tuple(row["languages"]),
        extensions=tuple(row["extensions"]),
        rules=row["rules"],
        coverage=row["coverage"],
        volatile=tuple(row["volatile_fingerprints"]),
        success=tuple(row["success_exit_codes"]),
        source=row["source"],
        date=row["date"],
    )
