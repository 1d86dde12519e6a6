"""The methods that are compared: two scans in, what each would say about them out.

``ours`` reads the stages as the checks do; the others are the identities that trackers use.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from bench.matching.line_hash import line_hashes
from gate.diff import Diff
from gate.matching import Matching, match
from gate.records import Result

Identity = tuple[str, str, str]  # rule, path, hash


@dataclass(frozen=True)
class Answer:
    """Indexes: which results after are new, which before are gone, and which nobody can tell.

    ``pairs`` are before and after of one-to-one methods, None where a method only has states.
    """

    new: frozenset[int]
    absent: frozenset[int]
    unsure: frozenset[int] = frozenset()
    pairs: dict[int, int] | None = None


@dataclass(frozen=True)
class Scans:
    """What the methods are given: results, the diff, and the files they point to."""

    before: Sequence[Result]
    after: Sequence[Result]
    diff: Diff | None
    texts_before: dict[str, str]
    texts_after: dict[str, str]


def ours(scans: Scans) -> Answer:
    """gate.matching with the diff."""
    return _read(match(scans.before, scans.after, scans.diff))


def ours_without_diff(scans: Scans) -> Answer:
    """gate.matching with the two reports alone."""
    return _read(match(scans.before, scans.after))


def rule_file_line(scans: Scans) -> Answer:
    """Rule, file and line, as many as there are."""
    return _by_identity([_spot(r) for r in scans.before], [_spot(r) for r in scans.after])


def github(scans: Scans) -> Answer:
    """Rule, path and primaryLocationLineHash: gate-facts 1.3."""
    return _by_identity(
        hashed(scans.before, scans.texts_before), hashed(scans.after, scans.texts_after)
    )


def hashed(results: Sequence[Result], texts: dict[str, str]) -> list[Identity]:
    """GitHub's identity of every result."""
    hashes = {path: line_hashes(text) for path, text in texts.items()}
    return [
        (r.rule, r.location.path or "", hashes[r.location.path or ""][(r.location.line or 1) - 1])
        for r in results
    ]


METHODS: dict[str, Callable[[Scans], Answer]] = {
    "ours": ours,
    "ours, no diff": ours_without_diff,
    "rule + file + line": rule_file_line,
    "GitHub's line hash": github,
}


def _read(found: Matching) -> Answer:
    strict = {pair.after for pair in found.pairs if pair.was_there}
    everything = {pair.after for pair in found.pairs} | set(found.unmatched_after)
    return Answer(
        new=frozenset(everything - strict),
        absent=frozenset(found.unmatched_before) - frozenset(found.contested),
        unsure=frozenset(pair.before for pair in found.pairs if not pair.is_present)
        | frozenset(found.contested),
        pairs={pair.before: pair.after for pair in found.pairs if pair.is_present},
    )


def _spot(result: Result) -> Hashable:
    return result.rule, result.location.path, result.location.line


def _by_identity(before: Sequence[Hashable], after: Sequence[Hashable]) -> Answer:
    """Two are the same if their identities are; of several with one identity, the first ones."""
    pairs: dict[int, int] = {}
    waiting: dict[Hashable, list[int]] = {}
    for index in reversed(range(len(after))):
        waiting.setdefault(after[index], []).append(index)
    for index, key in enumerate(before):
        if waiting.get(key):
            pairs[index] = waiting[key].pop()
    return Answer(
        new=frozenset(range(len(after))) - frozenset(pairs.values()),
        absent=frozenset(range(len(before))) - frozenset(pairs),
        pairs=pairs,
    )
