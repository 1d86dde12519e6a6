"""Commits, trees and diffs of one GitLab project: what to ask for, and when the answer is whole."""

from collections.abc import Collection, Iterator

from core.outbound import HostError
from forges.hosts.gitlab_client import OK, Client, Json, need, part, project_path, pull_path
from forges.hosts.gitlab_git import Change, change_of, diff_text, empty_blob
from forges.hosts.records import HostRepository

LINK = "120000"
MOST_FILES = 1_000  # of a comparison; from here on GitLab may leave files out without a word
LONGEST_DIFF = 32 * 1024 * 1024  # bytes


def commits_between(
    client: Client, repository: HostRepository, start: str, head: str
) -> Iterator[Json]:
    """Yield the commits of ``head`` that ``start`` has not, newest first."""
    path = f"{project_path(repository)}/repository/commits"
    return client.pages(path, ref_name=f"{start}..{head}", order="topo")


def entries(
    client: Client, repository: HostRepository, commit: str, folder: str = ""
) -> Iterator[Json]:
    """Yield the entries of one tree; none where there is no such folder."""
    query = {"path": folder} if folder else {}
    path = f"{project_path(repository)}/repository/tree"
    return client.find_pages(path, ref=commit, pagination="keyset", **query)


def objects(
    client: Client, repository: HostRepository, commit: str, paths: Collection[str]
) -> dict[str, Json]:
    """Return the entries at these paths. A folder is read until all that is in it was found."""
    folders: dict[str, set[str]] = {}
    for path in paths:
        folders.setdefault(path.rpartition("/")[0], set()).add(path)
    found: dict[str, Json] = {}
    for folder, wanted in sorted(folders.items()):
        for row in entries(client, repository, commit, folder):
            if row.get("path") in wanted:
                found[str(row["path"])] = row
                wanted.discard(row["path"])
            if not wanted:
                break
    return found


def diff_between(client: Client, repository: HostRepository, start: str, head: str) -> bytes | None:
    """Return ``git diff -M`` between two commits: as git wrote it for a merge request, else put
    together from GitLab's parts. None where neither is whole."""
    raw = _raw_diff(client, repository, start, head)
    return _built_diff(client, repository, start, head) if raw is None else raw


# --- as git wrote it -----------------------------------------------------------------------------
def _raw_diff(client: Client, repository: HostRepository, start: str, head: str) -> bytes | None:
    """The diff of a merge request between these two; None where none has it, or not whole."""
    path = f"{project_path(repository)}/repository/commits/{part(head)}/merge_requests"
    for row in client.find(path) or ():
        place = pull_path(repository, int(need(row, "iid")))
        told = client.find(place) or {}
        if not _is_between(told, start, head):
            continue
        try:
            reply = client.raw(f"{place}/raw_diffs", LONGEST_DIFF)
        except HostError as error:
            if not error.final:
                raise
            return None
        whole = reply.status in OK and _holds(reply.body, told.get("changes_count"))
        if whole and _is_between(client.find(place) or {}, start, head):  # nobody pushed meanwhile
            return reply.body
    return None


def _is_between(pull: Json, start: str, head: str) -> bool:
    refs = pull.get("diff_refs") or {}
    return (refs.get("base_sha"), refs.get("head_sha")) == (start, head)


def _holds(diff: bytes, told: object) -> bool:
    """Whether a diff has as many files as GitLab counted; more than it counts are ``1000+``."""
    number = (b"\n" + diff).count(b"\ndiff --git ")
    return str(number) == told if str(told).isdecimal() else told is None


# --- put together --------------------------------------------------------------------------------
def _built_diff(client: Client, repository: HostRepository, start: str, head: str) -> bytes | None:
    path = f"{project_path(repository)}/repository/compare"
    row = client.get(path, **{"from": start, "to": head, "straight": "true"})
    diffs = row.get("diffs") or []
    if row.get("compare_timeout") or len(diffs) >= MOST_FILES:
        return None
    changes = [change for raw in diffs if (change := change_of(raw))]
    if len(changes) != len(diffs) or not _are_whole(client, repository, start, head, changes):
        return None
    return diff_text(changes)


def _are_whole(
    client: Client, repository: HostRepository, start: str, head: str, changes: list[Change]
) -> bool:
    """Whether files without text are told whole: GitLab leaves out what is too long, and does not
    always say so. The blobs do."""
    silent = [one for one in changes if one.must_be_empty or one.must_be_equal]
    olds = {one.old_path for one in silent if not one.is_new}
    news = {one.new_path for one in silent if not one.is_gone}
    before = objects(client, repository, start, olds)
    after = objects(client, repository, head, news)
    for one in silent:
        old = before.get(one.old_path, {}).get("id")
        new = after.get(one.new_path, {}).get("id")
        known = new if one.is_new else old
        if known is None or known != (empty_blob(head) if one.must_be_empty else new):
            return False
    return True
