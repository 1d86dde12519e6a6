"""A group on a fake GitLab with its SAST template, connected to a scope here. See acme.py."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from core.permissions import Role
from forges.models import PullRequest, Repository
from forges.services.connections import connect
from forges.services.inbound import receive_message
from tests import factories as make
from tests.forges.acme import Here
from tests.forges.codeql import SIGNS
from tests.forges.fake_gitlab import TOKEN, FakeGitLab
from tests.forges.fake_gitlab_world import Project, Pull

JOB = "semgrep-sast"
SCANNER = {"id": "semgrep", "name": "Semgrep", "version": "1.130.0", "vendor": {"name": "GitLab"}}


class GitLabOfNow(FakeGitLab):
    """The fake with the time of day, since a poll asks for what changed since the last one."""

    def tick(self, seconds: float = 0) -> str:
        before = self.at
        self.at = datetime.now(UTC)
        assert self.at > before, "the clock was set back"
        return self.now

    @property
    def now(self) -> str:
        return self.at.isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass
class Tanuki(Here):
    """The group as GitLab has it, and its connection here."""

    gitlab: GitLabOfNow

    # --- on GitLab -------------------------------------------------------------------------------
    def scanned(self, project: Project, commit: str = "", ref: str = "refs/heads/main") -> None:
        """A pipeline of a ref has the template's job; its report is of all files."""
        commit = commit or project.text("rev-parse", ref)
        self.gitlab.add_report(project, ref, commit, report=report_of(project, commit), job=JOB)

    # --- here ------------------------------------------------------------------------------------
    def deliver(self, delivery: tuple[dict[str, str], bytes]) -> None:
        """Let one message of GitLab arrive; what it rings for is not done yet."""
        headers, body = delivery
        told = receive_message(
            connection=self.connection, headers=headers, body=body, at=timezone.now()
        )
        assert told is not None, "the signature does not hold"

    def repository(self, told: Project) -> Repository:
        return Repository.objects.get(connection=self.connection, host_id=str(told.id))

    def pull(self, told: Pull) -> PullRequest:
        return PullRequest.objects.get(repository=self.repository(told.project), number=told.iid)


def tanuki_on(gitlab: GitLabOfNow, settings: Any, **members: Any) -> Tanuki:
    """Connect the fake's group to a new scope, in observe mode unless ``members`` say otherwise."""
    settings.OUTBOUND_PLAIN_HOSTS = [gitlab.server.host]
    scope = make.make_scope()
    standard = {
        "scope": scope, "forge": "gitlab", "name": "Tanuki", "account": gitlab.group,
        "api": gitlab.api, "sign_in": "token", "key": TOKEN, "mode": "observe",
        "by": make.member(scope, Role.ADMIN), "at": timezone.now(),
    }  # fmt: skip
    connection, gitlab.secret = connect(**standard | members)
    return Tanuki(connection, gitlab.secret, gitlab)


def new_gitlab(folder: Path) -> GitLabOfNow:
    """A GitLab whose clock is that of the day."""
    gitlab = GitLabOfNow(folder)
    gitlab.at = datetime.now(UTC)
    return gitlab


def report_of(project: Project, commit: str) -> dict[str, Any]:
    """What the Semgrep analyzer leaves in gl-sast-report.json for a commit."""
    names = project.text("ls-tree", "-r", "--name-only", commit).split()
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    found = [
        _vulnerability(name, number, rule)
        for name in names
        if name.endswith(".py")
        for number, line in enumerate(project.text("show", f"{commit}:{name}").splitlines(), 1)
        for sign, rule in SIGNS.items()
        if sign in line
    ]
    scan = {
        "type": "sast", "status": "success", "start_time": at, "end_time": at,
        "scanner": SCANNER, "analyzer": {**SCANNER, "id": "semgrep-analyzer", "version": "6.7.0"},
        "primary_identifiers": [_identifier(rule) for rule in SIGNS.values()],
    }  # fmt: skip
    return json.loads(json.dumps({"version": "15.2.4", "scan": scan, "vulnerabilities": found}))


def _identifier(rule: str) -> dict[str, str]:
    return {"type": "semgrep_id", "name": rule, "value": rule}


def _vulnerability(path: str, line: int, rule: str) -> dict[str, Any]:
    signature = {"algorithm": "scope_offset", "value": f"{path}|function[0]:{line % 2}"}
    return {
        "id": f"{path}:{line}", "name": "OS command injection", "severity": "High",
        "description": "subprocess call with shell=True", "identifiers": [_identifier(rule)],
        "location": {"file": path, "start_line": line, "end_line": line},
        "tracking": {"type": "source", "items": [{"file": path, "line_start": line, "line_end": line,
                                                  "signatures": [signature]}]},
    }  # fmt: skip
