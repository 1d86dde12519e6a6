"""A GitHub in a test's process: repositories of real git, pull requests, reviews, reports, messages.

The world and what happens in it stand here; fake_github_server.py answers for it over HTTP and holds
every request and answer against GitHub's published description. What does not fit fails the test:

    with FakeGitHub(org="acme", secret="hook") as github:
        shop = github.add_repository("shop", {"app.py": "print(1)\\n"})
        github.commit(shop, "fix", {"app.py": "print(2)\\n"}, "Fix it", author="dana")
        pull = github.open_pull(shop, "fix", title="Fix it", author="dana")
        github.review(pull, "rita", "APPROVED")
        github.merge(pull, "squash", by="rita")
"""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.forges.fake_github_answers import Answers
from tests.forges.fake_github_events import Delivery, deliver
from tests.forges.fake_github_git import GITHUB, Content, Git, GitFailed
from tests.forges.fake_github_records import (
    FakeAccount,
    FakeAlert,
    FakeAnalysis,
    FakePull,
    FakeRepository,
    FakeReview,
    FakeRun,
)
from tests.forges.fake_github_server import Fault, Server, Write
from tests.forges.fake_github_shapes import Shapes

CODEQL_KEY = ".github/workflows/codeql.yml:analyze"
LAMPS = ("/check-runs", "/statuses/", "/comments")  # what a connection may write


