"""What was not there before the fix, why it is there now, and whether that counts against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from gate.binding import WHOLE, Revisions, bond
from gate.bumps import Bump, bumps
from gate.changes import both_paths, is_document, is_manifest, is_test
from gate.comparison import Comparison
from gate.diff import Diff
from gate.legs import Leg
from gate.matching import Matching, Pair, Stage, match
from gate.packages import PackageIdentity, ecosystem_of, package_identity, plain_name
from gate.recipe import Recipe
from gate.records import LEVEL_RANK, Level, Result
from gate.terms import Threshold

ADVISORY_CLASSES = ("sca", "container")
MOST_LINES = 500  # of one result that are looked up in the diff
ENTRY = 2  # lines of a lock file's entry that hold its version, below the name


class Placement(StrEnum):
    """Where a new result lies, seen from the diff."""

    CHANGED_LINES = "changed_lines"
    CHANGED_FILE = "changed_file"
    ELSEWHERE = "elsewhere"


class Cause(StrEnum):
    """Why a result is new. Only ``fix`` counts against the fix; ``unknown`` is not yes."""

    FIX = "fix"
    BASE_MOVED = "base_moved"
    TOOL_CHANGED = "tool_changed"
    ADVISORY_CHANGED = "advisory_changed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Novelty:
    """One result that was not there before. Level and score are the worse of before and after."""

    leg: Leg
    result: Result
    level: Level
    score: float | None
    placement: Placement
    cause: Cause
    reason: str

    def counts(self, threshold: Threshold) -> bool:
        """Whether it stands in the way: severe enough, and not shown to come from elsewhere."""
        severe = threshold.reached(self.level, self.score)
        return severe and self.cause in (Cause.FIX, Cause.UNKNOWN)


def novelties(
    comparison: Comparison,
    recipe: Recipe | None,
    known: Sequence[Result],
    diff: Diff | None,
    span: Revisions | None = None,
) -> Iterator[Novelty]:
    """The results of one after-run that neither the scans before nor ``known`` account for.

    ``recipe`` compares the run with the scan before it, None where there was none. ``known`` is
    what else is open on the line. ``span``: the revisions, where no scan but this one tells what is
    new, and other commits than the fix may lie between it and the scans before.
    """
    results = comparison.leg.run.results
    left = [
        index
        for index in range(len(results))
        if index not in comparison.taken or not comparison.taken[index].was_there
    ]
    left = _without_known(comparison, left, known, diff)
    back = set(_brought_back(comparison, diff, span)) if span else set()
    left = sorted({*left, *back})
    severities, packages = _Severities(comparison), _Packages(comparison, diff)
    for index in left:
        result = results[index]
        level, score = severities.of(result)
        placement = _placement(result, diff)
        cause, reason = _cause(comparison, result, placement, recipe, diff, packages, span)
        if index in back:
            cause, reason = Cause.UNKNOWN, "on lines that the fix added; an older scan had it"
        if index in comparison.taken:
            reason = f"{reason}; {comparison.taken[index].reason.rstrip('.')}"
        yield Novelty(comparison.leg, result, level, score, placement, cause, reason)


def _brought_back(comparison: Comparison, diff: Diff | None, span: Revisions) -> Iterator[int]:
    """What an older scan had, on lines that the fix added, of a file that may have changed in between:
    another commit may have taken it out, and the fix have brought it back."""
    for index, pair in comparison.taken.items():
        path, source = pair.old.location.path or "", comparison.sources[pair.before]
        blob = dict(source.facts.blobs).get(path)
        kept = blob is not None and blob == span.base.blobs.get(path)
        at_base = bond(source, span.base, ()) in WHOLE
        is_added = _placement(pair.new, diff) is Placement.CHANGED_LINES
        if pair.was_there and is_added and not at_base and not kept:
            yield index


def _without_known(
    comparison: Comparison, left: list[int], known: Sequence[Result], diff: Diff | None
) -> list[int]:
    """What no open finding of the line accounts for either.

    Known findings that the scans before the fix report as well are used up by them.
    """
    if not left or not known:
        return left
    spare = known
    if comparison.pool:
        spare = [known[i] for i in _apart(match(known, comparison.pool, None))]
    results = [comparison.leg.run.results[index] for index in left]
    found = match(spare, results, diff if comparison.on_head else None)
    told = {pair.after for pair in found.pairs if pair.was_there and _may_be(pair, diff)}
    return [index for position, index in enumerate(left) if position not in told]


def _may_be(pair: Pair, diff: Diff | None) -> bool:
    """Whether an open finding may be this result: what stands on lines that the fix added is new,
    unless the fix moved the code of the finding there."""
    if _placement(pair.new, diff) is not Placement.CHANGED_LINES:
        return True
    return pair.stage in (Stage.S3, Stage.S4) and pair.old.location.line is not None


def _apart(matching: Matching) -> list[int]:
    """The indexes before that have no strict counterpart."""
    loose = [pair.before for pair in matching.pairs if not pair.was_there]
    return sorted([*loose, *matching.unmatched_before])


def _placement(result: Result, diff: Diff | None) -> Placement:
    path, line = result.location.path, result.location.line
    if diff is None or path is None or diff.for_new(path) is None:
        return Placement.ELSEWHERE
    last = min(result.location.end_line or line or 0, (line or 0) + MOST_LINES)
    if line is not None and any(diff.is_added(path, n) for n in range(line, last + 1)):
        return Placement.CHANGED_LINES
    return Placement.CHANGED_FILE


def _cause(
    comparison: Comparison,
    result: Result,
    placement: Placement,
    recipe: Recipe | None,
    diff: Diff | None,
    packages: _Packages,
    span: Revisions | None,
) -> tuple[Cause, str]:
    """Why a result is new, with the reason as a clause."""
    is_advisory = comparison.leg.tool_class in ADVISORY_CLASSES
    if is_advisory and (comparison.joined or span) and recipe is not None:
        return packages.cause(result, placement)
    reached = _reached_by(comparison, result, placement, diff)
    if reached:
        return Cause.FIX, reached
    if recipe is None:
        return Cause.UNKNOWN, "no scan before the fix says whether it was there"
    if not comparison.joined:
        if placement is Placement.ELSEWHERE and diff is not None and span is None:
            return Cause.BASE_MOVED, "other commits than the fix lie between the scans"
        return Cause.UNKNOWN, "the diff does not join the two scanned revisions"
    return _cause_by_recipe(result, recipe)


def _cause_by_recipe(result: Result, recipe: Recipe) -> tuple[Cause, str]:
    """The cause of a result outside the changed lines, in a scan that the diff joins."""
    if recipe.version not in (0, None):
        return Cause.TOOL_CHANGED, f"outside the changed lines, and {recipe.reason}"
    if recipe.rules_before is not None and result.rule not in recipe.rules_before:
        return Cause.TOOL_CHANGED, "outside the changed lines, and its rule was not on before"
    if recipe.same:
        return (
            Cause.FIX,
            "outside the changed lines, but tool, rules and configuration are the same",
        )
    return Cause.UNKNOWN, f"outside the changed lines, and {recipe.reason}"


def _reached_by(
    comparison: Comparison, result: Result, placement: Placement, diff: Diff | None
) -> str:
    """How the fix's lines reach a result; empty where they are not seen to."""
    place = result.location
    if placement is Placement.CHANGED_LINES:
        return "on lines that the fix added"
    if diff is None:
        return ""
    if place.path and place.line and diff.hunk_of_new(place.path, place.line) is not None:
        return "beside lines that the fix changed"
    through = next((path for path in result.flow_paths if diff.for_new(path)), "")
    return f"its data flow passes through {through}, which the fix changed" if through else ""


