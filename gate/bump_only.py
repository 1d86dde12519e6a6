"""Whether a fix changes versions of dependencies and nothing else, told line by line.

In a manifest every changed line must be the same but for its version; a lock file is written by a
program, and any of its lines may change, but takes nothing from a host that it did not show before.
Everything else is no bump.
"""

from __future__ import annotations

import re

from gate.catalogue import load
from gate.diff import Diff, FileDiff, Hunk
from gate.globs import matches
from gate.images import DOCKERFILES

_VERSION = re.compile(
    r"sha(?:256|512)[:-][A-Za-z0-9+/=_-]+|(?<![\w.])v?\d+(?:\.[\dx*]+)*(?:[-+.][\w.+-]+)?(?![\w.])"
)
_HASH = re.compile(r"^\s*--hash=sha\d+:[0-9a-f]+\s*\\?\s*$")  # of requirements.txt, one per line
_HOST = re.compile(r"\w+://([^/\s\"'#?]+)")
_FROM = re.compile(r"^\s*FROM\s", re.IGNORECASE)


def more_than_bumps(diff: Diff) -> str:
    """What the fix changes beside versions, for a sentence; empty where there is nothing."""
    if not diff.files:
        return "it changes nothing"
    return next(filter(None, map(_more_than_a_bump, diff.files)), "")


def ecosystem_names(path: str) -> frozenset[str]:
    """What data/manifests.json calls the ecosystems of a file: names and types of package URL."""
    rows = [row for row in load("manifests.json")["rows"] if matches(tuple(row["patterns"]), path)]
    return frozenset(
        name.casefold() for row in rows for name in (row["ecosystem"], row.get("purl", ""))
    )


def _more_than_a_bump(file: FileDiff) -> str:
    if not ecosystem_names(file.path):
        return f"{file.path} is no manifest or lock file"
    if file.status != "modified" or file.binary or file.old_mode != file.new_mode:
        return f"{file.path} is not only changed in its lines"
    if matches(tuple(load("manifests.json")["lock_files"]), file.path):
        other = _hosts(file, "+") - _hosts(file, "- ")
        return f"{file.path} takes something from {min(other)}" if other else ""
    if all(_is_of_versions(file, hunk) for hunk in file.hunks):
        return ""
    return f"{file.path} changes in more than versions"


def _hosts(file: FileDiff, kinds: str) -> set[str]:
    """The hosts of the addresses in lines of these kinds: where packages are taken from."""
    lines = (line.text for hunk in file.hunks for line in hunk.lines if line.kind in kinds)
    return {match[1].casefold() for text in lines for match in _HOST.finditer(text)}


def _is_of_versions(file: FileDiff, hunk: Hunk) -> bool:
    """Whether the hunk's old and new lines differ in versions only, one for one."""
    old, new = (
        [line.text for line in hunk.lines if line.kind == kind and not _HASH.match(line.text)]
        for kind in "-+"
    )
    if matches(DOCKERFILES, file.path) and not all(map(_FROM.match, (*old, *new))):
        return False
    return len(old) == len(new) and all(
        _VERSION.sub("#", one) == _VERSION.sub("#", other)
        for one, other in zip(old, new, strict=True)
    )
