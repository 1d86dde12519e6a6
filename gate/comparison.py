"""What was there before and what is there now, for each run after the fix.

The pool of a run is everything that scans before the fix (stored or positive controls) of the same
engine and category reported. Scans of exactly the base are preferred, because the diff leads from
there; an original from an older scan is first followed to them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gate.binding import WHOLE, Revisions, bond, joins
from gate.diff import Diff
from gate.evidence import Original
from gate.legs import Leg
from gate.matching import Matching, Pair, match
from gate.records import Result

NEAR = 2  # lines apart within which two engines mean one place


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run after the fix against its pool.

    ``joined``: the diff joins exactly the two revisions, so that lines were mapped through it;
    ``on_head``: the run looked at the diff's new side, whatever the scans before looked at.
    ``earlier`` are the runs in the pool, ``sources[i]`` the one that ``pool[i]`` comes from;
    ``places`` finds an index by identity. ``pairs`` are by pool index, ``taken`` by index of the
    run's results.
    """

    leg: Leg
    joined: bool
    on_head: bool
    earlier: tuple[Leg, ...]
    pool: tuple[Result, ...]
    sources: tuple[Leg, ...]
    matching: Matching
    pairs: dict[int, Pair]
    taken: dict[int, Pair]
    places: dict[tuple[object, ...], int]


def compare(
    leg: Leg,
    earlier: Sequence[Leg],
    at: Revisions,
    diff: Diff | None,
    originals: Mapping[int, frozenset[str]],
) -> Comparison:
    """Match one after-run against the scans before the fix.

    ``originals``: by id() of the results to be judged, which stay in the pool, the references of
    results after the fix that by dispute are not them.
    """
    mine = [other for other in earlier if same_kind(other, leg)]
    joining = [other for other in mine if diff is not None and joins(other, leg, at)]
    at_base = joining or [other for other in mine if bond(other, at.base, ()) in WHOLE]
    chosen = tuple(at_base or mine)
    pool = _pool(chosen, set(originals))
    results = [_as_by(leg.run.tool, result) for result, _ in pool]
    across = diff if joining else None
    matching = match(results, leg.run.results, across)
    for index, (result, _) in enumerate(pool):
        if originals.get(id(result)):
            matching = _settle(matching, index, results, leg, across, originals[id(result)])
    return Comparison(
        leg=leg,
        joined=bool(joining),
        on_head=bool(joining) or (bond(leg, at.head, ()) in WHOLE and not at.diff_to_merge),
        earlier=chosen,
        pool=tuple(results),
        sources=tuple(source for _, source in pool),
        matching=matching,
        pairs={pair.before: pair for pair in matching.pairs},
        taken={pair.after: pair for pair in matching.pairs},
        places={identity(result): index for index, result in reversed(list(enumerate(results)))},
    )


def _settle(
    matching: Matching,
    index: int,
    pool: Sequence[Result],
    leg: Leg,
    diff: Diff | None,
    rejected: frozenset[str],
) -> Matching:
    """The matching without the rejected counterpart of one result, which may have another."""
    results = leg.run.results
    pair = next((pair for pair in matching.pairs if pair.before == index), None)
    if pair is None or leg.ref(results[pair.after].pointer) not in rejected:
        return matching
    pairs = [other for other in matching.pairs if other is not pair]
    free = [i for i in matching.unmatched_after if leg.ref(results[i].pointer) not in rejected]
    for again in match([pool[index]], [results[i] for i in free], diff).pairs:
        pairs.append(again._replace(before=index, after=free[again.after]))
    after = {other.after for other in pairs}
    before = {other.before for other in pairs}
    return Matching(
        pairs=tuple(sorted(pairs, key=lambda other: other.before)),
        unmatched_before=tuple(i for i in range(len(pool)) if i not in before),
        unmatched_after=tuple(i for i in range(len(results)) if i not in after),
        contested=matching.contested,
    )


def _as_by(tool: str, result: Result) -> Result:
    """The result as if the other edition of its engine had reported it: matching goes by tool."""
    return result if result.tool.casefold() == tool.casefold() else replace(result, tool=tool)


def same_kind(one: Leg, other: Leg) -> bool:
    """Same engine, and no two different categories (languages, parts of a repository)."""
    categories = {one.category, other.category} - {""}
    return one.engine == other.engine and len(categories) < 2


def _pool(legs: Sequence[Leg], keep: set[int]) -> list[tuple[Result, Leg]]:
    """The results of several scans of one kind; what several of them report counts once.

    As many of one kind as the scan that has most of them, so that a second upload of a report
    leaves no spare copies to which something new could be matched.
    """
    ordered = sorted(legs, key=lambda leg: not any(id(r) in keep for r in leg.run.results))
    pool: list[tuple[Result, Leg]] = []
    counted: Counter[tuple[object, ...]] = Counter()
    for leg in ordered:
        here: Counter[tuple[object, ...]] = Counter()
        for result in leg.run.results:
            key = identity(result)
            here[key] += 1
            if here[key] > counted[key]:
                pool.append((result, leg))
        counted |= here
    return pool


def identity(result: Result) -> tuple[object, ...]:
    """What two reports of one content share: rule, place and message."""
    place = result.location
    return (result.rule_key, place.path or place.uri, place.line, place.column, result.message)


def counterpart(pool: Sequence[Result], result: Result) -> int | None:
    """The index of what stands for a result in a scan of the same content, or of older content.

    The result itself, or its match (S1 to S4), or, of another engine, a result of the same weakness
    at the same place.
    """
    for index, pooled in enumerate(pool):
        if identity(pooled) == identity(result):
            return index
    for pair in match([result], pool, None).pairs:
        if pair.was_there:
            return pair.after
    return _same_weakness(pool, result)


def witness(comparison: Comparison, original: Original) -> int | None:
    """The index in the pool of what stands for the original there; None where nothing does."""
    if original.result is None:
        return None
    there = comparison.places.get(identity(original.result))
    return counterpart(comparison.pool, original.result) if there is None else there


def _same_weakness(pool: Sequence[Result], result: Result) -> int | None:
    """A result of another tool with a CWE in common, at the same place within ``NEAR`` lines."""
    near = [
        (abs((pooled.location.line or 0) - (result.location.line or 0)), index)
        for index, pooled in enumerate(pool)
        if pooled.tool != result.tool
        and pooled.location.path == result.location.path
        and set(pooled.cwes) & set(result.cwes)
    ]
    distance, index = min(near, default=(NEAR + 1, -1))
    return index if distance <= NEAR else None
