"""Which files a change broke: those that parsed before it and do not after it, by fetching both.

Code hosts give reports back without what a scanner said of files that it could not read.
"""

from collections.abc import Collection

from core.outbound import HostError
from forges.services.analyses import Desk
from gate.diff import FileDiff, parse
from gate.errors import InputError
from scans.syntax import MOST_BYTES, is_broken, is_known

MOST_FILES = 100  # of one change; those beyond are not looked at


def unparsed(desk: Desk, base: str, head: str, diff: bytes | None) -> list[str]:
    """The new paths of files that the change from ``base`` to ``head`` broke. Raises HostError."""
    files = _changed(diff)
    if not files:
        return []
    after = desk.host.blobs(desk.told, head, [file.new_path or "" for file in files])
    broken = [file for file in files if _is_broken(desk, file.new_path or "", after)]
    if not broken:
        return []
    before = desk.host.blobs(desk.told, base, [file.old_path or "" for file in broken])
    return sorted(
        file.new_path or "" for file in broken if not _is_broken(desk, file.old_path or "", before)
    )


def _changed(diff: bytes | None) -> list[FileDiff]:
    try:
        files: Collection[FileDiff] = parse(diff, "diff").files if diff else ()
    except InputError:
        return []
    return [file for file in files if file.new_path and is_known(file.new_path)][:MOST_FILES]


def _is_broken(desk: Desk, path: str, blobs: dict[str, str]) -> bool:
    """Whether the file at ``path`` does not parse; one that is not there, or too large, is not looked at."""
    if path not in blobs:
        return False
    try:
        return is_broken(path, desk.host.content(desk.told, blobs[path], MOST_BYTES))
    except HostError as error:
        if not error.final:
            raise
        return False
