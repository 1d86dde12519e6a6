"""A case: the evidence, looked at from every side that checks ask about. Built once, then read.

Everything here follows from the evidence and the least source that the policy accepts; nothing
decides. What single questions mean lives with the checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gate.binding import BOUND, WHOLE, Bond, Revision, Revisions, bond, head_bond, revisions
from gate.bumps import Bump, bumps
from gate.changes import is_manifest, present_paths
from gate.comparison import Comparison, compare, same_kind, witness
from gate.diff import Diff, FileDiff
from gate.disputes import rejected_cause, rejected_pairs
from gate.earlier import precedes
from gate.evidence import Evidence, Original, Role, Source
from gate.joining import same_content
from gate.layout import Layout
from gate.legs import Leg, legs
from gate.marks import Mark, marks
from gate.novelty import Cause, Novelty, novelties
from gate.packages import PackageIdentity, name_key, package_identity
from gate.recipe import Recipe, best, compare_recipes
from gate.records import Result
from gate.touches import Touch, touches

_OF_PACKAGES = ("sca", "container", "")


@dataclass(frozen=True, slots=True)
class After:
    """One run after the fix, with its comparison and how its content relates to the fix.

    ``to_goal``: to what merged, else the head. ``to_head``: to the head, a test merge included.
    ``seen``: files that this run or a scan before it by the same recipe (``alike``) names.
    ``spanned``: the diff does not join it to the scans before it, but they looked at the base or at
    older revisions of the same line, and it at what must be clean: all that is new since is told.
    """

    leg: Leg
    comparison: Comparison
    to_goal: Bond
    to_head: Bond
    recipe: Recipe | None  # against the scans before the fix
    packages: Mapping[str, Sequence[tuple[int, PackageIdentity]]]  # by name, with index of result
    alike: tuple[Leg, ...]
    seen: frozenset[str]
    spanned: bool = False

    @property
    def answers_gone(self) -> bool:
        """Whether its content is what the question *original gone?* is about."""
        return self.to_goal in BOUND


@dataclass(frozen=True, slots=True)
class Later:
    """One run of a later revision against the scans before the fix.

    Other commits lie between, so that no lines are mapped; but a file that the fix renamed is
    followed. ``now``: by id() of a result before the fix, that result as its file is called now.
    """

    leg: Leg
    comparison: Comparison
    now: Mapping[int, Result]


@dataclass(frozen=True, slots=True)
class Witness:
    """What stands for an original in the pool of one run: its index, None where nothing does."""

    after: After
    index: int | None
    same_engine: bool

    @property
    def source(self) -> Leg | None:
        """The scan before the fix that saw the original with this run's engine."""
        return None if self.index is None else self.after.comparison.sources[self.index]

    @property
    def standing(self) -> Result | None:
        """The original as the scan saw it that the run is compared with."""
        return None if self.index is None else self.after.comparison.pool[self.index]


@dataclass(frozen=True, slots=True)
class Target:
    """One finding to be judged: the leg that found it, and the runs that judge it.

    ``witnesses`` are runs of the finder's engine and category; where there is none, runs of other
    engines of its class.
    """

    original: Original
    finder: Leg | None
    witnesses: tuple[Witness, ...]

    @property
    def gone(self) -> tuple[Witness, ...]:
        """The runs whose content is what must be clean."""
        return tuple(item for item in self.witnesses if item.after.answers_gone)


@dataclass(frozen=True, slots=True)
class Case:
    """The whole case. ``relevant``: changed files still there, and where the originals would be.

    ``bumps``: by path of manifest or lock file, and by ``name_key``, the versions that the fix moved.
    """

    evidence: Evidence
    at: Revisions
    before: tuple[Leg, ...]
    control: tuple[Leg, ...]
    afters: tuple[After, ...]
    later: tuple[Later, ...]
    targets: tuple[Target, ...]
    relevant: tuple[str, ...]
    touches: tuple[Touch, ...]
    marks: tuple[Mark, ...]
    news: tuple[Novelty, ...]
    layout: Layout | None
    bumps: Mapping[str, Mapping[str, Sequence[Bump]]]

    @property
    def diff(self) -> Diff | None:
        """The fix."""
        return self.evidence.diff

    def diff_ref(self, place: str) -> str:
        """An evidence reference into the diff: its name and ``path:line``."""
        return f"{self.evidence.diff_name}:{place}"