class FakeGitHub:
    """One account of a GitHub with all that is in it, served while the ``with`` lasts."""

    def __init__(self, org: str = "acme", secret: str = "hook", kind: str = "Organization"):  # noqa: S107
        self.org, self.secret = org, secret
        self.lock = threading.RLock()
        self.folder = Path(tempfile.mkdtemp(prefix="fake-github-"))
        self.shapes = Shapes(self)
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._ids = itertools.count(1001)
        self.accounts: dict[str, FakeAccount] = {}
        self.account(org, kind=kind)
        self.account("web-flow").person = GITHUB
        self.repositories: dict[str, FakeRepository] = {}
        self.deliveries: list[Delivery] = []
        # Signing in: tokens of people, one App with one installation.
        self.tokens: dict[str, str] = {"ghp_of_connector": "connector"}
        self.app_id, self.app_slug, self.installation = "4711", "ctem-gate", 815
        self.installation_tokens: dict[str, datetime] = {}
        # What happened, and what goes wrong.
        self.requests: list[tuple[str, str]] = []
        self.writes: list[Write] = []
        self.violations: list[str] = []
        self.faults: list[Fault] = []
        self.requests_left: int | None = None  # of the rate limit; None: no limit
        self.limit_reset = self.now() + timedelta(minutes=10)
        self.search_limit, self.tree_limit, self.diff_limit = 1_000, 100_000, 1_000_000
        self.answers = Answers(self)
        self.server = Server(self)

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.violations:  # also where the test failed already: this may be why
            raise AssertionError("\n".join(["GitHub does not do this:", *self.violations]))

    # --- where and with what to sign in ----------------------------------------------------------
    @property
    def host(self) -> str:
        """What CTEM_OUTBOUND_PLAIN_HOSTS has to name."""
        return self.server.host

    @property
    def api(self) -> str:
        return f"http://{self.host}"

    @property
    def token(self) -> str:
        return next(iter(self.tokens))

    @property
    def private_key(self) -> str:
        """The App's key, as its owner downloads it."""
        return _pem(_app_key())

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """What the App's passes are checked with."""
        return _app_key().public_key()

    def app_sign_in(self) -> dict[str, str]:
        """What an adapter needs to sign in as the App's installation."""
        return {
            "app_id": self.app_id,
            "private_key": self.private_key,
            "installation": str(self.installation),
        }

    @property
    def contents_written(self) -> list[Write]:
        """What was written beside lamps and comments: has to stay empty."""
        return [
            write
            for write in self.writes
            if not any(part in write.path for part in LAMPS) or not write.path.startswith("/repos/")
        ]

    def fault(self, match: str, status: int = 500, times: int = 1, **more: Any) -> Fault:
        """Answer requests whose ``METHOD /path`` the pattern finds with a fault, the next ``times``."""
        self.faults.append(Fault(match, status, times, **more))
        return self.faults[-1]

    # --- accounts --------------------------------------------------------------------------------
    def account(self, login: str, *, kind: str = "", person: str = "") -> FakeAccount:
        """Return an account, made when it is named first; ``[bot]`` at the end makes it a bot."""
        if login not in self.accounts:
            kind = kind or ("Bot" if login.endswith("[bot]") else "User")
            number = self.next_id()
            mail = f"{number}+{login}@users.noreply.github.com"
            person = person or f"{login.removesuffix('[bot]').title()} <{mail}>"
            self.accounts[login] = FakeAccount(number, login, kind, person)
        return self.accounts[login]

    def login_of(self, person: str) -> str:
        """Return whose mail a commit names; empty for nobody's."""
        found = (one.login for one in self.accounts.values() if one.person == person)
        return next(found, "")

    def next_id(self) -> int:
        return next(self._ids)

    def _person(self, author: str) -> str:
        return author if author.endswith(">") else self.account(author).person

    # --- repositories and pushes -----------------------------------------------------------------
    def add_repository(
        self,
        name: str,
        files: Mapping[str, Content] | None = None,
        *,
        branch: str = "main",
        protected: Iterable[str] = ("main",),
        author: str = "dana",
    ) -> FakeRepository:
        """Add a repository with one commit; without ``files`` with a README."""
        with self.lock:
            git = Git(self.folder / f"{name}.git", branch)
            repository = FakeRepository(
                self.next_id(), name, f"{self.org}/{name}", branch, git, set(protected), self.now()
            )
            self.repositories[name] = repository
            files = files or {"README.md": f"# {name}\n"}
            self.commit(repository, branch, files, "First commit", author=author)
            return repository

    def rename(self, repository: FakeRepository, name: str) -> None:
        """Rename: requests for the old name are sent on."""
        with self.lock:
            repository.name, repository.full_name = name, f"{self.org}/{name}"
            self.repositories[name] = repository
            self._emit("repository", "renamed", repository)

    def commit(
        self,
        repository: FakeRepository,
        branch: str,
        files: Mapping[str, Content],
        message: str = "A change",
        *,
        author: str = "dana",
        committer: str = "",
        coauthors: Iterable[str] = (),
        base: str = "",
        fork: str = "",
        by: str = "",
    ) -> str:
        """Commit to a branch and push it, return the commit's id. A new branch begins at ``base``.

        ``author``, ``committer`` and ``coauthors`` are logins or ``Name <mail>``; None as a file's
        content deletes it. ``fork``: to the branch of that person's fork.
        """
        with self.lock:
            ref = f"refs/forks/{fork}/{branch}" if fork else f"refs/heads/{branch}"
            before = repository.git.resolve(ref)
            parent = before or repository.git.resolve(base or repository.default_branch)
            trailers = [f"Co-authored-by: {self._person(one)}" for one in coauthors]
            text = message + ("\n\n" + "\n".join(trailers) if trailers else "")
            person = self._person(author)
            sha = repository.git.commit(
                ref, [parent] if parent else [], files, text,
                person, self._person(committer) if committer else person, self.now(),
            )  # fmt: skip
            self._pushed(repository, ref, before, sha, by or author)
            return sha

    def push(
        self, repository: FakeRepository, branch: str, commit: str, *, by: str = "dana"
    ) -> None:
        """Let a branch stand at a commit that exists: a push, forced where it has to be."""
        with self.lock:
            ref = f"refs/heads/{branch}"
            before = repository.git.resolve(ref)
            repository.git.move(ref, commit)
            self._pushed(repository, ref, before, commit, by)

    def _pushed(
        self, repository: FakeRepository, ref: str, before: str | None, after: str, by: str
    ) -> None:
        if ref.startswith("refs/heads/"):
            repository.pushed_at = self.now()
            head = self.shapes.commit(repository, repository.git.read(after))
            self._emit(
                "push", "", repository,
                ref=ref, before=before or "0" * 40, after=after, created=not before,
                deleted=False, commits=[], head_commit={"id": after, "tree_id": head["commit"]["tree"]["sha"]},
                sender=self._sender(by),
            )  # fmt: skip
        for pull in repository.pulls.values():
            if pull.state != "open":
                continue
            if pull.head_ref == ref and pull.head_commit != after:
                old, pull.head_commit = pull.head_commit, after
                self._touched(pull)
                self._emit_pull("synchronize", pull, by, before=old, after=after)
            elif ref == f"refs/heads/{pull.base}":
                self._try_merge(pull)

    # --- pull requests ---------------------------------------------------------------------------
    def open_pull(
        self,
        repository: FakeRepository,
        head: str,
        base: str = "",
        *,
        title: str = "A pull request",
        body: str = "",
        author: str = "dana",
        bot: bool = False,
        draft: bool = False,
        fork: str = "",
    ) -> FakePull:
        """Open a pull request; ``bot``: its author is an app's account."""
        with self.lock:
            author = f"{author}[bot]" if bot and not author.endswith("[bot]") else author
            base, at = base or repository.default_branch, self.now()
            number = next(iter(repository.numbers))
            pull = FakePull(
                self.next_id(), number, repository, title, body, head, base, author, "", "", at, at,
                draft=draft, fork=fork,
            )  # fmt: skip
            sha, tip = repository.git.resolve(pull.head_ref), repository.git.resolve(base)
            assert sha and tip, f"no branch {head} or {base}"
            pull.head_commit, pull.base_commit = sha, tip
            repository.pulls[number] = pull
            self._touched(pull)
            self._emit_pull("opened", pull, author)
            return pull

    def edit(self, pull: FakePull, **changes: Any) -> None:
        """Change what a person could change on the web: title, body, draft."""
        with self.lock:
            for name, value in changes.items():
                setattr(pull, name, value)
            pull.updated_at = self.now()

    def review(
        self,
        pull: FakePull,
        login: str,
        state: str = "APPROVED",
        *,
        permission: str = "write",
        body: str = "",
        commit: str = "",
    ) -> FakeReview:
        """Review a pull request; state as GitHub names it. ``permission`` is what the reviewer has."""
        with self.lock:
            if login:
                pull.repository.permissions[login] = permission
            at = self.now()
            review = FakeReview(
                self.next_id(), pull, login, state, commit or pull.head_commit, at, body
            )
            pull.reviews.append(review)
            pull.updated_at = at
            self._emit_review("submitted", review)
            return review

    def dismiss(self, review: FakeReview) -> None:
        """Take a review back: GitHub forgets what it decided."""
        with self.lock:
            review.state = "DISMISSED"
            review.pull.updated_at = self.now()
            self._emit_review("dismissed", review)

    def close(self, pull: FakePull, *, by: str = "dana") -> None:
        """Close without a merge."""
        with self.lock:
            pull.state, pull.closed_at, pull.updated_at = "closed", self.now(), self.now()
            self._emit_pull("closed", pull, by)

    def reopen(self, pull: FakePull) -> None:
        """Open a closed one again; no message tells."""
        with self.lock:
            pull.state, pull.closed_at, pull.updated_at = "open", None, self.now()

    def enqueue(self, pull: FakePull) -> str:
        """Put a pull request into the merge queue; return the commit that its checks run on."""
        with self.lock:
            sha = self._merged(
                pull, f"Merge pull request #{pull.number}", self.account("web-flow").person
            )
            name = f"refs/heads/gh-readonly-queue/{pull.base}/pr-{pull.number}-{pull.base_commit}"
            pull.repository.git.move(name, sha)
            group = {
                "head_sha": sha, "head_ref": name,
                "base_sha": pull.base_commit, "base_ref": f"refs/heads/{pull.base}",
            }  # fmt: skip
            self._emit("merge_group", "checks_requested", pull.repository, merge_group=group)
            return sha

    def merge(
        self, pull: FakePull, how: str = "merge", *, by: str = "dana", queued: str = ""
    ) -> str:
        """Merge as GitHub does: merge, squash or rebase, or what ``enqueue`` made. Return what landed."""
        with self.lock:
            ways = {"merge": self._merge_commit, "squash": self._squash, "rebase": self._rebase}
            sha = queued or ways[how](pull, by)
            at = self.now()
            pull.state, pull.merge_commit, pull.merged_by = "merged", sha, by
            pull.merged_at = pull.closed_at = pull.updated_at = at
            self.push(pull.repository, pull.base, sha, by=by)
            self._emit_pull("closed", pull, by)
            return sha

    def pull_commits(self, pull: FakePull) -> list[Any]:
        """The commits that GitHub lists: those that the base did not have before it merged."""
        return pull.repository.git.log(f"{pull.base_commit}..{pull.head_commit}")

    def _merge_commit(self, pull: FakePull, by: str) -> str:
        text = f"Merge pull request #{pull.number} from {pull.fork or self.org}/{pull.head}\n\n{pull.title}"
        return self._merged(pull, text, self.account(by).person)

    def _merged(self, pull: FakePull, message: str, author: str) -> str:
        git = pull.repository.git
        tree = git.merged_tree(pull.base_commit, pull.head_commit)
        if tree is None:
            raise GitFailed("the pull request has conflicts")
        return git.commit_tree(
            tree, [pull.base_commit, pull.head_commit], message, author, GITHUB, self.now()
        )

    def _squash(self, pull: FakePull, by: str) -> str:
        git = pull.repository.git
        tree = git.merged_tree(pull.base_commit, pull.head_commit)
        if tree is None:
            raise GitFailed("the pull request has conflicts")
        author = self.account(pull.author).person
        text = f"{pull.title} (#{pull.number})"
        commits = self.pull_commits(pull)
        lines = [line for one in commits for line in one.message.splitlines()]
        told = [line for line in lines if line.startswith("Co-authored-by: ")]
        told += [f"Co-authored-by: {one.author}" for one in commits if one.author != author]
        if told:
            text += "\n\n" + "\n".join(dict.fromkeys(told))
        return git.commit_tree(tree, [pull.base_commit], text, author, GITHUB, self.now())

    def _rebase(self, pull: FakePull, by: str) -> str:
        git, tip = pull.repository.git, pull.base_commit
        for commit in self.pull_commits(pull):
            tip = git.commit_tree(
                git.picked_tree(commit, tip), [tip], commit.message,
                commit.author, self.account(by).person, self.now(), commit.authored,
            )  # fmt: skip
        return tip

    def _touched(self, pull: FakePull) -> None:
        pull.updated_at = self.now()
        pull.repository.git.move(f"refs/pull/{pull.number}/head", pull.head_commit)
        self._try_merge(pull)

    def _try_merge(self, pull: FakePull) -> None:
        """Make the commit that GitHub's checks of a pull request run on."""
        git = pull.repository.git
        pull.base_commit = git.resolve(f"refs/heads/{pull.base}") or pull.base_commit
        try:
            text = f"Merge {pull.head_commit} into {pull.base_commit}"
            pull.test_merge = self._merged(pull, text, GITHUB)
            git.move(pull.merge_ref, pull.test_merge)
        except GitFailed:
            pull.test_merge = None

    # --- code scanning ---------------------------------------------------------------------------
    def add_analysis(
        self,
        repository: FakeRepository,
        ref: str,
        commit: str,
        tool: str,
        sarif: bytes,
        *,
        version: str = "",
        analysis_key: str = CODEQL_KEY,
        category: str = "",
        error: str = "",
        warning: str = "",
        run: str = "success",
        at: datetime | None = None,
    ) -> FakeAnalysis:
        """Keep a report of a commit, as a workflow or a service uploads it; ``ref`` is full.

        ``run``: how the workflow run that the key names ended; empty: it is still in progress. With
        the key ``(default)`` there is none: the API was used. What is fetched is GitHub's version
        of ``sarif``, which has no invocations (fake_github_sarif.py).
        """
        with self.lock:
            results, rules = _counts(sarif)
            analysis = FakeAnalysis(
                self.next_id(), repository, ref, commit, tool, sarif, version, category, analysis_key,
                error, warning, results, rules, at or self.now(),
            )  # fmt: skip
            repository.analyses.append(analysis)
            if analysis_key.startswith((".github/", "dynamic/")):
                self._run(repository, analysis, run)
            return analysis

    def _run(self, repository: FakeRepository, analysis: FakeAnalysis, conclusion: str) -> None:
        path = analysis.analysis_key.partition(":")[0]
        pulls = {pull.merge_ref: pull for pull in repository.pulls.values()}
        pull = pulls.get(analysis.ref)
        event = "dynamic" if path.startswith("dynamic") else "pull_request" if pull else "push"
        run = FakeRun(
            self.next_id(), path, event,
            pull.head if pull else analysis.ref.removeprefix("refs/heads/"),
            pull.head_commit if pull else analysis.commit,
            conclusion, analysis.at,
        )  # fmt: skip
        repository.runs.append(run)
        if conclusion:
            told = self.shapes.run(repository, run)
            self._emit("workflow_run", "completed", repository, workflow_run=told)

    def add_alert(
        self,
        repository: FakeRepository,
        rule: str,
        path: str,
        line: int = 1,
        *,
        tool: str = "CodeQL",
        commit: str = "",
        ref: str = "",
        state: str = "open",
        at: datetime | None = None,
    ) -> FakeAlert:
        """Keep an alert; ``state`` open or fixed, dismissing is ``dismiss_alert``."""
        with self.lock:
            at = at or self.now()
            commit = commit or repository.git.resolve(repository.default_branch) or ""
            alert = FakeAlert(
                len(repository.alerts) + 1, repository, tool, rule, path, line,
                ref or f"refs/heads/{repository.default_branch}", commit, state, at, at,
            )  # fmt: skip
            repository.alerts.append(alert)
            self._emit_alert("fixed" if state == "fixed" else "created", alert)
            return alert

    def fix_alert(self, alert: FakeAlert, commit: str) -> None:
        """Let GitHub count an alert as fixed."""
        with self.lock:
            alert.state, alert.commit, alert.updated_at = "fixed", commit, self.now()
            self._emit_alert("fixed", alert)

    def dismiss_alert(
        self, alert: FakeAlert, by: str, reason: str = "false positive", comment: str = ""
    ) -> None:
        """Let a person dismiss an alert."""
        with self.lock:
            alert.state, alert.dismissed_by, alert.dismissed_at = "dismissed", by, self.now()
            alert.dismissed_reason, alert.dismissed_comment = reason, comment
            alert.updated_at = self.now()
            self._emit_alert("closed_by_user", alert)

    # --- messages --------------------------------------------------------------------------------
    def _emit(
        self, event: str, action: str, repository: FakeRepository | None, **ours: Any
    ) -> None:
        self.deliveries.append(deliver(self, event, action, repository, **ours))

    def _sender(self, login: str) -> dict[str, Any]:
        return self.shapes.user(self.login_of(login) if login.endswith(">") else login)

    def _emit_pull(self, action: str, pull: FakePull, by: str, **more: Any) -> None:
        self._emit(
            "pull_request", action, pull.repository,
            pull_request=self.shapes.pull(pull), number=pull.number, sender=self._sender(by), **more,
        )  # fmt: skip

    def _emit_review(self, action: str, review: FakeReview) -> None:
        told = self.shapes.review(review)
        told |= {"state": review.state.lower()}  # messages write it small
        self._emit(
            "pull_request_review", action, review.pull.repository,
            review=told, pull_request=self.shapes.pull(review.pull), sender=told["user"],
        )  # fmt: skip

    def _emit_alert(self, action: str, alert: FakeAlert) -> None:
        by_person = action == "closed_by_user"  # GitHub names no commit for what a person did
        self._emit(
            "code_scanning_alert", action, alert.repository, alert=self.shapes.alert(alert),
            ref="" if by_person else alert.ref, commit_oid="" if by_person else alert.commit,
        )  # fmt: skip


@cache
def _app_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


def _pem(key: rsa.RSAPrivateKey) -> str:
    form = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return key.private_bytes(*form).decode()


def _counts(sarif: bytes) -> tuple[int, int]:
    """(results, rules) as GitHub counts them: those that the file lists."""
    try:
        runs = json.loads(sarif)["runs"]
        tools = [
            part
            for run in runs
            for part in (run["tool"]["driver"], *run["tool"].get("extensions", []))
        ]
        return sum(len(run.get("results") or []) for run in runs), sum(
            len(part.get("rules", [])) for part in tools
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return 0, 0
