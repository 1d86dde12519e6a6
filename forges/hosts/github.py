"""GitHub as a Host: reads one organisation or user, with an App's installation or a token.

What it writes stands in github_write.py, what it is told in github_messages.py, how it asks in
github_client.py. Keeps nothing but its sign-in, judges nothing.
"""

from base64 import b64decode
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from core.outbound import HostError
from forges.hosts import github_records as records
from forges.hosts.github_client import (
    DIFF,
    NO_CODE_SCANNING,
    SARIF,
    Client,
    Declined,
    NotThere,
    read,
    unreadable,
)
from forges.hosts.github_messages import read_message
from forges.hosts.github_runs import run_succeeded
from forges.hosts.github_trees import blobs_below
from forges.hosts.github_write import write_comment, write_lamp
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
from forges.statuses import ReviewState

MAX_SEARCHES = 100  # one after the other, of 1,000 results each
MOST_LISTED = 250  # commits of a pull request
JSON_SPARE = 64 * 1024  # of what stands around a blob
DECISIONS = frozenset({ReviewState.APPROVED, ReviewState.REJECTED})
MAY_WRITE = frozenset({"admin", "maintain", "write"})


class GitHub(Host):
    """One account of one GitHub; ``api`` is https://api.github.com or https://HOST/api/v3."""

    def __init__(
        self,
        *,
        api: str,
        account: str,
        token: str = "",
        app_id: str = "",
        private_key: str = "",
        installation: str = "",
    ) -> None:
        self._account = account
        self._app_id = app_id
        self._client = Client(
            api=api,
            token=token,
            app_id=app_id,
            private_key=private_key,
            installation=installation,
        )

    # --- who and what ----------------------------------------------------------------------------
    def account(self) -> str:
        """The App's name or the token's login; raises HostError if GitHub does not take it."""
        if not self._client.is_app:
            return self._login()
        name = read(lambda told: records.text(told["slug"]), self._client.get_as_app("/app"))
        # An App that is right may still be installed elsewhere, or no more.
        self._client.get("/installation/repositories", per_page="1")
        return name

    def repositories(self) -> Iterator[HostRepository]:
        """All that the installation was given, or that the account has and the token may see."""
        for told in self._repository_list():
            yield read(records.repository, told)

    def branches(self, repository: HostRepository) -> list[str]:
        """The protected branches."""
        path = f"{_at(repository)}/branches"
        rows = self._client.items(path, protected="true")
        return [read(lambda told: records.text(told["name"]), row) for row in rows]

    def tip(self, repository: HostRepository, branch: str) -> str:
        """The commit that a branch is at."""
        told = self._client.get(f"{_at(repository)}/git/ref/heads/{quote(branch)}").json()
        return read(lambda ref: records.git_id(ref["object"]["sha"]), told)

    # --- pull requests ---------------------------------------------------------------------------
    def changed_pulls(self, since: str) -> Iterator[tuple[str, int]]:
        """The account's pull requests that changed, oldest change first.

        A search ends at 1,000 results: it is asked again from the last change that it gave.
        """
        whose = f"{'user' if self._is_user() else 'org'}:{self._account}"
        seen: set[tuple[str, int, str]] = set()
        for _ in range(MAX_SEARCHES):
            last, is_cut = since, False
            for found in self._search(whose, since):
                last, is_cut = found.updated, found.is_cut
                if (key := (found.repository, found.number, found.updated)) not in seen:
                    seen.add(key)
                    yield found.repository, found.number
            if not is_cut:
                return
            since = _later(since, last)

    def open_pulls(self, repository: HostRepository) -> Iterator[int]:
        """The numbers of the open pull requests, newest first."""
        for told in self._client.items(f"{_at(repository)}/pulls", state="open"):
            yield read(lambda row: records.number(row["number"]), told)

    def pull(self, repository: HostRepository, number: int) -> Pull:
        """One pull request as it is now."""
        told = self._client.get(f"{_at(repository)}/pulls/{number}").json()
        return read(records.pull, told)

    def pull_commits(self, repository: HostRepository, number: int) -> list[HostCommit]:
        """Its commits, oldest first, all of them. Raises HostError where GitHub does not tell all."""
        path = f"{_at(repository)}/pulls/{number}"
        rows = list(self._client.items(f"{path}/commits"))
        if len(rows) >= MOST_LISTED:  # it ends there; a comparison has pages for all
            told = self._client.get(path).json()
            ends = read(
                lambda pull: [records.git_id(pull[x]["sha"]) for x in ("base", "head")], told
            )
            between = f"{_at(repository)}/compare/{'...'.join(ends)}"
            rows = list(self._client.items(between, "commits"))
            if len(rows) < read(lambda pull: records.number(pull["commits"]), told):
                raise HostError("GitHub does not tell all commits of this request.", final=True)
        return [read(records.commit, row) for row in rows]

    def reviews(self, repository: HostRepository, number: int) -> list[HostReview]:
        """Its reviews, oldest first; whether people who decided something may write is asked."""
        rows = self._client.items(f"{_at(repository)}/pulls/{number}/reviews")
        told = [read(records.review, row) for row in rows]
        known: dict[str, bool | None] = {}
        return [self._with_permission(repository, review, known) for review in told]

    # --- content ---------------------------------------------------------------------------------
    def commit(self, repository: HostRepository, commit: str) -> HostCommit:
        """One commit with its tree and parents."""
        path = f"{_at(repository)}/commits/{quote(commit, safe='')}"
        return read(records.commit, self._client.get(path, per_page="1").json())

    def compare(
        self, repository: HostRepository, base: str, head: str, *, diff: bool
    ) -> Comparison:
        """How ``head`` relates to ``base``; GitHub gives no diff of many files or lines: None."""
        path = f"{_at(repository)}/compare/{quote(base, safe='')}...{quote(head, safe='')}"
        told = self._client.get(path, per_page="1").json()
        text = self._diff(path) if diff else None
        return read(
            lambda row: Comparison(
                merge_base=records.git_id(row["merge_base_commit"]["sha"]),
                status=records.text(row["status"]),
                diff=text,
                commits=records.number(row["total_commits"]),
            ),
            told,
        )

    def blobs(
        self, repository: HostRepository, commit: str, paths: Collection[str]
    ) -> dict[str, str]:
        """Blob ids at a commit of those of ``paths`` that are files there."""
        at = _at(repository)

        def tree(sha: str, recursive: bool) -> Any:
            path = f"{at}/git/trees/{quote(sha, safe='')}"
            asked = self._client.get(path, recursive="1") if recursive else self._client.get(path)
            return asked.json()

        return read(lambda wanted: blobs_below(tree, commit, wanted), paths)

    def paths(self, repository: HostRepository, commit: str) -> list[str] | None:
        """The paths of all files at a commit; None where GitHub cuts the list."""
        tree = f"{_at(repository)}/git/trees/{quote(commit, safe='')}"
        told = self._client.get(tree, recursive="1").json()
        names = read(lambda row: [str(e["path"]) for e in row["tree"] if e["type"] == "blob"], told)
        return None if told.get("truncated") else names

    def content(self, repository: HostRepository, blob: str, limit: int) -> bytes:
        """The bytes of a blob, as GitHub wraps them."""
        path = f"{_at(repository)}/git/blobs/{quote(blob, safe='')}"
        told = self._client.get(path, limit=2 * limit + JSON_SPARE).json()
        data = read(lambda row: b64decode(row["content"]), told)
        if len(data) > limit:
            raise HostError(f"The blob {blob[:12]} has more than {limit} bytes.", final=True)
        return data

    # --- code scanning ---------------------------------------------------------------------------
    def analyses(self, repository: HostRepository, ref: str = "") -> Iterator[Analysis]:
        """The reports that GitHub keeps, newest first; none where code scanning is not in use."""
        query = {"ref": ref} if ref else {}
        for told in self._scanning(repository, "analyses", query):
            yield read(records.analysis, told)

    def report(self, repository: HostRepository, analysis: Analysis, limit: int) -> bytes:
        """The SARIF of one analysis. GitHub gives back less than was uploaded."""
        path = f"{_at(repository)}/code-scanning/analyses/{quote(analysis.id, safe='')}"
        return self._client.get(path, accept=SARIF, limit=limit).body

    def succeeded(self, repository: HostRepository, analysis: Analysis) -> bool | None:
        """Whether the workflow run that made a report ended well; None while it runs, or untold."""
        return run_succeeded(self._client, _at(repository), analysis)

    def alerts(self, repository: HostRepository, since: str) -> Iterator[Alert]:
        """The alerts that changed since then, newest change first."""
        query = {"sort": "updated", "direction": "desc"}
        for told in self._scanning(repository, "alerts", query):
            alert = read(records.alert, told)
            if alert.updated_at < since:
                return
            yield alert

    # --- writing and being told ------------------------------------------------------------------
    def show_lamp(self, repository: HostRepository, lamp: Lamp, known: str) -> str:
        """Set a lamp: a check run of the App, or a commit status with a token."""
        return write_lamp(self._client, _at(repository), lamp, known)

    def comment(self, repository: HostRepository, number: int, text: str, known: str) -> str:
        """Write our one comment, or change it."""
        return write_comment(self._client, _at(repository), number, text, known)

    def read_message(
        self, headers: Mapping[str, str], body: bytes, secrets: Collection[str]
    ) -> Message | None:
        """The message, if one of ``secrets`` signed it; else None."""
        return read_message(headers, body, secrets, own_app=self._app_id)

    # --- inside ----------------------------------------------------------------------------------
    def _login(self) -> str:
        return read(lambda told: records.text(told["login"]), self._client.get("/user").json())

    def _is_user(self) -> bool:
        told = self._client.get(f"/users/{quote(self._account, safe='')}").json()
        return read(lambda row: row["type"] == "User", told)

    def _repository_list(self) -> Iterator[dict[str, Any]]:
        if self._client.is_app:
            return self._client.items("/installation/repositories", "repositories")
        account = quote(self._account, safe="")
        if not self._is_user():
            return self._client.items(f"/orgs/{account}/repos")
        if self._login().casefold() == self._account.casefold():  # else public ones only
            return self._client.items("/user/repos", affiliation="owner")
        return self._client.items(f"/users/{account}/repos")

    def _search(self, whose: str, since: str) -> Iterator["_Found"]:
        query = f"{whose} is:pr updated:>={since}"
        given = 0
        for page in self._client.pages("/search/issues", q=query, sort="updated", order="asc"):
            found = read(_search_page, page)
            given += len(found)
            for one in found:
                yield replace(one, is_cut=given < one.total)

    def _with_permission(
        self, repository: HostRepository, review: HostReview, known: dict[str, bool | None]
    ) -> HostReview:
        if review.state not in DECISIONS or review.is_bot or not review.login:
            return review
        if review.login not in known:
            known[review.login] = self._may_write(repository, review.login)
        return replace(review, may_write=known[review.login])

    def _may_write(self, repository: HostRepository, login: str) -> bool | None:
        path = f"{_at(repository)}/collaborators/{quote(login, safe='')}/permission"
        try:
            told = self._client.get(path).json()
        except NotThere:
            return False
        return read(lambda row: row["permission"] in MAY_WRITE, told)

    def _diff(self, path: str) -> bytes | None:
        try:
            return self._client.get(path, accept=DIFF).body
        except Declined:  # too many files, lines or bytes
            return None

    def _scanning(
        self, repository: HostRepository, what: str, query: Mapping[str, str]
    ) -> Iterator[dict[str, Any]]:
        try:
            yield from self._client.items(f"{_at(repository)}/code-scanning/{what}", **query)
        except NotThere:
            return
        except HostError as refused:
            if refused.sentence != NO_CODE_SCANNING:
                raise


def _at(repository: HostRepository) -> str:
    """The repository's path below the API. Raises HostError for a name that is none."""
    owner, _, name = repository.full_name.partition("/")
    if not owner or not name or "/" in name:
        raise unreadable()
    return f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}"


@dataclass(frozen=True, slots=True)
class _Found:
    """One result of a search; ``is_cut``: the search has more than it gave up to this page."""

    repository: str
    number: int
    updated: str
    total: int
    is_cut: bool = False


def _search_page(page: Any) -> list[_Found]:
    if page["incomplete_results"]:
        raise HostError("GitHub's search ran out of time.")
    names = ["/".join(row["repository_url"].rsplit("/", 2)[-2:]) for row in page["items"]]
    return [
        _Found(name, int(row["number"]), str(row["updated_at"]), int(page["total_count"]))
        for name, row in zip(names, page["items"], strict=True)
    ]


def _later(since: str, last: str) -> str:
    """Where the search goes on: at the last change; a second on where all changed in that one."""
    if last > since:
        return last
    moved = datetime.fromisoformat(since) + timedelta(seconds=1)
    return moved.strftime("%Y-%m-%dT%H:%M:%SZ")
