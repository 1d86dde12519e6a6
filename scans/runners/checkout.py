"""One exact commit of an allowed repository on disk, as plain files. No scanner and no rows here.

The repository is hostile until shown otherwise. Only its objects come over: no hooks, no settings,
no submodules, no LFS. We write the files ourselves, byte for byte as they are stored, so that no
filter, attribute or link of the repository has a say; a symbolic link becomes a file with its
target as text. What the tree holds is measured before the first byte is written.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from core.errors import BadInput
from gate import git
from scans.runners.confined import Ended, Limits, environment, run_confined

MEBIBYTE = 1024 * 1024
MAX_FILES = 200_000
MAX_BYTES = 2048 * MEBIBYTE  # of all files together
MAX_FILE_BYTES = 200 * MEBIBYTE  # of one file; git.MAX_OUTPUT is more
MAX_LISTING = 128 * MEBIBYTE  # of the names and ids of a tree
BATCH_BYTES = 32 * MEBIBYTE  # held in memory at once, unless one file is larger
BATCH_FILES = 1000
FETCH_LIMITS = Limits(
    wall_seconds=600, cpu_seconds=300, memory_bytes=4096 * MEBIBYTE,
    file_bytes=1024 * MEBIBYTE, processes=64,
)  # fmt: skip

COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~@+-]+)+/?\Z")
_FETCH_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.askPass=",
    "credential.helper=",
    "fetch.fsckObjects=false",  # names are checked before they are used; old repositories have flaws
    "fetch.unpackLimit=1",  # one pack, so that the limit on a file's size is the limit on all of it
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "gc.auto=0",
    "http.followRedirects=false",  # where an allowed address points on to is not allowed
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
    "maintenance.auto=false",
    "protocol.version=2",
    "submodule.recurse=false",
)
# Nothing that the repository says in .gitattributes holds here: this file has the last word.
_ATTRIBUTES = "* !text !eol !crlf !ident !filter !working-tree-encoding\n"
_CONFIG = "[core]\n\tsymlinks = false\n\tfileMode = false\n\tautocrlf = false\n"


class NotFetched(BadInput):
    """The repository did not answer, or what it sent broke off: later it may."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a tree: a file, a symbolic link or a submodule."""

    kind: str  # file, link, submodule
    blob: str
    size: int
    path: str


def allowed_repository(repository: str, allowed: Sequence[str]) -> str:
    """Return what to fetch from: a resolved folder, or an https address. Raises BadInput.

    ``allowed``: absolute folders, or addresses that start with https://; what lies below one of
    them may be read. Who writes in an allowed folder is trusted with what git finds there.
    """
    if repository.startswith("https://"):
        return _allowed_address(repository, allowed)
    if not repository.startswith("/"):
        raise BadInput(
            "repository",
            f"{repository[:200]!r} is neither an https:// address nor an absolute folder",
        )
    return _allowed_folder(repository, allowed)


def _allowed_address(repository: str, allowed: Sequence[str]) -> str:
    parts = urlsplit(repository).path.split("/")
    if not _ADDRESS.match(repository) or {".", ".."} & set(parts):
        raise BadInput("repository", f"{repository[:200]!r} is not a plain https:// address")
    for prefix in allowed:
        if prefix.startswith("https://") and f"{repository}/".startswith(f"{prefix.rstrip('/')}/"):
            return repository
    raise _not_allowed(repository)


def _allowed_folder(repository: str, allowed: Sequence[str]) -> str:
    folder = Path(repository)
    dot_git = folder / ".git"
    try:
        real = folder.resolve(strict=True)
        inner = dot_git.resolve(strict=True) if os.path.lexists(dot_git) else real
    except (
        OSError,
        ValueError,
        RuntimeError,
    ) as error:  # missing, NUL in the name, a loop of links
        raise BadInput("repository", f"{repository[:200]!r} cannot be opened ({error})") from error
    roots = [Path(prefix).resolve() for prefix in allowed if prefix.startswith("/")]
    if not any(real.is_relative_to(root) and inner.is_relative_to(root) for root in roots):
        raise _not_allowed(repository)
    if not inner.is_dir():
        raise BadInput("repository", f"{repository[:200]!r} only points to another repository")
    return str(real)


def _not_allowed(repository: str) -> BadInput:
    return BadInput("repository", f"{repository[:200]!r} is not below a folder or address that "
                                  "CTEM_RUNNER_REPOSITORIES allows")  # fmt: skip


def check_out(
    source: str, commit: str, into: Path, look: Callable[[], None] = lambda: None
) -> Path:
    """Fetch one commit from ``source`` and write its files; return the working copy.

    ``source`` is what ``allowed_repository`` returned, ``into`` an empty folder of ours. The copy
    is a git repository with its HEAD at the commit. Raises BadInput or InputError, with the limit.
    ``look`` is called each second while git fetches; what it raises goes on.
    """
    if not COMMIT.match(commit):
        raise BadInput("commit", "must be a full commit id in lower case")
    top = into / "checkout"
    _make_repository(top, commit)
    _fetch(source, commit, top, into, look)
    if git.resolve(top, commit) != commit:
        raise BadInput("commit", f"{commit[:12]} is not a commit")
    git.run_git(top, "update-ref", "--no-deref", "HEAD", commit)
    entries = list(_entries(top, commit))
    _check_size(entries)
    _write(top, entries)
    return top


def _make_repository(top: Path, commit: str) -> None:
    """An empty repository whose every setting is ours."""
    kind = "sha256" if len(commit) == 64 else "sha1"
    top.mkdir()
    git.run_git(top, "init", "--quiet", "--template=", f"--object-format={kind}", "--", str(top))
    with (top / ".git" / "config").open("a") as config:
        config.write(_CONFIG)
    (top / ".git" / "info").mkdir()
    (top / ".git" / "info" / "attributes").write_text(_ATTRIBUTES)


