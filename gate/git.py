"""git, run so that neither a hostile repository nor the caller's surroundings choose what it does.

No hooks, no filesystem monitor, no pager, no prompt, no other program for diffs, no replaced or
grafted objects, no configuration but the repository's own; no network unless protocols are named.
Revisions are checked before they are used and follow ``--end-of-options``; what is asked about a
revision is asked about its full object id. What stays with the caller: a repository's own
``.git/config`` may name filter programs, so only measure in clones whose configuration you made.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.errors import InputError
from gate.strict import normal_path

MAX_OUTPUT = 256 * 1024 * 1024  # bytes of one answer
MAX_COMMITS = 1_000  # of one fix
MAX_BLOBS = 50_000  # of one tree, in facts
TIMEOUT = 600.0  # seconds for one call

_OBJECT_ID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_REVISION = re.compile(r"[A-Za-z0-9_.@][A-Za-z0-9_./@^~{}+-]{0,249}\Z")
_ENCODING = re.compile(
    r"(?i)(?:utf-?8|us-ascii|(?:iso-?8859|windows|cp|koi8|euc|gb|latin)[\w-]{0,12})\Z"
)
_NOWHERE = "/nonexistent"
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.commitGraph=false",
    "core.excludesFile=/dev/null",
    "core.attributesFile=/dev/null",
    "core.sparseCheckout=false",
    "core.sshCommand=false",
    "core.quotePath=true",
    "credential.helper=",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.ext.allow=never",
    "safe.bareRepository=explicit",
    "safe.directory=*",  # the caller named this repository, and nothing of it is run
    "submodule.recurse=false",
)
_DIFF = (
    "diff",
    "-M",
    "-l1000",
    "-U3",
    "--full-index",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-relative",
    "--no-indent-heuristic",
    "--diff-algorithm=myers",
    "--inter-hunk-context=0",
    "--submodule=short",
    "--ignore-submodules=none",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "-O/dev/null",
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a working copy holds at one moment. ``changed``: why it is not exactly ``commit``.

    ``commit`` is what HEAD names; ``tree`` and ``parents`` are its. ``top`` is the root of the
    working copy. All empty where there is no commit (then ``changed`` says why).
    """

    top: Path
    commit: str = ""
    tree: str = ""
    parents: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether the files on disk are those of ``commit``, and no others that git would show."""
        return bool(self.commit) and not self.changed


def run_git(
    repo: Path,
    *arguments: str,
    given: bytes = b"",
    index: Path | None = None,
    bare: bool = False,
    protocols: str = "",
    limit: int = MAX_OUTPUT,
    timeout: float = TIMEOUT,
) -> bytes:
    """Run git in ``repo`` and return its standard output. Raises InputError with git's own words.

    ``given``: standard input. ``index``: another index file. ``bare``: ``repo`` is a git directory
    and working files (with their attributes) are not looked at. ``protocols``: what may be fetched
    over, as GIT_ALLOW_PROTOCOL. ``limit``: bytes of output. ``timeout``: seconds.
    """
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    place = [f"--git-dir={repo.absolute()}", "--bare"] if bare else []
    command = ["git", "--no-pager", *place, *settings, *arguments]
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
        stdin.write(given)
        stdin.seek(0)
        try:
            process = subprocess.Popen(  # noqa: S603 - a list, checked by the callers
                command,
                cwd=repo,
                env=_environment(index, protocols),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,  # so that what git starts ends with it
            )
        except (OSError, ValueError) as error:
            raise InputError("git", str(error)) from None
        output = _read(process, limit, timeout)
        if process.returncode != 0:
            stderr.seek(0)
            told = stderr.read(2_000).decode("utf-8", "replace").strip()
            raise InputError(f"git {arguments[0]}", told or f"exit {process.returncode}")
    return output


def _read(process: subprocess.Popen[bytes], limit: int, timeout: float) -> bytes:
    """All output up to ``limit``; a process that writes more, or takes longer, is killed."""
    watch = threading.Timer(timeout, _end, [process])
    watch.start()
    try:
        with process:
            assert process.stdout is not None  # noqa: S101 - asked for with PIPE
            output = process.stdout.read(limit + 1)
            if len(output) > limit:
                _end(process)
    finally:
        watch.cancel()
    if len(output) > limit:
        raise InputError("git", f"answers with more than {limit} bytes")
    return output


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _environment(index: Path | None, protocols: str) -> dict[str, str]:
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    environment = {
        "PATH": os.pathsep.join(part for part in path if os.path.isabs(part)),
        "HOME": _NOWHERE,
        "XDG_CONFIG_HOME": _NOWHERE,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_LITERAL_PATHSPECS": "1",
    }
    return environment | ({"GIT_INDEX_FILE": str(index)} if index else {})


def resolve(repo: Path, revision: str) -> str:
    """The full id of the commit that a revision names. Raises InputError."""
    if not _REVISION.match(revision):
        raise InputError("revision", f"{revision!r} is not a name or id of a revision")
    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    try:
        found = run_git(repo, *asked).decode("ascii", "replace").strip()
    except InputError as error:
        if "fatal:" in str(error):  # not about the revision: no repository here, say
            raise
        raise InputError(f"revision {revision!r}", "names no commit here") from None
    if not _OBJECT_ID.match(found):
        raise InputError(f"revision {revision!r}", "names no commit here")
    return found


def merge_base(repo: Path, base: str, head: str) -> str:
    """The commit that ``head`` grew from, off ``base``. Raises InputError where there is none."""
    base, head = resolve(repo, base), resolve(repo, head)
    try:
        return run_git(repo, "merge-base", base, head).decode("ascii").strip()
    except InputError:
        raise InputError(f"{base}..{head}", "have no common commit (a shallow clone?)") from None


def snapshot(repo: Path, outputs: Sequence[Path] = ()) -> Snapshot:
    """Look at the working copy around ``repo``. Raises InputError where there is no commit.

    Every file is hashed anew into an index of our own, so that flags in the real index (assume
    unchanged, skip worktree, sparse) hide nothing. Untracked files count as changes, but for
    ``outputs`` (files, or folders with all below).
    """
    top = Path(os.fsdecode(run_git(repo, "rev-parse", "--show-toplevel").rstrip(b"\n")))
    if not repo.resolve().is_relative_to(top.resolve()):
        raise InputError(str(repo), f"git takes {top} for its working copy")
    commit = resolve(repo, "HEAD")
    tree, parents = _tree_and_parents(read_commit(repo, commit))
    changed = tuple(_changes(top, commit, [path.resolve() for path in outputs]))
    return Snapshot(top, commit, tree, parents, changed)


def _changes(top: Path, commit: str, outputs: Sequence[Path]) -> Iterator[str]:
    """Changed and untracked paths below ``top``, in git's order."""
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        run_git(top, "read-tree", commit, index=index)
        asked = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
        listed = run_git(top, "status", *asked, "--ignore-submodules=none", index=index)
    for entry in listed.split(b"\0"):
        status, path = entry[:2], os.fsdecode(entry[3:])
        at = top.resolve() / path
        ours = status == b"??" and any(at.is_relative_to(output) for output in outputs)
        if path and not ours:
            yield path


