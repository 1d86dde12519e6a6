"""The world behind the fake GitLab: real git repositories, people, merge requests, reports, events.

No HTTP here. Everything that happens moves the clock by a minute, so that an order can be told.
"""

import base64
import hashlib
import hmac
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.loopback import Answer

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@dataclass
class Pull:
    """A merge request; ``versions`` are (id, head, base, time), oldest first."""

    iid: int
    project: "Project"
    row: dict[str, Any]
    source: str
    target: str
    versions: list[tuple[int, str, str, str]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    approvals: dict[str, str] = field(default_factory=dict)

    @property
    def head(self) -> str:
        return self.versions[-1][1]


@dataclass
class Project:
    """A project with its repository, a work tree on this machine."""

    id: int
    path: str
    folder: Path
    protected: set[str] = field(default_factory=lambda: {"main"})
    members: dict[str, int] = field(default_factory=dict)
    pulls: list[Pull] = field(default_factory=list)
    pipelines: list[dict[str, Any]] = field(default_factory=list)  # with jobs, oldest first
    vulnerabilities: list[dict[str, Any]] | None = None  # None: not in this tier
    archived: bool = False
    resets_approvals: bool = False

    def git(
        self, *arguments: str, when: str = "", author: str = "Dev Eloper <dev@example.org>"
    ) -> bytes:
        name, _, mail = author.rstrip(">").partition(" <")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            **{
                f"GIT_{who}_{what}": value
                for who in ("AUTHOR", "COMMITTER")
                for what, value in (
                    ("NAME", name),
                    ("EMAIL", mail),
                    ("DATE", when or "2026-11-20T07:00:00Z"),
                )
            },
        }
        run = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=environment, capture_output=True, check=False
        )
        if run.returncode:
            raise LookupError(run.stderr.decode())
        return run.stdout

    def text(self, *arguments: str) -> str:
        return self.git(*arguments).decode().strip()

    def pull(self, iid: str) -> Pull:
        return next(pull for pull in self.pulls if pull.iid == int(iid))