def _fetch(
    source: str,
    commit: str,
    top: Path,
    home: Path,
    look: Callable[[], None],
    *,
    whole: bool = False,
) -> None:
    options = (
        "--quiet",
        *(() if whole else ("--depth=1",)),
        "--no-tags",
        "--no-recurse-submodules",
        "--no-write-fetch-head",
    )
    ended = _ask(source, ("fetch", *options, "--", source, commit), top, home, look)
    if ended.timed_out:
        raise NotFetched(
            "repository", f"fetching took longer than allowed ({FETCH_LIMITS.wall_seconds} s)"
        )
    if "not our ref" in ended.output or "couldn't find remote ref" in ended.output:
        raise BadInput("commit", f"{commit} is not in {source}")
    if ended.exit_code:
        limit = f"(at most {FETCH_LIMITS.file_bytes} bytes packed)"
        raise NotFetched("repository", f"{source} could not be fetched {limit}: {ended.words()}")


def _ask(
    source: str, arguments: Sequence[str], cwd: Path, home: Path, look: Callable[[], None]
) -> Ended:
    """Run git against ``source`` with our settings alone."""
    settings = [part for setting in _FETCH_SETTINGS for part in ("-c", setting)]
    environ = environment(home) | {
        "GIT_ALLOW_PROTOCOL": "https" if source.startswith("https://") else "file",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }
    command = ["git", "--no-pager", *settings, *arguments]
    return run_confined(command, cwd=cwd, environ=environ, limits=FETCH_LIMITS, look=look)


def fetch_history(
    source: str, commit: str, into: Path, look: Callable[[], None] = lambda: None
) -> Path:
    """Fetch one commit with all that it contains; return the repository, without files.

    As ``check_out``, and with its limits.
    """
    if not COMMIT.match(commit):
        raise BadInput("commit", "must be a full commit id in lower case")
    top = into / "history"
    _make_repository(top, commit)
    _fetch(source, commit, top, into, look, whole=True)
    return top


def newest_commit(source: str, branch: str, home: Path) -> str:
    """Ask ``source`` where a branch stands. ``home``: an empty folder. Raises BadInput; NotFetched: no answer.

    ``source`` is what ``allowed_repository`` returned. Nothing is fetched.
    """
    wanted = f"refs/heads/{branch}"
    ended = _ask(source, ("ls-remote", "--", source, wanted), home, home, lambda: None)
    if ended.timed_out or ended.exit_code:
        raise NotFetched("repository", f"{source} could not be asked: {ended.words()}")
    lines = (line.partition("\t") for line in ended.output.splitlines())
    commit = next((commit for commit, _, name in lines if name == wanted), "")
    if not COMMIT.match(commit):
        raise BadInput("line", f"{source} has no branch {branch[:200]!r}")
    return commit


def _entries(top: Path, commit: str) -> Iterator[Entry]:
    """All that a commit's tree holds. Raises BadInput for a name that has no place in a folder."""
    listed = git.run_git(top, "ls-tree", "-r", "-l", "-z", "--full-tree", commit, limit=MAX_LISTING)
    kinds = {b"120000": "link", b"160000": "submodule"}
    for line in filter(None, listed.split(b"\0")):
        described, _, name = line.partition(b"\t")
        mode, _, blob, size = described.split()
        path = os.fsdecode(name)
        parts = path.split("/")
        if any(part in ("", ".", "..") or part.casefold() == ".git" for part in parts):
            raise BadInput(
                "repository", f"the tree holds the name {path[:200]!r}, which no file may have"
            )
        yield Entry(
            kinds.get(mode, "file"), blob.decode(), int(size) if size.isdigit() else 0, path
        )


def _check_size(entries: Sequence[Entry]) -> None:
    if len(entries) > MAX_FILES:
        raise BadInput("repository", f"more files than allowed ({len(entries)} > {MAX_FILES})")
    total = sum(entry.size for entry in entries)
    if total > MAX_BYTES:
        raise BadInput("repository", f"larger than allowed ({total} > {MAX_BYTES} bytes)")
    largest = max(entries, key=lambda entry: entry.size, default=None)
    if largest is not None and largest.size > MAX_FILE_BYTES:
        raise BadInput("repository", f"{largest.path[:200]} is larger than allowed "
                                     f"({largest.size} > {MAX_FILE_BYTES} bytes)")  # fmt: skip


def _write(top: Path, entries: Sequence[Entry]) -> None:
    """Write the files as they are stored. A name that is there already is never followed."""
    try:
        for entry in entries:
            if entry.kind == "submodule":
                (top / entry.path).mkdir(parents=True)
        for batch in _batches(entry for entry in entries if entry.kind != "submodule"):
            contents = git.read_blobs(top, [entry.blob for entry in batch])
            for entry, content in zip(batch, contents, strict=True):
                (top / PurePosixPath(entry.path).parent).mkdir(parents=True, exist_ok=True)
                with (top / entry.path).open("xb") as file:
                    file.write(content)
    except (FileExistsError, NotADirectoryError) as error:
        raise BadInput("repository", f"the tree names {error.filename!r} twice") from error


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    """Cut into parts that fit into memory."""
    while part := list(islice(entries, BATCH_FILES)):
        batch: list[Entry] = []
        held = 0
        for entry in part:
            if batch and held + entry.size > BATCH_BYTES:
                yield batch
                batch, held = [], 0
            batch.append(entry)
            held += entry.size
        yield batch