def build(evidence: Evidence, least: Source) -> Case:
    """Look at the evidence; facts from sources weaker than ``least`` count as unknown."""
    before = legs(evidence, Role.BEFORE, least)
    control = legs(evidence, Role.CONTROL, least)
    after = legs(evidence, Role.AFTER, least)
    diff = evidence.diff
    at = revisions(evidence.fix, (*before, *control, *after), diff)
    relevant = tuple(dict.fromkeys(_relevant(evidence)))
    touched = touches(diff) if diff else ()
    found: dict[int, frozenset[str]] = {}
    for item in evidence.originals:
        if item.result:
            rejected = rejected_pairs(evidence, item.ref)
            found[id(item.result)] = found.get(id(item.result), frozenset()) | rejected
    afters = tuple(
        _after(leg, compare(leg, (*before, *control), at, diff, found), at, relevant, touched)
        for leg in after
    )
    return Case(
        evidence=evidence,
        at=at,
        before=before,
        control=control,
        afters=afters,
        later=tuple(_later(evidence, least, (*before, *control), at, found)),
        targets=tuple(_target(item, evidence, before, afters) for item in evidence.originals),
        relevant=relevant,
        touches=touched,
        marks=marks(diff) if diff else (),
        news=tuple(_news(afters, evidence, at)),
        layout=Layout(diff) if diff else None,
        bumps={f.path: _bumps(f) for f in diff.files if is_manifest(f.path)} if diff else {},
    )


def _after(
    leg: Leg,
    comparison: Comparison,
    at: Revisions,
    relevant: Sequence[str],
    touched: Sequence[Touch],
) -> After:
    joined = comparison.joined
    recipes = [compare_recipes(source, leg, joined, touched) for source in comparison.earlier]
    to_head = head_bond(leg, at.head, relevant)
    to_goal = bond(leg, at.merge, relevant) if at.merge else to_head
    pairs = zip(comparison.earlier, recipes, strict=True)
    alike = tuple(source for source, recipe in pairs if recipe.same)
    seen = leg.examined.union(*(source.examined for source in alike))
    spanned = not joined and to_goal in BOUND and _spans(comparison, leg, at)
    packages = _packages(leg)
    return After(leg, comparison, to_goal, to_head, best(recipes), packages, alike, seen, spanned)


def _spans(comparison: Comparison, leg: Leg, at: Revisions) -> bool:
    """Whether the scans before a run looked at the base or at what it contains, the run at what must
    be clean or at what contains that, and the diff leads there."""
    goal, earlier = at.goal, comparison.earlier
    arrives = bond(leg, goal, ()) in WHOLE or goal.commit in leg.facts.descends_from
    leads = at.diff_to_merge or goal is at.head or _is_same(at.head, goal)
    is_led = leads and not at.unjoined and not at.unchanged
    return arrives and is_led and bool(earlier) and all(precedes(one, at) for one in earlier)


def _is_same(one: Revision, other: Revision) -> bool:
    return bool(same_content((one.commit, one.tree), (other.commit, other.tree)))


def _packages(leg: Leg) -> dict[str, list[tuple[int, PackageIdentity]]]:
    """What a scanner of dependencies or images reports, by the name of the package."""
    found: dict[str, list[tuple[int, PackageIdentity]]] = {}
    for index, result in enumerate(leg.run.results if leg.tool_class in _OF_PACKAGES else ()):
        identity = package_identity(result)
        if identity:
            found.setdefault(identity.name, []).append((index, identity))
    return found


def _bumps(file: FileDiff) -> dict[str, list[Bump]]:
    found: dict[str, list[Bump]] = {}
    for bump in bumps(file):
        found.setdefault(name_key(bump.name), []).append(bump)
    return found


