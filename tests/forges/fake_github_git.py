"""The git side of a fake GitHub: one real bare repository, and commits made as GitHub makes them."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

Content = str | bytes | None  # None: the file is deleted
GITHUB = "GitHub <noreply@github.com>"  # who commits what is merged on the web

_ENVIRON = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


class GitFailed(Exception):
    """git said no; the text is what it said."""


@dataclass(frozen=True)
class GitCommit:
    """A commit as git stores it. People are ``Name <mail>``; times are seconds."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: str
    authored: int
    committer: str
    committed: int
    message: str


class Git:
    """A bare repository in ``folder``."""

    def __init__(self, folder: Path, branch: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.run("init", "--quiet", "--bare", f"--initial-branch={branch}", ".")
        self.run("config", "core.logAllRefUpdates", "false")

    def run(self, *arguments: str, given: bytes = b"", **environ: str) -> bytes:
        """Run git and return what it wrote. Raises GitFailed."""
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            input=given, capture_output=True, env={**_ENVIRON, **environ}, check=False,
        )  # fmt: skip
        if done.returncode:
            raise GitFailed(done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def word(self, *arguments: str, **environ: str) -> str:
        """Run git and return its one line."""
        return self.run(*arguments, **environ).decode().strip()

    # --- reading ---------------------------------------------------------------------------------
    def resolve(self, name: str) -> str | None:
        """Return the commit that a name, ref or id stands for."""
        try:
            return self.word("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        except GitFailed:
            return None

    def read(self, sha: str) -> GitCommit:
        """Return one commit."""
        return self.log(sha, "--no-walk")[0]

    def log(self, *arguments: str) -> list[GitCommit]:
        """Return the commits of ``git log``, oldest first."""
        form = "%H%x00%T%x00%P%x00%an <%ae>%x00%at%x00%cn <%ce>%x00%ct%x00%B%x00%x01"
        text = self.run("log", "--reverse", f"--format={form}", *arguments).decode()
        found = []
        for row in text.split("\x00\x01\n"):
            if row:
                sha, tree, parents, author, at, committer, done, message = row.split("\0")[:8]
                people = (author, int(at), committer, int(done))
                found.append(
                    GitCommit(sha, tree, tuple(parents.split()), *people, message.rstrip("\n"))
                )
        return found

    def merge_base(self, one: str, other: str) -> str:
        """Return the common ancestor."""
        return self.word("merge-base", one, other)

    def count(self, span: str) -> int:
        """Return how many commits are in ``a..b``."""
        return int(self.word("rev-list", "--count", span))

    def diff(self, base: str, head: str) -> bytes:
        """Return the text of the change from the merge base, as GitHub's media type gives it."""
        return self.run("diff", "--no-color", "--no-ext-diff", "-M", f"{base}...{head}")

    def tree(self, sha: str, recursive: bool) -> list[tuple[str, str, str, str]]:
        """Return (mode, type, id, path) of a tree's entries; folders too."""
        deep = ["-r", "-t"] if recursive else []
        rows = self.run("ls-tree", "-z", *deep, sha).decode().split("\0")
        heads = [row.split("\t", 1) for row in rows if row]
        return [(*head.split(" "), path) for head, path in heads]

    # --- writing ---------------------------------------------------------------------------------
    def commit(
        self,
        ref: str,
        parents: Sequence[str],
        files: Mapping[str, Content],
        message: str,
        author: str,
        committer: str,
        at: datetime,
    ) -> str:
        """Commit changes of files on top of the first parent, move ``ref`` there, return the id."""
        when = f"{int(at.timestamp())} +0000"
        stream = [f"commit {ref}", f"author {author} {when}", f"committer {committer} {when}"]
        lines = ["\n".join(stream).encode(), _data(message.encode())]
        lines += [f"from {parent}".encode() for parent in parents[:1]]
        lines += [f"merge {parent}".encode() for parent in parents[1:]]
        for path, content in files.items():
            if content is None:
                lines.append(f"D {path}".encode())
            else:
                raw = content.encode() if isinstance(content, str) else content
                lines += [f"M 100644 inline {path}".encode(), _data(raw)]
        self.run("fast-import", "--quiet", "--force", given=b"\n".join([*lines, b""]))
        return self.word("rev-parse", ref)

    def commit_tree(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        author: str,
        committer: str,
        at: datetime,
        authored: int | None = None,
    ) -> str:
        """Commit a tree that exists; no ref is moved."""
        when = f"@{int(at.timestamp())} +0000"
        environ = {
            **_person("AUTHOR", author, f"@{authored} +0000" if authored else when),
            **_person("COMMITTER", committer, when),
        }
        before = [word for parent in parents for word in ("-p", parent)]
        return self.word("commit-tree", tree, *before, "-m", message, **environ)

    def merged_tree(self, one: str, other: str) -> str | None:
        """Return the tree of a merge without conflicts."""
        try:
            return self.word("merge-tree", "--write-tree", one, other).splitlines()[0]
        except GitFailed:
            return None

    def picked_tree(self, commit: GitCommit, onto: str) -> str:
        """Return the tree that ``commit``'s change makes of ``onto``: a cherry-pick."""
        at = datetime.fromtimestamp(1_000_000_000, UTC)
        before = self.read(commit.parents[0]).tree
        root = self.commit_tree(before, [], "root", GITHUB, GITHUB, at)
        ours = self.commit_tree(self.read(onto).tree, [root], "ours", GITHUB, GITHUB, at)
        theirs = self.commit_tree(commit.tree, [root], "theirs", GITHUB, GITHUB, at)
        tree = self.merged_tree(ours, theirs)
        if tree is None:
            raise GitFailed("the change does not apply")
        return tree

    def move(self, ref: str, sha: str) -> None:
        """Let a ref stand at a commit."""
        self.run("update-ref", ref, sha)


def _data(raw: bytes) -> bytes:
    return f"data {len(raw)}\n".encode() + raw


def _person(role: str, person: str, when: str) -> dict[str, str]:
    name, _, mail = person.removesuffix(">").partition(" <")
    return {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": mail, f"GIT_{role}_DATE": when}
