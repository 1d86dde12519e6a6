"""GitLab: its REST API (version 4) read as ``host.Host``. Keeps nothing but who is a bot; judges nothing.

Beside it: ``gitlab_client`` (requests), ``gitlab_commits`` with ``gitlab_git`` (trees, diffs),
``gitlab_reviews``, ``gitlab_analyses`` with ``gitlab_report`` (scans), ``gitlab_hooks`` (webhooks).
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from core.moments import rfc3339
from forges.hosts import gitlab_analyses, gitlab_hooks
from forges.hosts.gitlab_client import (
    OK,
    Client,
    Json,
    moment,
    need,
    part,
    project_path,
    pull_path,
)
from forges.hosts.gitlab_commits import LINK, commits_between, diff_between, entries, objects
from forges.hosts.gitlab_git import tree_id
from forges.hosts.gitlab_reviews import decisions
from forges.hosts.host import Host
from forges.hosts.records import (
    Alert,
    Analysis,
    Comparison,
    HostCommit,
    HostRepository,
    HostReview,
    Lamp,
    Message,
    Pull,
)
from forges.statuses import PullState, ReviewState

WRITES = 30  # access level of a developer
MOST_COUNTED = 1_000  # commits of a comparison; more are counted as that many
LONGEST_DESCRIPTION = 255  # characters of a commit status

_STATES = {"closed": PullState.CLOSED, "merged": PullState.MERGED}
_LAMPS = {"pass": "success", "waiting": "pending"}  # what blocks; all else has failed


class GitLab(Host):
    """One group's projects with those of its subgroups, or one person's."""

    def __init__(self, *, api: str, account: str, token: str) -> None:
        """``api``: https://HOST/api/v4; ``account``: a group's full path, or a user name."""
        self._client = Client(api, token)
        self._account = account
        self._is_bot: dict[int, bool] = {}

    def account(self) -> str:
        """The user name of the token; group and project tokens have one of their own."""
        return str(need(self._client.get("user"), "username"))

    # --- repositories ----------------------------------------------------------------------------
    def repositories(self) -> Iterator[HostRepository]:
        """All projects, archived ones too. ``pushed_at`` is GitLab's last activity: of any kind, not
        only a push, and noted once an hour, so that it may be an hour before the last push."""
        name = part(self._account)
        query = {"order_by": "id", "sort": "asc"}
        if self._is_group():
            rows = self._client.pages(
                f"groups/{name}/projects", include_subgroups=True, with_shared=False, **query
            )
        else:
            rows = self._client.pages(f"users/{name}/projects", **query)
        return map(_repository, rows)

    def branches(self, repository: HostRepository) -> list[str]:
        """The protected branches, whether by name, by pattern or by the group, that exist."""
        every = self._client.pages(f"{project_path(repository)}/repository/branches")
        return sorted(str(need(row, "name")) for row in every if row.get("protected"))

    def tip(self, repository: HostRepository, branch: str) -> str:
        row = self._client.get(f"{project_path(repository)}/repository/branches/{part(branch)}")
        return str(need(need(row, "commit"), "id"))

    # --- merge requests --------------------------------------------------------------------------
    def changed_pulls(self, since: str) -> Iterator[tuple[str, int]]:
        """Newest change first: what changes meanwhile comes twice rather than not at all."""
        query = {"scope": "all", "state": "all", "order_by": "updated_at", "sort": "desc"}
        query |= {"updated_after": since} if since else {}
        if self._is_group():
            rows = self._client.pages(f"groups/{part(self._account)}/merge_requests", **query)
            for row in rows:
                name = str(need(need(row, "references"), "full")).rpartition("!")[0]
                yield name, int(need(row, "iid"))
            return
        for repository in self.repositories():
            path = f"{project_path(repository)}/merge_requests"
            for row in self._client.find_pages(path, **query):
                yield repository.full_name, int(need(row, "iid"))

    def open_pulls(self, repository: HostRepository) -> Iterator[int]:
        path = f"{project_path(repository)}/merge_requests"
        for row in self._client.find_pages(path, scope="all", state="opened"):
            yield int(need(row, "iid"))

    def pull(self, repository: HostRepository, number: int) -> Pull:
        row = self._client.get(pull_path(repository, number))
        author = need(row, "author")
        state = _STATES.get(str(need(row, "state")), PullState.OPEN)
        merged = state is PullState.MERGED
        merger = row.get("merge_user") or row.get("merged_by") or {}
        return Pull(
            number=number,
            title=str(row.get("title") or ""),
            body=str(row.get("description") or ""),
            state=state,
            url=str(row.get("web_url") or ""),
            base_ref=str(need(row, "target_branch")),
            head_ref=str(need(row, "source_branch")),
            head_commit=str(need(row, "sha")),
            author=str(need(author, "username")),
            is_bot=self._bot(author),
            is_draft=bool(row.get("draft", row.get("work_in_progress"))),
            is_fork=row.get("source_project_id") != row.get("target_project_id"),
            created_at=moment(row.get("created_at")),
            updated_at=moment(row.get("updated_at")),
            merged_at=moment(row.get("merged_at")) if merged else "",
            merged_by=str(merger.get("username") or "") if merged else "",
            merge_commit=_landed(row) if merged else "",
        )

    def pull_commits(self, repository: HostRepository, number: int) -> list[HostCommit]:
        """Its commits, oldest first, without their trees: ``commit`` has to work each of them out.

        Read as a range: GitLab's own list of a merge request's commits leaves the parents out.
        """
        refs = self._client.get(pull_path(repository, number)).get("diff_refs") or {}
        if not refs.get("base_sha") or not refs.get("head_sha"):
            return []
        rows = list(commits_between(self._client, repository, refs["base_sha"], refs["head_sha"]))
        return [_commit(row, "") for row in reversed(rows)]

    def reviews(self, repository: HostRepository, number: int) -> list[HostReview]:
        """Approvals and requested changes, bound to the newest version that was there before them."""
        path = pull_path(repository, number)
        found = decisions(
            self._client.get(f"{path}/approvals"),
            self._client.pages(f"{path}/notes", sort="asc", order_by="created_at"),
            list(self._client.pages(f"{path}/versions")),
        )
        decided = (ReviewState.APPROVED, ReviewState.REJECTED)
        asked = {one.user for one in found if one.state in decided}
        may_write = {user: self._may_write(repository, user) for user in sorted(asked)}
        return [
            HostReview(
                id=one.id,
                login=one.login,
                state=one.state,
                commit=one.commit,
                at=rfc3339(one.when),
                is_bot=self._bot({"id": one.user}),
                may_write=may_write.get(one.user),
            )
            for one in found
        ]

    # --- commits ---------------------------------------------------------------------------------
    def commit(self, repository: HostRepository, commit: str) -> HostCommit:
        """One commit; its tree's id is worked out from the entries, since GitLab does not say it."""
        path = f"{project_path(repository)}/repository/commits/{part(commit)}"
        row = self._client.get(path, stats=False)
        return _commit(row, tree_id(entries(self._client, repository, str(need(row, "id")))))

    def compare(
        self, repository: HostRepository, base: str, head: str, *, diff: bool
    ) -> Comparison:
        """A diff comes as git wrote it where a merge request has it, else put together from parts."""
        query = [base, head]
        row = self._client.find(f"{project_path(repository)}/repository/merge_base", refs=query)
        if row is None:
            for commit in (base, head):
                self.commit(repository, commit)  # raises if it is not there
            return Comparison(merge_base="", status="diverged")
        start = str(need(row, "id"))
        status = _status(start, base, head)
        if status in ("identical", "behind"):
            return Comparison(start, status, b"" if diff else None)
        commits = sum(
            1 for _ in islice(commits_between(self._client, repository, start, head), MOST_COUNTED)
        )
        text = diff_between(self._client, repository, start, head) if diff else None
        return Comparison(start, status, text, commits)

    def blobs(
        self, repository: HostRepository, commit: str, paths: Collection[str]
    ) -> dict[str, str]:
        """Links and submodules are no files."""
        found = objects(self._client, repository, commit, paths)
        return {
            path: str(row["id"])
            for path, row in found.items()
            if row.get("type") == "blob" and row.get("mode") != LINK
        }

    # --- scans -----------------------------------------------------------------------------------
    def paths(self, repository: HostRepository, commit: str) -> list[str] | None:
        """None: GitLab lists folder by folder, and no stock set-up needs it here."""
        return None

    def content(self, repository: HostRepository, blob: str, limit: int) -> bytes:
        """The bytes of a blob."""
        path = f"{project_path(repository)}/repository/blobs/{part(blob)}/raw"
        reply = self._client.raw(path, limit)
        if reply.status != 200:
            raise self._client.error(reply)
        return reply.body

    def analyses(self, repository: HostRepository, ref: str = "") -> Iterator[Analysis]:
        """Reports in jobs' artifacts. ``tool`` is GitLab's word for the kind; the report names it."""
        return gitlab_analyses.analyses(self._client, repository, ref)

    def report(self, repository: HostRepository, analysis: Analysis, limit: int) -> bytes:
        return gitlab_analyses.report(self._client, repository, analysis, limit)

    def succeeded(self, repository: HostRepository, analysis: Analysis) -> bool | None:
        """Told with the analysis already; asked for where a list did not have it."""
        return gitlab_analyses.succeeded(self._client, repository, analysis)

    def alerts(self, repository: HostRepository, since: str) -> Iterator[Alert]:
        return gitlab_analyses.alerts(self._client, repository, since)

    # --- telling ---------------------------------------------------------------------------------
    def show_lamp(self, repository: HostRepository, lamp: Lamp, known: str) -> str:
        """As a commit status, whose text is the title. GitLab has no neutral state: what must not
        stop anybody is a success that says in its text what it is."""
        state = _LAMPS.get(lamp.outcome, "failed") if lamp.blocks else "success"
        plain = lamp.blocks or lamp.outcome == "pass"
        title = lamp.title if plain else f"{lamp.outcome} (does not block): {lamp.title}"
        body = {
            "state": state,
            "name": lamp.name,
            "description": title[:LONGEST_DESCRIPTION],
            **({"target_url": lamp.url} if lamp.url else {}),
        }
        path = f"{project_path(repository)}/statuses/{part(lamp.commit)}"
        reply = self._client.send("POST", path, body)
        if reply.status == 400 and b"Cannot transition status" in reply.body:
            return known  # it stands in this state already
        if reply.status not in OK:
            raise self._client.error(reply)
        return str(need(reply.json(), "id"))

    def comment(self, repository: HostRepository, number: int, text: str, known: str) -> str:
        path, body = f"{pull_path(repository, number)}/notes", {"body": text}
        if known:
            reply = self._client.send("PUT", f"{path}/{part(known)}", body)
            if reply.status in OK:
                return known
            if reply.status != 404:
                raise self._client.error(reply)
        reply = self._client.send("POST", path, body)
        if reply.status not in OK:
            raise self._client.error(reply)
        return str(need(reply.json(), "id"))

    def read_message(
        self, headers: Mapping[str, str], body: bytes, secrets: Collection[str]
    ) -> Message | None:
        return gitlab_hooks.read_message(headers, body, secrets)

    # --- parts -----------------------------------------------------------------------------------
    def _is_group(self) -> bool:
        return self._client.find(f"groups/{part(self._account)}", with_projects=False) is not None

    def _bot(self, user: Json) -> bool:
        """GitLab's own word on a user, which lists leave out."""
        number = int(need(user, "id"))
        if number not in self._is_bot:
            row = self._client.find(f"users/{number}") or {}
            self._is_bot[number] = row.get("bot") is True
        return self._is_bot[number]

    def _may_write(self, repository: HostRepository, user: int) -> bool | None:
        """Whether a member may push; None where we may not see the members."""
        path = f"{project_path(repository)}/members/all/{user}"
        reply = self._client.ask_for(path)
        if reply.status == 403:
            return None
        if reply.status == 404:
            return False
        if reply.status not in OK:
            raise self._client.error(reply)
        return int(need(reply.json(), "access_level")) >= WRITES


