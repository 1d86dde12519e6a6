"""What kind of files a fix changes: tests, dependency manifests, links and submodules."""

from __future__ import annotations

from functools import cache

from gate.catalogue import load
from gate.diff import Diff, FileDiff
from gate.globs import matches

_DOCUMENTS = (
    "*.md", "*.rst", "*.adoc", "CHANGELOG*", "LICENSE*", "NOTICE*", "AUTHORS*", "CODEOWNERS",
)  # fmt: skip
LINK_MODES = ("120000", "160000")  # symbolic link, submodule


def is_test(path: str) -> bool:
    """Whether a path looks like a test or lies among tests."""
    return matches(_patterns("tests.json", "files"), path)


def is_test_setting(path: str) -> bool:
    """Whether a path looks like the configuration of a test runner."""
    return matches(_patterns("tests.json", "settings"), path)


def is_manifest(path: str) -> bool:
    """Whether a path looks like a dependency manifest or lock file."""
    return matches(_manifests(), path)


def is_document(path: str) -> bool:
    """Whether a path looks like text for people, which nothing runs: README, docs/x.md."""
    return matches(_DOCUMENTS, path)


def is_link(file: FileDiff) -> bool:
    """Whether the file is, now, a symbolic link or a submodule: no scanner looks behind it."""
    return file.new_path is not None and file.new_mode in LINK_MODES


def both_paths(file: FileDiff) -> tuple[str, ...]:
    """The new and the old path of a changed file, as far as it has them."""
    return tuple(dict.fromkeys(path for path in (file.new_path, file.old_path) if path))


def present_paths(diff: Diff) -> tuple[str, ...]:
    """The changed files that are still there, by their new paths, in order."""
    return tuple(file.new_path for file in diff.files if file.new_path)


def changed_lines(diff: Diff) -> int:
    """Added and removed lines."""
    return sum(
        line.kind != " " for file in diff.files for hunk in file.hunks for line in hunk.lines
    )


@cache
def _patterns(name: str, member: str) -> tuple[str, ...]:
    return tuple(load(name)[member])


@cache
def _manifests() -> tuple[str, ...]:
    rows = load("manifests.json")["rows"]
    return tuple(pattern for row in rows for pattern in row["patterns"])
