"""Answers of a fake GitHub: GitHub's recorded ones with what the fake's world holds filled in.

A member that the recorded answer does not have cannot be filled in, so the fake invents none.
"""

from __future__ import annotations

import copy
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.forges.openapi.description import recorded_shapes

if TYPE_CHECKING:
    from tests.forges.fake_github import FakeGitHub
    from tests.forges.fake_github_git import GitCommit
    from tests.forges.fake_github_records import (
        FakeAlert,
        FakeAnalysis,
        FakePull,
        FakeRepository,
        FakeReview,
        FakeRun,
    )

PERMISSION = "repository-collaborator-permission-response-if-user-has-admin-permissions"


def shape(name: str, api: str, full_name: str = "", **values: Any) -> dict[str, Any]:
    """Return a recorded answer with its addresses and ``values`` put in place."""
    return fill(_moved(copy.deepcopy(recorded_shapes()[name]), api, full_name), **values)


def fill(recorded: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Put ``values`` in; each has to be a member already."""
    strange = set(values) - set(recorded)
    assert not strange, f"GitHub's recorded answer has no {sorted(strange)}"
    return {**recorded, **values}


def _moved(value: Any, api: str, full_name: str) -> Any:
    if isinstance(value, list):
        return [_moved(item, api, full_name) for item in value]
    if isinstance(value, dict):
        return {name: _moved(item, api, full_name) for name, item in value.items()}
    if isinstance(value, str) and full_name:
        value = re.sub(r"octocat/[Hh]ello-[Ww]orld", full_name, value)
    return value.replace("https://api.github.com", api) if isinstance(value, str) else value


def stamp(at: datetime | None) -> str | None:
    """Write a time as GitHub does."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


class Shapes:
    """Makes the answers of one fake."""

    def __init__(self, world: FakeGitHub) -> None:
        self.world = world

    def _shape(self, name: str, repository: FakeRepository | None = None, **values: Any) -> Any:
        return shape(name, self.world.api, repository.full_name if repository else "", **values)

    def user(self, login: str) -> dict[str, Any]:
        """An account as it stands inside other answers."""
        account = self.world.account(login)
        recorded = self._shape("pull-request")["user"]
        moved = {
            name: value.replace("octocat", login) if isinstance(value, str) else value
            for name, value in recorded.items()
        }
        return fill(moved, login=login, id=account.id, type=account.kind)

    def repository(self, repository: FakeRepository, name: str = "full-repository") -> Any:
        """A repository, whole or as lists have it."""
        values: dict[str, Any] = {
            "id": repository.id,
            "name": repository.name,
            "full_name": repository.full_name,
            "owner": self.user(self.world.org),
            "html_url": f"https://github.com/{repository.full_name}",
            "pushed_at": stamp(repository.pushed_at),
            "archived": repository.archived,
            "default_branch": repository.default_branch,
            "clone_url": f"https://github.com/{repository.full_name}.git",
        }
        recorded = self._shape(name, repository)
        for gone in ("template_repository", "parent", "source"):
            recorded.pop(gone, None)
        return fill(recorded, **{key: one for key, one in values.items() if key in recorded})

    def pull(self, pull: FakePull, name: str = "pull-request") -> dict[str, Any]:
        """A pull request, alone or (pull-request-simple) as lists have it."""
        recorded = self._shape(name, pull.repository)
        values: dict[str, Any] = {
            "id": pull.id,
            "number": pull.number,
            "title": pull.title,
            "body": pull.body,
            "state": "open" if pull.state == "open" else "closed",
            "html_url": pull.url,
            "draft": pull.draft,
            "user": self.user(pull.author),
            "created_at": stamp(pull.created_at),
            "updated_at": stamp(pull.updated_at),
            "closed_at": stamp(pull.closed_at),
            "merged_at": stamp(pull.merged_at),
            "merged": pull.state == "merged",
            "merged_by": self.user(pull.merged_by) if pull.merged_by else None,
            "merge_commit_sha": pull.merge_commit or pull.test_merge,
            "requested_teams": [],
            "requested_reviewers": [],
            "labels": [],
            "milestone": None,
            "assignee": None,
            "assignees": [],
            "head": self._end(pull, recorded["head"], pull.head, pull.head_commit, pull.fork),
            "base": self._end(pull, recorded["base"], pull.base, pull.base_commit, ""),
        }
        if "commits" in recorded:
            span = f"{pull.base_commit}..{pull.head_commit}"
            values["commits"] = pull.repository.git.count(span)
        return fill(recorded, **{key: one for key, one in values.items() if key in recorded})

    def _end(self, pull: FakePull, recorded: Any, ref: str, sha: str, fork: str) -> Any:
        owner = fork or self.world.org
        repository = self.repository(pull.repository)
        if fork:
            name = f"{fork}/{pull.repository.name}"
            repository |= {"id": pull.id + 7_000_000, "full_name": name, "fork": True}
        return fill(
            recorded,
            label=f"{owner}:{ref}", ref=ref, sha=sha, user=self.user(owner),
            repo=None if pull.fork_is_gone and fork else repository,
        )  # fmt: skip

    def found(self, pull: FakePull) -> dict[str, Any]:
        """A pull request as the search for issues gives it."""
        recorded = self._shape("issue-search-result-item-paginated", pull.repository)["items"][0]
        api, full_name = self.world.api, pull.repository.full_name
        return fill(
            recorded,
            id=pull.id, number=pull.number, title=pull.title, body=pull.body,
            state="open" if pull.state == "open" else "closed",
            html_url=pull.url, repository_url=f"{api}/repos/{full_name}", labels=[],
            user=self.user(pull.author), updated_at=stamp(pull.updated_at),
            created_at=stamp(pull.created_at), closed_at=stamp(pull.closed_at), milestone=None,
        )  # fmt: skip

    def commit(self, repository: FakeRepository, commit: GitCommit) -> dict[str, Any]:
        """A commit with the accounts that its mails belong to."""
        recorded = self._shape("commit", repository)
        author, committer = (self._account_of(p) for p in (commit.author, commit.committer))
        people = {
            "author": _git_person(commit.author, commit.authored),
            "committer": _git_person(commit.committer, commit.committed),
        }
        tree = {"sha": commit.tree, "url": f"{self.world.api}/trees/{commit.tree}"}
        inner = fill(recorded["commit"], message=commit.message, tree=tree, **people)
        parents = [{**recorded["parents"][0], "sha": parent} for parent in commit.parents]
        for absent in ("files", "stats"):  # only where one commit is asked for, and not by us
            recorded.pop(absent, None)
        return fill(
            recorded,
            sha=commit.id,
            author=author,
            committer=committer,
            commit=inner,
            parents=parents,
        )

    def _account_of(self, person: str) -> dict[str, Any] | None:
        login = self.world.login_of(person)
        return self.user(login) if login else None

    def comparison(self, repository: FakeRepository, base: str, head: str) -> dict[str, Any]:
        """How one commit relates to another."""
        git = repository.git
        middle = git.merge_base(base, head)
        ahead, behind = git.count(f"{base}..{head}"), git.count(f"{head}..{base}")
        status = (
            ("diverged" if behind else "ahead") if ahead else "behind" if behind else "identical"
        )
        return self._shape(
            "commit-comparison", repository,
            base_commit=self.commit(repository, git.read(base)),
            merge_base_commit=self.commit(repository, git.read(middle)),
            status=status, ahead_by=ahead, behind_by=behind, total_commits=ahead,
            commits=[self.commit(repository, one) for one in git.log(f"{base}..{head}")], files=[],
        )  # fmt: skip

    def review(self, review: FakeReview) -> dict[str, Any]:
        """A review."""
        return self._shape(
            "pull-request-review", review.pull.repository,
            id=review.id, user=self.user(review.login) if review.login else None, body=review.body,
            state=review.state, commit_id=review.commit, submitted_at=stamp(review.at),
        )  # fmt: skip

    def permission(self, login: str, permission: str) -> dict[str, Any]:
        """What somebody may do in a repository."""
        recorded = self._shape(PERMISSION)
        may = {"pull": True, "triage": False, "push": permission in ("write", "admin")}
        may |= {"maintain": permission == "admin", "admin": permission == "admin"}
        user = self.user(login) | {"permissions": may, "role_name": permission}
        return fill(recorded, permission=permission, role_name=permission, user=user)

    def analysis(self, analysis: FakeAnalysis) -> dict[str, Any]:
        """One report's description."""
        return self._shape(
            "code-scanning-analysis-default", analysis.repository,
            id=analysis.id, ref=analysis.ref, commit_sha=analysis.commit, category=analysis.category,
            analysis_key=analysis.analysis_key, error=analysis.error, warning=analysis.warning,
            created_at=stamp(analysis.at), results_count=analysis.results, rules_count=analysis.rules,
            tool={"name": analysis.tool, "guid": None, "version": analysis.version or None},
        )  # fmt: skip

    def run(self, repository: FakeRepository, run: FakeRun) -> dict[str, Any]:
        """A run of a workflow."""
        recorded = self._shape("workflow-run-paginated", repository)["workflow_runs"][0]
        return fill(
            recorded,
            id=run.id, path=run.path, event=run.event, head_branch=run.head_branch,
            head_sha=run.head_sha, status="completed" if run.conclusion else "in_progress",
            conclusion=run.conclusion or None, created_at=stamp(run.at), updated_at=stamp(run.at),
            pull_requests=[],
        )  # fmt: skip

    def alert(self, alert: FakeAlert) -> dict[str, Any]:
        """A code scanning alert."""
        recorded = self._shape("code-scanning-alert-items", alert.repository)
        place = {
            "path": alert.path, "start_line": alert.line, "end_line": alert.line,
            "start_column": 1, "end_column": 2,
        }  # fmt: skip
        newest = fill(
            recorded["most_recent_instance"], ref=alert.ref, commit_sha=alert.commit, location=place
        )
        return fill(
            {"updated_at": None, **recorded},  # described as a member, not in the recorded one
            number=alert.number, state=alert.state, most_recent_instance=newest,
            created_at=stamp(alert.created_at), updated_at=stamp(alert.updated_at),
            html_url=f"https://github.com/{alert.repository.full_name}/security/code-scanning/{alert.number}",
            rule=fill(recorded["rule"], id=alert.rule), tool=fill(recorded["tool"], name=alert.tool),
            fixed_at=stamp(alert.updated_at) if alert.state == "fixed" else None,
            dismissed_by=self.user(alert.dismissed_by) if alert.dismissed_by else None,
            dismissed_at=stamp(alert.dismissed_at), dismissed_reason=alert.dismissed_reason or None,
            dismissed_comment=alert.dismissed_comment or None,
        )  # fmt: skip

    def check_run(self, repository: FakeRepository, run: dict[str, Any]) -> dict[str, Any]:
        """A check run of our App."""
        recorded = self._shape("check-run", repository)
        output = fill(
            recorded["output"],
            title=run["output"].get("title"), summary=run["output"].get("summary"),
            text=None, annotations_count=len(run["annotations"]),
        )  # fmt: skip
        return fill(
            recorded,
            id=run["id"], name=run["name"], head_sha=run["head_sha"], status=run["status"],
            conclusion=run["conclusion"], details_url=run["details_url"], output=output,
            external_id="", pull_requests=[], started_at=stamp(run["at"]),
            completed_at=stamp(run["at"]) if run["conclusion"] else None,
        )  # fmt: skip


def _git_person(person: str, at: int) -> dict[str, Any]:
    name, _, mail = person.removesuffix(">").partition(" <")
    return {"name": name, "email": mail, "date": stamp(datetime.fromtimestamp(at, UTC))}