def ignored_files(top: Path) -> list[str]:
    """Files that git ignores one by one; what lies in wholly ignored folders is left out."""
    asked = ("--others", "--ignored", "--exclude-standard", "--directory", "-z")
    listed = run_git(top, "ls-files", *asked).split(b"\0")
    return [os.fsdecode(path) for path in listed if path and not path.endswith(b"/")]


def list_blobs(repo: Path, commit: str) -> dict[str, str]:
    """Path to blob id of every file (and link) of a commit.

    Paths as reports show them (NFC); those that no report could name (not UTF-8, or with a
    backslash) are left out.
    """
    blobs = {}
    for entry in run_git(repo, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
        described, _, path = entry.partition(b"\t")
        fields = described.split()
        name = None if b"\\" in path else normal_path(path.decode("utf-8", "surrogateescape"))
        if len(fields) == 3 and fields[1] == b"blob" and name and name.isprintable():
            blobs[name] = fields[2].decode("ascii")
    return blobs


def read_blobs(repo: Path, ids: Sequence[str]) -> list[bytes]:
    """The contents of blobs, in the order asked for."""
    return list(_batch(run_git(repo, "cat-file", "--batch", given=_lines(ids))))


def read_commit(repo: Path, commit: str) -> bytes:
    """A commit object as it is stored."""
    return run_git(repo, "cat-file", "commit", commit)


def git_fix(repo: Path, base: str, head: str) -> dict[str, Any]:
    """What git knows of the fix ``base..head``: the member ``fix`` of facts.json.

    Both revisions are taken as they are (see ``merge_base``). ``author`` is the author of the last
    commit that is not a merge, ``branch`` the branch that ``head`` names. Blobs are left out of
    trees with more than ``MAX_BLOBS``. Raises InputError, also beyond ``MAX_COMMITS`` commits.
    """
    branch = _branch(repo, head)
    base, head = resolve(repo, base), resolve(repo, head)
    asked = ("--topo-order", "--reverse", f"--max-count={MAX_COMMITS + 1}")
    ids = run_git(repo, "rev-list", *asked, head, f"^{base}").decode("ascii").split()
    if len(ids) > MAX_COMMITS:
        raise InputError(f"{base}..{head}", f"more than {MAX_COMMITS} commits")
    stored = list(_batch(run_git(repo, "cat-file", "--batch", given=_lines(ids))))
    written = [raw for raw in stored if len(_tree_and_parents(raw)[1]) < 2]
    return {
        "base_commit": base,
        "base_tree": _tree_and_parents(read_commit(repo, base))[0],
        "head_commit": head,
        "head_tree": _tree_and_parents(read_commit(repo, head))[0],
        "author": _commit("", written[-1])["author"] if written else "",
        "commits": [_commit(oid, raw) for oid, raw in zip(ids, stored, strict=True)],
        "base_blobs": bounded(list_blobs(repo, base)),
        "blobs": bounded(list_blobs(repo, head)),
        "branch": branch,
    }


def bounded(blobs: dict[str, str]) -> dict[str, str]:
    """The blobs, or none where there are too many to send along: none is unknown, half is wrong."""
    return blobs if len(blobs) <= MAX_BLOBS else {}


def _branch(repo: Path, revision: str) -> str:
    """The branch a revision names (HEAD: the one checked out), or nothing."""
    asked = ["symbolic-ref", "--short", "--quiet", "HEAD"]
    if revision != "HEAD":
        asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"refs/heads/{revision}"]
    try:
        found = run_git(repo, *asked)
    except InputError:
        return ""
    return found.decode("utf-8", "replace").strip() if revision == "HEAD" else revision


