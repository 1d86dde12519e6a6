"""Which findings a proposed fix is for, and how surely. Pure.

By the ids and rules that its file names, and by the lines that its change touches.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from gate.diff import Diff
from remediations.readers.offer import MAX_NAMED, Named, Replacement
from remediations.statuses import Sureness

MOST_COMPARED = 2_000  # findings that one fix is held against
MOST_POSSIBLE = 20  # findings that one fix is only possibly for
NOWHERE = -100  # a line that none is near to
NEAR = 3  # lines beside a change, or beside the line that is named
RANK = {Sureness.EXACT: 0, Sureness.LIKELY: 1, Sureness.POSSIBLE: 2}

Id = str | tuple[str, str, str, str]  # that names one finding; or a fingerprint with its place


def marks(prints: Iterable[tuple[str, str]], rule: str, path: str) -> set[Id]:
    """Fingerprints (key, value) as ids: of another rule or file, the same value is another thing."""
    return {(key, value, rule.casefold(), path) for key, value in prints if rule and path}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open finding that a fix may be for. ``ids``: what names it alone, with its ``marks``."""

    pk: int
    rule: str
    path: str
    line: int | None
    ids: frozenset[Id] = frozenset()


@dataclass(frozen=True, slots=True)
class Match:
    """A finding that a fix is for, how surely, and why."""

    pk: int
    sure: Sureness
    reason: str


class Lines:
    """Stretches of lines by path: which lines are in one, or near to it. Looked up in O(log n)."""

    def __init__(self, spans: Iterable[tuple[str, int, int]] = ()) -> None:
        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for path, first, last in spans:
            found[path].append((first, last))
        self._joined = {path: _joined(told) for path, told in found.items()}

    @property
    def paths(self) -> Collection[str]:
        return self._joined.keys()

    def covers(self, path: str, line: int | None) -> bool:
        """Whether a line is in a stretch of this file, or near to one."""
        if line is None or path not in self._joined:
            return False
        firsts, lasts = self._joined[path]
        at = bisect_right(firsts, line) - 1
        return at >= 0 and line <= lasts[at]


def _joined(spans: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Stretches with what is near to them, those that meet made one: first lines and last lines."""
    firsts: list[int] = []
    lasts: list[int] = []
    for first, last in sorted(spans):
        if lasts and first - NEAR <= lasts[-1] + 1:
            lasts[-1] = max(lasts[-1], last + NEAR)
        else:
            firsts.append(first - NEAR)
            lasts.append(last + NEAR)
    return firsts, lasts


def touched_by(diff: Diff) -> Lines:
    """The old lines that a diff changes; what it adds is at the line before."""
    spans = []
    for file in diff.files:
        for hunk in file.hunks if file.old_path else ():
            at = hunk.old_start
            changed = []
            for line in hunk.lines:
                at = line.old or at
                if line.kind != " ":
                    changed.append(at)
            if changed:
                spans.append((file.old_path or "", min(changed), max(changed)))
    return Lines(spans)


def touched_by_replacements(replacements: Iterable[Replacement]) -> Lines:
    """The lines of regions; those told by characters or bytes say no line."""
    return Lines(
        (one.path, one.start_line or NOWHERE, one.end_line or one.start_line or NOWHERE)
        for one in replacements
    )


class Names:
    """What a file names, ready to be asked."""

    def __init__(self, named: Iterable[Named]) -> None:
        told = list(named)
        self.ids: set[Id] = {one.id for one in told if one.id}
        for one in told:
            self.ids |= marks(one.prints, one.rule, one.path)
        self.rules = {one.rule.casefold() for one in told if one.rule}
        self.anywhere = {one.rule.casefold() for one in told if one.rule and not one.path}
        self.places = {(one.rule.casefold(), one.path) for one in told if one.rule}
        self.paths = {one.path for one in told if one.path}
        self.lines = Lines(
            (f"{one.rule.casefold()}\n{one.path}", one.line, one.line)
            for one in told
            if one.line is not None
        )


class Candidates:
    """Open findings of a line, by all that proposals name them by."""

    def __init__(self, rows: Iterable[Candidate]) -> None:
        self._by_id: dict[Id, list[Candidate]] = defaultdict(list)
        self._by_path: dict[str, list[Candidate]] = defaultdict(list)
        for row in rows:
            self._by_path[row.path].append(row)
            for known in row.ids:
                self._by_id[known].append(row)

    def match(self, named: Iterable[Named], touched: Lines) -> list[Match]:
        """The findings that a fix is for, surest first; of very many the first ones."""
        names = Names(named)
        ids = sorted(names.ids, key=str)
        rows = [row for known in ids for row in self._by_id.get(known, ())]
        for path in sorted({*names.paths, *touched.paths}):
            rows += self._by_path.get(path, ())
        rows = list(dict.fromkeys(rows))[:MOST_COMPARED]
        found = [hit for row in rows if (hit := _match(names, touched, row)) is not None]
        found.sort(key=lambda hit: (RANK[hit.sure], hit.pk))
        sure = [hit for hit in found if hit.sure != Sureness.POSSIBLE]
        return [*sure, *found[len(sure) :][:MOST_POSSIBLE]][:MAX_NAMED]


def _match(names: Names, touched: Lines, row: Candidate) -> Match | None:
    if not names.ids.isdisjoint(row.ids):
        return Match(row.pk, Sureness.EXACT, "The file names it by its id or fingerprint.")
    here = touched.covers(row.path, row.line)
    rule = row.rule.casefold()
    if not names.rules:  # it does not say what it is for
        reason = f"The change touches {row.path}:{row.line}."
        return Match(row.pk, Sureness.POSSIBLE, reason[:300]) if here else None
    in_file = (rule, row.path) in names.places
    if not in_file and not (rule in names.anywhere and row.path in touched.paths):
        return None
    if here or names.lines.covers(f"{rule}\n{row.path}", row.line):
        return Match(row.pk, Sureness.LIKELY, f"The rule {row.rule}, at the same place."[:300])
    return Match(row.pk, Sureness.POSSIBLE, f"The rule {row.rule}, in the same file."[:300])