# --- records -------------------------------------------------------------------------------------
def _repository(row: Json) -> HostRepository:
    return HostRepository(
        id=str(need(row, "id")),
        full_name=str(need(row, "path_with_namespace")),
        default_branch=str(row.get("default_branch") or ""),
        web_url=str(row.get("web_url") or ""),
        clone_url=str(row.get("http_url_to_repo") or ""),
        pushed_at=moment(row.get("last_activity_at")),
        archived=bool(row.get("archived")),
    )


def _commit(row: Json, tree: str) -> HostCommit:
    return HostCommit(
        id=str(need(row, "id")),
        tree=tree,
        parents=tuple(map(str, row.get("parent_ids") or ())),
        message=str(row.get("message") or ""),
        author=f"{row.get('author_name') or ''} <{row.get('author_email') or ''}>",
        committer=f"{row.get('committer_name') or ''} <{row.get('committer_email') or ''}>",
        committed_at=moment(row.get("committed_date")),
    )


def _landed(row: Json) -> str:
    """What a merge put on the base branch: a merge commit, else a squashed one, else the head."""
    commits: list[Any] = [row.get(key) for key in ("merge_commit_sha", "squash_commit_sha", "sha")]
    return str(next(filter(None, commits), ""))


def _status(start: str, base: str, head: str) -> str:
    if start == head:
        return "identical" if base == head else "behind"
    return "ahead" if start == base else "diverged"
