"""Did a vulnerable package go: to a version that is clean and exists, everywhere, lock file too?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from gate.bumps import Bump
from gate.case import After, Case, Target
from gate.changes import is_manifest
from gate.checks.check import Answer, failed, passed, unknown, worst
from gate.checks.findings import place_of
from gate.diff import FileDiff
from gate.evidence import SOURCE_RANK, FixFacts, Release, Source
from gate.images import ImageMove, image_moves
from gate.packages import PackageIdentity, locks_of, name_key, package_identity, plain_name
from gate.people import co_authors
from gate.provenance import dependency_bot, is_host
from gate.recipe import compare_versions, numbers
from gate.records import Result
from gate.terms import Terms

_WORD = re.compile(r"[a-z0-9]+")
_VERSIONS = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+(?:[-+][\w.]+)?)(?!\w)")
_LOOK_UP = (
    "Whoever runs the pipeline adds the registry's answer as releases in the facts (fetched or measured); "
    "or let a dependency bot make the change, or have an approver waive this check."
)


def dependency(case: Case, terms: Terms, target: Target) -> Answer:
    """What diff and scans say of the package of a finding, by package URL and advisory.

    Gone are a package that no scan after the fix reports for this advisory or an alias, and that the
    fix took out or moved to a newer version which exists; or an image that the fix replaced.
    """
    result = target.original.result
    identity = package_identity(result) if result else None
    if identity is None or result is None:
        return _unread(target)
    still = list(_still_reported(case, result, identity))
    if still:
        return worst(still, still[0])
    if not target.gone:
        return unknown(
            f"No scan known to be of {case.at.goal.label} says that {identity.name} is clean there.",
            remedy=f"Scan exactly the content of {case.at.goal.label}.",
        )
    moved = list(_moved(case, terms, result, identity)) or list(_image(case, target, identity))
    return worst(moved, _unmoved(target, identity))


def _unread(target: Target) -> Answer:
    return unknown(
        f"Which package {target.original.ref} is about cannot be read from the report.",
        *((target.finder.ref(),) if target.finder else ()),
        remedy="Add a look-up of the new version, or have an approver waive this check.",
    )


def _unmoved(target: Target, identity: PackageIdentity) -> Answer:
    where = target.original.result.location.path if target.original.result else None
    return unknown(
        f"Nothing shows which version of {identity.name} is installed now: the fix moves it in no lock "
        f"file{f' or manifest that says so, {where} included' if where else ''}.",
        *((target.finder.ref(),) if target.finder else ()),
        remedy=f"Move {identity.name} in the lock file, or have an approver waive this check.",
    )


def _still_reported(case: Case, result: Result, identity: PackageIdentity) -> Iterator[Answer]:
    """The same package with the same advisory, or an alias, in a scan of what must be clean."""
    for after in case.afters:
        same_name = after.packages.get(identity.name, ()) if after.answers_gone else ()
        for index, other in same_name:
            if not identity.is_same_weakness(other) or _is_of_its_own(after, index, result):
                continue
            found = after.leg.run.results[index]
            shared = sorted(set(identity.advisories) & set(other.advisories))
            yield failed(
                f"{after.leg.label} reports {identity.name} {other.version}".rstrip()
                + f" for {', '.join(shared)} at {place_of(found)}.",
                after.leg.ref(found.pointer),
                remedy=f"Move every copy of {identity.name} to a version that is repaired.",
            )


def _is_of_its_own(after: After, index: int, original: Result) -> bool:
    """Whether a result is another finding: one that was in another file before, and still is there."""
    pair = after.comparison.taken.get(index)
    if pair is None:
        return False
    before = after.comparison.pool[pair.before].location.path
    here = after.leg.run.results[index].location.path
    return before is not None and before == here and before != original.location.path


def _moved(case: Case, terms: Terms, result: Result, identity: PackageIdentity) -> Iterator[Answer]:
    """One answer for each entry of the package that the fix moved in the finding's file.

    Where the report names no file of the repository, any manifest or lock file will do.
    """
    diff, path = case.diff, result.location.path
    files = (
        [f for f in diff.files if is_manifest(f.path) and path in (None, f.old_path)]
        if diff
        else []
    )
    for file in files:
        for bump in _of_package(case.bumps[file.path], identity):
            yield _bump(case, terms, file, bump, result, identity)
            yield from _lock_left(case, file)


def _of_package(moved: Mapping[str, Sequence[Bump]], identity: PackageIdentity) -> Iterator[Bump]:
    """The entries that are of a package, of the module that it is in, or of a property named for it."""
    for key in _modules(identity):
        named = moved.get(name_key(key), ())
        yield from (bump for bump in named if key != identity.name or _is_name(bump.name, identity))
    if identity.ecosystem == "maven":
        words = set(_WORD.findall(identity.name))
        for bump in (bump for bumps in moved.values() for bump in bumps):
            said = set(_WORD.findall(bump.name))
            if bump.old == identity.version and said and said <= words and ":" not in bump.name:
                yield bump


def _modules(identity: PackageIdentity) -> tuple[str, ...]:
    """The name, and where a package of Go lies in a module, the names that the module may have."""
    if identity.ecosystem != "golang":
        return (identity.name,)
    parts = identity.name.split("/")
    return tuple("/".join(parts[:end]) for end in range(len(parts), 0, -1))


def _is_name(name: str, identity: PackageIdentity) -> bool:
    """Whether an entry's name is the package's; Maven's groups are not always said."""
    plain = plain_name(identity.ecosystem, name)
    if identity.ecosystem == "maven" and (":" in plain) != (":" in identity.name):
        return plain.rpartition(":")[2] == identity.name.rpartition(":")[2]
    return plain == identity.name