def git_diff(repo: Path, base: str, head: str) -> bytes:
    """The fix as a unified diff. No setting, attribute or program of anyone's shapes it.

    Asked of the git directory as if bare: a fix cannot hide a change by declaring its file binary.
    """
    base, head = resolve(repo, base), resolve(repo, head)
    found = run_git(repo, "rev-parse", "--path-format=absolute", "--git-common-dir")
    return run_git(Path(os.fsdecode(found.rstrip(b"\n"))), *_DIFF, base, head, "--", bare=True)


def _lines(ids: Sequence[str]) -> bytes:
    return "".join(f"{oid}\n" for oid in ids).encode("ascii")


def _batch(answer: bytes) -> Iterator[bytes]:
    """The objects in an answer of ``cat-file --batch``. Raises InputError if one is missing."""
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        fields = answer[at:end].split()
        if len(fields) != 3:
            raise InputError("git cat-file", answer[at:end].decode("utf-8", "replace"))
        size = int(fields[2])
        yield answer[end + 1 : end + 1 + size]
        at = end + size + 2


def _headers(raw: bytes) -> list[tuple[str, bytes]]:
    head = raw.partition(b"\n\n")[0]
    split = [line.partition(b" ") for line in head.split(b"\n") if not line.startswith(b" ")]
    return [(name.decode("ascii", "replace"), value) for name, _, value in split]


def _tree_and_parents(raw: bytes) -> tuple[str, tuple[str, ...]]:
    headers = _headers(raw)
    named = [(name, value.decode("ascii", "replace")) for name, value in headers]
    tree = next((value for name, value in named if name == "tree"), "")
    return tree, tuple(value for name, value in named if name == "parent")


def _commit(oid: str, raw: bytes) -> dict[str, str]:
    """One commit as facts.json shows it: raw message, people as 'Name <mail>'."""
    headers = dict(reversed(_headers(raw)))
    encoding = headers.get("encoding", b"utf-8").decode("ascii", "replace")
    message = raw.partition(b"\n\n")[2]
    people = {name: headers.get(name, b"").rsplit(b" ", 2)[0] for name in ("author", "committer")}
    told = {name: _decode(value, encoding) for name, value in people.items()}
    return {"id": oid, "message": _decode(message, encoding), **told}


def _decode(data: bytes, encoding: str) -> str:
    """Text in the encoding its commit names, if it is a plain one; names are not to be trusted."""
    known = encoding if _ENCODING.match(encoding) else "utf-8"
    try:
        return data.decode(known, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")
