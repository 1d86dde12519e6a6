"""Whether a fix's diff can lead from its base to where it leads: by trees, commits and blobs.

A diff is a claim like any other. Where the revisions show that nothing changed, or that something
else did, it joins nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gate.diff import Diff

Blobs = Mapping[str, str]


def same_content(one: tuple[str, str], other: tuple[str, str]) -> bool | None:
    """Whether two revisions, as (commit, tree), have one content; None where nothing says so."""
    (commit, tree), (other_commit, other_tree) = one, other
    if tree and other_tree:
        return tree == other_tree
    return True if commit and commit == other_commit else None


def contradiction(
    same: bool | None, diff: Diff | None, sides: Iterator[tuple[Blobs, Blobs]]
) -> str:
    """What shows that the diff does not lead from one revision to the other; empty for nothing.

    ``sides``: blobs of both revisions, as far as they are known, each pair from one source.
    """
    if diff is None:
        return ""
    if same and diff.files:
        return f"it changes {diff.files[0].path}, but both have the same tree"
    if same is False and not diff.files:
        return "it is empty, but their trees differ"
    return next((found for one, other in sides for found in _by_blobs(diff, one, other)), "")


def _by_blobs(diff: Diff, base: Blobs, head: Blobs) -> Iterator[str]:
    if not base or not head:
        return
    for file in diff.files:
        blob = base.get(file.old_path or "")
        if (file.hunks or file.binary) and blob and blob == head.get(file.new_path or ""):
            yield f"it changes {file.path}, whose blob is the same in both"
    changed = {path for path in base.keys() & head.keys() if base[path] != head[path]}
    for path in _untouched(diff, changed):
        yield f"{path} differs between them, and the diff does not change it"
    if _is_whole(diff, base, head):
        for path in _untouched(diff, base.keys() ^ head.keys()):
            yield f"{path} is in one of them only, and the diff does not change it"


def _untouched(diff: Diff, paths: Iterable[str]) -> list[str]:
    """Those of the paths that the diff does not name, sorted."""
    return sorted(path for path in paths if not (diff.for_new(path) or diff.for_old(path)))


def _is_whole(diff: Diff, base: Blobs, head: Blobs) -> bool:
    """Whether the lists hold at least every file of the diff, as those of whole trees do."""
    old = (file.old_path for file in diff.files if file.old_path)
    new = (file.new_path for file in diff.files if file.new_path)
    return all(path in base for path in old) and all(path in head for path in new)