def _later(
    evidence: Evidence,
    least: Source,
    earlier: Sequence[Leg],
    at: Revisions,
    found: Mapping[int, frozenset[str]],
) -> Iterator[Later]:
    """The runs of later revisions; where there are none, nothing is computed."""
    mine = legs(evidence, Role.LATER, least)
    results = [result for leg in earlier if mine for result in leg.run.results]
    now = {id(result): _renamed(result, evidence.diff) for result in results}
    moved = [
        replace(leg, run=replace(leg.run, results=tuple(now[id(r)] for r in leg.run.results)))
        for leg in (earlier if mine else ())
    ]
    rejected = {id(now[key]): refs for key, refs in found.items() if key in now}
    for leg in mine:
        yield Later(leg, compare(leg, moved, at, None, rejected), now)


def _renamed(result: Result, diff: Diff | None) -> Result:
    path = result.location.path
    now = diff.map_path(path) if diff and path else None
    if now is None or now == path:
        return result
    return replace(result, location=replace(result.location, path=now))


def _relevant(evidence: Evidence) -> Iterator[str]:
    """Changed files still there, and the places of the originals as they are called now."""
    diff = evidence.diff
    yield from present_paths(diff) if diff else ()
    for original in evidence.originals:
        for path in _paths_of(original.result):
            now = diff.map_path(path) if diff else path
            if now:
                yield now


def _paths_of(result: Result | None) -> tuple[str, ...]:
    if result is None:
        return ()
    return tuple(path for path in (result.location.path, *result.flow_paths) if path)


def _target(
    original: Original, evidence: Evidence, before: Sequence[Leg], afters: Sequence[After]
) -> Target:
    finder = _finder(original, evidence, before)
    own = [after for after in afters if finder and same_kind(finder, after.leg)]
    others = [
        after
        for after in afters
        if finder
        and finder.tool_class
        and after.leg.tool_class == finder.tool_class
        and after.leg.engine != finder.engine
    ]
    witnesses = tuple(
        Witness(after, witness(after.comparison, original), same_engine=bool(own))
        for after in own or others
    )
    return Target(original, finder, witnesses)


def _finder(original: Original, evidence: Evidence, before: Sequence[Leg]) -> Leg | None:
    """The run of the before scans that reported the original."""
    scans = evidence.role(Role.BEFORE)
    if original.result is None or original.scan is None or original.scan >= len(scans):
        return None
    result = original.result  # of a list of alerts the pointer does not say which run it is of
    mine = [
        leg for leg in before if leg.scan is scans[original.scan] and leg.run.tool == result.tool
    ]
    return next((leg for leg in mine if result.pointer.startswith(f"{leg.run.pointer}/")), None)


def _kind(after: After) -> tuple[str, str]:
    return after.leg.engine, after.leg.category


def _news(afters: Sequence[After], evidence: Evidence, at: Revisions) -> Iterator[Novelty]:
    """What is new in any run; what several runs of one engine report is listed once."""
    seen: set[tuple[object, ...]] = set()
    joined = {_kind(after) for after in afters if after.comparison.joined}
    for after in afters:
        span = at if after.spanned and _kind(after) not in joined else None
        for new in novelties(after.comparison, after.recipe, evidence.known, evidence.diff, span):
            place = new.result.location
            where = (place.path or place.uri, place.line, place.column)
            key = (after.leg.engine, new.result.rule_key, new.result.message, *where)
            if key not in seen:
                seen.add(key)
                yield _as_disputed(new, evidence)


def _as_disputed(new: Novelty, evidence: Evidence) -> Novelty:
    """The new result with the cause that two people gave it instead, if they did."""
    dispute = rejected_cause(evidence, new.leg.ref(new.result.pointer))
    if dispute is None:
        return new
    people = f"{dispute['by']} and {dispute['second']}"
    reason = f"{new.reason}; disputed by {people}: {dispute['reason']}"
    return replace(new, cause=Cause(dispute.get("cause", Cause.UNKNOWN)), reason=reason)
