"""How a merge landed: from where it led, and whether what merged is what was reviewed, and no more.

Whoever merges by a push can put anything into the merge. So it is compared: with the head's own
content where the line had not moved, else with the head's change, brought to where the line was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from forges.hosts.records import HostCommit
from forges.services.analyses import Desk
from forges.services.parsing import unparsed
from gate.diff import Diff, FileDiff, Line, parse
from gate.errors import InputError
from gate.patches import patch_id
from remediations.services import Landed
from remediations.statuses import LandedAs

_Key = tuple[str | None, str | None, str, str]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The revision that reviews are of: the head, where its change began, and the diff from there."""

    base_commit: str
    head_commit: str
    head_tree: str
    diff: bytes | None


def landed(
    desk: Desk, reviewed: Reviewed, merged: HostCommit, commits: Sequence[HostCommit]
) -> Landed:
    """From where ``merged`` led and whether it is what was reviewed. Raises HostError."""
    if merged.id == reviewed.head_commit:
        return Landed(base_commit=reviewed.base_commit, how=LandedAs.HEAD)
    onto = _onto(desk, merged, commits)
    is_there = onto == reviewed.base_commit
    if is_there and merged.tree == reviewed.head_tree:
        return Landed(base_commit=onto, how=LandedAs.HEAD)
    compared = desk.host.compare(desk.told, onto, merged.id, diff=True)
    is_clean = not is_there and _is_clean(desk, reviewed, onto, merged, compared.diff)
    return Landed(
        base_commit=onto, how=LandedAs.CLEAN if is_clean else LandedAs.CHANGED,
        base_tree=desk.commit(onto).tree, diff=compared.diff,
        unparsed=unparsed(desk, onto, merged.id, compared.diff),
    )  # fmt: skip


def _onto(desk: Desk, merged: HostCommit, commits: Sequence[HostCommit]) -> str:
    """Where the line was just before: a merge's first parent, or the base of a rebase's commits."""
    onto = merged.parents[0] if merged.parents else merged.id
    current = merged
    for original in reversed(commits):  # each commit of a rebase came over with its message
        if current.message.strip() != original.message.strip() or len(current.parents) != 1:
            break
        onto = current.parents[0]
        current = desk.commit(onto)
    return onto


def _is_clean(
    desk: Desk, reviewed: Reviewed, onto: str, merged: HostCommit, diff: bytes | None
) -> bool:
    """Whether the merge is the reviewed change on what the line had become, and nothing else."""
    if merged.tree == reviewed.head_tree:
        return True
    ours, theirs = _parsed(reviewed.diff), _parsed(diff)
    if ours is None or theirs is None:
        return False
    if (known := patch_id(ours)) and known == patch_id(theirs):
        return True
    paths = [file.new_path for file in theirs.files if file.new_path]
    if _shape(ours) == _shape(theirs):
        at_head = desk.host.blobs(desk.told, reviewed.head_commit, paths)
        if at_head == desk.host.blobs(desk.told, merged.id, paths):
            return True
    moved = desk.host.compare(desk.told, reviewed.base_commit, onto, diff=True)
    between = _parsed(moved.diff)
    return between is not None and is_same_change(ours, theirs, between)


def _parsed(diff: bytes | None) -> Diff | None:
    try:
        return parse(diff, "diff") if diff is not None else None
    except InputError:
        return None


def _shape(diff: Diff) -> set[_Key]:
    return {_key(file) for file in diff.files}


def _key(file: FileDiff) -> _Key:
    """What tells a changed file from others: its names, and its modes where they changed."""
    modes = (file.old_mode, file.new_mode) if file.old_mode != file.new_mode else ("", "")
    return file.old_path, file.new_path, *modes


@dataclass(frozen=True, slots=True)
class _Edit:
    """One stretch of changed lines: the old line that it begins at, what goes and what comes."""

    at: int
    removed: tuple[str, ...]
    added: tuple[str, ...]


@dataclass(slots=True)
class _Stretch:
    """The changed lines of one stretch while they are read."""

    at: int
    lines: list[Line] = field(default_factory=list)

    def edit(self) -> _Edit:
        removed, added = (tuple(x.text for x in self.lines if x.kind == kind) for kind in "-+")
        return _Edit(self.at, removed, added)


def is_same_change(reviewed: Diff, merged: Diff, moved: Diff) -> bool:
    """Whether ``merged`` does to a later revision what ``reviewed`` does to an earlier one.

    ``moved`` leads from the earlier to the later one. Every stretch of changed lines must stand where
    that moved it, with the same lines; what stands around it may have changed. Not told of binary files.
    """
    ours = {_key(_brought(file, moved)): file for file in reviewed.files}
    theirs = {_key(file): file for file in merged.files}
    if ours.keys() != theirs.keys() or any(
        file.binary for file in (*ours.values(), *theirs.values())
    ):
        return False
    return all(_same_edits(ours[key], theirs[key], moved) for key in ours)


def _brought(file: FileDiff, moved: Diff) -> FileDiff:
    """The file under the names that it has on the later revision."""
    old = moved.map_path(file.old_path) if file.old_path else None
    new = old if file.new_path == file.old_path else file.new_path
    return replace(file, old_path=old, new_path=new)


def _same_edits(ours: FileDiff, theirs: FileDiff, moved: Diff) -> bool:
    pairs = [list(_edits(ours)), list(_edits(theirs))]
    if len(pairs[0]) != len(pairs[1]):
        return False
    path = ours.old_path
    return all(_same_edit(path, one, other, moved) for one, other in zip(*pairs, strict=True))


def _edits(file: FileDiff) -> Iterator[_Edit]:
    for hunk in file.hunks:
        at, stretch = hunk.old_start + (hunk.old_count == 0), _Stretch(0)
        for line in hunk.lines:
            if line.kind != " " and not stretch.lines:
                stretch = _Stretch(at)
            if line.kind != " ":
                stretch.lines.append(line)
            elif stretch.lines:
                yield stretch.edit()
                stretch = _Stretch(0)
            at += line.kind != "+"
        if stretch.lines:
            yield stretch.edit()


def _same_edit(path: str | None, one: _Edit, other: _Edit, moved: Diff) -> bool:
    """Whether one edit, brought over, is the other: same lines, at the same place."""
    if (one.removed, one.added) != (other.removed, other.added):
        return False
    if path is None:
        return one.at == other.at

    def is_at(line: int, there: int) -> bool:
        found = moved.map_line(path, line) if line > 0 else (path, 0)
        return found is not None and found[1] == there

    count = len(one.removed)
    if count:
        return all(is_at(one.at + n, other.at + n) for n in range(count))
    return is_at(one.at - 1, other.at - 1) or is_at(one.at, other.at)
