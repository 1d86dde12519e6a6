"""Which results of two scans are the same one: staged, one-to-one, deterministic, near-linear.

The stages run from certain to vague; each pairs what the earlier ones left over, and every pair
says by which stage and why. What a pair means is for the checks to say: whether an original is
gone reads S1 to S5 as present and S6 to S8 as inconclusive; what is new discounts only S1 to S4.
Neither is decided here. Stages: gate-facts 1.8 (after SonarQube's tracker and the SARIF SDK's
baseliner, 1.4 and 1.5). Where a diff shows the code on both sides, S3 and S4 go by the lines
around it (``gate.moved``); code alone counts only where nothing else looks like it.

Results are compared within one tool (by name, whatever the case). Dependency and container
results are to be identified by package URL and advisory: such a stage belongs before S1.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from gate.diff import Diff
from gate.moved import WIDTHS, ChangedLines, Surroundings
from gate.records import Result

ALGORITHM = "ctem.match/1"
SHORTEST_MOVED = 12  # characters without white space that make code recognisable in another file

MOST_NAMES = 20  # former ids and CWEs of one rule that are looked at

_DIGITS = re.compile(r"[0-9]+")
_CWE = re.compile(r"CWE-0*([1-9][0-9]{0,5})(?![0-9])", re.IGNORECASE)


class Stage(StrEnum):
    """How a pair was found, from the most to the least certain."""

    S1 = "S1"
    S2 = "S2"
    S3 = "S3"
    S4 = "S4"
    S5 = "S5"
    S6 = "S6"
    S7 = "S7"
    S8 = "S8"


@dataclass(frozen=True, slots=True)
class Pair:
    """One result before and its counterpart after, as indexes into the given sequences."""

    before: int
    after: int
    stage: Stage
    reason: str  # a plain sentence


@dataclass(frozen=True, slots=True)
class Matching:
    """All pairs by ``before``, and what stayed alone, in ascending order.

    ``contested`` are those of ``unmatched_before`` that had the same claim on a counterpart as
    the result that got it: which of the two is still there, nobody can tell.
    """

    pairs: tuple[Pair, ...]
    unmatched_before: tuple[int, ...]
    unmatched_after: tuple[int, ...]
    contested: tuple[int, ...] = ()


def match(before: Sequence[Result], after: Sequence[Result], diff: Diff | None = None) -> Matching:
    """Pair the results of two scans. ``diff`` joins exactly the two scanned trees.

    Without a diff, lines count as unmoved only where the code shown is the same, and any result
    may have moved. The answer does not depend on the order of the results. Raises nothing.
    """
    return _Matcher(before, after, diff).run()


@dataclass(frozen=True, slots=True)
class _View:
    """A result as the stages compare it. Of a result before, path and line are where the diff
    takes it: ``place`` is empty if its file is gone, ``line`` None if its line is."""

    index: int
    result: Result
    rule: tuple[str, str]  # tool, rule
    place: str  # path; where there is none, NUL and the address
    line: int | None  # 0: about the whole of a file, unchanged if before
    exact: bool  # the diff knows the file: same place means same code
    code: str  # snippet without white space
    may_move: bool  # its line is gone, or nobody can say
    is_added: bool  # after: its line was not there before
    hunk: int | None
    around: Surroundings | None  # what was removed or added together with its line


Key = Hashable | None  # None: the stage does not apply to this result
Buckets = dict[Hashable, list[_View]]


class _Matcher:
    """The state of one matching: what is still without a counterpart, in a fixed order."""

    def __init__(
        self, before: Sequence[Result], after: Sequence[Result], diff: Diff | None
    ) -> None:
        changed = ChangedLines(diff) if diff else None
        old = [_view_before(index, before[index], changed) for index in _ordered(before)]
        new = [_view_after(index, after[index], changed) for index in _ordered(after)]
        self._all = old, new
        self._joined = diff is not None
        self._before = {view.index: view for view in old}
        self._after = {view.index: view for view in new}
        self._pairs: list[Pair] = []
        self._contested: set[int] = set()

    def run(self) -> Matching:
        """All stages in turn."""
        self._by_keys(Stage.S1, _exact_place)
        self._by_keys(Stage.S1, _same_place)
        self._by_fingerprint()
        if self._joined:
            self._by_surroundings()
        self._by_code(Stage.S3, _same_code)
        self._by_code(Stage.S4, _moved_code)
        for stage, keys_of in _STAGES:
            self._by_keys(stage, keys_of)
        unmatched = tuple(sorted(self._before))
        return Matching(
            pairs=tuple(sorted(self._pairs, key=lambda pair: pair.before)),
            unmatched_before=unmatched,
            unmatched_after=tuple(sorted(self._after)),
            contested=tuple(index for index in unmatched if index in self._contested),
        )

    def _by_keys(self, stage: Stage, keys_of: Callable[[_View], Iterable[Key]]) -> None:
        """Pair what shares a key, both sides in order. A result has one key, but in S8, where a
        bucket may hold results that another bucket has already given away."""
        buckets = _buckets(self._after.values(), keys_of)
        for old in list(self._before.values()):
            claimed = [buckets[key] for key in keys_of(old) if key in buckets]
            new = next(filter(None, map(self._first_left, claimed)), None)
            if new:
                self._pair(old, new, stage)
            elif claimed:
                self._contested.add(old.index)

    def _first_left(self, bucket: list[_View]) -> _View | None:
        """The first of a bucket (which is in reverse) that has no counterpart yet."""
        while bucket and bucket[-1].index not in self._after:
            bucket.pop()
        return bucket[-1] if bucket else None

    def _by_fingerprint(self) -> None:
        """S2: a fingerprint that is the only one of its value in this file, on both sides."""
        old, new = (_buckets(views, _fingerprints) for views in self._all)
        found = [
            (key, old[key][0], new[key][0])
            for key in old.keys() & new.keys()
            if len(old[key]) == len(new[key]) == 1 and old[key][0].index in self._before
        ]
        for _, one, other in sorted(found, key=lambda entry: repr(entry[0])):
            free = one.index in self._before and other.index in self._after
            if free and _newest_agree(one.result, other.result):
                self._pair(one, other, Stage.S2)

    def _by_surroundings(self) -> None:
        """S3 and S4 where the diff shows the code on both sides: it moved with the lines around
        it. Wider agreement goes first, in whatever file: common code is found all over."""
        for above, below in WIDTHS:
            self._by_keys(Stage.S3, partial(_moved_here, above=above, below=below))
            self._by_keys(Stage.S4, partial(_moved_anywhere, above=above, below=below))

    def _by_code(self, stage: Stage, keys_of: Callable[[_View], Iterable[Key]]) -> None:
        """S3 and S4 by the code alone. Given a diff, code that a rule reports at several places
        identifies none of them (as fingerprints do, N1 of gate-facts 1.8), nor does code among
        other lines: what then might still be there is contested, and what might be it is new."""
        common = self._common(keys_of) if self._joined else frozenset[Key]()
        buckets = _buckets(self._after.values(), keys_of)
        doubted = set(common)
        for old in filter(_may_move, self._before.values()):
            claimed = [(key, buckets[key]) for key in keys_of(old) if key in buckets]
            doubts = {key for key, found in claimed if key in common or _differ(old, found)}
            if doubts:
                self._contested.add(old.index)
                doubted |= doubts
        self._by_keys(stage, partial(_certain, keys_of=keys_of, doubted=doubted))

    def _common(self, keys_of: Callable[[_View], Iterable[Key]]) -> frozenset[Key]:
        """Keys of what is left that several results of one side have, long paired ones too."""
        left = {key for view in self._before.values() if view.may_move for key in keys_of(view)}
        return frozenset(
            key
            for views in self._all
            for key, number in Counter(key for view in views for key in keys_of(view)).items()
            if number > 1 and key in left
        )

    def _pair(self, old: _View, new: _View, stage: Stage) -> None:
        self._pairs.append(Pair(old.index, new.index, stage, _reason(old, new, stage)))
        del self._before[old.index]
        del self._after[new.index]


def _exact_place(view: _View) -> Iterator[Key]:
    """S1, first pass: also the same column and message."""
    if view.place and view.line is not None and not view.is_added:
        code = "" if view.exact else view.code
        spot = view.result.location.column, view.result.message
        yield view.rule, view.place, view.line, code, spot


def _same_place(view: _View) -> Iterator[Key]:
    """S1, second pass: the same line, which without a diff must show the same code."""
    if view.place and view.line and not view.is_added and (view.exact or view.code):
        yield view.rule, view.place, view.line, "" if view.exact else view.code


def _fingerprints(view: _View) -> Iterator[Key]:
    if view.place:
        for key, value in view.result.fingerprints:
            yield view.rule, view.place, key, value


def _same_code(view: _View) -> Iterator[Key]:
    """S3."""
    if view.place and view.code:
        yield view.rule, view.place, view.code


def _moved_code(view: _View) -> Iterator[Key]:
    """S4: as S3 but in any file, and only code that is long enough to be told apart."""
    if len(view.code) >= SHORTEST_MOVED:
        yield view.rule, view.code


def _moved_here(view: _View, *, above: int, below: int) -> Iterator[Key]:
    """S3 by the diff: the line, and so many lines around it, in the same file."""
    if view.place:
        for key in _moved_anywhere(view, above=above, below=below):
            yield view.place, key


def _moved_anywhere(view: _View, *, above: int, below: int) -> Iterator[Key]:
    """S4 by the diff: the same in any file."""
    around = view.around.within(above, below) if view.around else None
    if around:
        yield view.rule, around


def _same_hunk(view: _View) -> Iterator[Key]:
    if view.place and view.hunk is not None:
        yield view.rule, view.place, view.hunk


def _same_message(view: _View) -> Iterator[Key]:
    if view.place:
        yield view.rule, view.place, _DIGITS.sub("0", view.result.message)


def _same_file(view: _View) -> Iterator[Key]:
    if view.place:
        yield view.rule, view.place


def _kin_in_hunk(view: _View) -> Iterator[Key]:
    """S8, first pass: related rules in one hunk."""
    if view.place and view.hunk is not None:
        for name in _names(view):
            yield view.rule[0], view.place, view.hunk, name


def _kin_in_file(view: _View) -> Iterator[Key]:
    """S8, second pass: related rules in one file. Rules that only share a CWE among their tags
    must also point to the same code: a good fix often trips a lesser rule of the same CWE."""
    if not view.place:
        return
    tool = view.rule[0]
    for name in _names(view):
        yield tool, view.place, name
    for cwe in view.result.cwes[:MOST_NAMES]:
        if view.exact and view.line:
            yield tool, view.place, cwe, view.line
        if len(view.code) >= SHORTEST_MOVED:
            yield tool, view.place, cwe, view.code


_STAGES: tuple[tuple[Stage, Callable[[_View], Iterator[Key]]], ...] = (
    (Stage.S5, _same_hunk),
    (Stage.S6, _same_message),
    (Stage.S7, _same_file),
    (Stage.S8, _kin_in_hunk),
    (Stage.S8, _kin_in_file),
)

_REASONS = {
    Stage.S1: "the line at {old} is unchanged, and the rule still reports it at {new}",
    Stage.S2: "the tool gives {old} and {new} the same fingerprint",
    Stage.S3: "identical code in the same file: from {old} to {new}",
    Stage.S4: "identical code moved to another file: from {old} to {new}",
    Stage.S5: "the code at {old} was rewritten, and the rule fires again in it, at {new}",
    Stage.S6: "the rule gives the same message in this file: at {old} before, at {new} now",
    Stage.S7: "the rule still reports something in this file: at {old} before, at {new} now",
    Stage.S8: "a related rule reports this file: {old_rule} at {old} before, {new_rule} at {new} now",
}
_NO_DIFF = "the same place is reported with the same code or message: {old} and {new}"


def _reason(old: _View, new: _View, stage: Stage) -> str:
    text = _NO_DIFF if stage is Stage.S1 and not old.exact else _REASONS[stage]
    return text.format(
        old=_told(old.result),
        new=_told(new.result),
        old_rule=old.result.rule,
        new_rule=new.result.rule,
    )


def _told(result: Result) -> str:
    spot = result.location
    name = spot.path or spot.uri or "no file"
    return f"{name}:{spot.line}" if spot.line else name


def _view_before(index: int, result: Result, changed: ChangedLines | None) -> _View:
    """A result before, taken along by the diff."""
    path, line = result.location.path, result.location.line
    if changed is None or path is None:
        return _view(index, result, path, line or 0)
    diff = changed.diff
    file = diff.for_old(path)
    hunk = diff.hunk_of_old(path, line) if line else None
    if line:
        moved = diff.map_line(path, line)
        now = moved[1] if moved else None
    else:
        now = 0 if file is None or not (file.hunks or file.binary) else None
    return _view(
        index,
        result,
        diff.map_path(path) or "",
        now,
        exact=True,
        may_move=now is None,
        hunk=hunk,
        around=changed.around_old(path, line) if line and now is None else None,
    )


def _view_after(index: int, result: Result, changed: ChangedLines | None) -> _View:
    """A result after, as it is."""
    path, line = result.location.path, result.location.line
    if changed is None or path is None:
        return _view(index, result, path, line or 0)
    diff = changed.diff
    hunk = diff.hunk_of_new(path, line) if line else None
    is_added = line is not None and diff.is_added(path, line)
    around = changed.around_new(path, line) if line and is_added else None
    return _view(
        index, result, path, line or 0, exact=True, is_added=is_added, hunk=hunk, around=around
    )


def _view(
    index: int,
    result: Result,
    path: str | None,
    line: int | None,
    *,
    exact: bool = False,
    may_move: bool = True,
    is_added: bool = False,
    hunk: int | None = None,
    around: Surroundings | None = None,
) -> _View:
    return _View(
        index=index,
        result=result,
        rule=(result.tool.casefold(), result.rule_key),
        place=f"\x00{result.location.uri}" if path is None else path,
        line=line,
        exact=exact,
        code="".join((result.location.snippet or "").split()),
        may_move=may_move,
        is_added=is_added,
        hunk=hunk,
        around=around,
    )


def _may_move(view: _View) -> bool:
    """If the line before is still where it was, the same code elsewhere is a copy, not it."""
    return view.may_move


def _certain(
    view: _View, *, keys_of: Callable[[_View], Iterable[Key]], doubted: set[Key]
) -> Iterator[Key]:
    """The keys of a result that may have moved, but for those that identify nothing."""
    if _may_move(view):
        for key in keys_of(view):
            if key not in doubted:
                yield key


def _differ(old: _View, found: list[_View]) -> bool:
    """Whether the one that looks the same stands among other lines."""
    new = found[0].around if len(found) == 1 else None
    return bool(old.around and new and old.around.contradicts(new))


def _ordered(results: Sequence[Result]) -> list[int]:
    """Indexes in an order that depends on what the results say, not on where they stand."""
    return sorted(range(len(results)), key=lambda index: _content(results[index]))


def _content(result: Result) -> tuple[object, ...]:
    spot = result.location
    place = spot.path or "", spot.line or 0, spot.column or 0, spot.end_line or 0, spot.uri
    text = result.message, spot.snippet or "", result.rule, result.level.value, result.kind
    return result.tool, result.rule_key, place, text, result.fingerprints, result.pointer


def _buckets(views: Iterable[_View], keys_of: Callable[[_View], Iterable[Key]]) -> Buckets:
    """Views by key; every bucket in reverse order, so that its first is the one to pop."""
    found: Buckets = defaultdict(list)
    for view in reversed(list(views)):
        for key in keys_of(view):
            found[key].append(view)
    return found


def _names(view: _View) -> list[str]:
    """What the rule is called: its id, its former ids, and the CWE that its id begins with."""
    result = view.result
    cwe = _CWE.match(result.rule)
    base = [f"CWE-{cwe.group(1)}"] if cwe else []
    return list(dict.fromkeys([result.rule, *base, *result.aliases[:MOST_NAMES]]))


def _newest_agree(old: Result, new: Result) -> bool:
    """Whether, of every fingerprint that both have in several versions, the latest common one is
    equal (SARIF 2.1.0, 3.27.16)."""
    ours, theirs = dict(old.fingerprints), dict(new.fingerprints)
    newest: dict[str, tuple[int, str]] = {}
    for key in ours.keys() & theirs.keys():
        base, _, version = key.rpartition("/v")
        if base and version.isdecimal():
            newest[base] = max(newest.get(base, (-1, "")), (int(version[:9]), key))
    return all(ours[key] == theirs[key] for _, key in newest.values())
