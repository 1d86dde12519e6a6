"""What lies between commits of an allowed repository's branch: read with git, nothing written out.

The repository is hostile until shown otherwise, see ``checkout``. Its whole history of one branch comes
over, because only history shows that one commit contains another.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from gate import git
from gate.diff import parse
from gate.errors import InputError
from scans.runners import checkout
from scans.syntax import MOST_BYTES, is_broken, is_known

MOST_PARSED = 2000  # changed files of one range whose syntax is looked at
Pair = tuple[str, str]  # commits: the earlier, the later


@dataclass(frozen=True, slots=True)
class Range:
    """From one commit to a later one that contains it. ``unparsed``: files that broke on the way."""

    base: str
    head: str
    diff: bytes
    unparsed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Untold:
    """A commit that is not where it has to be on the branch, or a pair whose diff cannot be had."""

    what: str | Pair


def read_ranges(
    source: str,
    branch: str,
    pairs: Collection[Pair],
    into: Path,
    look: Callable[[], None] = lambda: None,
) -> Iterator[Range | Untold]:
    """What git says of each of ``pairs`` (base, head), one after the other.

    ``source`` is what ``allowed_repository`` returned, ``into`` an empty folder of ours. Raises BadInput
    where there is no such branch, NotFetched where the repository cannot be had now.
    """
    tip = checkout.newest_commit(source, branch, into)
    top = checkout.fetch_history(source, tip, into, look)
    for base, head in pairs:
        yield _range(top, tip, base, head)


def _range(top: Path, tip: str, base: str, head: str) -> Range | Untold:
    if not _contains(top, tip, head):
        return Untold(head)
    if not _contains(top, head, base):
        return Untold(base)
    try:
        diff = git.git_diff(top, base, head)
        return Range(base, head, diff, tuple(_unparsed(top, base, head, diff)))
    except InputError:  # larger than what is read, say
        return Untold((base, head))


def _contains(top: Path, later: str, commit: str) -> bool:
    try:
        return git.merge_base(top, commit, later) == commit
    except InputError:  # no commit of this repository
        return False


def _unparsed(top: Path, base: str, head: str, diff: bytes) -> Iterator[str]:
    """Files of the diff that parsed at the base, and do not at the head."""
    files = [f for f in parse(diff, "diff").files if f.old_path and f.new_path]
    files = [f for f in files if is_known(f.new_path or "")][:MOST_PARSED]
    if not files:
        return
    old, new = git.list_blobs(top, base), git.list_blobs(top, head)
    for file in files:
        before, after = old.get(file.old_path or ""), new.get(file.new_path or "")
        if before is None or after is None or before == after:
            continue
        (now,) = git.read_blobs(top, [after])
        if len(now) > MOST_BYTES or not is_broken(file.new_path or "", now):
            continue
        (then,) = git.read_blobs(top, [before])
        if not is_broken(file.old_path or "", then):
            yield file.new_path or ""
