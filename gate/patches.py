"""What a patch is known by, wherever its base stands: an approval survives a mere base update.

Three spellings are read: our own, ``git patch-id --verbatim``, and ``git patch-id --stable``. The
last is blind to white space, so that it counts only where white space has no meaning.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import splitext

from gate.catalogue import load
from gate.diff import Diff, FileDiff

_BLANK = b" \t\n\r"  # what git takes for white space
_HUNK = re.compile(rb"@@ -\d+(?:,(?P<old>\d+))? \+\d+(?:,(?P<new>\d+))? @@")
_SIZES = {"sha1": 20, "sha256": 32}  # the two kinds of object ids, with the bytes of each


@dataclass(frozen=True, slots=True)
class PatchIds:
    """What names one patch: for sure, or but for white space that has a meaning."""

    sure: frozenset[str] = frozenset()
    blind: frozenset[str] = frozenset()


NO_PATCH = PatchIds()


def patch_id(diff: Diff) -> str:
    """SHA-256 over what the diff changes: names, modes, every line with its context; no numbers.

    Like ``git patch-id --verbatim``, but for context lines and renames, which count too. Two diffs
    with one id do the same to the same code, only elsewhere in the file. For reviews: compute it
    from the diff of the revision that was approved, and give it as ``patch_id`` of the review. Empty
    where a file is binary, because the diff does not show what it holds.
    """
    if any(file.binary for file in diff.files):
        return ""
    told = sorted(json.dumps(_told(file), ensure_ascii=True) for file in diff.files)
    return hashlib.sha256("\n".join(told).encode("ascii")).hexdigest()


def _told(file: FileDiff) -> list[object]:
    lines = [[(line.kind, line.text) for line in hunk.lines] for hunk in file.hunks]
    modes = file.old_mode, file.new_mode
    return [file.old_path, file.new_path, file.status, file.binary, modes, lines]


def patch_ids(diff: Diff, data: bytes) -> PatchIds:
    """All ids by which an approval of this very patch may name it; none where a file is binary.

    ``data`` is what ``diff`` was read from. An id that is blind to white space is as good as others
    where white space has no meaning in any of the files (data/languages.json).
    """
    own = patch_id(diff)
    if not own:
        return NO_PATCH
    exact, blind = (
        frozenset(git_patch_id(data, verbatim=verbatim, algorithm=name) for name in _SIZES)
        for verbatim in (True, False)
    )
    if all(_is_free_form(file.path) for file in diff.files):
        exact |= blind
    return PatchIds(exact | {own}, blind - exact)


def git_patch_id(data: bytes, *, verbatim: bool, algorithm: str = "sha1") -> str:
    """What ``git patch-id --stable`` or ``--verbatim`` prints for a diff without binary files.

    After builtin/patch-id.c of git 2.39: every file's header and hunks are hashed apart, without the
    hunks' numbers and the index lines, and the hashes are added up, so that the order of files is
    nothing. ``algorithm`` is that of the repository's object ids: sha1 or sha256.
    """
    total = 0
    for part in _parts(data):
        digest = hashlib.new(algorithm, usedforsecurity=False)
        for line in part:
            if verbatim:
                digest.update(line)
            elif not line.startswith(b"\\ "):
                digest.update(line.translate(None, _BLANK))
        total += int.from_bytes(digest.digest(), "little")
    size = _SIZES[algorithm]
    return (total % (1 << 8 * size)).to_bytes(size, "little").hex()


def _parts(data: bytes) -> Iterator[list[bytes]]:
    """The lines that count, file by file. Files without lines go with the next one, as in git."""
    part: list[bytes] = []
    old = new = 0
    lines = False  # whether the part has come to the lines of its file
    for line in _lines(data):
        if old > 0 or new > 0:
            old -= line[:1] in (b"-", b" ")
            new -= line[:1] in (b"+", b" ")
        elif hunk := _HUNK.match(line):
            old, new = (int(count) if count else 1 for count in hunk.group("old", "new"))
            continue
        elif line.startswith(b"diff ") and lines:
            yield part
            part, lines = [], False
        elif not lines and line.startswith(b"index "):
            continue
        lines = lines or line.startswith(b"--- ")
        part.append(line)
    yield part


def _lines(data: bytes) -> list[bytes]:
    return [line + b"\n" for line in data.removesuffix(b"\n").split(b"\n")] if data else []


def _is_free_form(path: str) -> bool:
    return splitext(path)[1].lower() in {
        extension for row in load("languages.json")["free_form"] for extension in row["extensions"]
    }