def _bump(
    case: Case,
    terms: Terms,
    file: FileDiff,
    bump: Bump,
    result: Result,
    identity: PackageIdentity,
) -> Answer:
    name, ref = identity.name, case.diff_ref(file.path)
    if not bump.new:
        return passed(f"The fix takes {name} {bump.old} out of {file.path}.", ref)
    old = bump.old or identity.version
    step = f"{name} went from {old or 'an unknown version'} to {bump.new}"
    if compare_versions(old, bump.new) != 1:
        return unknown(
            f"{step}, which is not known to be newer.",
            ref,
            remedy=f"Move {name} to a newer version that is repaired.",
        )
    release = _looked_up(case, terms, identity, bump.new)
    if release and (not release.exists or release.yanked):
        what = "was withdrawn" if release.exists else "does not exist"
        return failed(
            f"{step}, which {what} as a look-up says ({release.source}).",
            ref,
            remedy=f"Move {name} to a version that exists.",
        )
    if release:
        return passed(f"{step}, which exists as a look-up says ({release.source}).", ref)
    if _is_named(bump, result, identity):
        return passed(
            f"{step}, which the finding itself names as repaired; no scan after the fix reports it "
            f"for {', '.join(identity.advisories[:3])}.",
            ref,
        )
    if identity.fixed and not _is_repaired(bump.new, identity.fixed):
        return unknown(
            f"{step}, which is below the versions that the finding names as repaired "
            f"({', '.join(identity.fixed[:3])}).",
            ref,
            remedy=f"Move {name} to a version that is repaired.",
        )
    bot = _resolver(case.evidence.fix)
    if bot:
        return passed(
            f"{step}, which {bot} found in the registry; no scan after the fix reports it for "
            f"{', '.join(identity.advisories[:3])}.",
            ref,
        )
    return unknown(
        f"{step}, and nothing shows that {bump.new} exists: the finding does not name it.",
        ref,
        remedy=_LOOK_UP,
    )


def _is_repaired(version: str, fixed: Sequence[str]) -> bool:
    """Whether a version is one of those named, or above one of its own line or above all of them."""
    above = [name for name in fixed if name == version or compare_versions(name, version) == 1]
    line = [name for name in above if numbers(name)[:1] == numbers(version)[:1]]
    return bool(line) or len(above) == len(fixed)


def _resolver(fix: FixFacts) -> str:
    """The dependency bot that alone made the change: it offers only what it found in the registry."""
    bot = dependency_bot(fix.author)
    hands = [
        hand
        for commit in fix.commits
        for hand in (commit.author, commit.committer, *co_authors(commit.message))
    ]
    own = all(dependency_bot(hand) == bot or is_host(hand) for hand in hands if hand)
    return bot if own else ""


def _looked_up(case: Case, terms: Terms, identity: PackageIdentity, version: str) -> Release | None:
    """The look-up of a version by somebody who looked; one that speaks against it first.

    What is only declared is no look-up, whatever the policy accepts elsewhere.
    """
    least = max(SOURCE_RANK[terms.least_source], SOURCE_RANK[Source.FETCHED])
    mine = [
        release
        for release in case.evidence.releases
        if identity.purl
        and release.package.casefold() == identity.purl.casefold()
        and release.version == version
        and SOURCE_RANK[release.source] >= least
    ]
    return min(mine, key=lambda release: release.exists and not release.yanked, default=None)


def _is_named(bump: Bump, result: Result, identity: PackageIdentity) -> bool:
    """Whether the finding names the version as repaired, or at least both versions in its text."""
    if identity.fixed:
        return bump.new.removeprefix("v") in identity.fixed
    said = set(_VERSIONS.findall(result.message))
    return bump.new in said and bump.old in said


def _lock_left(case: Case, file: FileDiff) -> Iterator[Answer]:
    """A lock file beside the manifest that the fix leaves alone: it still says what is installed."""
    known = {path for after in case.afters for path, _ in after.leg.facts.blobs}
    known |= {path for path, _ in (*case.evidence.fix.blobs, *case.evidence.fix.merge_blobs)}
    for lock in locks_of(file.path):
        if lock in known and case.diff and case.diff.for_new(lock) is None:
            yield unknown(
                f"The fix moves {file.path} but not {lock} beside it, which says what is installed.",
                case.diff_ref(file.path),
                remedy=f"Renew {lock} and scan it.",
            )


def _image(case: Case, target: Target, identity: PackageIdentity) -> Iterator[Answer]:
    """One answer for each image that the fix replaced, where the package lies in an image."""
    place = target.original.result.location.path if target.original.result else None
    if case.diff is None or (place and is_manifest(place) and case.diff.for_old(place) is None):
        return  # a lock file that nobody touched is no image
    for move in image_moves(case.diff):
        yield _image_move(case, target, identity, move)


def _image_move(case: Case, target: Target, identity: PackageIdentity, move: ImageMove) -> Answer:
    step, ref = (
        f"The image went from {move.old} to {move.new}",
        case.diff_ref(f"{move.path}:{move.line}"),
    )
    if not move.new.is_fixed:
        return unknown(
            f"{step}, which names no version of it.",
            ref,
            remedy="Name the image by version or digest.",
        )
    same = move.old.name == move.new.name
    if same and not move.new.digest and compare_versions(move.old.tag, move.new.tag) == -1:
        return unknown(
            f"{step}, which is older.", ref, remedy="Move to a newer image that is repaired."
        )
    scans = ", ".join(dict.fromkeys(item.after.leg.label for item in target.gone))
    ids = ", ".join(identity.advisories[:3])
    return passed(f"{step}, and {scans} does not report {identity.name} for {ids}.", ref)