class _Packages:
    """Dependency and image results come and go with the advisories, whatever the fix does. Read
    once for all of them: what the fix moved, and which versions scans saw before."""

    def __init__(self, comparison: Comparison, diff: Diff | None) -> None:
        self._comparison = comparison
        self._diff = diff

    def cause(self, result: Result, placement: Placement) -> tuple[Cause, str]:
        """The fix is the cause of a new advisory where it moved the package, or may have."""
        package = package_identity(result)
        if package:
            moved = self._moved_to(package)
            if moved:
                return Cause.FIX, f"the fix moved {package.name} to {moved[0].new or 'nothing'}"
            if self._was_there(package, result):
                was = f"{package.name} {package.version}".rstrip()
                return Cause.ADVISORY_CHANGED, f"{was} was there before, so the advisories changed"
        if placement is not Placement.ELSEWHERE:
            return Cause.FIX, "in a dependency file that the fix changed"
        kind = package.ecosystem if package else ecosystem_of(result.location.path or "")
        if any(len({source, kind} - {""}) < 2 for source in self._sources):
            return Cause.UNKNOWN, "the fix changes other files that dependencies may come from"
        return Cause.ADVISORY_CHANGED, "the fix changes no dependency, so the advisories did"

    @cached_property
    def _bumps(self) -> dict[str, tuple[Bump, ...]]:
        """What the fix moved, by the path of the file."""
        files = self._diff.files if self._diff else ()
        return {file.path: bumps(file) for file in files}

    @cached_property
    def _seen(self) -> dict[tuple[str, str], set[str]]:
        """The ecosystems in which scans before saw a package, by name and version."""
        found: dict[tuple[str, str], set[str]] = {}
        for one in filter(None, map(package_identity, self._comparison.pool)):
            found.setdefault((one.name, one.version), set()).add(one.ecosystem)
        return found

    @cached_property
    def _sources(self) -> set[str]:
        """The ecosystems of changed files that packages may come from; those of an image may come
        from nearly any file, which is of none."""
        paths = {
            path for file in (self._diff.files if self._diff else ()) for path in both_paths(file)
        }
        if self._comparison.leg.tool_class == "container":
            return {"" for path in paths if not is_test(path) and not is_document(path)}
        return {ecosystem_of(path) for path in paths if is_manifest(path)}

    def _moved_to(self, package: PackageIdentity) -> list[Bump]:
        every = (bump for moved in self._bumps.values() for bump in moved)
        return [bump for bump in every if plain_name(package.ecosystem, bump.name) == package.name]

    def _was_there(self, package: PackageIdentity, result: Result) -> bool:
        """Whether the very version was there before: scans saw it in another advisory, or the fix
        left its entry alone in a file whose other entries can be read."""
        diff = self._diff
        seen = self._seen.get((package.name, package.version), set()) if package.version else set()
        if any(len({kind, package.ecosystem} - {""}) < 2 for kind in seen):
            return _placement(result, diff) is not Placement.CHANGED_LINES
        path, line = result.location.path, result.location.line
        if diff is None or not path or not line or not self._bumps.get(path):
            return False
        last = max(result.location.end_line or line, line + ENTRY)
        entry = range(line, min(last, line + MOST_LINES) + 1)
        return not any(diff.is_added(path, at) for at in entry)


