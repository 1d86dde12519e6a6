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

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import NamedTuple, TypeVar

from gate import match_view as keys
from gate.diff import Diff
from gate.match_view import Key, View, compact, content, told, view_after, view_before
from gate.moved import WIDTHS, ChangedLines
from gate.records import Result

ALGORITHM = "ctem.match/1"
Place = TypeVar("Place", bound=Hashable)  # what says where a result is: a spot, or its digest


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


_STRICT = frozenset({Stage.S1, Stage.S2, Stage.S3, Stage.S4})
_LIBERAL = _STRICT | {Stage.S5}


class Pair(NamedTuple):
    """One result before and its counterpart after, with their indexes in the given sequences."""

    before: int
    after: int
    stage: Stage
    old: Result
    new: Result
    wording: str = ""  # of the reason, where it is not the stage's own
    is_same_code: bool = False  # in spite of S5: only the layout changed

    @property
    def reason(self) -> str:
        """Why the two are one, as a plain sentence."""
        return (self.wording or _REASONS[self.stage]).format(
            old=told(self.old),
            new=told(self.new),
            old_rule=self.old.rule,
            new_rule=self.new.rule,
        )

    @property
    def was_there(self) -> bool:
        """Whether the one after is not new: S1 to S4, and code that was only laid out anew."""
        return self.is_same_code or self.stage in _STRICT

    @property
    def is_present(self) -> bool:
        """Whether the one before is not gone: S1 to S5. S6 to S8 say nothing for certain."""
        return self.stage in _LIBERAL


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
    if not before or not after:
        return Matching((), tuple(range(len(before))), tuple(range(len(after))))
    return _Matcher(before, after, diff).run()


Buckets = dict[Hashable, list[View]]


class _Matcher:
    """The state of one matching: what is still without a counterpart, in a fixed order."""

    def __init__(
        self, before: Sequence[Result], after: Sequence[Result], diff: Diff | None
    ) -> None:
        changed = ChangedLines(diff) if diff else None
        self._joined = diff is not None
        self._pairs = _at_rest(before, after, changed)
        self._before, self._after = self._views(before, after, changed)
        olds, news = list(self._before.values()), list(self._after.values())
        is_alike = alike(view.result for view in olds)
        for pair in self._pairs:
            olds += [view_before(pair.before, pair.old, changed)] if is_alike(pair.old) else []
            news += [view_after(pair.after, pair.new, changed)] if is_alike(pair.new) else []
        self._all = olds, news  # but for what has nothing in common with what is left
        self._contested: set[int] = set()

    def _views(
        self, before: Sequence[Result], after: Sequence[Result], changed: ChangedLines | None
    ) -> tuple[dict[int, View], dict[int, View]]:
        """What is left of both sides, by index, in an order that depends on what results say."""
        olds = set(range(len(before))).difference(pair.before for pair in self._pairs)
        news = set(range(len(after))).difference(pair.after for pair in self._pairs)
        return (
            {at: view_before(at, before[at], changed) for at in _ordered(olds, before)},
            {at: view_after(at, after[at], changed) for at in _ordered(news, after)},
        )

    def run(self) -> Matching:
        """All stages in turn."""
        self._by_keys(Stage.S1, keys.exact_place)
        self._by_keys(Stage.S2, keys.same_package, _PACKAGE)
        self._by_keys(Stage.S1, keys.same_place)
        self._by_fingerprint()
        if self._joined:
            self._by_keys(Stage.S3, keys.laid_out_anew)
            self._by_surroundings()
            self._by_code(Stage.S3, keys.same_statement)
        self._by_code(Stage.S3, keys.same_code)
        if self._joined:
            self._by_code(Stage.S4, keys.moved_statement)
        self._by_code(Stage.S4, keys.moved_code)
        for stage, keys_of in _STAGES:
            self._by_keys(stage, keys_of)
        unmatched = tuple(sorted(self._before))
        return Matching(
            pairs=tuple(sorted(self._pairs, key=lambda pair: pair.before)),
            unmatched_before=unmatched,
            unmatched_after=tuple(sorted(self._after)),
            contested=tuple(index for index in unmatched if index in self._contested),
        )

    def _by_keys(
        self, stage: Stage, keys_of: Callable[[View], Iterable[Key]], wording: str = ""
    ) -> None:
        """Pair what shares a key, both sides in order. Of a result with several keys, a bucket may
        hold results that another bucket has already given away."""
        buckets = _buckets(self._after.values(), keys_of)
        for old in list(self._before.values()):
            claimed = [buckets[key] for key in keys_of(old) if key in buckets]
            new = next(filter(None, map(self._first_left, claimed)), None)
            if new:
                self._pair(old, new, stage, wording)
            elif claimed:
                self._contested.add(old.index)

    def _first_left(self, bucket: list[View]) -> View | None:
        """The first of a bucket (which is in reverse) that has no counterpart yet."""
        while bucket and bucket[-1].index not in self._after:
            bucket.pop()
        return bucket[-1] if bucket else None

    def _by_fingerprint(self) -> None:
        """S2: a fingerprint that is the only one of its value in this file, on both sides. Where
        the line before is still there and the one after was added, it is on other code: S5."""
        old, new = (_buckets(views, keys.fingerprints) for views in self._all)
        found = [
            (key, old[key][0], new[key][0])
            for key in old.keys() & new.keys()
            if len(old[key]) == len(new[key]) == 1 and old[key][0].index in self._before
        ]
        for _, one, other in sorted(found, key=lambda entry: repr(entry[0])):
            free = one.index in self._before and other.index in self._after
            if not free or not _newest_agree(one.result, other.result):
                continue
            if one.exact and not one.may_move and other.is_added:
                self._pair(one, other, Stage.S5, _ELSEWHERE)
            else:
                self._pair(one, other, Stage.S2)

    def _by_surroundings(self) -> None:
        """S3 and S4 where the diff shows the code on both sides: it moved with the lines around
        it. Wider agreement goes first, in whatever file: common code is found all over."""
        for above, below in WIDTHS:
            self._by_keys(Stage.S3, partial(keys.moved_here, above=above, below=below))
            self._by_keys(Stage.S4, partial(keys.moved_anywhere, above=above, below=below))

    def _by_code(self, stage: Stage, keys_of: Callable[[View], Iterable[Key]]) -> None:
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
                old.is_doubted = True
                self._contested.add(old.index)
                doubted |= doubts
        self._by_keys(stage, partial(_certain, keys_of=keys_of, doubted=doubted))

    def _common(self, keys_of: Callable[[View], Iterable[Key]]) -> frozenset[Key]:
        """Keys of what is left that several results of one side have, long paired ones too."""
        left = {key for view in self._before.values() if view.may_move for key in keys_of(view)}
        return frozenset(
            key
            for views in self._all
            for key, number in Counter(key for view in views for key in keys_of(view)).items()
            if number > 1 and key in left
        )

    def _pair(self, old: View, new: View, stage: Stage, wording: str = "") -> None:
        is_layout = stage is Stage.S3 and old.code != new.code
        in_place = is_layout and old.place == new.place and old.hunk == new.hunk
        self._pairs.append(
            Pair(
                old.index,
                new.index,
                Stage.S5 if in_place else stage,
                old.result,
                new.result,
                _LAYOUT if is_layout else wording or _wording(stage, old.line, exact=old.exact),
                in_place,
            )
        )
        del self._before[old.index]
        del self._after[new.index]


