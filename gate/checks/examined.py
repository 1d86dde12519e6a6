"""Which files a run reads, and whether it is shown to have looked at one. Decides nothing.

``proven`` is the strict question, for where the original's code is: what a run or the scan before
it named, or a scope that is known to be the whole repository. ``by_recipe`` is the milder one, for
other changed files.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from posixpath import basename, dirname, join, splitext

from gate import commands
from gate.case import After, Case
from gate.catalogue import load
from gate.changes import is_manifest, is_test
from gate.globs import matches
from gate.legs import Leg

# Of manifests.json: what is no list of packages for a dependency scanner.
_OTHER_MANIFESTS = ("Containers", "Terraform", "Helm")
_ARCHIVES = (".jar", ".war", ".ear", ".aar", ".whl", ".egg", ".gem", ".nupkg")
_VENDORED = ("vendor/**",)
_DEPLOYMENTS = (".yml", ".yaml", ".json", ".tf")  # files that may name an image
# Manifests and lock files that hold data, no code that a SAST rule is about.
_DATA = (".json", ".yaml", ".yml", ".toml", ".xml", ".txt", ".lock", ".mod", ".sum", ".cfg", "")


def reads(case: Case, after: After, path: str) -> bool:
    """Whether the run's tool reads this kind of file: by its row; of an unknown tool, by the kinds
    of files it has ever reported on. A scan of a built image reads no file of the repository."""
    leg, row = after.leg, after.leg.row
    if "container" in (leg.facts.tool_class, row.tool_class if row else ""):
        return False
    reported = _reported(case, leg)
    if leg.tool_class == "sca" and not (row and row.extensions):
        # A report on images, under their names, rests on the files that say which image runs.
        deploys = splitext(path)[1].lower() in _DEPLOYMENTS and _is_of_images(case, leg)
        return path in reported or is_package_list(path) or deploys
    if leg.tool_class == "sast" and is_manifest(path) and splitext(path)[1] in _DATA:
        return path in reported or splitext(path)[1] in {splitext(found)[1] for found in reported}
    if row:
        endings = row.extensions
        return not endings or splitext(path)[1].lower() in endings or basename(path) in endings
    kinds = {splitext(found)[1] for found in reported}
    return not kinds or splitext(path)[1] in kinds


def is_package_list(path: str) -> bool:
    """Whether a dependency scanner reads a file: a manifest, a lock file, packages kept here."""
    kept = matches(_package_lists(), path) or matches(_VENDORED, path)
    return kept or splitext(path)[1].lower() in _ARCHIVES


def proven(leg: Leg, path: str, case: Case) -> bool:
    """Whether this run after the fix is shown to have looked at a path of the fixed content.

    It says so; or the scan before named the very file and the recipe is the same; or the whole
    repository is its scope. That it looks at files like it, or leaves tests out, shows nothing.
    """
    if path in leg.examined:
        return True
    after = next((after for after in case.afters if after.leg is leg), None)
    if after is None or leg.lists_all:
        return False
    file = case.diff.for_new(path) if case.diff else None
    stayed = file is None or (file.old_path == path and file.status != "copied")
    return (stayed and path in after.seen) or _in_whole_scope(case, after, path)


def by_recipe(case: Case, after: After, path: str, before: str | None) -> str:
    """What the reports of the same recipe before the fix show of a file, as a sentence.

    A complete list that left the file out, or no test file in any report, shows the configured
    scope, which the fix did not touch. Where nothing is listed, reports on the same file, or on
    files of its kind in the same part of the repository, show that it is in scope.
    """
    leg = after.leg
    if _in_whole_scope(case, after, path):
        return f"{path} was analysed by {leg.label}, whose scope is the whole repository."
    if not after.alike:
        return ""
    seen = after.seen
    left_out = before and before not in seen and any(other.lists_all for other in after.alike)
    if left_out or (is_test(path) and not any(map(is_test, seen))):
        return f"{path} is outside the unchanged configured scope of {leg.label}."
    if leg.lists_all:
        return ""
    if before in seen or any(_is_near(leg, path, other) for other in seen):
        return (
            f"{path} is in the scope of {leg.label}: the same recipe reports on files of its kind "
            "there, and no warning names it."
        )
    return _with_its_list(leg, path, seen)


def _is_of_images(case: Case, leg: Leg) -> bool:
    """Whether a result of this engine lies in no file, but in an image: ``shop:latest``."""
    same = [other for other in (*case.before, *case.control) if other.engine == leg.engine]
    places = (result.location for other in (leg, *same) for result in other.run.results)
    return any(":" in (place.path or place.uri) for place in places)


def _reported(case: Case, leg: Leg) -> frozenset[str]:
    """Every file that this engine named, before the fix or after it."""
    same = [other for other in (*case.before, *case.control) if other.engine == leg.engine]
    return leg.examined.union(*(other.examined for other in same))


def _in_whole_scope(case: Case, after: After, path: str) -> bool:
    """Whether the configured scope is known to be all files that the tool reads.

    The facts say so: the set-up has no configuration, and no file of the repository is one. Or the
    whole tree is known and holds no file that configures the engine, the command names no other
    target and leaves nothing out, and the tool does not leave the path out by itself.
    """
    leg = after.leg
    if leg.facts.covers == "everything" and not leg.lists_all:
        return reads(case, after, path) and not commands.often_ignored(path)
    if not leg.facts.blobs or leg.lists_all or not leg.command or not reads(case, after, path):
        return False
    if path not in dict(leg.facts.blobs):
        return False
    programs = {commands.parse(line).program for line in leg.command.splitlines()}
    ignored = any(commands.ignored_by_default(program, path) for program in programs)
    whole = commands.is_whole(leg.command) and not ignored and not commands.often_ignored(path)
    return whole and not _is_configured(leg.engine, leg.facts.blobs)


def _is_near(leg: Leg, path: str, other: str) -> bool:
    """Whether two files are of one kind, in one part of the repository, both where scanners look."""
    same_part = path.partition("/")[0] == other.partition("/")[0]
    at_root = "/" not in path and "/" not in other
    if splitext(path)[1] != splitext(other)[1] or not (same_part or at_root):
        return False
    apart = commands.often_ignored(path) or commands.ignored_by_default(leg.engine, path)
    return not apart or dirname(path) == dirname(other)


def _with_its_list(leg: Leg, path: str, seen: frozenset[str]) -> str:
    """That a dependency scanner read a manifest together with its lock file, or the other way."""
    beside = (join(dirname(path), name) for name in _partners(basename(path)))
    partner = next((other for other in beside if other in seen), "")
    if leg.tool_class != "sca" or not partner:
        return ""
    return f"{path} is read by {leg.label} together with {partner}, which is in its scope."


def _partners(name: str) -> Iterator[str]:
    """What stands beside a manifest or lock file and speaks of the same packages."""
    for manifest, locks in load("manifests.json")["locks"].items():
        if name == manifest or name in locks:
            yield from (manifest, *locks)


@cache
def _package_lists() -> tuple[str, ...]:
    rows = load("manifests.json")["rows"]
    lists = [row for row in rows if row["ecosystem"] not in _OTHER_MANIFESTS]
    return tuple(pattern for row in lists for pattern in row["patterns"])


@lru_cache(maxsize=8)
def _is_configured(engine: str, tree: tuple[tuple[str, str], ...]) -> bool:
    """Whether a tree holds a file that may configure or quieten this engine."""
    return any(matches(_patterns(engine), path) for path, _ in tree)


@cache
def _patterns(engine: str) -> tuple[str, ...]:
    """Files that may configure or quieten an engine, whatever they say inside."""
    rows = load("scanner_files.json")["rows"]
    mine = [row for row in rows if engine in row["tools"]]
    return tuple(pattern for row in mine for pattern in row["patterns"]) or ("*",)
