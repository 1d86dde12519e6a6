"""What could be closed together: one fix for many findings, and findings that are one weakness. Pure.

A suggestion is a sentence with a reason; people merge and fix, nothing here does.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from heapq import nsmallest
from typing import Any

from gate.layout import SHORTEST, plain
from gate.packages import PackageIdentity, package_identity
from gate.records import Level, Location, Result

NEAR = 3  # lines between two tools' places that may still be one
MOST_FINDINGS = 200  # of one suggestion
MOST_SHOWN = 50  # suggestions


class Kind(StrEnum):
    """What findings share. The first two: one fix could close them; the others: likely one weakness."""

    RULE_AND_FILE = "rule_and_file"
    DEPENDENCY = "dependency"
    TWO_TOOLS = "two_tools"
    TWO_LINES = "two_lines"
    COPIES = "copies"


ONE_FIX = (Kind.RULE_AND_FILE, Kind.DEPENDENCY)
SAME = (Kind.TWO_TOOLS, Kind.TWO_LINES, Kind.COPIES)


@dataclass(frozen=True, slots=True)
class Known:
    """What is compared of a finding. ``branch``: the name of its line; ``end`` its last line of code."""

    pk: int
    line: int
    branch: str
    tool: str
    tool_class: str
    rule: str
    path: str
    start: int | None
    end: int | None
    cwes: frozenset[str]
    priority: int
    title: str
    group: int | None = None
    is_open: bool = True
    snippet: str = ""
    message: str = ""
    aliases: tuple[str, ...] = ()
    prints: str = ""  # the fingerprints that its tool gave it, as text

    @property
    def package(self) -> PackageIdentity | None:
        """The dependency that it is about; None where it is none, or its tool's words are not known."""
        if self.tool_class not in ("sca", "container"):
            return None
        place = Location(path=self.path or None)
        told = {"message": self.message, "location": place, "aliases": self.aliases}
        return package_identity(
            Result("", self.tool, self.rule, self.rule, Level.WARNING, **told)  # type: ignore[arg-type]
        )


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Findings (by number, most urgent first) that could be closed together, and why."""

    kind: Kind
    findings: tuple[int, ...]
    priority: int  # the sum of theirs
    reason: str

    @property
    def is_one_fix(self) -> bool:
        """Whether one fix could close them; else they are likely one weakness."""
        return self.kind in ONE_FIX


def one_fix(findings: Sequence[Known]) -> list[Suggestion]:
    """Open findings that one fix could close, by line: one rule in one file, or one dependency.

    Most urgent together first.
    """
    rows = [row for row in findings if row.is_open]
    told = _sharing(rows, Kind.RULE_AND_FILE, _rule_and_file, _says_rule_and_file)
    told += _sharing(rows, Kind.DEPENDENCY, _dependency, _says_dependency)
    return _ranked(told)


def same_weakness(findings: Sequence[Known]) -> list[Suggestion]:
    """Findings of one asset that are likely one weakness and in no common group yet. Most urgent first."""
    told = _sharing(findings, Kind.TWO_LINES, _on_any_line, _says_two_lines, _on_two_lines)
    told += _sharing(findings, Kind.COPIES, _copy, _says_copies, _in_two_places)
    groups = {row.pk: row.group for row in findings}
    apart = [one for one in told if not _are_grouped(groups[pk] for pk in one.findings)]
    return _ranked(_two_tools(findings) + apart)


def about(suggestions: Iterable[Suggestion], pk: int) -> list[Suggestion]:
    """Those that name one finding."""
    return [one for one in suggestions if pk in one.findings]


def _sharing(
    rows: Iterable[Known],
    kind: Kind,
    key: Callable[[Known], Any],
    says: Callable[[Sequence[Known]], str],
    holds: Callable[[Sequence[Known]], bool] = lambda rows: True,
) -> list[Suggestion]:
    by_key: dict[Any, list[Known]] = defaultdict(list)
    for row in rows:
        if (shared := key(row)) is not None:
            by_key[shared].append(row)
    return [
        _suggestion(kind, alike, says(alike))
        for alike in by_key.values()
        if len(alike) > 1 and holds(alike)
    ]


def _suggestion(kind: Kind, rows: Sequence[Known], reason: str) -> Suggestion:
    kept = sorted(rows, key=lambda row: (-row.priority, row.pk))[:MOST_FINDINGS]
    return Suggestion(kind, tuple(r.pk for r in kept), sum(r.priority for r in kept), reason)


def _ranked(told: Iterable[Suggestion]) -> list[Suggestion]:
    return sorted(told, key=lambda one: (-one.priority, one.kind, one.findings))[:MOST_SHOWN]


def _are_grouped(groups: Iterable[int | None]) -> bool:
    told = set(groups)
    return len(told) == 1 and None not in told


# --- one fix -------------------------------------------------------------------------------------
def _rule_and_file(row: Known) -> Any:
    return (row.line, row.tool, row.rule, row.path) if row.path and row.package is None else None


def _says_rule_and_file(rows: Sequence[Known]) -> str:
    return f"{len(rows)} findings of the rule {rows[0].rule} in {rows[0].path}."


def _dependency(row: Known) -> Any:
    package = row.package
    return (row.line, package.ecosystem, package.name) if package else None


def _says_dependency(rows: Sequence[Known]) -> str:
    packages = [package for row in rows if (package := row.package)]
    fixed = sorted({version for package in packages for version in package.fixed})
    versions = f" Versions that are named as repaired: {', '.join(fixed[:5])}." if fixed else ""
    name = packages[0].purl or packages[0].name
    return f"{len(rows)} findings are about the dependency {name}.{versions}"


# --- one weakness --------------------------------------------------------------------------------
def _two_tools(rows: Sequence[Known]) -> list[Suggestion]:
    """Pairs of two tools on one line of one asset: one file, near lines, a weakness in common, no group.

    The most urgent ``MOST_SHOWN`` of each file: more are never shown, and a file may have very many.
    """
    by_file: dict[Any, list[Known]] = defaultdict(list)
    for row in rows:
        if row.path and row.start and row.cwes:
            by_file[row.line, row.path].append(row)
    found = []
    for here in by_file.values():
        here.sort(key=lambda row: (row.start or 0, row.pk))
        pairs = (
            (row, other)
            for at, row in enumerate(here)
            for other in _reached(row, here[at + 1 : at + 1 + MOST_FINDINGS])
            if _is_same(row, other)
        )
        for pair in nsmallest(MOST_SHOWN, pairs, key=_pairs_rank):
            found.append(_suggestion(Kind.TWO_TOOLS, pair, _says_tools(*pair)))
    return found


def _pairs_rank(pair: tuple[Known, Known]) -> tuple[int, int, int]:
    """As ``_ranked`` has it: the most urgent together first, then by the number of the more urgent."""
    one, other = pair
    if (-other.priority, other.pk) < (-one.priority, one.pk):
        one, other = other, one
    return (-one.priority - other.priority, one.pk, other.pk)


def _reached(row: Known, later: Sequence[Known]) -> list[Known]:
    """Of findings in the order of their lines those that begin before this one is over."""
    last = max(row.start or 0, row.end or 0) + NEAR
    found = []
    for other in later:
        if (other.start or 0) > last:
            break
        found.append(other)
    return found


def _is_same(row: Known, other: Known) -> bool:
    if row.tool == other.tool or row.cwes.isdisjoint(other.cwes):
        return False
    return row.group is None or row.group != other.group


def _says_tools(row: Known, other: Known) -> str:
    shared = ", ".join(sorted(row.cwes & other.cwes))
    return f"{row.tool} and {other.tool} both report {shared} at {row.path}:{row.start}."


def _code(row: Known) -> str:
    """The code as a formatter cannot change it; empty where it is too little to tell anything."""
    text = plain(row.snippet)
    return text if len(text) >= SHORTEST else ""


def _on_any_line(row: Known) -> Any:
    code = _code(row) or row.prints
    return (row.tool, row.rule, row.path, code) if row.path and code else None


def _on_two_lines(rows: Sequence[Known]) -> bool:
    return len({row.line for row in rows}) > 1


def _says_two_lines(rows: Sequence[Known]) -> str:
    branches = ", ".join(sorted({row.branch for row in rows}))
    return f"The same code at {rows[0].path} breaks {rows[0].rule} on the lines {branches}."


def _copy(row: Known) -> Any:
    code = _code(row)
    return (row.line, row.tool, row.rule, code) if row.path and code else None


def _in_two_places(rows: Sequence[Known]) -> bool:
    return len({row.path for row in rows}) > 1


def _says_copies(rows: Sequence[Known]) -> str:
    paths = sorted({row.path for row in rows})
    return f"{rows[0].rule} in the same code, copied to {len(paths)} files: {', '.join(paths[:3])}."