class _Severities:
    """Level and score of new results: the worse of what the rule was before and is now."""

    def __init__(self, comparison: Comparison) -> None:
        self._now = {rule.id: rule for rule in comparison.leg.run.rules}
        self._before = {rule.id: rule for leg in comparison.earlier for rule in leg.run.rules}
        self._least: dict[str, Level] = {}
        for result in comparison.pool:
            least = self._least.get(result.rule, result.level)
            self._least[result.rule] = min(least, result.level, key=LEVEL_RANK.__getitem__)

    def of(self, result: Result) -> tuple[Level, float | None]:
        """Results that ask a person (kind open or review) count by the level of their rule."""
        now, before = self._now.get(result.rule), self._before.get(result.rule)
        levels = [result.level, self._least.get(result.rule, Level.NONE)]
        if result.kind in ("open", "review"):
            levels.append(now.level if now else Level.WARNING)
        if now and before and LEVEL_RANK[before.level] > LEVEL_RANK[now.level]:
            levels.append(before.level)
        if any(rule and rule.level is Level.ERROR for rule in (now, before)):
            levels.append(Level.ERROR)  # which, unlike warning, nobody has without saying so
        scores = [result.security_severity]
        scores += [rule.security_severity for rule in (now, before) if rule]
        score = max((score for score in scores if score is not None), default=None)
        return max(levels, key=LEVEL_RANK.__getitem__), score