_STAGES: tuple[tuple[Stage, Callable[[View], Iterator[Key]]], ...] = (
    (Stage.S5, keys.same_hunk),
    (Stage.S6, keys.same_message),
    (Stage.S7, keys.same_file),
    (Stage.S8, keys.kin_in_hunk),
    (Stage.S8, keys.kin_in_file),
    (Stage.S8, keys.kin_by_message),
    (Stage.S8, keys.kin_by_shape),
    (Stage.S8, keys.kin_by_spelling),
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
_WHOLE = "the same is said of the whole file: {old} before and {new} now"
_PACKAGE = (
    "the same advisory for the same package: {old_rule} at {old} before, {new_rule} at {new} now"
)
_ELSEWHERE = "the tool gives {old}, which is unchanged, and {new}, which was added, one fingerprint"
_LAYOUT = "the code at {old} was only laid out anew, and the rule still reports it, at {new}"


def _wording(stage: Stage, line: int | None, *, exact: bool) -> str:
    if stage is not Stage.S1 or (exact and line):
        return ""
    return _WHOLE if exact else _NO_DIFF


def _at_rest(
    before: Sequence[Result], after: Sequence[Result], changed: ChangedLines | None
) -> list[Pair]:
    """S1 where nothing else comes into question: the only one of its spot on both sides. Most
    results are such, and take no part in what follows."""
    found = only(keys.spot_before(result, changed) for result in before)
    pairs = []
    for spot, new in only(keys.spot_after(result, changed) for result in after).items():
        old = found.get(spot, -1)
        if old >= 0 and new >= 0:
            wording = _wording(Stage.S1, spot[4], exact=spot[0])
            pairs.append(Pair(old, new, Stage.S1, before[old], after[new], wording))
    return pairs


def only(spots: Iterable[Place | None]) -> dict[Place, int]:
    """The index of each spot; -1 if several results have it. None and what is empty is no spot."""
    found: dict[Place, int] = {}
    for index, spot in enumerate(spots):
        if spot:
            found[spot] = -1 if spot in found else index
    return found


def alike(left: Iterable[Result]) -> Callable[[Result], bool]:
    """Whether a result shares code or a fingerprint with one of those left: what is to be found
    by them is found only if they are the only ones. The rest takes no part in their matching."""
    results = list(left)
    codes = {compact(result.location.snippet) for result in results} - {""}
    marks = {mark for result in results for mark in result.fingerprints}

    def is_alike(result: Result) -> bool:
        return (bool(codes) and compact(result.location.snippet) in codes) or (
            bool(marks) and not marks.isdisjoint(result.fingerprints)
        )

    return is_alike


def _may_move(view: View) -> bool:
    """If the line before is still where it was, the same code elsewhere is a copy, not it."""
    return view.may_move


def _certain(
    view: View, *, keys_of: Callable[[View], Iterable[Key]], doubted: set[Key]
) -> Iterator[Key]:
    """The keys of a result that may have moved, but for those that identify nothing."""
    if _may_move(view):
        for key in keys_of(view):
            if key not in doubted:
                yield key


def _differ(old: View, found: list[View]) -> bool:
    """Whether what looks the same goes on differently, or stands among other lines."""
    if old.statement and all(new.statement not in ("", old.statement) for new in found):
        return True
    new = found[0].around if len(found) == 1 else None
    return bool(old.around and new and old.around.contradicts(new))


def _ordered(indexes: Iterable[int], results: Sequence[Result]) -> list[int]:
    return sorted(indexes, key=lambda index: content(results[index]))


def _buckets(views: Iterable[View], keys_of: Callable[[View], Iterable[Key]]) -> Buckets:
    """Views by key; every bucket in reverse order, so that its first is the one to pop."""
    found: Buckets = defaultdict(list)
    for view in reversed(list(views)):
        for key in keys_of(view):
            found[key].append(view)
    return found


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
