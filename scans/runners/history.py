"""What lies between commits of an allowed repository's branch: read with git, nothing written out.

The repository is hostile until shown otherwise, see ``checkout``. Its whole history of one branch comes
over, because only history shows that one commit contains another.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import BadInput
from gate import git
from gate.diff import parse
from gate.errors import InputError
from scans.runners import checkout
from scans.syntax import MOST_BYTES, is_broken, is_known

MOST_PARSED = 2000  # changed files of one range whose syntax is looked at


@dataclass(frozen=True, slots=True)
class Range:
    """From one commit to a later one that contains it. ``unparsed``: files that broke on the way."""

    base: str
    head: str
    diff: bytes
    unparsed: tuple[str, ...]


def read_ranges(
    source: str,
    branch: str,
    pairs: Collection[tuple[str, str]],
    into: Path,
    look: Callable[[], None] = lambda: None,
) -> list[Range]:
    """The ranges of ``pairs`` (base, head) that lie on the branch, one after the other.

    ``source`` is what ``allowed_repository`` returned, ``into`` an empty folder of ours. A pair is left
    out where a commit is not of the branch or the later does not contain the earlier. Raises BadInput.
    """
    tip = checkout.newest_commit(source, branch, into)
    top = checkout.fetch_history(source, tip, into, look)
    return [found for pair in pairs for found in _range(top, tip, *pair)]


def _range(top: Path, tip: str, base: str, head: str) -> Iterator[Range]:
    commits = (base, head)
    if not all(checkout.COMMIT.match(commit) for commit in commits):
        return
    try:
        if git.merge_base(top, base, head) != base or git.merge_base(top, head, tip) != head:
            return
        diff = git.git_diff(top, base, head)
        yield Range(base, head, diff, tuple(_unparsed(top, base, head, diff)))
    except InputError as error:
        if "names no commit here" in str(error) or "no common commit" in str(error):
            return
        raise BadInput("repository", str(error)) from error


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
