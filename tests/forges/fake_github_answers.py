"""What a fake GitHub answers, operation by operation, out of its world. Checks stand in the server."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.forges.fake_github_git import GitFailed
from tests.forges.fake_github_sarif import as_github_returns
from tests.forges.fake_github_server import Answer, Request, new_installation_token, refused
from tests.forges.fake_github_shapes import shape, stamp

if TYPE_CHECKING:
    from tests.forges.fake_github import FakeGitHub
    from tests.forges.fake_github_records import FakePull, FakeRepository
    from tests.forges.openapi.description import Operation

NOT_FOUND = "Not Found"
NO_CODE_SCANNING = "Code scanning is not enabled for this repository."
NOT_FOR_INTEGRATIONS = "Resource not accessible by integration"


class Answers:
    """The operations; ``to`` picks one."""

    def __init__(self, world: FakeGitHub) -> None:
        self.world = world
        self.shapes = world.shapes
        self._of_account: dict[str, Callable[[Request, dict[str, str]], Answer]] = {
            "get /app": self._app,
            "post /app/installations/{installation_id}/access_tokens": self._token,
            "get /user": self._user,
            "get /users/{username}": self._somebody,
            "get /installation/repositories": self._installed,
            "get /orgs/{org}/repos": self._repositories,
            "get /users/{username}/repos": self._repositories,
            "get /user/repos": self._own_repositories,
            "get /search/issues": self._search,
        }
        self._of_repository: dict[str, Callable[[FakeRepository, Request, dict[str, str]], Answer]] = {
            "get /branches": self._branches,
            "get /git/ref/{ref}": self._ref,
            "get /git/trees/{tree_sha}": self._tree,
            "get /git/blobs/{file_sha}": self._blob,
            "get /commits/{ref}": self._commit,
            "get /compare/{basehead}": self._compare,
            "get /pulls": self._pulls,
            "get /pulls/{pull_number}": self._pull,
            "get /pulls/{pull_number}/commits": self._pull_commits,
            "get /pulls/{pull_number}/reviews": self._reviews,
            "get /collaborators/{username}/permission": self._permission,
            "get /actions/runs": self._runs,
            "get /code-scanning/analyses": self._analyses,
            "get /code-scanning/analyses/{analysis_id}": self._analysis,
            "get /code-scanning/alerts": self._alerts,
            "post /check-runs": self._new_check_run,
            "get /check-runs/{check_run_id}": self._check_run,
            "patch /check-runs/{check_run_id}": self._change_check_run,
            "post /statuses/{sha}": self._status,
            "post /issues/{issue_number}/comments": self._new_comment,
            "patch /issues/comments/{comment_id}": self._change_comment,
        }  # fmt: skip

    def to(self, operation: Operation, request: Request) -> Answer:
        """Answer a request that fits its operation."""
        method, template = operation.method.lower(), operation.template
        inside = template.removeprefix("/repos/{owner}/{repo}")
        if inside == template:
            return self._of_account[f"{method} {template}"](request, operation.path)
        owner, name = operation.path["owner"], operation.path["repo"]
        repository = self.world.repositories.get(name) if owner == self.world.org else None
        if repository is None:
            return refused(404, NOT_FOUND)
        if repository.name != name:  # renamed: GitHub sends on
            new = request.path.replace(f"/{owner}/{name}", f"/{repository.full_name}", 1)
            status = 301 if request.method == "GET" else 307
            return Answer(status, {"message": "Moved"}, headers={"Location": self.world.api + new})
        return self._of_repository[f"{method} {inside}"](repository, request, operation.path)

    # --- account ---------------------------------------------------------------------------------
    def _app(self, request: Request, path: dict[str, str]) -> Answer:
        app = int(self.world.app_id)
        return Answer(
            200,
            shape(
                "integration",
                self.world.api,
                id=app,
                slug=self.world.app_slug,
                owner=self.shapes.user(self.world.org),
            ),
        )

    def _token(self, request: Request, path: dict[str, str]) -> Answer:
        if path["installation_id"] != str(self.world.installation):
            return refused(404, NOT_FOUND)
        return Answer(201, new_installation_token(self.world))

    def _user(self, request: Request, path: dict[str, str]) -> Answer:
        if not request.login:
            return refused(403, NOT_FOR_INTEGRATIONS)
        user = self.shapes.user(request.login)
        return Answer(200, shape("private-user", self.world.api) | user)

    def _somebody(self, request: Request, path: dict[str, str]) -> Answer:
        if path["username"] not in self.world.accounts:
            return refused(404, NOT_FOUND)
        user = self.shapes.user(path["username"])
        return Answer(200, shape("public-user-default-response", self.world.api) | user)

    def _all(self) -> list[FakeRepository]:
        return list({one.id: one for one in self.world.repositories.values()}.values())

    def _installed(self, request: Request, path: dict[str, str]) -> Answer:
        if request.login:
            return refused(403, "You must authenticate with an installation access token")
        rows = [self.shapes.repository(one) for one in self._all()]
        return Answer(200, {"total_count": len(rows)}, rows=rows, member="repositories")

    def _repositories(self, request: Request, path: dict[str, str]) -> Answer:
        owner = path.get("org") or path["username"]
        account = self.world.accounts.get(owner)
        if account is None or ("org" in path) != (account.kind == "Organization"):
            return refused(404, NOT_FOUND)
        mine = self._all() if owner == self.world.org else []
        return Answer(200, rows=[self.shapes.repository(one, "minimal-repository") for one in mine])

    def _own_repositories(self, request: Request, path: dict[str, str]) -> Answer:
        mine = self._all() if request.login == self.world.org else []
        return Answer(200, rows=[self.shapes.repository(one) for one in mine])

    def _search(self, request: Request, path: dict[str, str]) -> Answer:
        match = re.fullmatch(r"(?:org|user):(\S+) is:pr updated:>=(\S+)", request.query["q"])
        if not match or request.query.get("sort") != "updated":
            return refused(422, "Validation Failed")
        size, page = int(request.query.get("per_page", 30)), int(request.query.get("page", 1))
        if (page - 1) * size >= self.world.search_limit:
            return refused(422, "Only the first 1000 search results are available")
        pulls = (
            [p for one in self._all() for p in one.pulls.values()]
            if match[1] == self.world.org
            else []
        )
        fitting = [p for p in pulls if (stamp(p.updated_at) or "") >= match[2]]
        fitting.sort(
            key=lambda p: (stamp(p.updated_at), p.id), reverse=request.query["order"] == "desc"
        )
        rows = [self.shapes.found(p) for p in fitting[: self.world.search_limit]]
        about = {"total_count": len(fitting), "incomplete_results": False, "search_type": "lexical"}
        return Answer(200, about, rows=rows, member="items")

    # --- git -------------------------------------------------------------------------------------
    def _branches(
        self, repository: FakeRepository, request: Request, path: dict[str, str]
    ) -> Answer:
        names = (
            repository.git.run("for-each-ref", "--format=%(refname)", "refs/heads").decode().split()
        )
        rows = []
        for ref in names:
            name = ref.removeprefix("refs/heads/")
            protected = name in repository.protected
            if request.query.get("protected", str(protected).lower()) == str(protected).lower():
                sha = repository.git.resolve(ref)
                recorded = shape("branch-short-items", self.world.api, repository.full_name)
                rows.append(
                    recorded
                    | {
                        "name": name,
                        "protected": protected,
                        "commit": recorded["commit"] | {"sha": sha},
                    }
                )
        return Answer(200, rows=rows)

    def _ref(self, repository: FakeRepository, request: Request, path: dict[str, str]) -> Answer:
        sha = repository.git.resolve(f"refs/{path['ref']}")
        if sha is None:
            return refused(404, NOT_FOUND)
        told = shape("git-ref", self.world.api, repository.full_name)
        return Answer(
            200, told | {"ref": f"refs/{path['ref']}", "object": told["object"] | {"sha": sha}}
        )

    def _tree(self, repository: FakeRepository, request: Request, path: dict[str, str]) -> Answer:
        try:
            rows = repository.git.tree(
                path["tree_sha"], request.query.get("recursive", "0") not in ("", "0")
            )
            sha = repository.git.word("rev-parse", f"{path['tree_sha']}^{{tree}}")
        except GitFailed:
            return refused(404, NOT_FOUND)
        truncated = len(rows) > self.world.tree_limit
        entries = [
            {"path": name, "mode": mode, "type": kind, "sha": sha, "url": f"{self.world.api}/{sha}"}
            for mode, kind, sha, name in rows[: self.world.tree_limit]
        ]
        return Answer(
            200, {"sha": sha, "url": self.world.api, "tree": entries, "truncated": truncated}
        )

    def _blob(self, repository: FakeRepository, request: Request, path: dict[str, str]) -> Answer:
        try:
            data = repository.git.run("cat-file", "blob", path["file_sha"])
        except GitFailed:
            return refused(404, NOT_FOUND)
        told = {"content": b64encode(data).decode(), "encoding": "base64", "size": len(data)}
        more = {"sha": path["file_sha"], "node_id": "B", "url": self.world.api}
        return Answer(200, told | more)

    def _commit(self, repository: FakeRepository, request: Request, path: dict[str, str]) -> Answer:
        sha = repository.git.resolve(path["ref"])
        if sha is None:
            return refused(422, f"No commit found for SHA: {path['ref']}")
        return Answer(200, self.shapes.commit(repository, repository.git.read(sha)))

    def _compare(
        self, repository: FakeRepository, request: Request, path: dict[str, str]
    ) -> Answer:
        base, _, head = path["basehead"].partition("...")
        ends = [repository.git.resolve(base), repository.git.resolve(head)]
        if None in ends:
            return refused(404, NOT_FOUND)
        if request.media == "application/json":
            told = self.shapes.comparison(repository, str(ends[0]), str(ends[1]))
            return Answer(200, told, rows=told.pop("commits"), member="commits")
        diff = repository.git.diff(str(ends[0]), str(ends[1]))
        if len(diff) > self.world.diff_limit:
            return refused(406, "Sorry, the diff exceeded the maximum number of lines (20000)")
        return Answer(200, raw=diff, media=request.media)

    # --- pull requests ---------------------------------------------------------------------------
    def _pulls(self, repository: FakeRepository, request: Request, path: dict[str, str]) -> Answer:
        wanted = request.query.get("state", "open")
        pulls = [
            p
            for p in repository.pulls.values()
            if wanted == "all" or (p.state == "open") == (wanted == "open")
        ]
        rows = [self.shapes.pull(p, "pull-request-simple") for p in reversed(pulls)]
        return Answer(200, rows=rows)

    def _of_number(self, repository: FakeRepository, path: dict[str, str]) -> FakePull | None:
        return repository.pulls.get(int(path.get("pull_number") or path["issue_number"]))

    def _pull(self, repository: FakeRepository, request: Request, path: dict[str, str]) -> Answer:
        pull = self._of_number(repository, path)
        return Answer(200, self.shapes.pull(pull)) if pull else refused(404, NOT_FOUND)

    def _pull_commits(
        self, repository: FakeRepository, request: Request, path: dict[str, str]
    ) -> Answer:
        pull = self._of_number(repository, path)
        if pull is None:
            return refused(404, NOT_FOUND)
        commits = self.world.pull_commits(pull)[:250]
        return Answer(200, rows=[self.shapes.commit(repository, one) for one in commits])

    def _reviews(
        self, repository: FakeRepository, request: Request, path: dict[str, str]
    ) -> Answer:
        pull = self._of_number(repository, path)
        if pull is None:
            return refused(404, NOT_FOUND)
        return Answer(200, rows=[self.shapes.review(one) for one in pull.reviews])

    def _permission(
        self, repository: FakeRepository, request: Request, path: dict[str, str]
    ) -> Answer:
        permission = repository.permissions.get(path["username"])
        if permission is None:
            return refused(404, f"{path['username']} is not a user")
        return Answer(200, self.shapes.permission(path["username"], permission))

    # --- workflows and code scanning ---------------------------------------------------------------------------
    def _runs(self, repository: FakeRepository, request: Request, path: dict[str, str]) -> Answer:
        wanted = request.query.get("head_sha")
        runs = [run for run in repository.runs if wanted in (None, run.head_sha)]
        rows = [self.shapes.run(repository, run) for run in reversed(runs)]
        return Answer(200, {"total_count": len(rows)}, rows=rows, member="workflow_runs")

    def _analyses(
        self, repository: FakeRepository, request: Request, path: dict[str, str]
    ) -> Answer:
        if not repository.code_scanning:
            return refused(403, NO_CODE_SCANNING)
        wanted = request.query.get("ref")
        rows = [one for one in repository.analyses if wanted in (None, one.ref)]
        if not repository.analyses:
            return refused(404, "no analysis found")
        rows.sort(key=lambda one: (one.at, one.id), reverse=True)
        return Answer(200, rows=[self.shapes.analysis(one) for one in rows])

    def _analysis(
        self, repository: FakeRepository, request: Request, path: dict[str, str]
    ) -> Answer:
        found = [one for one in repository.analyses if one.id == int(path["analysis_id"])]
        if not found:
            return refused(404, "no analysis found for analysis ID")
        if request.media == "application/sarif+json":
            one = found[0]
            told = as_github_returns(
                one.sarif,
                full_name=repository.full_name,
                ref=one.ref,
                commit=one.commit,
                category=one.category,
            )
            return Answer(200, raw=told, media=request.media)
        return Answer(200, self.shapes.analysis(found[0]))

    def _alerts(self, repository: FakeRepository, request: Request, path: dict[str, str]) -> Answer:
        if not repository.code_scanning:
            return refused(403, NO_CODE_SCANNING)
        if not repository.analyses and not repository.alerts:
            return refused(404, "no analysis found")
        by = "updated_at" if request.query.get("sort") == "updated" else "created_at"
        newest = request.query.get("direction", "desc") == "desc"
        rows = sorted(
            repository.alerts, key=lambda one: (getattr(one, by), one.number), reverse=newest
        )
        return Answer(200, rows=[self.shapes.alert(one) for one in rows])

    # --- what may be written ---------------------------------------------------------------------
    def _new_check_run(
        self, repository: FakeRepository, request: Request, path: dict[str, str]
    ) -> Answer:
        if request.login:
            return refused(403, "You must authenticate via a GitHub App.")
        if repository.git.resolve(request.body["head_sha"]) is None:
            return refused(422, f"No commit found for SHA: {request.body['head_sha']}")
        run = {
            "id": self.world.next_id(), "head_sha": request.body["head_sha"], "status": "queued",
            "conclusion": None, "details_url": "", "output": {}, "annotations": [],
        }  # fmt: skip
        repository.check_runs[run["id"]] = run
        return self._put_check_run(repository, run, request, 201)

    def _check_run(
        self, repository: FakeRepository, request: Request, path: dict[str, str]
    ) -> Answer:
        run = repository.check_runs.get(int(path["check_run_id"]))
        return (
            Answer(200, self.shapes.check_run(repository, run)) if run else refused(404, NOT_FOUND)
        )

    def _change_check_run(
        self, repository: FakeRepository, request: Request, path: dict[str, str]
    ) -> Answer:
        if request.login:
            return refused(403, "You must authenticate via a GitHub App.")
        run = repository.check_runs.get(int(path["check_run_id"]))
        if run is None:
            return refused(404, NOT_FOUND)
        return self._put_check_run(repository, run, request, 200)

    def _put_check_run(
        self, repository: FakeRepository, run: dict[str, Any], request: Request, status: int
    ) -> Answer:
        body = request.body
        if body.get("status") == "completed" and "conclusion" not in body:
            return refused(422, 'Invalid request. "conclusion" is required with a completed status')
        output = body.get("output", {})
        run["annotations"] += output.get("annotations", [])  # added to those that are there
        run["output"] |= {name: output[name] for name in ("title", "summary") if name in output}
        run |= {
            name: body[name]
            for name in ("name", "status", "conclusion", "details_url")
            if name in body
        }
        run["at"] = self.world.now()
        if run["conclusion"]:
            run["status"] = "completed"
        return Answer(status, self.shapes.check_run(repository, run))

    def _status(self, repository: FakeRepository, request: Request, path: dict[str, str]) -> Answer:
        if repository.git.resolve(path["sha"]) is None:
            return refused(422, f"No commit found for SHA: {path['sha']}")
        if len(request.body.get("description", "")) > 140:
            return refused(422, "description is too long (maximum is 140 characters)")
        status = {**request.body, "sha": path["sha"], "at": self.world.now()}
        repository.statuses.append(status)
        shown = {
            name: status[name]
            for name in ("state", "description", "target_url", "context")
            if name in status
        }
        told = shape(
            "status", self.world.api, repository.full_name, id=self.world.next_id(), **shown
        )
        return Answer(201, told)

    def _new_comment(
        self, repository: FakeRepository, request: Request, path: dict[str, str]
    ) -> Answer:
        if self._of_number(repository, path) is None:
            return refused(404, NOT_FOUND)
        comment = {"id": self.world.next_id(), "number": int(path["issue_number"])}
        repository.comments[comment["id"]] = comment
        return self._put_comment(repository, comment, request, 201)

    def _change_comment(
        self, repository: FakeRepository, request: Request, path: dict[str, str]
    ) -> Answer:
        comment = repository.comments.get(int(path["comment_id"]))
        return (
            self._put_comment(repository, comment, request, 200)
            if comment
            else refused(404, NOT_FOUND)
        )

    def _put_comment(
        self, repository: FakeRepository, comment: dict[str, Any], request: Request, status: int
    ) -> Answer:
        if len(request.body["body"]) > 65_536:
            return refused(422, "Body is too long (maximum is 65536 characters)")
        comment["body"] = request.body["body"]
        told = shape(
            "issue-comment",
            self.world.api,
            repository.full_name,
            id=comment["id"],
            body=comment["body"],
        )
        return Answer(status, told)
