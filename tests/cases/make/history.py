"""A throw-away git repository whose commits come out the same every time: fixed people and times.

Trees are given as path to text; ``Link`` stands for a symbolic link. Nothing here knows scanners.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DEV = "Dev Eloper <dev@example.org>"


@dataclass(frozen=True)
class Link:
    """A symbolic link to another path."""

    target: str


Content = str | Link
Tree = Mapping[str, Content]


@dataclass(frozen=True)
class Revision:
    """One commit: its ids, what it holds, and what git knows of every file."""

    commit: str
    tree: str
    parents: tuple[str, ...]
    files: dict[str, Content]
    blobs: dict[str, str]
    author: str
    message: str


class History:
    """The repository. ``commit`` writes without a working copy, ``checkout`` fills a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._git("init", "--quiet", "--initial-branch=main", ".")
        self._count = 0

    def commit(
        self,
        files: Tree,
        *,
        message: str = "Change",
        author: str = DEV,
        parents: Sequence[Revision] = (),
    ) -> Revision:
        """A commit of exactly these files."""
        index = {"GIT_INDEX_FILE": str(self.folder / "case.index")}
        Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)
        blobs = {}
        for path, content in sorted(files.items()):
            mode, text = (
                ("120000", content.target) if isinstance(content, Link) else ("100644", content)
            )
            blobs[path] = self._git("hash-object", "-w", "--stdin", stdin=text)
            self._git(
                "update-index", "--add", "--cacheinfo", f"{mode},{blobs[path]},{path}", env=index
            )
        tree = self._git("write-tree", env=index)
        name, _, mail = author.removesuffix(">").partition(" <")
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", name), ("EMAIL", mail), ("DATE", "2026-11-20T09:00:00Z"))
        }
        heads = [word for parent in parents for word in ("-p", parent.commit)]
        commit = self._git("commit-tree", tree, *heads, stdin=message, env=who)
        ids = tuple(parent.commit for parent in parents)
        return Revision(commit, tree, ids, dict(files), blobs, author, message)

    def diff(self, old: Revision, new: Revision) -> str:
        """What ``git diff -M`` shows between two commits."""
        return self._git(
            "diff", "-M", "--no-color", "--no-ext-diff", old.commit, new.commit, strip=False
        )

    def checkout(self, revision: Revision, folder: Path) -> None:
        """The files of a commit, in an empty folder."""
        for path, content in revision.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Link):
                target.symlink_to(content.target)
            else:
                target.write_text(content, encoding="utf-8")

    def _git(
        self, *words: str, stdin: str = "", env: Mapping[str, str] | None = None, strip: bool = True
    ) -> str:
        quiet = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        done = subprocess.run(
            ["git", *words],
            cwd=self.folder,
            env={**os.environ, **quiet, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip() if strip else done.stdout