class World:
    """The world. Its clock goes on by a minute with everything that happens."""

    def __init__(self, folder: Path, group: str = "acme", secret: str = "of the hook") -> None:  # noqa: S107
        self.folder, self.group, self.secret = folder, group, secret
        self.at = START
        self.projects: list[Project] = []
        self.users: dict[str, dict[str, Any]] = {}
        self.writes: list[tuple[str, str, dict[str, Any]]] = []
        self.violations: list[str] = []
        self.deliveries: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[Answer] = []  # that are given instead, the first first
        self.extra: dict[str, str] = {}  # headers of every answer
        self.most_per_page = 100
        self.has_raw_diffs = True
        self.cuts_raw_diffs = False  # only the first file of one is given
        self.before_raw_diffs: Callable[[], Any] = lambda: (
            None
        )  # what happens while one is asked for
        self.has_artifact_tree = True
        self.gives_file_types = True
        self.collapses: set[str] = set()  # paths whose diffs are left out
        self.says_collapsed = True
        self.is_group = True
        self.statuses: dict[tuple[str, str], dict[str, Any]] = {}
        self._last = 0
        self.user("ctem-bot", bot=True)

    # --- the world -------------------------------------------------------------------------------
    def number(self) -> int:
        self._last += 1
        return self._last

    def tick(self, seconds: float = 60) -> str:
        self.at += timedelta(seconds=seconds)
        return self.now

    @property
    def now(self) -> str:
        return self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def user(self, login: str, *, bot: bool = False) -> dict[str, Any]:
        if login not in self.users:
            self.users[login] = {
                "id": self.number(),
                "username": login,
                "name": login.title(),
                "state": "active",
                "bot": bot,
            }
        return self.users[login]

    def add_project(self, name: str, files: Mapping[str, Any], group: str = "") -> Project:
        folder = self.folder / name
        folder.mkdir(parents=True)
        project = Project(self.number() + 100, f"{group or self.group}/{name}", folder)
        project.git("init", "-q", "-b", "main")
        self.projects.append(project)
        self.commit(project, files, "First")
        self._deliver(
            "System Hook",
            {
                "event_name": "project_create",
                "project_id": project.id,
                "path_with_namespace": project.path,
            },
        )
        return project

    def commit(
        self,
        project: Project,
        files: Mapping[str, Any] = {},
        message: str = "Change",
        branch: str = "main",
        author: str = "Dev Eloper <dev@example.org>",
    ) -> str:
        """Write files (None removes one) on a branch, which is made where it is not; return the commit."""
        if project.text("branch", "--list", branch):
            project.git("checkout", "-q", branch)
        elif project.text("branch", "--list"):
            project.git("checkout", "-q", "-b", branch, "main")
        for name, content in files.items():
            path = project.folder / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        project.git("add", "-A")
        project.git("commit", "-q", "--allow-empty", "-m", message, when=self.tick(), author=author)
        return project.text("rev-parse", "HEAD")

    def push(
        self,
        project: Project,
        files: Mapping[str, Any],
        message: str = "Change",
        branch: str = "main",
    ) -> str:
        """A push: a commit, its event, and a new version of the merge requests from that branch."""
        commit = self.commit(project, files, message, branch)
        for pull in project.pulls:
            if pull.source == branch and pull.row["state"] == "opened":
                self._new_version(pull)
                self._deliver_pull(pull, "update")
        self._deliver(
            "Push Hook",
            {
                "object_kind": "push",
                "event_name": "push",
                "before": "0" * 40,
                "after": commit,
                "ref": f"refs/heads/{branch}",
                "checkout_sha": commit,
                "project_id": project.id,
                "project": self.project_row(project),
            },
        )
        return commit

    def open_merge_request(
        self,
        project: Project,
        branch: str,
        title: str = "Fix",
        author: str = "developer",
        target: str = "main",
        fork: bool = False,
        draft: bool = False,
        body: str = "",
    ) -> Pull:
        row = {
            "id": self.number() + 1000,
            "state": "opened",
            "title": title,
            "description": body,
            "author": self.basic(author),
            "created_at": self.tick(),
            "draft": draft,
            "source_project_id": 9999 if fork else project.id,
            "target_project_id": project.id,
            "merged_at": None,
            "merge_user": None,
            "merge_commit_sha": None,
            "squash_commit_sha": None,
        }
        pull = Pull(len(project.pulls) + 1, project, row, branch, target)
        project.pulls.append(pull)
        self._new_version(pull)
        self._deliver_pull(pull, "open")
        return pull

    def approve(self, pull: Pull, login: str, level: int = 30) -> None:
        pull.project.members.setdefault(login, level)
        pull.approvals[login] = self.tick()
        self.note(pull, login, "approved this merge request")
        self._deliver_pull(pull, "approved", login)

    def unapprove(self, pull: Pull, login: str) -> None:
        self.tick()
        del pull.approvals[login]
        self.note(pull, login, "unapproved this merge request")
        self._deliver_pull(pull, "unapproved", login)

    def request_changes(self, pull: Pull, login: str, level: int = 30) -> None:
        pull.project.members.setdefault(login, level)
        self.tick()
        self.note(pull, login, "requested changes")

    def say(self, pull: Pull, login: str, text: str) -> None:
        self.tick()
        self.note(pull, login, text, system=False)

    def merge(self, pull: Pull, how: str = "merge", by: str = "approver") -> str:
        """Merge, squash or fast-forward; return what landed."""
        project, when = pull.project, self.tick()
        project.git("checkout", "-q", pull.target)
        if how == "ff":
            project.git("merge", "-q", "--ff-only", pull.head, when=when)
        elif how == "squash":
            project.git("merge", "-q", "--squash", pull.head, when=when)
            project.git("commit", "-q", "-m", pull.row["title"], when=when)
            pull.row["squash_commit_sha"] = project.text("rev-parse", "HEAD")
        else:
            project.git("merge", "-q", "--no-ff", "-m", "Merge", pull.head, when=when)
            pull.row["merge_commit_sha"] = project.text("rev-parse", "HEAD")
        pull.row |= {
            "state": "merged",
            "merged_at": when,
            "merge_user": self.basic(by),
            "updated_at": when,
        }
        self._deliver_pull(pull, "merge", by)
        return project.text("rev-parse", "HEAD")

    def add_report(
        self,
        project: Project,
        ref: str,
        commit: str,
        kind: str = "sast",
        report: Any = None,
        status: str = "success",
        job: str = "semgrep-sast",
        name: str = "",
        archived: bool = True,
    ) -> dict[str, Any]:
        """A pipeline with one job that left a report; ``kind`` "sarif": a file in the archive only."""
        file = name or (
            "scan.sarif" if kind == "sarif" else f"gl-{kind.replace('_', '-')}-report.json"
        )
        content = report if isinstance(report, bytes) else json.dumps(report).encode()
        short = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        made = {
            "id": self.number() + 2000,
            "name": job,
            "status": status,
            "tag": ref.startswith("refs/tags/"),
            "ref": short,
            "allow_failure": True,
            "created_at": self.tick(),
            "finished_at": self.tick(),
            "commit": {"id": commit},
            "artifacts": [
                {"file_type": "trace", "size": 9, "filename": "job.log", "file_format": None}
            ],
            "files": {file: content} if archived else {},
            "reports": {} if kind == "sarif" else {kind: content},
        }
        if archived:
            made["artifacts"].append(
                {
                    "file_type": "archive",
                    "size": 9,
                    "filename": "artifacts.zip",
                    "file_format": "zip",
                }
            )
        if kind != "sarif":
            made["artifacts"].append(
                {
                    "file_type": kind,
                    "size": len(content),
                    "filename": file.rpartition("/")[2],
                    "file_format": "raw",
                }
            )
        pipeline = {
            "id": self.number() + 3000,
            "ref": short,
            "sha": commit,
            "status": status,
            "source": "push",
            "jobs": [made],
        }
        project.pipelines.append(pipeline)
        what = {
            "id": pipeline["id"],
            "ref": short,
            "tag": made["tag"],
            "sha": commit,
            "status": status,
            "source": "push",
        }
        self._deliver(
            "Pipeline Hook",
            {
                "object_kind": "pipeline",
                "object_attributes": what,
                "project": self.project_row(project),
            },
        )
        return made

    # --- events ----------------------------------------------------------------------------------
    def _deliver_pull(self, pull: Pull, action: str, by: str = "developer") -> None:
        pull.row["updated_at"] = self.now
        what = {"id": pull.row["id"], "iid": pull.iid, "action": action, "state": pull.row["state"]}
        self._deliver(
            "Merge Request Hook",
            {
                "object_kind": "merge_request",
                "event_type": "merge_request",
                "user": self.basic(by),
                "project": self.project_row(pull.project),
                "object_attributes": what,
            },
        )

    def _deliver(self, event: str, said: dict[str, Any]) -> None:
        body = json.dumps(said).encode()
        key = str(uuid5(NAMESPACE_URL, f"{len(self.deliveries)}{self.now}"))
        headers = {
            "content-type": "application/json",
            "user-agent": "GitLab/18.6.0",
            "x-gitlab-event": event,
            "x-gitlab-event-uuid": key[::-1],
            "x-gitlab-instance": "https://gitlab.example",
            "idempotency-key": key,
        }
        if self.secret.startswith("whsec_"):
            at = str(int(self.at.timestamp()))
            signed = f"{key}.{at}.".encode() + body
            digest = hmac.digest(base64.b64decode(self.secret[6:]), signed, hashlib.sha256)
            headers |= {
                "webhook-id": key,
                "webhook-timestamp": at,
                "webhook-signature": "v1," + base64.b64encode(digest).decode(),
            }
        else:
            headers["x-gitlab-token"] = self.secret
        self.deliveries.append((headers, body))

    def _new_version(self, pull: Pull) -> None:
        project = pull.project
        head = project.text("rev-parse", pull.source)
        base = project.text("merge-base", pull.target, head)
        pull.versions.append((self.number() + 4000, head, base, self.tick()))
        pull.row["updated_at"] = self.now
        if project.resets_approvals:
            pull.approvals.clear()

    def note(self, pull: Pull, login: str, text: str, *, system: bool = True) -> None:
        pull.notes.append(
            {
                "id": self.number() + 5000,
                "body": text,
                "system": system,
                "author": self.basic(login),
                "created_at": self.now,
            }
        )
        pull.row["updated_at"] = self.now

    # --- rows ------------------------------------------------------------------------------------
    def project(self, name: str) -> Project:
        return next(one for one in self.projects if name in (str(one.id), one.path))

    def basic(self, login: str) -> dict[str, Any]:
        user = self.user(login)
        return {key: user[key] for key in ("id", "username", "name", "state")}

    def person(self, number: str) -> dict[str, Any]:
        return next(one for one in self.users.values() if one["id"] == int(number))

    def project_row(self, project: Project) -> dict[str, Any]:
        return {
            "id": project.id,
            "path_with_namespace": project.path,
            "default_branch": "main",
            "web_url": f"https://gitlab.example/{project.path}",
            "archived": project.archived,
            "http_url_to_repo": f"https://gitlab.example/{project.path}.git",
            "last_activity_at": self.now,
        }
